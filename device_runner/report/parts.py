"""The parts of a report, and functions that fill its cells, for `content` and `quality`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asc_kit.result import BenchmarkResult

from .reading import NamedResult

Results = Sequence[NamedResult]
Line = tuple[str, Callable[[BenchmarkResult], str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTable:
    """A table whose first column names its rows."""

    caption: str
    """Title."""
    header: tuple[str, ...]
    """Names of the columns."""
    rows: tuple[tuple[str, ...], ...]
    """Cells as text."""
    folded: bool = False
    """Whether the page shows the table only on demand."""
    code: bool = False
    """Whether the cells are hashes or the like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A picture."""

    title: str
    """Its caption."""
    alt: str
    """Description for readers who do not see it."""
    svg: str
    """The picture, ready to stand in a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A chapter of the report."""

    anchor: str
    """Its name in links."""
    title: str
    """Its heading."""
    text: tuple[str, ...] = ()
    """Paragraphs before the rest."""
    figures: tuple[Figure, ...] = ()
    """Pictures."""
    tables: tuple[DataTable, ...] = ()
    """Tables."""


def columns(results: Results) -> tuple[str, ...]:
    """Return the heading of each result's column."""
    return tuple(item.name for item in results)


def rows_of(results: Results, *lines: Line) -> tuple[tuple[str, ...], ...]:
    """Build a row per line and a cell per result; a line without any value is left out."""
    rows = []
    for title, cell in lines:
        cells = [cell(item.result) for item in results]
        if any(text is not None for text in cells):
            rows.append((title, *(text if text is not None else "–" for text in cells)))
    return tuple(rows)


def of(title: str, item: NamedResult, results: Results) -> str:
    """Name the result in a title, if there are several."""
    return f"{title} ({item.name})" if len(results) > 1 else title
