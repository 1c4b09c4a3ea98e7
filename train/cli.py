"""``asc-kit train``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .options import DATA, JSON, SET, recipe_of


@click.command()
@click.argument("recipe")
@DATA
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="RUN", help="Run folder to write.")
@click.option("--split", help="Split to train on; default: the data set's own training split.")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs; default: the recipe's.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of all that is drawn.")
@SET
@click.option("--resume", is_flag=True, help="Go on from the checkpoint of an interrupted training.")
@JSON
def train(
    recipe: str,
    data: Path,
    out: Path,
    split: str | None,
    epochs: int | None,
    seed: int,
    overrides: tuple[str, ...],
    resume: bool,
    as_json: bool,
) -> Path:
    """Train RECIPE, the name of one that comes with asc-kit or a TOML file, and write a run folder."""
    from asc_kit.records import to_plain

    from .session import train_run
    from .tables import show_evaluation

    chosen = recipe_of(recipe, (*overrides, *([f"training.epochs={epochs}"] if epochs is not None else [])))
    manifest = train_run(chosen, data, out, split=split, seed=seed, resume=resume)
    show_evaluation(manifest.evaluation, f"{manifest.name}, float, {manifest.train_seconds:.0f} s of training")
    if as_json:
        click.echo(json.dumps(to_plain(manifest), indent=2, ensure_ascii=False))
    return out
