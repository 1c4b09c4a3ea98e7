"""``asc-kit complexity``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from .options import JSON, SET, recipe_of


@click.command()
@click.argument("recipe", metavar="RECIPE|RUN")
@click.option("--labels", "n_labels", type=click.IntRange(min=2), help="Classes; default: those it was made for.")
@SET
@JSON
def complexity(recipe: str, n_labels: int | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Count parameters and multiply-accumulates, layer by layer, by the rule of the DCASE challenges.

    Of a RECIPE, the network as it would be built; of a RUN, the trained one, with the parameters that are not zero.
    """
    from asc_kit.records import to_plain
    from asc_kit.run import MANIFEST, Run

    from .tensorflow_start import start_tensorflow

    trained = (Path(recipe) / MANIFEST).is_file()
    if trained:
        if n_labels is not None or overrides:
            raise click.UsageError(f"{recipe} is a run: its network is what it is, without --labels and --set")
        run = Run.open(Path(recipe))
        name, spec = run.manifest.name, run.manifest.frontend
    else:
        chosen = recipe_of(recipe, overrides)
        name, spec = chosen.name, chosen.frontend
    start_tensorflow()
    from .complexity import complexity_of
    from .complexity_table import show_complexity
    from .models import build_model, usual_labels
    from .network import load_keras_model

    if trained:
        network = load_keras_model(run.keras_model_path)
    else:
        network = build_model(chosen.model, chosen.model_settings, spec, n_labels or usual_labels(chosen.model))
    counted = complexity_of(network, spec.clip_seconds)
    if as_json:
        click.echo(json.dumps(to_plain(counted), indent=2))
    else:
        show_complexity(name, counted, trained=trained)
