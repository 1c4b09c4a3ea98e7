"""``asc-kit boards``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from asc_kit.cli.output import say_json

from .tables import print_table

if TYPE_CHECKING:
    from asc_kit.hardware.board import BoardSpec


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the list as one JSON document on stdout.")
def boards(as_json: bool) -> None:
    """List the boards this kit knows."""
    from rich.markup import escape
    from rich.table import Column, Table

    from asc_kit.hardware.board import board_names, load_board
    from asc_kit.records.record import to_plain

    specs = [load_board(name) for name in board_names()]
    if as_json:
        say_json([to_plain(spec) for spec in specs], indent=None)
        return
    # three columns: with one for every fact a terminal of 80 cuts off the names, which are what one has to type
    table = Table(Column("name", no_wrap=True), Column("core", no_wrap=True), "board")
    for spec in specs:
        table.add_row(spec.name, escape(spec.core), escape(f"{spec.title}\n{_facts(spec)}"))
    print_table(table)


def _facts(spec: BoardSpec) -> str:
    """Return what measurements on a board depend on."""
    emulation = {"qemu": "emulated", "process": "runs as a native program"}
    facts = [f"timer: {spec.timer}"]
    if spec.memory is not None:
        sizes = (spec.memory.flash_bytes, spec.memory.constants_bytes)
        facts += [
            f"flash: {' + '.join(f'{size // 1024} kB' for size in sizes if size)}",
            f"RAM: {spec.memory.ram_bytes // 1024} kB",
        ]
    facts += [emulation[spec.emulator.kind] if spec.emulator is not None else "not emulated"]
    return "; ".join([*facts, f"tested on: {spec.tested_on}"])
