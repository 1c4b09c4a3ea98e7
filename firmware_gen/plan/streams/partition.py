"""Where to cut a network into streams and whole steps, so that it needs little memory.

Stored as a whole, the tensors of most networks exceed a microcontroller's memory. But one row of a convolution's output
needs only a few rows of its input. So the engine runs neighbouring operators together, row by row: a *stream*. Inside a
stream a tensor has place for a few rows at a time, its *lines*. The five tensors of CP-Mobile's second block take 8,000
bytes as lines and 243,712 as a whole.

The longest streams are not always the best. All lines of a stream exist at the same time, while whole tensors come and
go; towards the end of a network, where tensors have few rows, whole tensors take less. Lines with padding are filled by
copying. And an operator on single pixels, cut out alone, goes over a few long rows instead of many short ones, which
saves calls of its kernel. So each place between two operators is a choice: go on row by row, or cut, and store as a
whole what crosses the cut.

The choice is made in five steps:

1. `_longest` finds *runs*: operators that could be one stream. A run ends before an operator that has no kernel for
   rows, or that reads a view of a tensor which the run computes.
2. Any range of operators in a run may become a *part*: a stream, or one operator by itself. `_Run` estimates the memory
   that a part needs, and its work in cycles, as far as that depends on cuts.
3. `least_peak` finds the lowest peak of memory to which any cuts of the run lead: dynamic programming over the places.
4. `cuts` finds the cuts with the least work below a given peak, by the same recursion. Repeated with a price on memory
   above smaller and smaller shares of the peak, it gives several ways: the first is the fastest, the last has few parts
   that need little.
5. Memory is only estimated here. The planner (`plan.py`) places all ways, and takes the fastest whose arena is nearly
   the smallest.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from ...network.graph import Graph
from ...network.kernel_call import KernelCall
from ...network.row_call import RowCall
from ..choices import Choice
from .assembly import assemble

# estimated cycles
_PART = 100  # to begin a part
_COPY = 2  # to copy a byte
RELAYOUT = 12  # to copy a byte into another layout
_CALL = 200  # to call a kernel, and one more for each byte of its constants
_DISCOMFORT = 100  # the price of a byte above a share of the peak
# each share gives one way to cut
_SHARES = (1.0, 0.9, 0.8, 0.65, 0.5, 0.0)


def partitions(graph: Graph, choices: Sequence[Choice], larger: float) -> list[list[tuple[int, int]]]:
    """Return ways to cut the operators into ranges, the fastest first; ranges of operators with rows are streams.

    By the estimate, no way needs more than `larger` times the lowest peak of memory. Lines are counted once, in the
    longest streams, since cuts change them little.
    """
    live = _live_sets(graph)
    runs: list[_Run] = []
    position = 0
    while position < len(choices):
        end = _longest(graph, choices, position)
        runs.append(_Run(graph, choices, live, position, max(end, position + 1)))
        position = max(end, position + 1)
    peak = int(larger * max(run.least_peak() for run in runs))
    ways: list[list[tuple[int, int]]] = []
    for share in _SHARES:
        parts = [part for run in runs for part in run.cuts(peak, int(peak * share))]
        if parts not in ways:
            ways.append(parts)
    return ways


def whole_tensors(graph: Graph, start: int, end: int) -> frozenset[int]:
    """Return the tensors that a stream of operators `start` to `end` - 1 reads or leaves as a whole."""
    inside = {operator.output for operator in graph.operators[start:end]}
    outside = set(graph.given | graph.kept)
    outside |= {index for alias in graph.aliases for index in (alias.tensor, alias.of)}
    for position, operator in enumerate(graph.operators):
        if not start <= position < end:
            outside |= set(operator.inputs) | {operator.output}
    used = {index for operator in graph.operators[start:end] for index in graph.activations(operator)}
    return frozenset((outside & (inside | used)) | (used - inside))


def _longest(graph: Graph, choices: Sequence[Choice], start: int) -> int:
    """Return the end of the longest stream from here on.

    A view of a tensor that the stream computes, such as another shape of it, has no rows of its own: it exists only
    once the whole tensor does.
    """
    computed: set[int] = set()
    for position in range(start, len(choices)):
        operator = graph.operators[position]
        aliased = {graph.storage(index) for index in graph.activations(operator) if graph.storage(index) != index}
        if choices[position].rows is None or aliased & computed:
            return position
        computed.add(operator.output)
    return len(choices)


class _Run:
    """A range of operators that could be one stream, or one operator without rows."""

    def __init__(
        self, graph: Graph, choices: Sequence[Choice], live: Sequence[frozenset[int]], start: int, end: int
    ) -> None:
        self._start = start
        self._size = end - start
        self._choices = choices[start:end]
        calls = [choice.rows for choice in self._choices if choice.rows is not None]
        operators = graph.operators[start:end]
        self._lines: dict[int, int] = {}
        self._wants: dict[int, int] = {}
        if calls:
            stream = assemble(graph.tensors, operators, calls, whole_tensors(graph, start, end))
            for buffer in stream.buffers:
                if not buffer.whole:
                    index = buffer.tensor.index
                    self._lines[index] = self._lines.get(index, 0) + buffer.n_bytes
                    price = RELAYOUT if buffer.layout != "pixels" else _COPY if buffer.padded else 0
                    self._wants[index] = max(self._wants.get(index, 0), price)
        self._bytes = {tensor.index: tensor.n_elements for tensor in graph.tensors}
        # scratch memory of each operator in a stream
        self._scratch = [_scratch_bytes(choice.rows) for choice in self._choices]
        rows = [graph.tensors[operator.output].shape[1:2] or (1,) for operator in operators]
        own = [
            height * _call_work(choice.rows.call) if choice.rows is not None else 0
            for choice, (height,) in zip(self._choices, rows, strict=True)
        ]
        self._work_before = [0, *accumulate(own)]
        self._outputs = [operator.output for operator in operators]
        self._made = {index: position for position, index in enumerate(self._outputs)}
        self._lines_before = [0, *accumulate(self._lines.get(index, 0) for index in self._outputs)]
        self._inputs = [frozenset(graph.activations(operator)) for operator in operators]
        self._live = live[start : start + self._size + 1]
        # each range is needed again for each share of the peak
        self._prices: dict[tuple[int, int], tuple[int, int]] = {}

    def _price(self, begin: int, stop: int) -> tuple[int, int]:
        """Return memory and work of a part."""
        if (begin, stop) not in self._prices:
            self._prices[begin, stop] = self._memory(begin, stop), self._work(begin, stop)
        return self._prices[begin, stop]

    def least_peak(self) -> int:
        """Return the lowest peak of memory to which any cuts lead."""
        best = [0]
        for stop in range(1, self._size + 1):
            best.append(min(max(best[begin], self._price(begin, stop)[0]) for begin in range(stop)))
        return best[-1]

    def cuts(self, peak: int, comfort: int) -> list[tuple[int, int]]:
        """Return the parts with the least work below a peak of memory; bytes above `comfort` have a price."""
        # best[k]: (memory above the peak, work, begin of the last part) of the first k operators
        best: list[tuple[int, int, int]] = [(0, 0, 0)]
        for stop in range(1, self._size + 1):
            options = []
            for begin in range(stop):
                excess, work, _ = best[begin]
                needed, own_work = self._price(begin, stop)
                over = max(excess, needed if needed > peak else 0)
                price = _DISCOMFORT * max(0, needed - comfort)
                options.append((over, work + own_work + price, begin))
            best.append(min(options))
        stops = [self._size]
        while stops[-1] > 0:
            stops.append(best[stops[-1]][2])
        pairs = zip(stops, stops[1:], strict=False)
        return [(self._start + begin, self._start + stop) for stop, begin in pairs][::-1]

    def _memory(self, begin: int, stop: int) -> int:
        """Return the bytes that a part needs: lines, scratch memory and the whole tensors that exist meanwhile."""
        before, after = self._live[begin], self._live[stop]
        dying = [self._bytes[index] for index in before - after]
        born = sum(self._bytes[index] for index in after - before)
        kept = sum(self._bytes[index] for index in before & after)
        overlaps = True
        if stop == begin + 1:
            choice = self._choices[begin]
            overlaps = choice.overlaps_alone
            scratch, lines = choice.scratch_alone, self._copies(begin, stop)
            if choice.calls_alone > 1 and not choice.in_place_alone:
                born += self._bytes[self._outputs[begin]] // choice.calls_alone
        else:
            whole = sum(self._lines.get(index, 0) for index in after if begin <= self._made.get(index, -1) < stop)
            lines = self._lines_before[stop] - self._lines_before[begin] - whole + self._copies(begin, stop)
            scratch = max(self._scratch[begin:stop])
        # an output may lie over one of the inputs that end here, rarely over several
        saved = min(max(dying, default=0), born) if overlaps else 0
        return kept + sum(dying) + born - saved + lines + scratch

    def _copied(self, begin: int, stop: int) -> frozenset[int]:
        """Return the tensors from earlier parts that are copied into lines."""
        read = frozenset[int]().union(*self._inputs[begin:stop])
        return frozenset(index for index in read & self._live[begin] if self._wants.get(index, 0))

    def _copies(self, begin: int, stop: int) -> int:
        return sum(self._lines[index] for index in self._copied(begin, stop))

    def _work(self, begin: int, stop: int) -> int:
        """Estimate the cycles that depend on cuts: copies, and the overhead of each call."""
        work = _PART + sum(self._wants[index] * self._bytes[index] for index in self._copied(begin, stop))
        if stop > begin + 1:
            return work + self._work_before[stop] - self._work_before[begin]
        choice = self._choices[begin]
        return work + choice.calls_alone * _call_work(choice.call_alone)


def _scratch_bytes(call: RowCall | None) -> int:
    return (call.call.scratch_bytes or 0) if call is not None else 0


def _call_work(call: KernelCall) -> int:
    if call.cycles is not None:
        return _CALL + round(call.cycles)
    return _CALL + sum(array.n_bytes for array in call.arrays)


def _live_sets(graph: Graph) -> list[frozenset[int]]:
    """Return, for each operator and for the end, the storages that exist before it and are needed from it on."""
    storage = [graph.storage(index) for index in range(len(graph.tensors))]
    needed = {storage[index] for index in graph.kept}
    needed_from = [frozenset(needed)]
    for operator in reversed(graph.operators):
        needed |= {storage[index] for index in graph.activations(operator)}
        needed_from.append(frozenset(needed))
    made = {storage[index] for index in graph.given}
    live = []
    for operator, wanted in zip(graph.operators, reversed(needed_from), strict=False):
        live.append(wanted & made)
        made.add(operator.output)
    return [*live, needed_from[0] & made]
