"""``asc-kit report``."""

from __future__ import annotations

from pathlib import Path

import click

from asc_kit.cli.output import say_json


@click.command()
@click.argument("results", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="RESULTS...")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR",
    help="Folder to write: index.html, report.md, .csv, .json and .tex, badge.svg.",
)  # fmt: skip
@click.option("--all", "every", is_flag=True, help="Take every measurement in a folder, not only the newest.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def report(results: tuple[Path, ...], out: Path, every: bool, as_json: bool) -> Path:
    """Make a report from one or more results.json: a self-contained page, and the same in Markdown.

    The folder also gets the figures for other programs: CSV, JSON, a LaTeX table and a badge.

    Several results are compared side by side. A folder is searched with everything below it; the report takes the
    newest measurement of each bundle, board and mode, partial measurements only where no full one exists.
    """
    from rich.markup import escape

    from asc_kit.process.console import console

    from ..report import read_results, write_report

    named = read_results(results, every=every)
    write_report(named, out)
    page, markdown = out / "index.html", out / "report.md"
    if as_json:
        say_json({"out": str(out), "html": str(page), "markdown": str(markdown), "results": len(named)}, indent=None)
    else:
        console.print(f"[green]✓[/] {escape(str(page))} and {escape(str(markdown))}", soft_wrap=True)
    return out
