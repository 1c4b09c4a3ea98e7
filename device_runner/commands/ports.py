"""``asc-kit ports``."""

from __future__ import annotations

import click

from asc_kit.cli.output import say_json

from .tables import print_table


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the list as one JSON document on stdout.")
def ports(as_json: bool) -> None:
    """List the serial ports of this machine."""
    from dataclasses import asdict

    from rich.markup import escape
    from rich.table import Column, Table

    from asc_kit.process.console import console

    from ..line.transport import available_ports

    available = available_ports()
    if as_json:
        say_json([asdict(port) for port in available], indent=None)
        return
    if not available:
        console.print("No serial ports. Is the board plugged in, and the cable one with data lines?")
        return
    table = Table(Column("port", no_wrap=True), "description", "hardware")
    for port in available:
        table.add_row(*map(escape, (port.path, port.description, port.hardware_id)))
    print_table(table)
