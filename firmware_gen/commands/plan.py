"""``asc-kit plan``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.cli.options import core_option, input_shape_option, optimize_option, part_option
from asc_kit.cli.output import say, say_json

from ..kernel_sets import PORTABLE, choose_kernel_set, kernel_set_names
from .memory_map import check_map, memory_map_option, write_map
from .target import choose_target

if TYPE_CHECKING:
    from asc_kit.hardware.board import KernelSetName, Optimize
    from asc_kit.tflite.inputs import InputShape

    from ..plan.plan import Plan


@click.command()
@click.argument("model", metavar="BUNDLE|MODEL.tflite", type=click.Path(path_type=Path))
@core_option
@part_option
@click.option(
    "--kernels",
    type=click.Choice(kernel_set_names()),
    help="Kernel set: portable is C99 for any core, the others use instructions that some cores have.  "
    "[default: the fastest that --core or --part can run, else portable]",
)
@optimize_option
@input_shape_option
@memory_map_option("this folder")
@click.option("--json", "as_json", is_flag=True, help="Print the whole plan as one JSON document, as in plan.json.")
def plan(
    model: Path,
    as_json: bool,
    core: str | None = None,
    part: str | None = None,
    kernels: KernelSetName | None = None,
    optimize: Optimize = "speed",
    input_shapes: tuple[InputShape, ...] = (),
    memory_map: Path | None = None,
) -> None:
    """Show how the engine would run a model: kernels, multiply-accumulates, constants and the arena it needs.

    The model is a bundle's, or any int8 .tflite file. If it has an operator that the engine does not support, the
    command fails and names the operator.
    """
    from asc_kit.hardware.part import usual_part

    from ..plan.plan import make_plan, plan_document
    from ..read.model import name_file
    from ..read.reader import read_model

    if memory_map is not None:
        check_map(memory_map, Path())
    chip = None
    if core is not None or part is not None:
        target = choose_target(None, core, part)
        kernels = choose_kernel_set(target, kernels)
        chip = target.part or usual_part(target.core.name)
    with name_file(model):
        made = make_plan(read_model(_flatbuffer(model), input_shapes), kernels or PORTABLE, optimize, chip)
    if as_json:
        say_json(plan_document(made))
    else:
        _show(model, made)
    if memory_map is not None:
        write_map(made, memory_map, Path(), model.name)


def _flatbuffer(path: Path) -> bytes:
    """Return the model of a bundle, or a file's content."""
    from asc_kit.bundle import Bundle

    from ..read.model import is_bare_model, read_file

    return read_file(path if is_bare_model(path) else Bundle.open(path).model_path)


def _show(path: Path, plan: Plan) -> None:
    from asc_kit.tflite.references import reference_of

    head = ("step", "operator", "kernel", "output", "MACs", "constants")
    rows = [
        (
            str(position),
            step.operator.op,
            step.call.kernel,
            "x".join(map(str, step.output.shape[1:])),
            f"{step.call.macs:,}",
            f"{sum(array.n_bytes for array in step.call.arrays):,}",
        )
        for position, step in enumerate(plan.steps)
    ]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for row in (head, *rows):
        left = [cell.ljust(width) for cell, width in zip(row[1:4], widths[1:4], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(row[4:], widths[4:], strict=True)]
        say("  ".join((row[0].rjust(widths[0]), *left, *right)))
    say(
        f"{path.name}: {len(plan.steps)} steps, {plan.macs:,} MACs, {plan.weight_bytes:,} bytes of constants\n"
        f"arena {plan.arena_bytes:,} bytes; the least possible is {plan.overlap_bound_bytes:,}, "
        f"or {plan.liveness_bound_bytes:,} where no output may overlap its input\n"
        f"outputs are those of {reference_of(step.operator.op for step in plan.steps)}, bit for bit"
    )
