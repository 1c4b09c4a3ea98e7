"""``asc-kit verify``: compare a model's firmware with the reference kernels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.cli.options import input_shape_option, optimize_option
from asc_kit.cli.output import say_json
from asc_kit.errors import MismatchError

if TYPE_CHECKING:
    from asc_kit.hardware.board import Optimize
    from asc_kit.tflite.inputs import InputShape


@click.command()
@click.argument("model", metavar="BUNDLE|MODEL.tflite", type=click.Path(path_type=Path))
@click.option(
    "--board", required=True, metavar="BOARD", help="A board with an emulator: a name, or a path. See: boards."
)
@click.option(
    "--inputs",
    type=click.Path(path_type=Path),
    metavar="FILE.npz",
    help="Inputs of your own beside the random ones, of the type and shape that the model takes.",
)
@click.option("--count", type=click.IntRange(1, 10_000), default=3, show_default=True, help="Number of random inputs.")
@click.option(
    "--steps",
    type=click.IntRange(1, 10_000),
    help="Consecutive inferences of each random input, all compared; 20 of a model with state, else 1.",
)
@input_shape_option
@optimize_option
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON document on stdout.")
def verify(
    model: Path,
    board: str,
    inputs: Path | None,
    count: int,
    steps: int | None,
    input_shapes: tuple[InputShape, ...],
    optimize: Optimize,
    as_json: bool,
) -> None:
    """Build a model's firmware, boot it, and compare all outputs with TFLite's reference kernels.

    The model is a bundle's, or any int8 .tflite file whose inputs and outputs are int8, uint8 or float32. Random inputs
    are normal, uniform and saturating in turn; a model with state gets sequences of them. The exit code is 4 if an
    output differs.
    """
    from asc_kit.hardware.board import load_board
    from asc_kit.process.console import console

    from ..verification import verify_model

    result = verify_model(
        model,
        load_board(board),
        inputs=inputs,
        count=count,
        steps=steps,
        input_shapes=input_shapes,
        optimize=optimize,
    )
    kinds = ", ".join(f"{number} {kind}" for kind, number in result.inputs.items())
    if result.steps > 1:
        kinds += f"; each random one of {result.steps} steps"
    console.print(
        f"{result.model} on {result.board} ({result.core}, {result.kernels} kernels): {result.exact} of "
        f"{result.exact + result.differing} outputs are those of the reference kernels ({kinds})",
        soft_wrap=True,
        markup=False,
    )
    for op, reference in result.references.items():
        console.print(f"  {op}: {reference}", soft_wrap=True, markup=False)
    console.print(
        f"{result.operators} operators, {result.macs:,} MACs, at most {result.network_time:,} {result.timer} an "
        f"inference, arena {result.arena_bytes:,} bytes, weights {result.weight_bytes:,}, stack {result.stack_bytes:,}",
        soft_wrap=True,
        markup=False,
    )
    if as_json:
        say_json(result)
    if result.differing:
        raise MismatchError(
            f"{result.differing} outputs differ from the reference kernels, by up to {result.largest_difference} "
            f"steps. {result.first_difference}",
            hint="this is a defect of the engine: report it with the model",
        )
