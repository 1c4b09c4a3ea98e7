"""The networks, a file each: a record ``Settings`` and a function ``build``. Recipes name it, or one beside them."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any, Protocol, cast

from asc_kit.errors import SpecError
from asc_kit.frontend import FrontEndSpec
from asc_kit.records.record import parse_record

from ..model_file import call_build, is_own_model, load_model_file

_SCENES = 10


class ModelFile(Protocol):
    """The interface of a file in this folder."""

    Settings: type[Any]
    """Frozen record of the network's settings, all with defaults."""

    def build(self, settings: Any, input_shape: tuple[int, int, int], n_labels: int) -> Any:
        """Build the Keras model: features [batch, *input_shape] in, logits [batch, n_labels] out.

        A network that learns a second task has its head as a second output; deployment leaves it out.
        """
        ...


def model_names() -> tuple[str, ...]:
    """Return the names of all networks."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


def model_file(name: str) -> ModelFile:
    """Return the module that builds network `name`, or the file of the user's with that path, which is run.

    Of the kit's networks none imports TensorFlow yet.

    Raises
    ------
    SpecError
        If there is none, or the file is not valid.
    """
    if is_own_model(name):
        return cast(ModelFile, load_model_file(Path(name)))
    if name not in model_names():
        raise SpecError(f"there is no model {name!r}", hint=f"models: {', '.join(model_names())}")
    return cast(ModelFile, importlib.import_module(f".{name}", __package__))


def usual_labels(name: str) -> int:
    """Return the number of classes that network `name` was made for: its file's ``N_LABELS``, else ten scenes."""
    return int(getattr(model_file(name), "N_LABELS", _SCENES))


def build_model(name: str, settings: dict[str, Any], spec: FrontEndSpec, n_labels: int) -> Any:
    """Build the Keras model of a recipe: features of `spec` in, logits of `n_labels` classes as the first output."""
    file = model_file(name)
    chosen = parse_record(file.Settings, settings, where="model_settings")
    if is_own_model(name):
        return call_build(Path(name), file.build, chosen, spec.input_shape[1:], n_labels)
    return file.build(chosen, spec.input_shape[1:], n_labels)
