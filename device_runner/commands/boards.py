"""``asc-kit boards``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from asc_kit.cli.output import say, say_json

from .tables import print_table

if TYPE_CHECKING:
    from asc_kit.hardware.board import Board


@click.command()
@click.argument("model", metavar="[BUNDLE|MODEL.tflite]", type=click.Path(path_type=Path), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the list as one JSON document on stdout.")
def boards(model: Path | None = None, as_json: bool = False) -> None:
    """List boards that need no path: the kit's, and those in the folders of ASC_KIT_BOARDS; then parts and cores.

    A board whose description is not valid is listed with its fault. With a BUNDLE or a MODEL.tflite: on which boards
    and parts it fits.
    """
    if model is not None:
        _show_fits(model, as_json)
        return
    from rich.markup import escape
    from rich.table import Column, Table

    from asc_kit.hardware.board import survey_boards
    from asc_kit.hardware.core import core_names
    from asc_kit.hardware.part import part_names
    from asc_kit.hardware.places import boards_folder, folder_faults
    from asc_kit.process.console import note

    for fault in folder_faults():
        note(fault)
    survey = survey_boards()
    if as_json:
        say_json([_plain(path, board) for path, board in survey.items()], indent=None)
        return
    # three columns: with a column for every fact a terminal of 80 cuts off the names, which users must type
    table = Table(Column("name", no_wrap=True), Column("core", no_wrap=True), "board")
    for path, board in survey.items():
        name = escape(path.parent.name)
        if isinstance(board, str):
            table.add_row(name, "", escape(f"not valid: {board}"))
            continue
        facts = [_facts(board)]
        if not path.is_relative_to(boards_folder()):
            facts.append(str(path.parent))
        table.add_row(name, escape(board.core.title), escape("\n".join((board.title, *facts))))
    print_table(table)
    say(f"parts, for --part: {', '.join(part_names())}\ncores, for --core: {', '.join(core_names())}", err=True)


def _show_fits(model: Path, as_json: bool) -> None:
    from dataclasses import asdict

    from rich.markup import escape
    from rich.table import Column, Table

    from ..fitting import find_fits

    fits = list(find_fits(model))
    if as_json:
        say_json([asdict(fit) | {"fits": fit.fits} for fit in fits], indent=None)
        return
    table = Table(Column("name", no_wrap=True), "core", "fits", "flash, kB", "RAM, kB")
    for fit in fits:
        flash, ram = (
            f"{needed / 1024:.0f}" + (f" of {has // 1024}" if has is not None else "")
            for needed, has in ((fit.flash_bytes, fit.has_flash_bytes), (fit.ram_bytes, fit.has_ram_bytes))
        )
        table.add_row(escape(fit.name), escape(fit.core), "yes" if fit.fits else "no", flash, ram)
    print_table(table)
    say("flash is that of constants: code comes to it, 4 to 11 kB for the engine; RAM is state and stack", err=True)


def _plain(path: Path, board: Board | str) -> dict[str, Any]:
    from asc_kit.records.record import to_plain

    if isinstance(board, str):
        return {"name": path.parent.name, "folder": str(path.parent), "fault": board}
    plain: dict[str, Any] = to_plain(board)
    return plain | {"folder": str(path.parent), "fault": None}


def _facts(board: Board) -> str:
    """Return the facts that measurements on a board depend on."""
    emulation = {"qemu": "emulated", "process": "runs as a native program"}
    facts = [f"timer: {board.timer}"]
    if board.memory is not None:
        sizes = (board.memory.flash_bytes, board.memory.constants_bytes)
        facts += [
            f"flash: {' + '.join(f'{size // 1024} kB' for size in sizes if size)}",
            f"RAM: {board.memory.ram_bytes // 1024} kB",
        ]
    facts += [emulation[board.emulator.kind] if board.emulator is not None else "not emulated"]
    return "; ".join([*facts, f"tested on: {board.tested_on}"])
