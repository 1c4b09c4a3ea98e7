"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from asc_kit.dataset import Layout

Command = TypeVar("Command", bound=Callable[..., Any])


def optimize_option(command: Command) -> Command:
    """Add ``--optimize``: what an engine prefers where speed and size conflict."""
    return click.option(
        "--optimize",
        type=click.Choice(["speed", "size"]),
        default="speed",
        show_default=True,
        help="Fewer cycles or fewer bytes of constants: DSP kernels (Cortex-M4, M7, M33) store weights in 16 bits "
        "where that is quicker, or always in 8.",
    )(command)


def core_option(command: Command) -> Command:
    """Add ``--core``, a processor core in place of a board."""
    return click.option(
        "--core",
        metavar="CORE",
        help="For a processor core, such as cortex-m4f, rv32imc, cortex-a53: a name, or CORE.toml.",
    )(command)


def part_option(command: Command) -> Command:
    """Add ``--part``, a chip in place of a board."""
    return click.option(
        "--part", metavar="PART", help="For a chip, such as rp2040, stm32l4r5, nrf52840: a name, or PART.toml."
    )(command)


class InputShapeType(click.ParamType):  # type: ignore[type-arg]
    """``[NAME=]1,49,10,1``."""

    name = "[NAME=]1,49,10,1"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return an `InputShape`."""
        from asc_kit.errors import SpecError
        from asc_kit.tflite.inputs import parse_input_shape

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


LAYOUTS = ("tau", "tagging", "labelled", "urbansound8k", "folders", "split_folders")
"""Values of ``--layout``: those of `asc_kit.dataset.Layout`, which would be slow to import for a help text."""


def layout_option(command: Command) -> Command:
    """Add ``--layout``, the user's answer if the folder of a data set leaves its layout open."""
    return click.option(
        "--layout",
        type=click.Choice(LAYOUTS),
        callback=_layout,
        help="Layout of the data set; needed only if the folder leaves it open. tau: meta.csv (TAU 2019 to 2024); "
        "tagging: tables, several labels per clip (FSDKaggle2019, FSD50K); labelled: tables, one label per clip "
        "(FSDKaggle2018); "
        "urbansound8k; folders: CLASS/; split_folders: train/CLASS and test/CLASS.",
    )(command)


def _layout(ctx: click.Context, parameter: click.Parameter, value: str | None) -> Layout | None:
    if value is None:
        return None
    from asc_kit.dataset import Layout

    return Layout(value)
