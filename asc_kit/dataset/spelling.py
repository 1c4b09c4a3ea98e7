"""Spellings of a name: Unicode has two forms of ``é``, file systems keep either, people type a space.

Names of files are equal if their composed forms (NFC) are; tables and file systems are matched by that. Labels stay as
written, without the spaces around them; labels that differ only in case, spaces or form cause a warning.
"""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath

from asc_kit.process.console import console


def composed(name: str) -> str:
    """Return the composed form (NFC), which all forms of a name share."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def locate(root: Path, filename: str) -> Path:
    """Return the path of a file below a folder, in the form on the disk; unchanged if it does not exist."""
    path = root / filename
    if filename.isascii() or os.path.lexists(path):
        return path
    place = root
    for part in PurePosixPath(filename).parts:
        step = place / part
        if not os.path.lexists(step):
            names = listing(place)
            if composed(part) not in names:
                return path
            step = place / names[composed(part)]
        place = step
    return place


def listing(folder: Path) -> Mapping[str, str]:
    """Return the names in a folder by their composed form; none if there is no folder."""
    try:
        return _listing(folder, os.stat(folder).st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=64)
def _listing(folder: Path, mtime_ns: int) -> Mapping[str, str]:
    return {composed(name): name for name in sorted(os.listdir(folder))}


def label_key(label: str) -> str:
    """Return a label without case, Unicode form, invisible marks and kinds of spaces."""
    plain = unicodedata.normalize("NFKC", label).casefold()
    seen = "".join(" " if mark in "_-" else mark for mark in plain if unicodedata.category(mark) != "Cf")
    return unicodedata.normalize("NFKC", " ".join(seen.split()))


def find_twins(labels: Iterable[str]) -> list[tuple[str, ...]]:
    """Return the groups of labels that are probably meant to be the same, each sorted."""
    groups: dict[str, set[str]] = defaultdict(set)
    for label in labels:
        groups[label_key(label)].add(label)
    return [tuple(sorted(group)) for group in groups.values() if len(group) > 1]


def quote(names: Iterable[str]) -> str:
    """Name labels so that their difference is visible: with escapes for non-ASCII characters, if two look alike."""
    listed = list(names)
    alike = len({composed(name) for name in listed}) < len(listed) or any(
        unicodedata.category(mark) in ("Cf", "Zs") and mark != " " for name in listed for mark in name
    )
    return ", ".join(ascii(name) if alike else repr(name) for name in listed)


def warn_of_twins(labels: Iterable[str]) -> None:
    """Print a warning for each group of labels that are probably meant to be the same."""
    for group in find_twins(labels):
        differ = "differ in case, spaces or Unicode form alone; each is a class of its own"
        console.print(f"Warning: the classes {quote(group)} {differ}", markup=False, soft_wrap=True, style="yellow")
