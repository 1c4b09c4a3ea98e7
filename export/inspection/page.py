"""An inspection as one page that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asc_kit.errors import AscKitError
from asc_kit.outputs import OutputKind, check_file, write_file
from asc_kit.pages import page_templates

from . import pictures, words
from .document import Inspection
from .suggestions import LOW_DB

PAGE = OutputKind(name="inspection", command="asc-kit inspect", option="--html", is_guest=True)

# histograms that are not folded away, beside those of layers with a suggestion
_SHOWN = 6


def check_target(path: Path) -> None:
    """Make sure, before the work, that the page can be written.

    Raises
    ------
    AscKitError
        When its folder is missing, it is a folder itself, or a file that is no such page.
    """
    if path.is_dir():
        raise AscKitError(f"{path} is a folder. Expected: a file to write", hint=f"--html {path / 'inspect.html'}")
    if not path.parent.is_dir():
        raise AscKitError(f"no page can be written to {path}: there is no folder {path.parent}", hint="make it first")
    check_file(path, PAGE)


def write_page(inspection: Inspection, path: Path) -> None:
    """Write the page, whole or not at all."""
    write_file(path, PAGE, render(inspection).encode())


def render(inspection: Inspection) -> str:
    """Return the page."""
    named = {suggestion.layer for suggestion in inspection.suggestions}
    context: dict[str, Any] = {
        "inspection": inspection,
        "words": words,
        "noise": pictures.noise(inspection.layers, LOW_DB),
        "costs": pictures.costs(inspection.ranking),
        "histograms": {layer.index: pictures.histogram(layer) for layer in inspection.layers},
        "shown": [layer for layer in inspection.layers if layer.index in named or layer.kept.rank <= _SHOWN],
        "folded": [layer for layer in inspection.layers if layer.index not in named and layer.kept.rank > _SHOWN],
        "low_db": LOW_DB,
    }
    return str(page_templates(str(__package__)).get_template("page.html").render(context))
