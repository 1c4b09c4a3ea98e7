"""The order of a data set's classes: sorted names, or the order of a class map.

A class map is a CSV file of rows ``index,name`` with or without a header, the indices 0, 1, 2 … each once, as the
baseline of DCASE 2019 Task 2 uses it. It may name classes that no clip has.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from asc_kit.errors import DataError
from asc_kit.records.fields import MAX_LABELS
from asc_kit.records.fields import check_label as problem_of_label
from asc_kit.text import escape_controls

from .spelling import label_key
from .tables import read_table

CLASS_MAP = "class_map.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMap:
    """Classes in order, and the file that defines it."""

    path: Path
    """The file."""
    names: tuple[str, ...]
    """The classes; the index is the position."""

    def unknown(self, label: str) -> str | None:
        """Return a message with the nearest names if a label is not in the map; None if it is."""
        if label in self.names:
            return None
        twin = next((name for name in self.names if label_key(name) == label_key(label)), None)
        if twin is not None:
            return (
                f"label {ascii(label)} is not in {self.path}, but {ascii(twin)} is: they differ in case, spaces or "
                "Unicode form"
            )
        near = difflib.get_close_matches(label, self.names, n=3)
        return f"label {label!r} is not in {self.path}" + (f"; nearest: {', '.join(near)}" if near else "")


def read_class_map(path: Path) -> ClassMap:
    """Read a class map.

    Raises
    ------
    DataError
        If a row is not ``index,name``, or if an index or a name is missing or appears twice.
    """
    if not path.is_file():
        raise DataError(f"class map {path} does not exist", hint="its rows are: index,name")
    table = read_table(path, ",")
    rows = list(table.rows)
    if len(rows) > MAX_LABELS:
        raise DataError(f"{path} has {len(rows):,} rows. Expected: at most {MAX_LABELS:,} classes")
    if table.header and _index(table.header[0]) is not None:
        rows.insert(0, (1, list(table.header)))
    names: dict[int, str] = {}
    for line, fields in rows:
        index = _index(fields[0])
        if index is None or len(fields) != 2 or not fields[1].strip():
            raise DataError(f"{path}, line {line}: expected index,name. Received: {','.join(fields)!r}")
        problem = problem_of_label(fields[1].strip())
        if problem is not None:
            raise DataError(f"{path}, line {line}: {problem}")
        if index in names or fields[1].strip() in names.values():
            raise DataError(f"{path}, line {line}: index {index} or class {fields[1]!r} stands there twice")
        names[index] = fields[1].strip()
    if set(names) != set(range(len(names))) or not names:
        raise DataError(
            f"the indices of {path} must be 0, 1, 2 … without a gap. "
            f"Received: {len(names)} classes, indices {', '.join(map(str, sorted(names)[:8]))} …"
        )
    return ClassMap(path=path, names=tuple(names[index] for index in range(len(names))))


def find_class_map(given: Path | None, *folders: Path) -> ClassMap | None:
    """Read the given class map, or the first ``class_map.csv`` in `folders`; None if there is none."""
    if given is not None:
        return read_class_map(given)
    path = next((folder / CLASS_MAP for folder in folders if (folder / CLASS_MAP).is_file()), None)
    return read_class_map(path) if path else None


def class_order(labels: Iterable[str], class_map: ClassMap | None) -> tuple[str, ...]:
    """Return the classes of a data set in their order.

    Raises
    ------
    DataError
        If there are more than a model can have, most likely because the column holds something else.
    """
    order = class_map.names if class_map else tuple(sorted(set(labels)))
    if len(order) > MAX_LABELS:
        raise DataError(
            f"the data set has {len(order):,} classes, {order[0]!r} and {order[1]!r} among them. "
            f"Expected: at most {MAX_LABELS:,}"
        )
    return order


def check_label(label: str, class_map: ClassMap | None, where: str) -> None:
    """Raise DataError, naming the place, if a label is invalid or a class map lacks it."""
    problem = problem_of_label(label)
    if problem is not None:
        raise DataError(f"{escape_controls(where, lines=False)}: {problem}", hint="correct the label")
    problem = class_map.unknown(label) if class_map else None
    if problem is not None:
        raise DataError(f"{where}: {problem}", hint="correct the label, or add it to the class map")


def _index(text: str) -> int | None:
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None
