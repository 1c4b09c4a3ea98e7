"""``asc-kit train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.cli.options import layout_option
from asc_kit.cli.output import say_json

from .options import DATA, JSON, SET, TRUST_CODE, recipe_of

if TYPE_CHECKING:
    from asc_kit.dataset import Layout

_RUN = click.Path(path_type=Path)


@click.command()
@click.argument("recipe")
@DATA
@layout_option
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="RUN", help="Run folder to write.")
@click.option("--split", help="Split to train on.  [default: the data set's training split]")
@click.option(
    "--class-map", type=click.Path(path_type=Path), metavar="CSV", help="Classes and their order, rows index,name."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs of training.  [default: the recipe's]")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Seed of all random numbers."
)
@SET
@click.option("--cache", type=click.Path(path_type=Path), metavar="DIR", help="Store computed features in this folder.")
@click.option("--teacher", type=_RUN, metavar="RUN", help="Learn from this run too (knowledge distillation).")
@click.option("--warm-start", type=_RUN, metavar="RUN", help="Begin with the weights of this run.")
@click.option("--include", multiple=True, metavar="PATTERN", help="Layers to take from --warm-start; may be repeated.")
@click.option(
    "--exclude", multiple=True, metavar="PATTERN", help="Layers not to take from --warm-start; may be repeated."
)
@TRUST_CODE
@click.option("--resume", is_flag=True, help="Continue an interrupted training.")
@JSON
def train(
    recipe: str,
    data: Path,
    layout: Layout | None,
    out: Path,
    split: str | None,
    class_map: Path | None,
    epochs: int | None,
    seed: int,
    overrides: tuple[str, ...],
    cache: Path | None,
    teacher: Path | None,
    warm_start: Path | None,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    trust_code: bool,
    resume: bool,
    as_json: bool,
) -> Path:
    """Train RECIPE and write a run folder.

    RECIPE is the name of a recipe of asc-kit, or a TOML file. If it names a Python file as its model, that file is
    run. With the environment variable TF_CONFIG, several processes train together, and the first worker writes the run.
    """
    from ..evaluation.summary import show_evaluation
    from ..session import Session
    from ..warm_start import WarmStart

    if trust_code and warm_start is None:
        raise click.UsageError("--trust-code is about the run given with --warm-start")
    if (include or exclude) and warm_start is None:
        raise click.UsageError("--include and --exclude choose weights of the run given with --warm-start")
    chosen = recipe_of(recipe, (*overrides, *([f"training.epochs={epochs}"] if epochs is not None else [])))
    start = None
    if warm_start is not None:
        start = WarmStart(run=warm_start, include=include or ("*",), exclude=exclude, trust_code=trust_code)
    session = Session(
        recipe=chosen,
        data=data,
        layout=layout,
        out=out,
        split=split,
        class_map=class_map,
        seed=seed,
        resume=resume,
        cache=cache,
        warm_start=start,
        teacher=teacher,
    )
    manifest = session.train()
    if manifest is None:
        click.echo("done; the first worker writes the run", err=True)
        return out
    show_evaluation(manifest.evaluation, f"{manifest.name}, float, {manifest.train_seconds:.0f} s of training")
    if as_json:
        say_json(manifest)
    return out
