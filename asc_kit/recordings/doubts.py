"""Oddities of usable recordings, reported once for many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

from asc_kit.process.console import console

DoubtKind = Literal["longer_than_header", "header_off", "cut_off", "channels_cancel"]

SAYS: Mapping[DoubtKind, str] = {
    "longer_than_header": "more audio than the header says, which was read to the end of the file",
    "header_off": "a header that is a few bytes off",
    "cut_off": "the end cut off; what is left was read",
    "channels_cancel": "channels that cancel each other: little or nothing is left of their mean",
}
"""Phrase for recordings with such an oddity."""

_EXAMPLES = 3

_mentioned: defaultdict[DoubtKind, set[Path]] = defaultdict(set)
_lock = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """An oddity of a recording."""

    kind: DoubtKind
    """Kind of the oddity."""
    path: Path
    """The recording."""
    says: str
    """Description, without the name of the file."""


def show_doubts(doubts: Iterable[Doubt]) -> None:
    """Print a warning for each kind of doubt: how many recordings, and the first of them."""
    by_kind: dict[DoubtKind, dict[Path, Doubt]] = defaultdict(dict)
    for doubt in doubts:
        by_kind[doubt.kind].setdefault(doubt.path, doubt)
    for kind, by_path in by_kind.items():
        examples = [f"  {doubt.path}: {doubt.says}" for doubt in list(by_path.values())[:_EXAMPLES]]
        more = ["  …"] if len(by_path) > _EXAMPLES else []
        text = "\n".join([f"Warning: {_recordings(len(by_path))} with {SAYS[kind]}", *examples, *more])
        console.print(text, markup=False, soft_wrap=True, style="yellow")


def _recordings(number: int) -> str:
    return f"{number:,} recording{'' if number == 1 else 's'}"


def mention_doubts(doubts: Iterable[Doubt]) -> None:
    """Print warnings for recordings that come one by one: the first few of each kind in this process, each once."""
    for doubt in doubts:
        with _lock:
            paths = _mentioned[doubt.kind]
            if doubt.path in paths or len(paths) > _EXAMPLES:
                continue
            paths.add(doubt.path)
            number = len(paths)
        if number <= _EXAMPLES:
            text = f"Warning: {doubt.path}: {doubt.says}"
        else:
            text = f"Warning: more recordings with {SAYS[doubt.kind]}. All of them: asc-kit data check"
        console.print(text, markup=False, soft_wrap=True, style="yellow")
