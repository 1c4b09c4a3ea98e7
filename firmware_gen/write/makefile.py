"""The firmware folder's Makefile: compiler and memory map of the board, no absolute path."""

from __future__ import annotations

from asc_kit import __version__
from asc_kit.hardware.board import Board

from .emit import template


def image_path(board: Board) -> str:
    """Return the path of the built image within the firmware folder."""
    return "build/firmware.elf" if board.memory is not None else "build/firmware"


def makefile(board: Board, sources: tuple[str, ...]) -> bytes:
    """Return the text of the Makefile.

    Parameters
    ----------
    board
        The board: its compiler and flags, its memory.
    sources
        Files to compile, relative to the firmware folder: C (``.c``), and assembler that is preprocessed (``.S``). No
        two may differ in this suffix alone: they would be one object.
    """
    text = template("Makefile.j2").render(
        board=board,
        sources=sources,
        image=image_path(board),
        linker_flags=board.linker_flags(["board"]),
        version=__version__,
    )
    return str(text).encode()
