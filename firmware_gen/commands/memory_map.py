"""``--memory-map`` of ``asc-kit firmware`` and ``asc-kit plan``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from ..plan.plan import Plan

Command = TypeVar("Command", bound=Callable[..., Any])

_SUFFIXES = (".png", ".svg", ".json")
_NAME = "memory_map.svg"


class _MapFile(click.Path):
    """A file whose suffix says what is written; or nothing, for the usual one."""

    name = "file"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Check the suffix."""
        path = Path(value)
        if value and path.suffix not in _SUFFIXES:
            self.fail(
                f"{path} must end in {', '.join(_SUFFIXES)}; without a file, give --memory-map as the last word",
                param,
                ctx,
            )
        return path


def memory_map_option(where: str) -> Callable[[Command], Command]:
    """Return the option; `where` says into which folder the usual file goes."""
    return click.option(
        "--memory-map",
        type=_MapFile(),
        is_flag=False,
        flag_value="",
        metavar="[FILE]",
        help="Draw the contents of the arena, step by step, as FILE.png or FILE.svg with its JSON beside it; FILE.json "
        f"writes the JSON alone. Without FILE: {_NAME} in {where}.",
    )


def check_map(file: Path, folder: Path) -> None:
    """Refuse to replace what is no memory map, before the work; arguments as of `write_map`."""
    from ..plan import memory_map

    memory_map.check_map(file if file.suffix else folder / _NAME)


def write_map(plan: Plan, file: Path, folder: Path, title: str) -> None:
    """Write the map of a plan and say where it is.

    Parameters
    ----------
    plan
        The plan.
    file
        What the option gave.
    folder
        Where the usual file goes.
    title
        Name of the model.
    """
    from asc_kit.errors import AscKitError
    from asc_kit.process.console import console

    from ..plan.memory_map import write_memory_map

    path = file if file.suffix else folder / _NAME
    try:
        written = write_memory_map(plan, path, title)
    except OSError as failure:
        raise AscKitError(
            f"memory map {path} cannot be written: {failure.strerror}",
            hint="--memory-map FILE, where there is room and you may write",
        ) from None
    console.print(f"memory map: {', '.join(map(str, written))}", soft_wrap=True, markup=False)
