"""Read and write the project's records: frozen dataclasses, JSON or TOML on disk.

A record class sets ``__pydantic_config__ = STRICT``: unknown keys and wrong types are refused. Its fields are of the
types in `asc_kit/records/fields.py`, which have bounds; records of earlier versions are brought up to date
(`asc_kit/records/migration.py`). So any file yields a record, or an error that explains.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from asc_kit.errors import AscKitError, SpecError
from asc_kit.records.documents import problem_of, read_document, shorten_reason
from asc_kit.records.files import reserve as reserve
from asc_kit.records.files import write_bytes as write_bytes
from asc_kit.records.files import write_text as write_text
from asc_kit.records.migration import migrate
from asc_kit.text import shorten

T = TypeVar("T")

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
_SHOWN_PROBLEMS = 10


def canonical_json(value: object) -> bytes:
    """Return the canonical JSON encoding of a record or of plain data: sorted keys, no spaces, UTF-8."""
    plain = to_plain(value)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def short_id(value: object) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of `value` in canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()[:16]


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def to_plain(value: object) -> Any:
    """Turn a record into dictionaries, lists, strings and numbers."""
    return _adapter(type(value)).dump_python(value, mode="json")


def _adapter(cls: type[T]) -> TypeAdapter[T]:
    """Return the adapter that checks a class; making it takes longer than checking most records."""
    # a union with a discriminator is no class, and cannot be remembered
    return _class_adapter(cls) if isinstance(cls, type) else TypeAdapter(cls)  # type: ignore[arg-type]


@functools.cache
def _class_adapter(cls: Any) -> TypeAdapter[Any]:
    return TypeAdapter(cls)


def parse_record(cls: type[T], value: object, *, where: str, error: type[AscKitError] = SpecError) -> T:
    """Build a record of class `cls` from plain data and name every field that does not fit.

    Raises
    ------
    AscKitError
        Of class `error`, if keys are missing or unknown, if values have the wrong type or range, or if its version
        cannot be read.
    """
    problem = problem_of(value)
    if problem is not None:
        raise error(f"{where} is not a valid {_name_of(cls)}: {problem}")
    return _build(cls, value, where=where, error=error)


def _build(cls: type[T], value: object, *, where: str, error: type[AscKitError]) -> T:
    """Build a record from plain data that was already checked."""
    value = migrate(cls, value, where=where, error=error)
    try:
        return _adapter(cls).validate_python(value)
    except ValidationError as failure:
        items = failure.errors(include_url=False, include_context=False)
        lines = [
            f"{'.'.join(shorten_reason(str(part)) for part in item['loc']) or 'record'}: "
            f"{_words_of(item['type'], item['msg'])}, received {shorten(item['input'])}"
            for item in items[:_SHOWN_PROBLEMS]
        ]
        if len(items) > _SHOWN_PROBLEMS:
            lines.append(f"and {len(items) - _SHOWN_PROBLEMS:,} more")
        raise error(f"{where} is not a valid {_name_of(cls)}: " + "; ".join(lines)) from None
    except AscKitError as failure:
        # a record inside refused itself at construction
        raise error(f"{where} is not a valid {_name_of(cls)}: {failure.message}", hint=failure.hint) from None


def _words_of(kind: str, message: str) -> str:
    # pydantic's message would name our class
    return "this should be a table of names and values" if kind == "dataclass_type" else shorten_reason(message)


def _name_of(cls: object) -> str:
    return getattr(cls, "__name__", "record")


def read_json(path: Path, *, error: type[AscKitError] = SpecError) -> Any:
    """Read a JSON document; a missing, malformed or strange file raises `error` naming it."""
    return read_document(path, error)


def read_record(cls: type[T], path: Path, *, error: type[AscKitError] = SpecError) -> T:
    """Read a record from a ``.json`` or ``.toml`` file; one of an earlier version is brought up to date."""
    return _build(cls, read_document(path, error), where=str(path), error=error)


def write_json(path: Path, value: object) -> None:
    """Write a record or plain data as indented JSON, atomically, keys in the record's order."""
    write_bytes(path, json_bytes(value))


def json_bytes(value: object) -> bytes:
    """Return the bytes that `write_json` writes."""
    return (json.dumps(to_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()
