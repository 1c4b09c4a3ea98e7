"""Hashes of the verified split files: ``splits.json`` beside them.

A recorded split file that has changed is refused, so that a result always rests on the clips that the split's name
promises.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.errors import DataError
from asc_kit.records.fields import Count, FileName, Line, Sha256
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT, read_json, read_record, sha256_file

PINS = "splits.json"
_MARK = {"schema_version", "files"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedFile:
    """A split file."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    sha256: Sha256
    """SHA-256 of the file, 64 hexadecimal digits."""
    clips: Count
    """Number of clips that it names."""
    source: Line
    """URL of the download, or ``local`` for a file that was copied by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pins:
    """All recorded split files of a folder."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit data splits --data DIR"

    files: Annotated[dict[FileName, PinnedFile], Field(max_length=1000)]
    """Split files, by file name."""
    schema_version: Literal[1] = 1
    """Version of this record."""


def read_pins(root: Path) -> Pins:
    """Read ``splits.json``; a folder without one has no pins.

    Raises
    ------
    DataError
        If it is not a record of this kind.
    """
    path = root / PINS
    return read_record(Pins, path, error=DataError) if path.is_file() else Pins(files={})


def check_pin(root: Path, path: Path) -> None:
    """Refuse a split file directly in `root` that differs from the record in ``splits.json``.

    Raises
    ------
    DataError
        If the file differs.
    """
    # a file of that name may be the data set's own, with another purpose
    if path.parent != root or not _MARK.issubset(_keys(root / PINS)):
        return
    pinned = read_pins(root).files.get(path.name)
    if pinned is not None and (actual := sha256_file(path)) != pinned.sha256:
        raise DataError(
            f"{path} is not the file that was verified: SHA-256 {actual[:16]}…, {PINS} says {pinned.sha256[:16]}…",
            hint=f"remove it and run: asc-kit data splits --data {root}; for a split of your own, use another name",
        )


def _keys(path: Path) -> set[str]:
    if not path.is_file():
        return set()
    value = read_json(path, error=DataError)
    return set(value) if isinstance(value, dict) else set()
