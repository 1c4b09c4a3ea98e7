"""Read the tables of a data set: CSV with a header, TAB or comma between the columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

from asc_kit.errors import DataError
from asc_kit.records.documents import read_limited
from asc_kit.records.fields import MAX_LABEL_LENGTH, check_inner_path, check_label

Complain = Callable[[int, str], None]

MAX_TABLE_BYTES = 256 << 20
"""The largest table of a challenge has 25 MB."""
MAX_CELL = 4000
"""Characters of a cell that holds several labels."""

_HEADER_CHARACTERS = 1 << 16
# columns of file names, in which a space at the end counts
_NAMES_OF_FILES = frozenset({"filename", "fname", "slice_file_name"})
_SEPARATION = {"\t": "TAB-separated", ",": "comma-separated"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, as in its file."""

    path: Path
    """The file."""
    delimiter: Literal["\t", ","]
    """Separator of the columns."""
    header: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[tuple[int, list[str]], ...]
    """Line number, from 1, and fields of each row that is not blank."""

    def require(self, columns: Sequence[str]) -> None:
        """Raise DataError unless the header has all of `columns`."""
        if not set(columns) <= set(self.header):
            raise DataError(
                f"{self.path} must be {_SEPARATION[self.delimiter]} with the columns {', '.join(columns)}. "
                f"Received: {', '.join(self.header) or 'an empty file'}"
            )

    def select(self, columns: Sequence[str], complain: Complain | None = None) -> Iterator[tuple[int, list[str]]]:
        """Yield line number and the fields of `columns`, none of them empty, without the spaces around labels.

        A row that does not fit is reported to `complain` and left out; without `complain` it raises DataError.
        """
        self.require(columns)
        complain = complain or self._refuse
        places = [self.header.index(name) for name in columns]
        least = max(places) + 1
        exact = [(place, name in _NAMES_OF_FILES) for place, name in zip(places, columns, strict=True)]
        for line, fields in self.rows:
            chosen = []
            if least <= len(fields) <= len(self.header):
                chosen = [fields[place] if as_is else fields[place].strip() for place, as_is in exact]
            if not chosen or not all(chosen):
                complain(line, f"expected the columns {', '.join(columns)}. Received: {self.delimiter.join(fields)!r}")
                continue
            problem = next(filter(None, map(problem_of_cell, columns, chosen)), None)
            if problem is not None:
                complain(line, problem)
            else:
                yield line, chosen

    def _refuse(self, line: int, message: str) -> NoReturn:
        raise DataError(f"{self.path}, line {line}: {message}")


def problem_of_cell(column: str, text: str) -> str | None:
    """Return why a cell cannot be used; None if it can."""
    if column in _NAMES_OF_FILES:
        return check_inner_path(text)
    # a cell may hold several labels; each is checked separately later
    return check_label(text, column, longest=MAX_CELL if column == "labels" else MAX_LABEL_LENGTH)


def read_table(path: Path, delimiter: Literal["\t", ","]) -> Table:
    """Read a table whole.

    Raises
    ------
    DataError
        If the file cannot be read or is too large, is not UTF-8, or has an unclosed quote.
    """
    return parse_table(read_limited(path, MAX_TABLE_BYTES, DataError), path, delimiter)


def parse_table(data: bytes, path: Path, delimiter: Literal["\t", ","]) -> Table:
    """Read a table from the bytes of a file; errors call it `path`."""
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter, strict=True)
        header = next(reader, [])
        rows = tuple((reader.line_num, fields) for fields in reader if fields)
    except (UnicodeDecodeError, csv.Error) as failure:
        raise DataError(f"{path} cannot be read: {failure}") from failure
    return Table(path=path, delimiter=delimiter, header=tuple(header), rows=rows)


def header_of(path: Path, delimiter: Literal["\t", ","]) -> tuple[str, ...]:
    """Return the first row of a table, which identifies the file; empty if it cannot be read."""
    try:
        if not path.is_file():  # a pipe of that name would never answer
            return ()
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            start = io.StringIO(stream.read(_HEADER_CHARACTERS), newline="")
            return tuple(next(csv.reader(start, delimiter=delimiter), []))
    except (OSError, csv.Error):
        return ()
