"""A folder that a command wrote, identified by a record in it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from asc_kit.errors import AscKitError

from .record import read_record

T = TypeVar("T")


def read_manifest(cls: type[T], path: Path, manifest: str, *, kind: str, hint: str, error: type[AscKitError]) -> T:
    """Read the record of a folder.

    Parameters
    ----------
    cls
        Class of the record.
    path
        The folder.
    manifest
        Name of the record's file in it.
    kind
        Kind of the folder, for messages: ``bundle``.
    hint
        Hint on how to make such a folder.
    error
        Class of the error to raise.

    Raises
    ------
    AscKitError
        Of class `error`: if there is no such folder, if it has no such file, or if the record cannot be read.
    """
    if path.is_file():
        raise error(f"{path} is a file. Expected: the folder of a {kind}", hint=hint)
    if not path.is_dir():
        raise error(f"{kind} {path} does not exist", hint=hint)
    if not (path / manifest).is_file():
        raise error(f"{path} is not a {kind}: it has no {manifest}", hint=hint)
    return read_record(cls, path / manifest, error=error)
