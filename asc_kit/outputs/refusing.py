"""Reasons to refuse an output."""

from __future__ import annotations

from pathlib import Path

from asc_kit.errors import AscKitError

from .inventory import OutputKind, name_some

ANOTHER = "choose another place"


class RefusedError(AscKitError):
    """An output cannot be written without touching a file of the user's."""


class InTheWayError(RefusedError):
    """A file of the user's has appeared in the place of a finished output."""


def in_the_way_error(out: Path, kind: OutputKind, names: list[str]) -> InTheWayError:
    """Return the error for files that `kind` did not write and would replace."""
    is_, it = ("is", "it") if len(names) == 1 else ("are", "them")
    return InTheWayError(
        f"{name_some(names)} in {out} {is_} not what {kind.command} wrote there, and would be replaced",
        hint=f"choose another {kind.option}, or move {it} away",
    )
