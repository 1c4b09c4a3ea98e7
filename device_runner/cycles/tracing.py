"""Trace an emulated board while it serves the protocol."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from asc_kit.errors import BoardError
from asc_kit.hardware.board import Board
from asc_kit.hardware.part import PartSpec, parts_with
from asc_kit.records.files import temporary_folder

from ..line.emulator import emulate
from ..line.link import Link
from ..line.session import Session
from ..line.transport import open_port
from .estimate import Estimate, estimate, memories
from .image import read_image
from .plugin import plugin_arguments, why_not, with_plugin
from .trace import read_trace

RUN = "asc_run"
"""The generated function that computes the network."""


def estimate_run(
    board: Board,
    image: Path,
    parts: Sequence[PartSpec] | None,
    work: Callable[[Session], object],
    *,
    function: str = RUN,
    call: int | None = 0,
) -> Estimate:
    """Boot an image, let it work, and estimate the cycles of a function.

    Parameters
    ----------
    board
        An emulated board.
    image
        Its firmware.
    parts
        Parts to estimate for; None for all known parts with the board's core.
    work
        Work for the board, such as sending an input and running the network.
    function
        The function to trace.
    call
        Index of the call; None for the sum of all calls.

    Raises
    ------
    BoardError
        If cycles cannot be estimated here, if the board fails, or if the function was not called.
    """
    reason = why_not(board)
    if reason is not None:
        raise BoardError(f"cycles cannot be estimated: {reason}")
    assert board.emulator is not None
    chosen = tuple(parts_of(board) if parts is None else parts)
    check_cores(board, chosen)
    code = read_image(image, prefix=board.toolchain.prefix)
    with temporary_folder("cycles") as folder, ExitStack() as stack:
        out = folder / "trace.txt"
        arguments = plugin_arguments(board, code, memories(chosen), out=out, entry=function, call=call)
        traced = dataclasses.replace(board, emulator=with_plugin(board.emulator, arguments))
        with emulate(traced, image) as emulator:
            link = Link(open_port(emulator.port))
            stack.callback(link.close)
            emulator.start()
            work(Session(link, board))
        trace = read_trace(out)
    if trace.calls == 0 or not trace.visits:
        raise BoardError(f"{function} was not called: there are no cycles to estimate")
    return estimate(trace, code, board.core, chosen)


def parts_of(board: Board) -> tuple[PartSpec, ...]:
    """Return the board's own part, where it has one, and the kit's parts with its core."""
    own = () if board.part is None else (board.part,)
    return (*own, *(part for part in parts_with(board.core.name) if part not in own))


def check_cores(board: Board, parts: Sequence[PartSpec]) -> None:
    """Refuse parts with another core than the board's, because they would not run its code."""
    for part in parts:
        if part.core_name != board.core.name:
            raise BoardError(
                f"part {part.name} has a {part.core_name}, the code of board {board.name} is for a {board.core.name}",
                hint=f"parts with that core: {', '.join(part.name for part in parts_with(board.core.name)) or 'none'}",
            )
