"""The list of the files that the kit wrote into a folder: ``.asc-kit.json``, names and SHA-256 by command.

A file is the kit's own if it is on the list and unchanged. All other files are the user's: unlisted files, and files
edited since. Only the kit's own files are ever replaced or removed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.errors import AscKitError
from asc_kit.records.fields import MAX_FILES, InnerPath, Name, Sha256
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT, read_record, sha256_file

INVENTORY = ".asc-kit.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputKind:
    """A kind of folder, or of files in a folder, that a command writes."""

    name: str
    """Its name on the list: ``bundle``."""
    command: str
    """Command that writes it: ``asc-kit export``."""
    manifest: str | None = None
    """The file that readers look for, removed first and added last; None if there is none."""
    names: tuple[str, ...] = ()
    """Files that are always written, relative to the folder, so that obstacles show before the work."""
    products: tuple[str, ...] = ()
    """Patterns of files that a tool such as make can rebuild at any time, so that they hold nobody's work."""
    parts: tuple[str, ...] = ()
    """Names of kinds that describe this kind, and are removed when it is replaced."""
    option: str = "--out"
    """The option that names the folder."""
    is_guest: bool = False
    """Whether it may lie in a folder beside anything else; otherwise the folder must be new, empty, or of this kind."""

    def of_file(self, name: str) -> OutputKind:
        """Return the kind of a single file."""
        return replace(self, name=f"{self.name} {name}", names=(name,), is_guest=True)

    def is_product(self, path: str) -> bool:
        """Return whether a file, relative to the folder, can be rebuilt at any time."""
        return any(fnmatchcase(path, pattern) for pattern in self.products)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """The content of ``.asc-kit.json``."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "the command that wrote the folder, with another --out"

    schema_version: Literal[1] = 1
    """Version of this record."""
    written: Annotated[
        dict[Name, Annotated[dict[InnerPath, Sha256], Field(max_length=MAX_FILES)]], Field(max_length=1000)
    ]
    """For each kind that was written here, the SHA-256 of its files by their path relative to the folder, with /."""

    def __post_init__(self) -> None:
        for path in (path for files in self.written.values() for path in files):
            check_inside(path)


def check_inside(path: str) -> None:
    """Refuse the path of a file outside its folder.

    Raises
    ------
    AscKitError
        If it leads out, or is not a path at all.
    """
    parts = PurePosixPath(path).parts
    if (
        not parts
        or ".." in parts
        or path.startswith("/")
        or "\0" in path
        or (os.name == "nt" and set(path) & set(":\\"))
    ):
        raise AscKitError(f"{path[:80]!r} does not name a file inside its folder")


def read_inventory(folder: Path) -> Inventory:
    """Read the list of a folder; one without it has an empty list.

    Raises
    ------
    AscKitError
        If it is damaged: then the kit's files cannot be distinguished from the user's.
    """
    path = folder / INVENTORY
    if not os.path.lexists(path):
        return Inventory(written={})
    try:
        return read_record(Inventory, path, error=AscKitError)
    except AscKitError as failure:
        raise AscKitError(
            f"{path}, the list of what asc-kit wrote there, cannot be read: {failure.message}",
            hint="choose another --out, or move that folder away",
        ) from None


def identify(folder: Path, path: str) -> str | None:
    """Return the SHA-256 of a file in a folder; None if nothing is there, "something else" if it is not a file.

    The kit writes no links, so a link, a file that is reached through a link, and a folder are something else.
    """
    place = folder
    for part in PurePosixPath(path).parts[:-1]:
        place = place / part
        if not os.path.lexists(place):
            return None
        if not stat.S_ISDIR(os.lstat(place).st_mode):
            return "something else"
    place = folder / path
    if not os.path.lexists(place):
        return None
    if not stat.S_ISREG(os.lstat(place).st_mode):
        return "something else"
    return sha256_file(place)


def find_edited(folder: Path, kind: OutputKind, files: Mapping[str, str]) -> list[str]:
    """Return the listed files that exist and have changed."""
    return [path for path, sha256 in files.items() if not _is(folder, kind, path, sha256)]


def _is(folder: Path, kind: OutputKind, path: str, sha256: str) -> bool:
    content = identify(folder, path)
    return content in (None, sha256) or (kind.is_product(path) and content != "something else")


def hash_files(folder: Path, *, without: Iterable[str] = ()) -> dict[str, str]:
    """Return the SHA-256 of all files in a folder, by their path relative to it, in the order of the paths.

    Parameters
    ----------
    without
        Paths to leave out.
    """
    left_out = set(without)
    digests = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name not in left_out and path.is_file():
            digests[name] = sha256_file(path)
    return digests


def name_some(paths: Iterable[str]) -> str:
    """Return a few paths as text."""
    names = list(paths)
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
