"""The commands ``asc-kit data synth`` and ``asc-kit data info``."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.group()
def data() -> None:
    """Make and look at data sets."""


@data.command()
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="DIR", help="Folder to write."
)
@click.option("--clips", type=click.IntRange(min=100), default=2000, show_default=True, help="Clips in all.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of all that is drawn.")
@click.option(
    "--sample-rate", type=click.IntRange(8000, 192000), default=44100, show_default=True, metavar="HZ",
    help="Sampling rate.",
)  # fmt: skip
@click.option("--seconds", type=click.FloatRange(0.1, 60), default=1.0, show_default=True, help="Length of a clip.")
@click.option("--jobs", type=click.IntRange(min=1), help="Processes; default: one per processor.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def synth(out: Path, clips: int, seed: int, sample_rate: int, seconds: float, jobs: int | None, as_json: bool) -> Path:
    """Synthesize scenes in the layout of TAU Urban Acoustic Scenes.

    Ten scenes, cities and locations, nine recording devices of which three are only in the test split. The same
    seed gives the same bytes.
    """
    from rich.markup import escape

    from asc_kit.console import console, progress_bar

    from .synth.layout import SynthSpec
    from .synth.writer import default_jobs, synthesize

    spec = SynthSpec(clips=clips, seed=seed, sample_rate_hz=sample_rate, seconds=seconds)
    with progress_bar("synthesize", clips) as (bar, task):
        synthesize(out, spec, jobs=jobs or default_jobs(), on_progress=lambda n: bar.advance(task, n))
    if as_json:
        click.echo(json.dumps({"out": str(out), "clips": clips, "seed": seed}))
    else:
        console.print(f"[green]✓[/] {clips} clips in {escape(str(out))}")
    return out


@data.command()
@click.option("--data", "folder", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Data set.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def info(folder: Path, as_json: bool) -> None:
    """Say what a data set holds: scenes, recording devices, places, splits, lengths and sampling rates."""
    from .data_info import describe, show

    found = describe(folder)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        show(found)
