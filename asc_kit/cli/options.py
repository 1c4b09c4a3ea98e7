"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def optimize_option(command: Command) -> Command:
    """Add ``--optimize``, what an engine is made for where speed and size conflict."""
    return click.option(
        "--optimize",
        type=click.Choice(["speed", "size"]),
        default="speed",
        show_default=True,
        help="Fewer instructions or fewer bytes: DSP kernels (Cortex-M4, M7, M33) store weights in 16 bits or in 8.",
    )(command)


class InputShapeType(click.ParamType):  # type: ignore[type-arg]
    """``[NAME=]1,49,10,1``."""

    name = "[NAME=]1,49,10,1"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return an `InputShape`."""
        from asc_kit.errors import SpecError
        from asc_kit.model_file.inputs import parse_input_shape

        try:
            return parse_input_shape(value) if isinstance(value, str) else value
        except SpecError as failure:
            self.fail(f"{failure.message}; {failure.hint}", param, ctx)


def input_shape_option(command: Command) -> Command:
    """Add ``--input-shape``, the sizes that a .tflite file leaves free."""
    return click.option(
        "--input-shape",
        "input_shapes",
        multiple=True,
        type=InputShapeType(),
        metavar="[NAME=]1,49,10,1",
        help="Shape of an input of a MODEL.tflite that leaves sizes free, the batch first; once for each input.",
    )(command)
