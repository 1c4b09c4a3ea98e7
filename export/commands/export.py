"""``asc-kit export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from asc_kit.cli.options import layout_option
from asc_kit.cli.output import say_json

if TYPE_CHECKING:
    from asc_kit.bundle import VariantName
    from asc_kit.dataset import Layout


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, metavar="BUNDLE", help="Folder of the bundle to write."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the data set, if it was moved since training.",
)
@layout_option
@click.option(
    "--quantize",
    "method",
    type=click.Choice(["ptq", "qat"]),
    help="ptq: quantize the trained network; qat: then fine-tune it with int8 rounding.",
)
@click.option(
    "--calibration",
    type=click.Choice(["min_max", "percentile", "mse"]),
    help="Ranges of activations: all values, all but a share at either end, or the least mean squared error.",
)
@click.option(
    "--percentile",
    type=click.FloatRange(50, 100, min_open=True),
    metavar="P",
    help="With --calibration percentile: percentage of values below a range's upper end, and above its lower end.",
)
@click.option(
    "--representative",
    "representative_clips",
    type=click.IntRange(min=0),
    metavar="N",
    help="Number of training clips that set the ranges.",
)
@click.option(
    "--equalize/--no-equalize",
    "equalization",
    default=None,
    help="First move factors between layers, so that the channels of a tensor have similar ranges.",
)
@click.option(
    "--correct-bias/--no-correct-bias",
    "bias_correction",
    default=None,
    help="Remove the mean rounding error of each channel through its bias.",
)
@click.option(
    "--qat-epochs", type=click.IntRange(min=1), metavar="N", help="With --quantize qat: epochs of fine-tuning."
)
@click.option(
    "--qat-learning-rate",
    type=click.FloatRange(0, min_open=True),
    metavar="RATE",
    help="With --quantize qat: learning rate of the first step.",
)
@click.option(
    "--variant",
    "variants",
    type=click.Choice(["float16", "dynamic_range"]),
    multiple=True,
    help="Also write this form of the network, for computers; repeatable.",
)
@click.option("--board", metavar="BOARD", help="Also write firmware for this board: a name, or a path.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def export(
    run: Path,
    out: Path,
    data: Path | None,
    layout: Layout | None,
    variants: tuple[VariantName, ...],
    board: str | None,
    as_json: bool,
    **settings: Any,
) -> Path:
    """Quantize a run to int8 and write a bundle.

    Quantization settings that are not given come from the run's recipe.
    """
    from dataclasses import asdict

    from asc_kit.hardware.board import load_board
    from asc_kit.process.console import console
    from asc_kit.process.native_output import hidden_stderr
    from asc_kit.quantization import QuantizationSettings, describe
    from asc_kit.records.record import parse_record
    from asc_kit.run import Run
    from asc_kit.scores.evaluation import headline
    from asc_kit.stages import firmware_stage

    with hidden_stderr():  # TensorFlow says much while it starts
        from ..bundling import export_run

    # an unknown board must show before the work, not after it
    spec = load_board(board) if board is not None else None
    opened = Run.open(run).with_layout(layout)
    given = {name: value for name, value in settings.items() if value is not None}
    _check(asdict(opened.manifest.quantization) | given, given)
    wanted = parse_record(
        QuantizationSettings, asdict(opened.manifest.quantization) | given, where="settings of the quantization"
    )
    manifest = export_run(opened, out, data, wanted, variants)
    provenance = manifest.provenance
    (figure, of_float), (_, of_int8) = headline(provenance.metrics_float), headline(provenance.metrics_int8)
    console.print(
        f"bundle {out}: {manifest.name}, {figure} float {of_float:.2%}, int8 {of_int8:.2%} "
        f"on {provenance.metrics_int8.clips:,} test clips; {describe(provenance.quantization)}, "
        f"ranges from {provenance.representative_clips} training clips",
        soft_wrap=True,
        markup=False,
    )
    for variant in manifest.variants:
        value = headline(variant.evaluation)[1]
        console.print(f"  {variant.name}: {value:.2%}, {variant.n_bytes:,} bytes", markup=False)
    found = manifest.listening
    if found is not None and found.windows:
        console.print(
            f"  in a stream, against {found.windows} clips with padded edges: {found.features_changed:.1%} of the "
            f"features and {found.outputs_changed:.1%} of the outputs differ, and {found.labels_changed} labels",
            soft_wrap=True,
            markup=False,
        )
    if as_json:
        say_json(manifest)
    if spec is not None:
        firmware_stage().write_firmware(out, spec)
    return out


def _check(settings: dict[str, Any], given: dict[str, Any]) -> None:
    """Refuse an option that would have no effect."""
    useless = [f"--{name.replace('_', '-')}" for name in given if name.startswith("qat_")]
    if useless and settings["method"] != "qat":
        raise click.UsageError(f"{useless[0]} needs fine-tuning: add --quantize qat")
    if "percentile" in given and settings["calibration"] != "percentile":
        raise click.UsageError("--percentile needs --calibration percentile")
