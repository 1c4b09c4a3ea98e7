"""``asc-kit train``, ``asc-kit evaluate`` and ``asc-kit complexity``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.errors import SpecError

if TYPE_CHECKING:
    from .recipe import Recipe

_DATA = click.option("--data", type=click.Path(path_type=Path), required=True, metavar="DIR", help="Data set.")
_SET = click.option(
    "--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Replace one value of the recipe; repeatable."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.command()
@click.argument("recipe")
@_DATA
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="RUN", help="Run folder to write.")
@click.option("--split", help="Split to train on; default: the data set's own training split.")
@click.option("--epochs", type=click.IntRange(min=1), help="Epochs; default: the recipe's.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of all that is drawn.")
@_SET
@click.option("--resume", is_flag=True, help="Go on from the checkpoint of an interrupted training.")
@_JSON
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

    chosen = _recipe(recipe, (*overrides, *([f"training.epochs={epochs}"] if epochs is not None else [])))
    manifest = train_run(chosen, data, out, split=split, seed=seed, resume=resume)
    show_evaluation(manifest.evaluation, f"{manifest.name}, float, {manifest.train_seconds:.0f} s of training")
    if as_json:
        click.echo(json.dumps(to_plain(manifest), indent=2, ensure_ascii=False))
    return out


@click.command()
@click.argument("model", metavar="RUN|BUNDLE", type=click.Path(path_type=Path))
@_DATA
@click.option("--split", help="Split to evaluate on, or 'all'; default: the data set's own test split.")
@_JSON
def evaluate(model: Path, data: Path, split: str | None, as_json: bool) -> None:
    """Evaluate a run (float) or a bundle (int8, reference kernels) by scene and by recording device."""
    from asc_kit.records import to_plain

    from .assessment import assess
    from .tables import show_evaluation

    title, evaluation = assess(model, data, split)
    show_evaluation(evaluation, title)
    if as_json:
        click.echo(json.dumps(to_plain(evaluation), indent=2, ensure_ascii=False))


@click.command()
@click.argument("recipe")
@click.option("--labels", "n_labels", type=click.IntRange(min=2), default=10, show_default=True, help="Classes.")
@_SET
@_JSON
def complexity(recipe: str, n_labels: int, overrides: tuple[str, ...], as_json: bool) -> None:
    """Count parameters and multiply-accumulates of RECIPE, layer by layer, by the rule of the DCASE challenges."""
    from asc_kit.records import to_plain

    from .tensorflow_start import start_tensorflow

    chosen = _recipe(recipe, overrides)
    start_tensorflow()
    from .complexity import complexity_of
    from .models import build_model
    from .tables import show_complexity

    network = build_model(chosen.model, chosen.model_settings, chosen.frontend, n_labels)
    counted = complexity_of(network, chosen.frontend.clip_seconds)
    if as_json:
        click.echo(json.dumps(to_plain(counted), indent=2))
    else:
        show_complexity(chosen.name, counted)


def _recipe(name: str, overrides: tuple[str, ...]) -> Recipe:
    """Read the recipe; a wrong name or override is a mistake in the command, exit code 2."""
    from .recipe import load_recipe

    try:
        return load_recipe(name, overrides)
    except SpecError as error:
        raise click.UsageError(f"{error.message}\nHint: {error.hint}" if error.hint else error.message) from error
