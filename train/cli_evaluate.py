"""``asc-kit evaluate``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .options import DATA, JSON


@click.command()
@click.argument("model", metavar="RUN|BUNDLE", type=click.Path(path_type=Path))
@DATA
@click.option("--split", help="Split to evaluate on, or 'all'; default: the data set's own test split.")
@JSON
def evaluate(model: Path, data: Path, split: str | None, as_json: bool) -> None:
    """Evaluate a run (float) or a bundle (int8, reference kernels) by scene and by recording device."""
    from asc_kit.records import to_plain

    from .assessment import assess
    from .tables import show_evaluation

    title, evaluation = assess(model, data, split)
    show_evaluation(evaluation, title)
    if as_json:
        click.echo(json.dumps(to_plain(evaluation), indent=2, ensure_ascii=False))
