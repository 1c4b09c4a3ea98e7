"""The kinds of projects. A new one is a module here with its ``KIND``, and a folder of its name in ``templates/``."""

from __future__ import annotations

import importlib
import pkgutil

from ..project_kind import ProjectKind


def project_kind_names() -> tuple[str, ...]:
    """Return the names of all kinds, sorted: those of their modules, with hyphens."""
    return tuple(sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)))


def load_project_kind(name: str) -> ProjectKind:
    """Return a kind of project."""
    kind: ProjectKind = importlib.import_module(f"{__name__}.{name.replace('-', '_')}").KIND
    return kind
