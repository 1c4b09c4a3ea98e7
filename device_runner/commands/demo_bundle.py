"""The demo's bundle, which comes with the package: a small network, trained on synthetic scenes."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from asc_kit.bundle import Bundle

DEMO_WORDS = "a network trained on synthetic scenes: it has never heard a real place"
"""What every answer of the demo's network must say of it."""

demo_option = click.option(
    "--demo", is_flag=True, help="Use the bundle that comes with asc-kit, trained on synthetic scenes, for a first try."
)


def demo_folder() -> Path:
    """Return the folder of the demo's bundle."""
    return Path(str(resources.files("asc_kit.device_runner") / "demo_bundle"))


def open_demo() -> Bundle:
    """Open the demo's bundle, and say what it is."""
    from asc_kit.bundle import Bundle
    from asc_kit.cli.output import say

    say(f"demo: {DEMO_WORDS}", err=True)
    return Bundle.open(demo_folder())


def open_bundle(path: Path | None) -> Bundle:
    """Open a bundle; the first try needs none.

    Raises
    ------
    BundleError
        If it is missing or damaged.
    """
    from asc_kit.bundle import Bundle

    assert path is not None
    return Bundle.open(path)
