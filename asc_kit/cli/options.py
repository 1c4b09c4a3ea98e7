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
