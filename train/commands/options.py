"""Options that several commands of this stage share, and the recipe that they name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from asc_kit.errors import SpecError

if TYPE_CHECKING:
    from ..recipe import Recipe

DATA = click.option(
    "--data",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder of the data set, in one of six layouts (--layout).",
)
SET = click.option(
    "--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Replace a value of the recipe; may be repeated."
)
TRUST_CODE = click.option(
    "--trust-code",
    is_flag=True,
    help="Run the model's own Python file that lies in the run; only layers of its own need it.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def recipe_of(name: str, overrides: tuple[str, ...]) -> Recipe:
    """Read the recipe; a wrong name or override is a mistake in the command, exit code 2."""
    from ..recipe import load_recipe

    try:
        return load_recipe(name, overrides)
    except SpecError as error:
        raise click.UsageError(f"{error.message}\nHint: {error.hint}" if error.hint else error.message) from error
