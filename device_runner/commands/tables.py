"""Tables that are results."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def print_table(table: Table) -> None:
    """Print a table on stdout, because it is a result: in full width unless a terminal limits it."""
    from asc_kit.process.console import PipeConsole

    console = PipeConsole(highlight=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)
