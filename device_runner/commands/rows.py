"""The answers of ``predict`` as rows: separated by TAB, as CSV, as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from asc_kit.cli.output import say
from asc_kit.text import escape_controls

if TYPE_CHECKING:
    from ..predict import Period

Ranking = Sequence[tuple[str, float]]
_DEMO = "[demo]"


class Rows:
    """Rows that go nowhere."""

    def write(self, path: Path, period: Period, ranking: Ranking) -> None:
        """Write a row."""

    def close(self) -> None:
        """Write what is left to write."""


class TabRows(Rows):
    """File, with `has_times` start and end, then labels and probabilities, separated by TAB."""

    def __init__(self, has_times: bool, is_demo: bool) -> None:
        self._has_times, self._is_demo = has_times, is_demo

    def write(self, path: Path, period: Period, ranking: Ranking) -> None:
        """Write a line."""
        times = [f"{period.start_s:.2f}", f"{period.end_s:.2f}"] if self._has_times else []
        end = [_DEMO] if self._is_demo else []
        say("\t".join([str(path), *times, *(f"{name}\t{p:.3f}" for name, p in ranking), *end]))


class CsvRows(Rows):
    """File, start, end, likeliest label, its probability, and the probability of every label."""

    def __init__(self, labels: tuple[str, ...], is_demo: bool) -> None:
        self._labels, self._end = labels, [_DEMO] if is_demo else []
        self._say(["file", "start_s", "end_s", "label", "probability", *labels, *(["note"] if is_demo else [])])

    def write(self, path: Path, period: Period, ranking: Ranking) -> None:
        """Write a line."""
        by_label = [f"{p:.4f}" for p in period.probabilities]
        best = int(period.probabilities.argmax())
        times = [f"{period.start_s:.3f}", f"{period.end_s:.3f}"]
        self._say([str(path), *times, self._labels[best], by_label[best], *by_label, *self._end])

    def _say(self, cells: list[str]) -> None:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([escape_controls(cell) for cell in cells])
        say(line.getvalue())


class TableRows(Rows):
    """A table for people, printed at the end."""

    def __init__(self, has_times: bool, is_demo: bool) -> None:
        from rich.table import Table
        from rich.text import Text

        self._has_times = has_times
        title = Text(f"{_DEMO} a network trained on synthetic scenes") if is_demo else None
        self._table = Table("recording", *(("from", "to") if has_times else ()), "label", "", "others", title=title)

    def write(self, path: Path, period: Period, ranking: Ranking) -> None:
        """Take a row."""
        from rich.text import Text

        times = [_clock(period.start_s), _clock(period.end_s)] if self._has_times else []
        name, probability = ranking[0] if ranking else ("none", 0.0)
        others = ", ".join(f"{label} {100 * p:.1f} %" for label, p in ranking[1:])
        share = f"{100 * probability:.1f} %" if ranking else ""
        self._table.add_row(*(Text(cell) for cell in (str(path), *times, name, share, others)))

    def close(self) -> None:
        """Print the table."""
        from asc_kit.process.console import PipeConsole

        PipeConsole(highlight=False).print(self._table)


def _clock(seconds: float) -> str:
    """Return a time as hours, minutes and seconds."""
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes // 60)}:{int(minutes % 60):02d}:{rest:04.1f}"
