"""``asc-kit complexity``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.cli.options import input_shape_option
from asc_kit.cli.output import say_json

from .options import JSON, SET, TRUST_CODE, recipe_of

if TYPE_CHECKING:
    from asc_kit.challenge_rules import Precision, Year
    from asc_kit.tflite.inputs import InputShape

    from ..complexity.report import Deployed, Kind
    from ..complexity.subject import Subject

# written out, so that --help needs no import: they are challenge_rules.YEARS and the precisions of a float network
_YEARS = ("2021", "2022", "2023", "2024", "2025")
_PRECISIONS = ("float32", "float16", "int8")


@click.command()
@click.argument("subject", metavar="RECIPE|RUN|BUNDLE|MODEL.tflite")
@click.option(
    "--labels",
    "n_labels",
    type=click.IntRange(min=2),
    help="Number of classes.  [default: as many as the recipe was made for]",
)
@SET
@click.option(
    "--precision",
    type=click.Choice(_PRECISIONS),
    help="Precision at which the parameters of a float network will be stored.  [default: as they are]",
)
@click.option(
    "--clip-seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds of audio in one inference; only for a .tflite file, which does not store them.",
)
@click.option(
    "--enforce",
    "years",
    multiple=True,
    type=click.Choice(_YEARS),
    help="Exit with 4 if the network exceeds a limit of that year's challenge; repeatable.",
)
@input_shape_option
@TRUST_CODE
@JSON
def complexity(
    subject: str,
    n_labels: int | None,
    overrides: tuple[str, ...],
    precision: Precision | None,
    clip_seconds: float | None,
    years: tuple[Year, ...],
    input_shapes: tuple[InputShape, ...],
    trust_code: bool,
    as_json: bool,
) -> None:
    """Count parameters, bytes and multiply-accumulates, layer by layer, by the rules of DCASE 2021 to 2025.

    For a RECIPE the command counts the network as it would be built, for a RUN the trained network, for a BUNDLE or a
    .tflite file the int8 network, and also the engine's constants in flash and its memory for activations.
    """
    from asc_kit.challenge_rules import check_rules, enforce

    from ..complexity.report import ComplexityReport
    from ..complexity.subject import kind_of
    from ..complexity.table import show_complexity

    kind = kind_of(subject)
    _check_options(subject, kind, n_labels, overrides, clip_seconds, input_shapes)
    if trust_code and kind != "run":
        raise click.UsageError(f"{subject} is a {kind}: --trust-code is about a run")
    counted = _count(subject, kind, n_labels, overrides, clip_seconds, input_shapes, trust_code)
    if precision is not None and counted.counts.stored_at(precision) is None:
        own = counted.counts.storage[0].precision
        raise click.UsageError(f"{subject} is stored as {own}: --precision {precision} does not apply")
    deployed, reason = _deployed(counted, input_shapes)
    report = ComplexityReport(
        kind=kind,
        name=counted.name,
        counts=counted.counts,
        layers=counted.layers,
        rules=check_rules(counted.counts, precision),
        float_network=counted.float_network,
        deployed=deployed,
        not_deployed=reason,
    )
    if as_json:
        say_json(report)
    else:
        show_complexity(report)
    enforce(report.rules, years)


def _check_options(
    subject: str,
    kind: Kind,
    n_labels: int | None,
    overrides: tuple[str, ...],
    clip_seconds: float | None,
    input_shapes: tuple[InputShape, ...],
) -> None:
    if kind != "model" and input_shapes:
        raise click.UsageError(f"{subject} is a {kind}, whose shapes are fixed: --input-shape does not apply")
    if kind != "recipe" and (n_labels is not None or overrides):
        raise click.UsageError(f"{subject} is a {kind}: its network is fixed: --labels and --set do not apply")
    if kind != "model" and clip_seconds is not None:
        raise click.UsageError(f"{subject} is a {kind}, whose clips have a length: --clip-seconds does not apply")


def _count(
    subject: str,
    kind: Kind,
    n_labels: int | None,
    overrides: tuple[str, ...],
    clip_seconds: float | None,
    input_shapes: tuple[InputShape, ...],
    trust_code: bool,
) -> Subject:
    from ..complexity.subject import count_bundle, count_model, count_recipe, count_run
    from ..tensorflow_start import start_tensorflow

    if kind == "bundle":
        return count_bundle(Path(subject))
    if kind == "model":
        return count_model(Path(subject), clip_seconds, input_shapes)
    recipe = recipe_of(subject, overrides) if kind == "recipe" else None
    start_tensorflow()
    if recipe is not None:
        return count_recipe(recipe, n_labels)
    return count_run(Path(subject), trust_code=trust_code)


def _deployed(counted: Subject, input_shapes: tuple[InputShape, ...]) -> tuple[Deployed | None, str | None]:
    """Ask the engine for its plan; return the reason if there is none."""
    from asc_kit.errors import ModelError
    from asc_kit.stages import firmware_stage

    from ..complexity.report import Deployed

    if counted.flatbuffer is None:
        return None, "no int8 model yet: export it first, then give the bundle"
    precision = counted.counts.storage[0].precision
    if precision != "int8":
        return None, f"the engine takes int8 models only, this one is {precision}"
    try:
        plan = firmware_stage().plan_figures(counted.flatbuffer, input_shapes)
    except ModelError as refusal:
        return None, f"the engine does not take it: {refusal.message}"
    return Deployed(
        parameters=counted.counts.parameters,
        constant_bytes=plan.weight_bytes,
        flatbuffer_bytes=counted.flatbuffer.stat().st_size,
        macs=plan.macs,
        arena_bytes=plan.arena_bytes,
        overlap_bound_bytes=plan.overlap_bound_bytes,
        liveness_bound_bytes=plan.liveness_bound_bytes,
    ), None
