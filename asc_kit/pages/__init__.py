"""The common look of all pages: a style sheet, the filling of templates, and drawing."""

from __future__ import annotations

from importlib import resources
from typing import Any

from .drawing import BLUE, GREEN, INK, PALETTE, RED, RULE, svg

__all__ = ["BLUE", "GREEN", "INK", "PALETTE", "RED", "RULE", "page_templates", "svg"]


def page_templates(package: str) -> Any:
    """Return the Jinja2 environment of a package's folder ``templates``, with the ``style.css`` of all pages."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["style"] = (resources.files(__package__) / "style.css").read_text()
    return environment
