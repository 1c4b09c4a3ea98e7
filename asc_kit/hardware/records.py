"""Cores and parts as files: the kit's by name, the user's by path."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeVar

from asc_kit.errors import BoardError
from asc_kit.hardware.places import boards_folder, offer
from asc_kit.records.record import read_record


class Named(Protocol):
    """A record with the name of its file."""

    @property
    def name(self) -> str:
        """Name of the file, without ``.toml``."""


T = TypeVar("T", bound=Named)


def kit_names(folder: str) -> tuple[str, ...]:
    """Return the names of all records in a folder of the kit's ``boards``, sorted."""
    return tuple(sorted(path.stem for path in (boards_folder() / folder).glob("*.toml")))


def load_named(cls: type[T], word: str, beside: Path, *, folder: str, kind: str) -> T:
    """Read a record.

    Parameters
    ----------
    cls
        Class of the record.
    word
        Its name, or the path of a file that ends with ``.toml``.
    beside
        Folder that the path is relative to.
    folder
        The kit's folder of such records.
    kind
        The kind of record, for messages: ``core``.

    Raises
    ------
    BoardError
        When there is no such record, or it is invalid.
    """
    path = beside / word
    if path.suffix != ".toml":
        names = kit_names(folder)
        if word not in names:
            hint = f"{offer(word, names, f'{kind}s')} Or a file of your own: {kind.upper()}.toml"
            raise BoardError(f"unknown {kind} {word!r}", hint=hint)
        path = boards_folder() / folder / f"{word}.toml"
    spec = read_record(cls, path, error=BoardError)
    if spec.name != path.stem:
        raise BoardError(f"{path} is for {kind} {spec.name!r}: the file must have its name")
    return spec
