"""The order in which a stream computes rows, found by playing it with counters.

Equations (33) to (35) of docs/engine/design.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .stream import Buffer, RowStep

_NEVER = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The moves of a stream, and the lines and distances that follow from their order."""

    order: tuple[int, ...]
    """The step that computes a row, or fills a row of padding below, move by move."""
    lines: tuple[int, ...]
    """For each buffer, how many rows it must hold at once."""
    overlap: dict[tuple[int, int], int]
    """(output, input) -> least distance in bytes at which a whole output may begin before a whole input."""


def play(steps: Sequence[RowStep], buffers: Sequence[Buffer]) -> Schedule:
    """Run a stream with counters.

    The next row of each whole output in turn asks for the rows it needs, these for theirs. A row is needed until every
    step that uses it has computed the last row of its output that needs it.
    """
    counters = _Counters(steps, buffers)
    wanted = [number for number, step in enumerate(steps) if buffers[step.target].whole]
    while any(counters.is_unfinished(number) for number in wanted):
        for number in wanted:
            if counters.is_unfinished(number):
                counters.compute(number)
    return counters.schedule()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Need:
    """The rows of a buffer that row r of a step's output needs: the first is r * stride + skip."""

    source: int
    """The buffer."""
    target: int
    """The buffer of the output."""
    stride: int
    skip: int
    reach: int
    """Rows from the first to the last."""


class _Counters:
    """A stream that runs, with a counter for each buffer instead of its rows."""

    def __init__(self, steps: Sequence[RowStep], buffers: Sequence[Buffer]) -> None:
        self._steps, self._buffers = steps, buffers
        self._order: list[int] = []
        self._lines = [1] * len(buffers)
        self._overlap: dict[tuple[int, int], int] = {}
        # rows that are there, and rows before the padding below
        self._done = [buffer.height if buffer.given else buffer.top for buffer in buffers]
        self._ends = [buffer.top + buffer.height for buffer in buffers]
        self._needs = [_needs_of(step, buffers) for step in steps]
        self._users: list[list[_Need]] = [[] for _ in buffers]
        for need in (need for needs in self._needs for need in needs):
            self._users[need.source].append(need)
        self._producers = {step.target: number for number, step in enumerate(steps)}
        self._given = [index for index, buffer in enumerate(buffers) if buffer.given]

    def is_unfinished(self, number: int) -> bool:
        """Tell whether a step has rows to compute."""
        target = self._steps[number].target
        return self._done[target] < self._ends[target]

    def compute(self, number: int) -> None:
        """Compute the next row of a step's output, and before it whatever rows are lacking."""
        waiting = [number]
        while waiting:
            other = self._lacking(waiting[-1])
            if other is not None:
                waiting.append(other)
            else:
                self._move(waiting.pop())

    def schedule(self) -> Schedule:
        """Return the moves made so far, with the lines and distances they need."""
        pairs = zip(self._buffers, self._lines, strict=True)
        return Schedule(
            order=tuple(self._order),
            lines=tuple(
                buffer.height if buffer.whole else min(-(-n // buffer.together) * buffer.together, buffer.rows)
                for buffer, n in pairs
            ),
            overlap=self._overlap,
        )

    def _lacking(self, number: int) -> int | None:
        """Return the step that computes a row which the next row of a step's output lacks."""
        target = self._steps[number].target
        row = self._done[target] - self._buffers[target].top
        if row < self._buffers[target].height:
            for need in self._needs[number]:
                if self._done[need.source] <= row * need.stride + need.skip + need.reach:
                    return self._producers[need.source]
        return None

    def _move(self, number: int) -> None:
        """Compute the next row of a step's output, or a few, for which all is there."""
        self._order.append(number)
        step = self._steps[number]
        target = step.target
        out, row = self._buffers[target], self._done[target]
        # padding below is filled row by row
        rows = step.call.height if row < self._ends[target] else 1
        self._lines[target] = max(self._lines[target], row + rows - min(self._lowest(target), row))
        before = {source: self._lowest(source) for source in self._given} if out.whole and not out.given else {}
        self._done[target] += rows
        for source, needed in before.items():
            kept = self._lowest(source)
            distance = _distance(step, row, out, self._buffers[source], source, needed=needed, kept=kept)
            self._overlap[target, source] = max(self._overlap.get((target, source), -_NEVER), distance)

    def _lowest(self, source: int) -> int:
        """Return the first row of a buffer that is still needed."""
        return min((self._first(need) for need in self._users[source]), default=_NEVER)

    def _first(self, need: _Need) -> int:
        """Return the first row that a user of a buffer still needs."""
        done = self._done[need.target]
        if done >= self._ends[need.target]:
            return _NEVER
        return max(done - self._buffers[need.target].top, 0) * need.stride + need.skip


def _needs_of(step: RowStep, buffers: Sequence[Buffer]) -> list[_Need]:
    return [
        _Need(
            source=source,
            target=step.target,
            stride=window.stride,
            skip=buffers[source].top - window.top,
            reach=(window.rows - 1) * window.dilation,
        )
        for source, window in zip(step.sources, step.call.windows, strict=True)
    ]


def _distance(step: RowStep, row: int, out: Buffer, source: Buffer, index: int, *, needed: int, kept: int) -> int:
    """Return how far before a whole input its output must begin when this row of it is written, or a few from it on.

    The last must end before the first input row begins that this move or a later one needs. A kernel that may write
    over the row it reads does so if no other step needs that row afterwards.
    """
    if needed == _NEVER:
        return -_NEVER
    own = _own_distance(step, index)
    height = step.call.height
    distance = (row + height) * out.row_bytes - needed * source.row_bytes
    if own is not None and needed == row and row + height <= kept:
        distance = min(distance, row * out.row_bytes - row * source.row_bytes + own)
    return distance


def _own_distance(step: RowStep, source: int) -> int | None:
    """Return how far before the input row of a buffer a step's output row must begin; None: they must not overlap."""
    call = step.call.call
    if step.call.n_rows != len(step.call.windows) * step.call.height or step.sources.count(source) != 1:
        return None
    # of the inputs that are not constant
    distances = [
        distance for tensor, distance in zip(call.inputs, call.overlap, strict=True) if isinstance(tensor, int)
    ]
    return distances[step.sources.index(source)]
