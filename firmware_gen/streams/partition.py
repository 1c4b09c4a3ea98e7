"""Where to cut a network into streams and whole steps, so that it needs little memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..graph import Graph
from ..row_call import RowCall
from .assembly import assemble

_IMPOSSIBLE = 1 << 60


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """One operator, and what it could become."""

    rows: RowCall | None
    """Its kernel for one row, if it has one."""
    scratch_bytes: int
    """Scratch memory of its kernel for whole tensors."""


def partition(graph: Graph, candidates: Sequence[Candidate]) -> list[tuple[int, int]]:
    """Return ranges of operators, in order: those that have rows become streams, others are alone.

    A stream holds the lines of the tensors inside of it, all at once; a cut makes the tensors that cross it whole. Of
    all partitions of operators with rows the one with the lowest peak is taken, and of those the one with the fewest
    parts. Lines are counted once, in the longest streams; cuts change them little.
    """
    parts: list[tuple[int, int]] = []
    position = 0
    while position < len(candidates):
        if candidates[position].rows is None:
            parts.append((position, position + 1))
            position += 1
            continue
        end = _longest(graph, candidates, position)
        parts += _best_cuts(graph, candidates, position, end)
        position = end
    return parts


def whole_tensors(graph: Graph, start: int, end: int) -> frozenset[int]:
    """Return the tensors that a stream of operators `start` to `end` - 1 finds or leaves as a whole."""
    inside = {operator.output for operator in graph.operators[start:end]}
    outside = {graph.input, graph.output}
    outside |= {index for alias in graph.aliases for index in (alias.tensor, alias.of)}
    for position, operator in enumerate(graph.operators):
        if not start <= position < end:
            outside |= set(operator.inputs) | {operator.output}
    used = {index for operator in graph.operators[start:end] for index in graph.activations(operator)}
    return frozenset((outside & (inside | used)) | (used - inside))


def _longest(graph: Graph, candidates: Sequence[Candidate], start: int) -> int:
    """Return the end of the longest stream from here on.

    A piece of a tensor that the stream computes, such as another shape of it, is no tensor of rows: it is there only
    when all of the other is.
    """
    computed: set[int] = set()
    for position in range(start, len(candidates)):
        operator = graph.operators[position]
        aliased = {graph.storage(index) for index in graph.activations(operator) if graph.storage(index) != index}
        if candidates[position].rows is None or aliased & computed:
            return position
        computed.add(operator.output)
    return len(candidates)


def _best_cuts(graph: Graph, candidates: Sequence[Candidate], start: int, end: int) -> list[tuple[int, int]]:
    """Cut one range of operators with rows: dynamic programming over the cuts."""
    costs = _Costs(graph, candidates, start, end)
    # best[k]: (peak, parts, begin of the last part) of the first k operators
    best: list[tuple[int, int, int]] = [(0, 0, 0)]
    for stop in range(1, end - start + 1):
        best.append(
            min((max(best[begin][0], costs.of(begin, stop)), best[begin][1] + 1, begin) for begin in range(stop))
        )
    cuts = [end - start]
    while cuts[-1] > 0:
        cuts.append(best[cuts[-1]][2])
    return [(start + begin, start + stop) for stop, begin in zip(cuts, cuts[1:], strict=False)][::-1]


class _Costs:
    """Estimated memory of the parts of one range."""

    def __init__(self, graph: Graph, candidates: Sequence[Candidate], start: int, end: int) -> None:
        calls = [candidate.rows for candidate in candidates[start:end]]
        operators = graph.operators[start:end]
        stream = assemble(
            graph.tensors, operators, [call for call in calls if call is not None], whole_tensors(graph, start, end)
        )
        self._lines: dict[int, int] = {}
        for buffer in stream.buffers:
            if not buffer.whole:
                index = buffer.tensor.index
                self._lines[index] = self._lines.get(index, 0) + buffer.n_bytes
        self._scratch = [call.call.scratch_bytes or 0 for call in calls if call is not None]
        self._bytes = {tensor.index: tensor.n_elements for tensor in graph.tensors}
        self._outputs = [operator.output for operator in operators]
        self._inputs = [frozenset(graph.activations(operator)) for operator in operators]
        self._live = [_live(graph, start + position) for position in range(len(operators) + 1)]

    def of(self, begin: int, stop: int) -> int:
        """Return the bytes that a part needs: its lines, its scratch memory and the whole tensors of its time."""
        before, after = self._live[begin], self._live[stop]
        inside = {index for index in self._outputs[begin:stop] if index not in after}
        read = frozenset[int]().union(*self._inputs[begin:stop])
        lines = sum(self._lines.get(index, 0) for index in inside)
        # what comes from an earlier part is copied into lines when padding is wanted
        lines += sum(self._lines.get(index, 0) for index in read & before) if stop - begin > 1 else 0
        dying = sum(self._bytes[index] for index in before - after)
        born = sum(self._bytes[index] for index in after - before)
        kept = sum(self._bytes[index] for index in before & after)
        return kept + max(dying, born) + lines + max(self._scratch[begin:stop])


def _live(graph: Graph, position: int) -> frozenset[int]:
    """Return the storages that are needed from an operator on and exist before it."""
    needed = {graph.storage(graph.output)}
    for operator in graph.operators[position:]:
        needed |= {graph.storage(index) for index in graph.activations(operator)}
    made = {graph.storage(graph.input)} | {operator.output for operator in graph.operators[:position]}
    return frozenset(needed & made)
