"""``asc-kit complexity``."""

from __future__ import annotations

import json

import click

from .options import JSON, SET, recipe_of


@click.command()
@click.argument("recipe")
@click.option("--labels", "n_labels", type=click.IntRange(min=2), default=10, show_default=True, help="Classes.")
@SET
@JSON
def complexity(recipe: str, n_labels: int, overrides: tuple[str, ...], as_json: bool) -> None:
    """Count parameters and multiply-accumulates of RECIPE, layer by layer, by the rule of the DCASE challenges."""
    from asc_kit.records import to_plain

    from .tensorflow_start import start_tensorflow

    chosen = recipe_of(recipe, overrides)
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
