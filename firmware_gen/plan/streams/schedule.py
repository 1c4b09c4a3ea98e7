"""The order in which a stream computes rows, found by playing it with counters.

Equations (33) to (35) of docs/engine/design.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .stream import Buffer, Stage

_NEVER = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The moves of a stream, and what follows from their order."""

    order: tuple[int, ...]
    """The stage that computes a row, or fills a row of padding below, move by move."""
    lines: tuple[int, ...]
    """For each buffer, how many rows it must hold at once."""
    overlap: dict[tuple[int, int], int]
    """(output, input) -> least distance in bytes at which a whole output may begin before a whole input."""


def play(stages: Sequence[Stage], buffers: Sequence[Buffer]) -> Schedule:
    """Run a stream with counters.

    In turn, the next row of each whole output asks for the rows that it needs, and these ask for theirs. A row is
    needed until every stage that uses it has computed the last row of its output that needs it.
    """
    done = [buffer.height if buffer.given else buffer.top for buffer in buffers]
    lines = [1] * len(buffers)
    order: list[int] = []
    windows = [
        [
            (source, window.stride, buffers[source].top - window.top, (window.rows - 1) * window.dilation)
            for source, window in zip(stage.sources, stage.call.windows, strict=True)
        ]
        for stage in stages
    ]
    users: list[list[tuple[int, int, int]]] = [[] for _ in buffers]
    for stage, needs in zip(stages, windows, strict=True):
        for source, stride, skip, _ in needs:
            users[source].append((stage.target, stride, skip))
    ends = [buffer.top + buffer.height for buffer in buffers]

    def lowest(source: int) -> int:
        """First row of a buffer that is still needed."""
        return min(
            (
                max(done[target] - buffers[target].top, 0) * stride + skip if done[target] < ends[target] else _NEVER
                for target, stride, skip in users[source]
            ),
            default=_NEVER,
        )

    pairs = [
        (out, source)
        for out, buffer in enumerate(buffers)
        if buffer.whole and not buffer.given
        for source, other in enumerate(buffers)
        if other.given
    ]
    overlap: dict[tuple[int, int], int] = {}
    producers = {stage.target: number for number, stage in enumerate(stages)}

    def lacking(number: int) -> int | None:
        """Return the stage that computes a missing row which the next row of a stage's output needs."""
        target = stages[number].target
        r = done[target] - buffers[target].top
        if r < buffers[target].height:
            for source, stride, skip, reach in windows[number]:
                if done[source] <= r * stride + skip + reach:
                    return producers[source]
        return None

    def compute(number: int) -> None:
        """Compute the next row of a stage's output, and before it all rows that are missing."""
        waiting = [number]
        while waiting:
            other = lacking(waiting[-1])
            if other is not None:
                waiting.append(other)
                continue
            order.append(waiting[-1])
            stage = stages[waiting.pop()]
            target = stage.target
            row = done[target]
            lines[target] = max(lines[target], row + 1 - min(lowest(target), row))
            before = {source: lowest(source) for out, source in pairs if out == target}
            done[target] += 1
            for source, needed in before.items():
                distance = _distance(
                    stage, row, buffers[target], buffers[source], source, needed=needed, kept=lowest(source)
                )
                overlap[target, source] = max(overlap.get((target, source), -_NEVER), distance)

    wanted = [number for number, stage in enumerate(stages) if buffers[stage.target].whole]
    while any(done[stages[number].target] < ends[stages[number].target] for number in wanted):
        for number in wanted:
            if done[stages[number].target] < ends[stages[number].target]:
                compute(number)
    return Schedule(
        order=tuple(order),
        lines=tuple(
            buffer.height if buffer.whole else min(n, buffer.rows) for buffer, n in zip(buffers, lines, strict=True)
        ),
        overlap=overlap,
    )


def _distance(stage: Stage, row: int, out: Buffer, source: Buffer, index: int, *, needed: int, kept: int) -> int:
    """Return how far before a whole input its output must begin when this row of it is written.

    The row must end before the first input row begins that this move or a later one needs. A kernel that may write over
    the row it reads does so if no other stage needs that row afterwards.
    """
    if needed == _NEVER:
        return -_NEVER
    own = _own_distance(stage, index)
    distance = (row + 1) * out.row_bytes - needed * source.row_bytes
    if own is not None and needed == row < kept:
        distance = min(distance, row * out.row_bytes - row * source.row_bytes + own)
    return distance


def _own_distance(stage: Stage, source: int) -> int | None:
    """Return how far before the input row of a buffer a stage's output row must begin; None: they must not overlap."""
    call = stage.call.call
    if stage.call.n_rows != len(stage.call.windows) or stage.sources.count(source) != 1:
        return None
    # of the inputs that are not constant
    distances = [
        distance for tensor, distance in zip(call.inputs, call.overlap, strict=True) if isinstance(tensor, int)
    ]
    return distances[stage.sources.index(source)]
