"""Every field of every record has bounds: a field that is added without is named here."""

import ast
import dataclasses
import importlib
import types
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import annotated_types
import pytest
from pydantic.fields import FieldInfo
from record_goldens import KINDS

import asc_kit
from asc_kit.records.fields import leaves_folder
from asc_kit.records.migration import version_of

ROOT = Path(__file__).parents[2]
ROOMS = ("asc_kit", "train", "export", "firmware_gen", "device_runner")
# free tables: a network's own settings, which the record `Settings` of its file checks; `asc_kit/records/documents.py`
# bounds depth, texts and numbers in them
FREE = {"Recipe.model_settings", "RunManifest.recipe"}


def record_modules() -> Iterator[str]:
    """Modules that define a record, found without importing the others, which may need TensorFlow."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            if any(isinstance(node, ast.Name) and node.id == "__pydantic_config__" for node in ast.walk(tree)):
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                yield name if room == "asc_kit" else f"{asc_kit.__name__}.{name}"


def records() -> list[type]:
    modules = [importlib.import_module(name.removesuffix(".__init__")) for name in record_modules()]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and hasattr(value, "__pydantic_config__")
    ]


def unbounded(kind: Any, where: str, metadata: tuple[Any, ...] = ()) -> Iterator[str]:
    """Name what has no bounds in a type, however deep."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        flat = tuple(
            part for item in kind.__metadata__ for part in (item.metadata if isinstance(item, FieldInfo) else [item])
        )
        yield from unbounded(arguments[0], where, metadata + flat)
    elif origin in (Union, types.UnionType):
        for argument in arguments:
            yield from unbounded(argument, where, metadata)
    elif origin is Literal or kind in (bool, type(None)) or (isinstance(kind, type) and issubclass(kind, Enum)):
        return
    elif kind is str:
        if not any(isinstance(item, annotated_types.MaxLen) or getattr(item, "pattern", None) for item in metadata):
            yield f"{where}: text of any length"
    elif kind in (int, float):
        lower = any(isinstance(item, annotated_types.Ge | annotated_types.Gt) for item in metadata)
        upper = any(isinstance(item, annotated_types.Le | annotated_types.Lt) for item in metadata)
        if not (lower and upper):
            yield f"{where}: {kind.__name__} without {'an upper' if lower else 'a lower'} bound"
    elif origin is tuple and arguments[-1] is not Ellipsis:
        for number, argument in enumerate(arguments):
            yield from unbounded(argument, f"{where}[{number}]")
    elif origin in (tuple, list, dict, set, frozenset) or (isinstance(origin, type) and issubclass(origin, Mapping)):
        if not any(isinstance(item, annotated_types.MaxLen) for item in metadata):
            yield f"{where}: {origin.__name__} of any length"
        for number, argument in enumerate(argument for argument in arguments if argument is not Ellipsis):
            yield from unbounded(argument, f"{where}[{number}]")
    elif dataclasses.is_dataclass(kind):
        if not hasattr(kind, "__pydantic_config__"):
            yield f"{where}: {kind.__name__} is no record: it has no __pydantic_config__"
    elif where.partition("[")[0] not in FREE:
        yield f"{where}: {kind} is not a type that has bounds"


@pytest.mark.parametrize("cls", records(), ids=lambda cls: f"{cls.__module__.rpartition('.')[2]}.{cls.__name__}")
def test_every_field_has_bounds(cls: type) -> None:
    hints = get_type_hints(cls, include_extras=True)
    found = [
        problem
        for field in dataclasses.fields(cls)
        for problem in unbounded(hints[field.name], f"{cls.__name__}.{field.name}")
    ]
    assert not found, "take a type from asc_kit/records/fields.py: " + "; ".join(found)


def test_all_records_are_looked_at() -> None:
    names = {cls.__name__ for cls in records()}
    expected = {
        "BundleManifest", "RunManifest", "BenchmarkResult", "FirmwareManifest", "BoardSpec", "Recipe", "Pins",
        "Settings", "EvaluationDocument", "CheckpointRecord", "ComplexityReport", "Inspection", "FrontEndSpec",
        "TensorInfo",
    }  # fmt: skip
    assert expected <= names


def test_every_versioned_record_has_a_golden_and_a_way_out() -> None:
    # what an interrupted command was about to do, and the journal of a measurement: the same version goes on from them,
    # and another one begins again
    passing = {"ExchangePlan", "Header"}
    versioned = {cls for cls in records() if version_of(cls) is not None and cls.__name__ not in passing}
    known = {cls for cls, _ in KINDS.values()}
    assert not {cls.__name__ for cls in versioned - known}, "add it to KINDS in tests/support/record_goldens.py"
    assert not {cls.__name__ for cls in versioned if not {"MIGRATIONS", "REMAKE"} <= set(vars(cls))}


@dataclasses.dataclass(frozen=True)
class Forgetful:
    __pydantic_config__ = None
    text: str
    number: int | None
    share: Annotated[float, FieldInfo(ge=0)]
    several: tuple[bool, ...]
    pair: tuple[bool, str]
    table: dict[str, bool]
    anything: Any


def test_a_field_without_bounds_is_named() -> None:
    hints = get_type_hints(Forgetful, include_extras=True)
    for field in dataclasses.fields(Forgetful):
        assert list(unbounded(hints[field.name], field.name)), field.name


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", "C:x", "c:\\x", "\\\\host\\x", "\\x", "", ".", "a\\..\\x"]
)
def test_paths_that_leave_their_folder(path: str) -> None:
    assert leaves_folder(path)


@pytest.mark.parametrize(
    "path", ["a", "a/b.wav", "..a", "a..b/c...wav", "Straße/Übergang „neu“.wav", "北京/地铁.wav", "ab:c", "a|b<c>"]
)
def test_paths_that_stay(path: str) -> None:
    assert not leaves_folder(path)
