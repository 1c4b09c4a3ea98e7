"""A network's file of the user's own, beside the recipe that names it: read, run as a module, and checked.

Such a file is a program: reading it as a module runs it. That happens only for a recipe that the user names, and for
the copy in a run only where the user says ``--trust-code``; bundles and everything made of them never run it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import inspect
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from asc_kit.errors import AscKitError, SpecError
from asc_kit.process.console import note
from asc_kit.records.documents import read_limited
from asc_kit.records.fields import leaves_folder
from asc_kit.records.record import STRICT

SUFFIX = ".py"
_LARGEST_BYTES = 1 << 20
_BUILD = "build(settings, input_shape, n_labels)"
_HINT = f"a model's file has a frozen dataclass Settings and a function {_BUILD}: docs/recipes.md"


@dataclass(frozen=True, slots=True)
class _Loaded:
    module: ModuleType
    source: bytes


_loaded: dict[Path, _Loaded] = {}


def is_own_model(name: str) -> bool:
    """Return whether a recipe's `model` is a file of the user's, not a network of the kit."""
    return name.endswith(SUFFIX)


def own_model_of(recipe: Mapping[str, Any]) -> str | None:
    """Return the name of the model's file in the folder of a run with this recipe; None for a network of the kit.

    Raises
    ------
    SpecError
        When the name leads out of that folder.
    """
    name = recipe.get("model")
    if not isinstance(name, str) or not is_own_model(name):
        return None
    check_beside(name)
    return name


def check_beside(name: str) -> None:
    """Refuse a name of a model's file that is no file's beside the recipe.

    Raises
    ------
    SpecError
        When it has a folder in it.
    """
    if leaves_folder(name) or set("/\\:") & set(name):
        raise SpecError(
            f"a model's file lies beside its recipe. Received: model = {name!r}", hint="give its name, without a folder"
        )


def read_model_file(path: Path) -> ModuleType:
    """Run a model's file as a module, unless it is as it was when it was last run.

    Raises
    ------
    SpecError
        When there is no such file, it cannot be run, or it lacks `Settings` or `build`.
    """
    path = path.resolve()
    source = read_limited(path, _LARGEST_BYTES, SpecError)
    if path not in _loaded or _loaded[path].source != source:
        note(f"the code of {path} is run: it builds the network")
        module = _run(path, source)
        _check(path, module)
        _loaded[path] = _Loaded(module, source)
    return _loaded[path].module


def load_model_file(path: Path) -> ModuleType:
    """Return the module of a model's file as it was last read; an edit in the middle of a training changes nothing.

    Raises
    ------
    SpecError
        As of `read_model_file`.
    """
    known = _loaded.get(path.resolve())
    return known.module if known is not None else read_model_file(path)


def source_of(path: Path) -> bytes:
    """Return what the module of a model's file was made of."""
    load_model_file(path)
    return _loaded[path.resolve()].source


def call_build(path: Path, build: Any, settings: Any, input_shape: tuple[int, int, int], n_labels: int) -> Any:
    """Build a network with a function of the user's.

    Raises
    ------
    SpecError
        When it fails, naming the line, or what it returns is no network for these features and labels.
    """
    try:
        model = build(settings, input_shape, n_labels)
    except AscKitError:
        raise
    except (Exception, SystemExit) as failure:
        raise SpecError(f"build of {path} failed: {_describe(failure, path)}") from failure
    expected = ((None, *input_shape), (None, n_labels))
    inputs = [tuple(tensor.shape) for tensor in getattr(model, "inputs", ())]
    outputs = [tuple(tensor.shape) for tensor in getattr(model, "outputs", ())]
    if inputs != [expected[0]] or outputs[:1] != [expected[1]]:
        received = f"one that takes {inputs} and gives {outputs}" if inputs else type(model).__name__
        raise SpecError(
            f"build of {path} must return a Keras model that takes {expected[0]} and gives {expected[1]}. "
            f"Received: {received}",
            hint="keras.Input(input_shape) first, and n_labels logits without softmax at the end",
        )
    return model


def _run(path: Path, source: bytes) -> ModuleType:
    module = ModuleType(f"asc_kit_model_{hashlib.sha256(source).hexdigest()[:16]}")
    module.__file__ = str(path)
    # dataclasses and pydantic look a class's module up by its name
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as failure:
        del sys.modules[module.__name__]
        raise SpecError(f"model file {path} cannot be run: {_describe(failure, path)}") from failure
    return module


def _describe(failure: BaseException, path: Path) -> str:
    """Return an exception in words, with the line of the file that it came from."""
    if isinstance(failure, SyntaxError):
        return f"{failure.msg}, line {failure.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(failure.__traceback__) if frame.filename == str(path)]
    return f"{type(failure).__name__}: {failure}" + (f", line {lines[-1]}" if lines else "")


def _check(path: Path, module: ModuleType) -> None:
    settings = getattr(module, "Settings", None)
    if not (isinstance(settings, type) and dataclasses.is_dataclass(settings)):
        raise SpecError(f"model file {path} has no dataclass Settings", hint=_HINT)
    if not hasattr(settings, "__pydantic_config__"):
        settings.__pydantic_config__ = STRICT  # type: ignore[attr-defined]  # unknown settings are refused
    build = getattr(module, "build", None)
    if not callable(build):
        raise SpecError(f"model file {path} has no function build", hint=_HINT)
    try:
        inspect.signature(build).bind(None, (1, 1, 1), 2)
    except TypeError as failure:
        received = f"build{inspect.signature(build)}"
        raise SpecError(f"model file {path}: expected {_BUILD}. Received: {received} ({failure})", hint=_HINT) from None
