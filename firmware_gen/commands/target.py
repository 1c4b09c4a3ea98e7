"""``--board``, ``--core`` and ``--part``: what a network is planned or written for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from asc_kit.hardware.board import Board
    from asc_kit.hardware.target import Target

    from ..write.fit import Budget

_USAGE = "give one of --board, --core and --part, or the --part of a --board: asc-kit boards lists them"


class MemorySize(click.ParamType):  # type: ignore[type-arg]
    """Bytes: ``96k``, ``2M`` or ``65536``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return bytes."""
        match = re.fullmatch(r"(\d{1,12})([kKmM]?)", str(value))
        if match is None:
            self.fail(f"{value!r} is no size. Expected: bytes, or as 96k or 2M", param, ctx)
        return int(match[1]) << {"": 0, "k": 10, "m": 20}[match[2].lower()]


class Prefix(click.ParamType):  # type: ignore[type-arg]
    """What names begin with: ``kws``."""

    name = "prefix"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it."""
        text = str(value)
        if re.fullmatch(r"[a-z][a-z0-9_]{0,23}", text) is None or text.endswith("_"):
            self.fail(f"{text!r}. Expected: up to 24 lower-case letters, digits and _, a letter first", param, ctx)
        if text.startswith("asc") or "arduino" in text or "library" in text:
            self.fail(
                f"{text!r} holds asc, arduino or library: names of the kit, or refused by a build system", param, ctx
            )
        return text


def choose_budget(target: Board | Target, flash: int | None, ram: int | None) -> Budget:
    """Return the memory that the options name, or else that of the part.

    Raises
    ------
    click.UsageError
        When a board is given, which has its own.
    """
    from ..write.fit import Budget

    if target.kind == "board":
        if flash is not None or ram is not None:
            raise click.UsageError("--flash and --ram go with --core or --part: a board says what memory it has")
        return Budget(flash_bytes=None, ram_bytes=None)
    part = target.part
    if part is not None:
        ram = part.ram_bytes if ram is None else ram
        flash = part.flash.flash_bytes if flash is None and part.flash is not None else flash
    return Budget(flash_bytes=flash, ram_bytes=ram)


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


def tell_build(target: Target, folder: Path, needs: str) -> None:
    """Say what a library needs and how it is compiled."""
    from asc_kit.process.console import console

    core = target.core
    console.print(
        f"needs {needs}\nfor {target.core.title}: compile {folder / 'engine'}, every .c and .S, with\n"
        f"    {target.compile_command} -I{folder / 'engine'} -c\n"
        f"and link, with -lm if a square root is missing; {folder / 'example' / 'main.c'} is a whole program. "
        f"The compiler: {core.toolchain.remedy}",
        soft_wrap=True,
        markup=False,
    )
