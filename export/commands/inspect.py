"""``asc-kit inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.cli.options import layout_option
from asc_kit.cli.output import say_json

if TYPE_CHECKING:
    from asc_kit.dataset import Layout

    from ..inspection.document import ReferenceKind

_PATH = click.Path(path_type=Path)
_CLIPS = 200


@click.command()
@click.argument("bundle", type=_PATH)
@click.option(
    "--run",
    type=_PATH,
    metavar="RUN",
    help="Run that the bundle was exported from; gives float weights and test clips.",
)
@click.option("--data", type=_PATH, metavar="DIR", help="Folder of the data set.  [default: where the run found it]")
@layout_option
@click.option(
    "--clips", "n_clips", type=click.IntRange(min=1), metavar="N",
    help="With --run or --data: number of test clips. Without these the golden clips are used.  [default: 200]",
)  # fmt: skip
@click.option(
    "--reference",
    type=click.Choice(["run", "bundle"]),
    help="Float network to compare layers with: the run's, or the bundle's own in float.  [default: run, if given]",
)
@click.option("--html", type=_PATH, metavar="FILE", help="Also write a page with pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document; tables then go to stderr.")
def inspect(
    bundle: Path,
    run: Path | None,
    data: Path | None,
    layout: Layout | None,
    n_clips: int | None,
    reference: ReferenceKind | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Show what int8 costs in each layer of a bundle: ranges, noise and accuracy, and what may help.

    The bundle's golden clips are too few to measure accuracy: give the run, or a data set.
    """
    if reference == "run" and run is None:
        raise click.UsageError("--reference run needs --run RUN")
    if n_clips is not None and run is None and data is None:
        raise click.UsageError("--clips needs a test split: add --run RUN or --data DIR")
    from asc_kit.bundle import Bundle
    from asc_kit.process.console import PipeConsole, console
    from asc_kit.process.native_output import hidden_stderr
    from asc_kit.run import Run

    from ..inspection.page import check_target, write_page
    from ..inspection.terminal import show

    if html is not None:
        check_target(html)
    opened = Bundle.open(bundle)
    opened_run = Run.open(run) if run is not None else None
    with hidden_stderr():
        from ..inspection.inspecting import inspect_bundle

    inspection = inspect_bundle(opened, opened_run, data, n_clips or _CLIPS, reference, layout)
    show(inspection, console if as_json else PipeConsole(highlight=False))
    if html is not None:
        write_page(inspection, html)
        console.print(f"wrote {html}", soft_wrap=True, markup=False)
    if as_json:
        say_json(inspection)
