"""An order of moves as loops, so that a stream's repetitions are stored once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_WORTH = 8  # a loop takes six bytes, and the parts beside it another


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Moves that are made several times in a row."""

    body: tuple[int, ...]
    """The moves of one turn."""
    times: int
    """Number of turns, at least 1."""


def find_loops(order: Sequence[int]) -> tuple[Loop, ...]:
    """Return few and short loops that make the moves of an order.

    Takes the repetition that saves most, then treats the moves before it and after it in the same way.
    """
    if not order:
        return ()
    values = np.asarray(order)
    saved, start, period, times = 0, 0, len(order), 1
    for candidate in range(1, len(values) // 2 + 1):
        if len(values) - candidate <= saved:
            break  # a longer body cannot save more
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
    """Return the begin and the length of the longest run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], matches, [False])).astype(np.int8)))
    if edges.size == 0:
        return 0, 0
    starts, stops = edges[::2], edges[1::2]
    longest = int((stops - starts).argmax())
    return int(starts[longest]), int(stops[longest] - starts[longest])
