"""Read and write the project's records: frozen dataclasses, JSON or TOML on disk.

A record class sets ``__pydantic_config__ = STRICT``: unknown keys and wrong types are refused. Its fields are of the
types in `asc_kit/fields.py`, which have bounds; records of earlier versions are brought up to date
(`asc_kit/migration.py`). So whatever a file holds, a record comes out of it, or an error in words.
Files are written to a temporary name and moved into place, so that a reader never sees half of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from asc_kit.documents import problem_of, read_document, shorten_reason
from asc_kit.errors import AscKitError, SpecError
from asc_kit.migration import migrate
from asc_kit.text import shorten

T = TypeVar("T")

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
_SHOWN_PROBLEMS = 10


def canonical_json(value: object) -> bytes:
    """Return the one JSON encoding of a record or of plain data: sorted keys, no spaces, UTF-8."""
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
    return TypeAdapter(type(value)).dump_python(value, mode="json")


def parse_record(cls: type[T], value: object, *, where: str, error: type[AscKitError] = SpecError) -> T:
    """Build a record of class `cls` from plain data and name every field that does not fit.

    Raises
    ------
    AscKitError
        Of class `error`, when keys are missing or unknown or values have the wrong type or range, or when it is of a
        version that cannot be read.
    """
    problem = problem_of(value)
    if problem is not None:
        raise error(f"{where} is not a valid {_name_of(cls)}: {problem}")
    return _build(cls, value, where=where, error=error)


def _build(cls: type[T], value: object, *, where: str, error: type[AscKitError]) -> T:
    """Build a record from plain data that holds nothing strange."""
    value = migrate(cls, value, where=where, error=error)
    try:
        return TypeAdapter(cls).validate_python(value)
    except ValidationError as failure:
        items = failure.errors(include_url=False, include_context=False)
        lines = [
            f"{'.'.join(shorten_reason(str(part)) for part in item['loc']) or 'record'}: {item['msg']}, "
            f"received {shorten(item['input'])}"
            for item in items[:_SHOWN_PROBLEMS]
        ]
        if len(items) > _SHOWN_PROBLEMS:
            lines.append(f"and {len(items) - _SHOWN_PROBLEMS:,} more")
        raise error(f"{where} is not a valid {_name_of(cls)}: " + "; ".join(lines)) from None
    except AscKitError as failure:
        # a record inside refused itself at construction
        raise error(f"{where} is not a valid {_name_of(cls)}: {failure.message}", hint=failure.hint) from None


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
    write_bytes(path, (json.dumps(to_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, in UTF-8."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically: it holds all of `data`, or what it held before. An OSError names the file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            os.chmod(temporary, 0o644)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as failure:
        # what a full disk raises names no file, everything else the temporary one
        raise OSError(failure.errno, failure.strerror, os.fspath(path)) from failure


def reserve(path: Path) -> None:
    """Take the room on the disk that a file claims to have, before its pages are written through a mapping.

    A mapped write that finds the disk full ends the process with SIGBUS, and nothing can be said any more.

    Raises
    ------
    OSError
        When there is no room.
    """
    if hasattr(os, "posix_fallocate"):  # macOS has none, and takes its chances
        with path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)


@contextlib.contextmanager
def new_folder(path: Path, *, marker: str) -> Iterator[Path]:
    """Give a temporary folder to fill; on success it becomes `path`, on failure it is removed.

    An existing `path` is replaced only if it is empty or holds a file named `marker`, the sign that this
    kind of folder was written there before; anything else of the user's is left alone.

    Raises
    ------
    AscKitError
        When `path` is a file or a folder that holds something else, or when nothing can be written there.
    """
    path = Path(os.path.abspath(path))
    check_replaceable(path, marker=marker)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    except OSError as failure:
        raise AscKitError(
            f"no folder can be made in {path.parent}: {failure}", hint="choose another --out"
        ) from failure
    try:
        yield temporary
        os.chmod(temporary, 0o755)
        put_folder(temporary, path)
    finally:
        _remove_tree(temporary)


def check_replaceable(path: Path, *, marker: str) -> None:
    """Make sure that `path` does not exist, is an empty folder, or one that holds a file named `marker`.

    Raises
    ------
    AscKitError
        When it is something of the user's.
    """
    if path.exists() and not (path.is_dir() and ((path / marker).exists() or not any(path.iterdir()))):
        raise AscKitError(
            f"{path} exists and was not written by this command (it has no {marker})",
            hint="choose another --out, or move it away",
        )


def put_folder(folder: Path, path: Path) -> None:
    """Give a finished folder its name `path`, on the same file system; what stood there is replaced as a whole."""
    if path.exists():
        _exchange(path, folder)
    else:
        os.replace(folder, path)


def _exchange(path: Path, temporary: Path) -> None:
    """Put `temporary` in the place of `path`; what stood there returns when that fails or is interrupted."""
    old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old."))
    try:
        os.replace(path, old / "folder")
        os.replace(temporary, path)
    except BaseException:
        if (old / "folder").exists() and not path.exists():
            os.replace(old / "folder", path)
        raise
    finally:
        _remove_tree(old)


def _remove_tree(path: Path) -> None:
    import shutil

    shutil.rmtree(path, ignore_errors=True)
