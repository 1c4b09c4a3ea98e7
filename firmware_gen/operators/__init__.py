"""The operators that the generator knows: every definition in a module of this folder is one."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

from .base import AnyNode, Node, OperatorDefinition, OperatorView

__all__ = ["REGISTRY", "AnyNode", "Node", "OperatorDefinition", "OperatorView"]


def _find_definitions() -> Iterator[OperatorDefinition[Any]]:
    for module in pkgutil.iter_modules(__path__):
        for value in vars(importlib.import_module(f"{__name__}.{module.name}")).values():
            if inspect.isclass(value) and issubclass(value, OperatorDefinition) and hasattr(value, "op"):
                yield value()


REGISTRY: dict[str, OperatorDefinition[Any]] = {
    definition.op: definition for definition in sorted(_find_definitions(), key=lambda definition: definition.op)
}
"""The definitions, by TFLite's name of the operator."""
