"""The commands ``asc-kit data synth``, ``info``, ``check`` and ``splits``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.cli.options import layout_option
from asc_kit.cli.output import say_json

if TYPE_CHECKING:
    from asc_kit.dataset import Layout

_DATA = click.option(
    "--data",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder of the data set, in one of six layouts (--layout).",
)
_CLASS_MAP = click.option(
    "--class-map", type=click.Path(path_type=Path), metavar="CSV",
    help="Order of the classes, rows index,name.  [default: class_map.csv in the folder, else sorted names]",
)  # fmt: skip
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def _digests(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    digests = {}
    for value in values:
        name, _, digest = value.partition("=")
        if len(digest) != 64 or set(digest.lower()) - set("0123456789abcdef"):
            raise click.BadParameter(f"{value!r} is not NAME=HEX with 64 hexadecimal digits")
        digests[name] = digest
    return digests


@click.group()
def data() -> None:
    """Make, check and describe data sets."""


@data.command()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR", help="Folder to write."
)
@click.option("--clips", type=click.IntRange(min=100), default=2000, show_default=True, help="Number of clips.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of all random numbers.")
@click.option(
    "--sample-rate", type=click.IntRange(8000, 192000), default=44100, show_default=True, metavar="HZ",
    help="Sampling rate.",
)  # fmt: skip
@click.option("--seconds", type=click.FloatRange(0.1, 60), default=1.0, show_default=True, help="Length of a clip.")
@click.option("--jobs", type=click.IntRange(min=1), help="Number of processes.  [default: one per processor]")
@_JSON
def synth(out: Path, clips: int, seed: int, sample_rate: int, seconds: float, jobs: int | None, as_json: bool) -> Path:
    """Synthesize scenes in the layout of TAU Urban Acoustic Scenes.

    There are ten scenes, several cities and locations, and nine recording devices, three of them only in the test
    split. The same seed gives the same bytes.
    """
    from rich.markup import escape

    from asc_kit.process.console import console, progress_bar

    from ..synth.layout import SynthSpec
    from ..synth.writer import default_jobs, synthesize

    spec = SynthSpec(clips=clips, seed=seed, sample_rate_hz=sample_rate, seconds=seconds)
    with progress_bar("synthesize", clips) as (bar, task):
        synthesize(out, spec, jobs=jobs or default_jobs(), on_progress=lambda n: bar.advance(task, n))
    if as_json:
        say_json({"out": str(out), "clips": clips, "seed": seed}, indent=None)
    else:
        console.print(f"[green]✓[/] {clips} clips in {escape(str(out))}")
    return out


@data.command(short_help="Describe a data set: classes, devices, splits, lengths, rates.")
@_DATA
@layout_option
@_CLASS_MAP
@_JSON
def info(folder: Path, layout: Layout | None, class_map: Path | None, as_json: bool) -> None:
    """Describe a data set: classes, recording devices, places, splits, lengths and sampling rates."""
    from ..datasets.info import describe, show

    description = describe(folder, class_map, layout)
    if as_json:
        say_json(description)
    else:
        show(description)


@data.command(short_help="Find missing, unreadable, mislabelled, duplicate and leaking clips.")
@_DATA
@layout_option
@_CLASS_MAP
@click.option(
    "--split-pair", "pairs", type=(str, str), multiple=True, metavar="TRAIN TEST",
    help="Training and test split to compare; may be repeated.  [default: all that belong together]",
)  # fmt: skip
@click.option(
    "--examples",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="N",
    help="Examples to show of each problem.",
)
@_JSON
@click.pass_context
def check(
    ctx: click.Context,
    folder: Path,
    layout: Layout | None,
    class_map: Path | None,
    pairs: tuple[tuple[str, str], ...],
    examples: int,
    as_json: bool,
) -> None:
    """Find clips that are missing, unreadable, mislabelled, duplicate or leaking from training into test.

    The command decodes every recording to its end. It exits with 1 after errors, and with 0 after warnings only.
    """
    from ..datasets.check import check as check_data
    from ..datasets.check import show

    report = check_data(folder, class_map=class_map, layout=layout, pairs=pairs, n_examples=examples)
    if as_json:
        say_json(report)
    else:
        show(report)
    if report["errors"]:
        ctx.exit(1)


@data.command(short_help="Download and verify the official splits of TAU 2022 Mobile.")
@_DATA
@layout_option
@click.option(
    "--year",
    type=click.Choice(["2024", "2025"]),
    default="2024",
    show_default=True,
    help="Year of the DCASE Challenge, Task 1.",
)
@click.option(
    "--url", metavar="BASE", help="Address to download from.  [default: the release files of the 2024 baseline]"
)
@click.option(
    "--sha256", "digests", multiple=True, metavar="NAME=HEX", callback=_digests,
    help="SHA-256 that a file must have; may be repeated.",
)  # fmt: skip
@_JSON
def splits(
    folder: Path, layout: Layout | None, year: str, url: str | None, digests: dict[str, str], as_json: bool
) -> None:
    """Download the official splits of TAU Urban Acoustic Scenes 2022 Mobile into its folder, and verify them."""
    from rich.markup import escape

    from asc_kit.process.console import console

    from ..datasets.official_splits import SPLITS_URL, fetch_splits

    files = fetch_splits(folder, year=int(year), url=url or SPLITS_URL, wanted=digests, layout=layout)
    if as_json:
        rows = [
            {"name": file.name, "state": file.state, "clips": len(file.clips), "sha256": file.sha256} for file in files
        ]
        say_json({"data": str(folder), "files": rows})
    else:
        for file in files:
            console.print(f"[green]✓[/] {escape(file.name)}: {len(file.clips)} clips, {file.state}, {file.sha256}")
