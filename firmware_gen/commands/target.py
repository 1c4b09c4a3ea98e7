"""``--board``, ``--core`` and ``--part``: what a network is planned or written for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from asc_kit.hardware.board import Board
    from asc_kit.hardware.target import Target

_USAGE = "give one of --board, --core and --part, or the --part of a --board: asc-kit boards lists them"


def choose_target(board: str | None, core: str | None, part: str | None) -> Board | Target:
    """Return what the options name: one of them, or a board with a part, which kernels are then chosen for.

    Raises
    ------
    click.UsageError
        When they are others.
    BoardError
        When it is unknown or invalid, or the part has another core than the board.
    """
    from asc_kit.hardware.board import load_board
    from asc_kit.hardware.part import load_part
    from asc_kit.hardware.target import core_target, part_target

    if board is not None and part is not None and core is None:
        return load_board(board).with_part(load_part(part))
    given = [word for word in (board, core, part) if word is not None]
    if len(given) != 1:
        raise click.UsageError(f"{_USAGE}. Received: {len(given)}")
    if board is not None:
        return load_board(board)
    return core_target(core) if core is not None else part_target(given[0])


def tell_build(target: Target, folder: Path) -> None:
    """Say how a library is compiled."""
    from asc_kit.process.console import console

    core = target.core
    console.print(
        f"for {target.core.title}: compile {folder / 'engine'}, every .c and .S, with\n"
        f"    {target.compile_command} -I{folder / 'engine'} -c\n"
        f"and link with -lm; {folder / 'example' / 'main.c'} is a whole program. "
        f"The compiler: {core.toolchain.remedy}",
        soft_wrap=True,
        markup=False,
    )
