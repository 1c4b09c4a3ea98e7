"""An event with what someone elsewhere needs to place it: when, which, from whom."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from ..listening.events import Event, Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who listens to what."""

    name: str
    """Name of the bundle."""
    model_sha256: str
    """Its network."""
    source: str
    """The microphone, in the words of the sound system."""
    labels: tuple[str, ...]
    """All scenes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One event, for the world."""

    number: int
    """Counted from 1 since listening began: a missing number is a lost report."""
    utc: str
    """Wall clock, ISO 8601 with milliseconds."""
    origin: Origin
    """Who reports."""
    event: Event | None
    """What happened; None for the count at the end."""
    document: dict[str, object]
    """The same as plain data, as ``live --json`` prints it."""
    tally: Tally
    """Counts so far; it goes on changing."""


class Outlet(Protocol):
    """Something that takes reports. It never raises because its far end is away: that must not stop the listening."""

    def take(self, report: Report) -> None:
        """Take one report."""

    def close(self) -> None:
        """Finish: nothing more will come."""


class Reporter:
    """Numbers and dates events, and hands them to outlets.

    Parameters
    ----------
    origin
        Who reports.
    tally
        The listener's counts.
    outlets
        Where reports go, in this order.
    numbers
        Numbers of the reports, for several reporters of one session; None for a count of its own.
    notes
        Fields of every document.
    """

    def __init__(
        self,
        origin: Origin,
        tally: Tally,
        outlets: tuple[Outlet, ...],
        *,
        numbers: Iterator[int] | None = None,
        notes: Mapping[str, object] | None = None,
    ) -> None:
        self._origin, self._tally, self._outlets = origin, tally, outlets
        self._numbers = itertools.count(1) if numbers is None else numbers
        self._notes = dict(notes or {})

    def tell(self, event: Event | None, document: dict[str, object]) -> Report:
        """Report an event, and return the report."""
        number = next(self._numbers)
        utc = utc_now()
        stamp = {"seq": number, "utc": utc, "source": self._origin.source, "model": self._origin.model_sha256}
        report = Report(
            number=number,
            utc=utc,
            origin=self._origin,
            event=event,
            document=document | stamp | self._notes,
            tally=self._tally,
        )
        for outlet in self._outlets:
            outlet.take(report)
        return report


@contextmanager
def closing_all(outlets: tuple[Outlet, ...]) -> Iterator[None]:
    """Close outlets at the end of the block, the last first, however it ends."""
    try:
        yield
    finally:
        for outlet in reversed(outlets):
            outlet.close()


def utc_now() -> str:
    """Return the wall clock as ISO 8601, to the millisecond, with Z for UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
