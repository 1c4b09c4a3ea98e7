"""An order of work as loops: what a stream does over and over is written once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_WORTH = 8  # a loop takes six bytes, and the parts beside it another


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A part of an order that is done several times, one after the other."""

    body: tuple[int, ...]
    """What is done each time."""
    times: int
    """How often, at least once."""


def find_loops(order: Sequence[int]) -> tuple[Loop, ...]:
    """Return loops that do an order, few of them and short.

    The repetition that saves most is taken, then what comes before it and after it in the same way.
    """
    if not order:
        return ()
    values = np.asarray(order)
    saved, start, period, times = 0, 0, len(order), 1
    for candidate in range(1, len(values) // 2 + 1):
        if len(values) - candidate <= saved:
            break  # no longer body can save more
        first, n = _longest_run(values[candidate:] == values[:-candidate])
        repetitions = n // candidate + 1
        if (repetitions - 1) * candidate > saved:
            saved, start, period, times = (repetitions - 1) * candidate, first, candidate, repetitions
    if saved < _WORTH:
        return (Loop(body=tuple(order), times=1),)
    stop = start + period * times
    body = tuple(order[start : start + period])
    return (*find_loops(order[:start]), Loop(body=body, times=times), *find_loops(order[stop:]))


def _longest_run(matches: np.ndarray) -> tuple[int, int]:
    """Return where the longest run of True begins and how long it is."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], matches, [False])).astype(np.int8)))
    if edges.size == 0:
        return 0, 0
    starts, stops = edges[::2], edges[1::2]
    longest = int((stops - starts).argmax())
    return int(starts[longest]), int(stops[longest] - starts[longest])
