"""Run a plan on memory whose bytes hold the names of what lies there, instead of values.

Independent of the planner's counters and bounds: offsets, lines and the order of work are taken as the generated code
has them, and every byte that is read must still be the one that was put there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from asc_kit.firmware_gen.network.kernel_call import ConstantArray, KernelCall
from asc_kit.firmware_gen.plan.plan import Plan, StreamSteps, WholeStep
from asc_kit.firmware_gen.plan.streams import Buffer
from asc_kit.firmware_gen.plan.streams.loops import find_loops

_SCRATCH = -2
_ABOVE, _BELOW = 1 << 30, (1 << 30) + 1


class Overwritten(Exception):
    """Something is read whose memory holds something else by now."""


class Memory:
    """The arena of a plan, a name for each byte."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.names = np.full(plan.arena_bytes, -1, np.int64)
        self.reads = 0

    def run(self) -> int:
        """Run the whole network once; return how many rows and tensors were read, all of them as they should be."""
        graph = self.plan.graph
        for index in graph.given:
            self._write(*self._tensor(index))
        for number, entry in enumerate(self.plan.program):
            if isinstance(entry, WholeStep):
                self._run_whole(entry)
            else:
                self._run_stream(number, entry)
        for index in graph.kept:
            self._read(*self._tensor(index), f"output or variable {index}")
        return self.reads

    def _run_whole(self, entry: WholeStep) -> None:
        step = self.plan.steps[entry.step]
        inputs = [source for source in step.call.inputs if not isinstance(source, ConstantArray)]
        self._scratch(entry.scratch_offset, step.call.scratch_bytes)
        for source in inputs:
            self._read(*self._tensor(source), step.operator.op)
        written = self._tensor(step.output.index)
        _check_distances(step.call, [self._tensor(source)[0] for source in inputs], written[0], step.operator.op)
        self._write(*written)

    def _run_stream(self, number: int, entry: StreamSteps) -> None:
        stream = entry.stream
        done = [stream.buffers[row_step.target].top for row_step in stream.steps]
        for index, buffer in enumerate(stream.buffers):
            if not buffer.whole:
                for line in range(buffer.count):
                    at, names = self._line(number, entry, index, line, _ABOVE, padding=True)
                    self.names[at] = names
        moves = [row_step for loop in find_loops(stream.order) for _ in range(loop.times) for row_step in loop.body]
        for move in moves:
            row_step = stream.steps[move]
            target = stream.buffers[row_step.target]
            row = done[move]
            height = row_step.call.height if row < target.top + target.height else 1
            done[move] += height
            reads = []
            if row < target.top + target.height:
                self._scratch(entry.scratch_offset, row_step.call.call.scratch_bytes)
                for source, window in zip(row_step.sources, row_step.call.windows, strict=True):
                    first = (row - target.top) * window.stride + stream.buffers[source].top - window.top
                    for read in range(first, first + window.rows * window.dilation, window.dilation):
                        buffer = stream.buffers[source]
                        name = _ABOVE if read < buffer.top else read if read < buffer.top + buffer.height else _BELOW
                        where = self._line(number, entry, source, read, name, padding=False)
                        reads.append((*where, f"{row_step.operator.op}: row {read} of {buffer.tensor.describe()}"))
            for read_back in reads:
                self._read(*read_back)
            name = row if row < target.top + target.height else _BELOW
            lines = [
                self._line(number, entry, row_step.target, row + more, name + more, padding=name == _BELOW)
                for more in range(height)
            ]
            written = (np.concatenate([line[0] for line in lines]), np.concatenate([line[1] for line in lines]))
            self._write(*written)
            if row_step.call.takes_rows and all(distance is None for distance in row_step.call.call.overlap):
                # such a kernel may still read when it has begun to write
                for read_back in reads:
                    self._read(*read_back)
            else:
                inputs = [read[0] for read in reads]
                _check_distances(row_step.call.call, inputs, written[0], row_step.operator.op)

    def _tensor(self, tensor: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the addresses of a whole tensor and the names of its bytes."""
        graph = self.plan.graph
        storage, inside = graph.storage(tensor), graph.offset_in_storage(tensor)
        positions = inside + np.arange(graph.tensors[tensor].n_elements)
        return self.plan.offsets[storage] + positions, (np.int64(storage) << 32) + positions

    def _line(
        self, number: int, entry: StreamSteps, index: int, row: int, name: int, *, padding: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the addresses and names of one row of a buffer: of a whole tensor, or in a line."""
        buffer: Buffer = entry.stream.buffers[index]
        if buffer.whole:
            addresses, names = self._tensor(buffer.tensor.index)
            part = slice(row * buffer.row_bytes, (row + 1) * buffer.row_bytes)
            return addresses[part], names[part]
        lines = buffer.lines
        begin, end = (0, lines.columns) if padding else (buffer.left, lines.columns - buffer.right)
        steps = np.arange(begin, end)[:, None] * lines.pixel_step + np.arange(lines.channels) * lines.channel_step
        addresses = entry.offsets[index] + row % buffer.count * lines.line_step + steps.ravel()
        # rows of padding above and below are told from others, not from each other's copies
        own_name = -((number << 48) + (index << 32) + name + 10)
        return addresses, np.full(addresses.size, own_name, np.int64)

    def _scratch(self, offset: int | None, n_bytes: int | None) -> None:
        if offset is not None and n_bytes:
            self.names[offset : offset + n_bytes] = _SCRATCH

    def _write(self, addresses: np.ndarray, names: np.ndarray) -> None:
        self.names[addresses] = names

    def _read(self, addresses: np.ndarray, names: np.ndarray, what: str) -> None:
        self.reads += 1
        if not np.array_equal(self.names[addresses], names):
            raise Overwritten(what)


def _check_distances(call: KernelCall, inputs: Sequence[np.ndarray], output: np.ndarray, what: str) -> None:
    """Check that an output lies over inputs that are read in the same move only as its kernel says it may."""
    allowed = [distance for source, distance in zip(call.inputs, call.overlap, strict=True) if isinstance(source, int)]
    for addresses, distance in zip(inputs, allowed, strict=False):
        apart = addresses.max() < output.min() or output.max() < addresses.min()
        if not apart and (distance is None or addresses.min() - output.min() < distance):
            raise Overwritten(f"{what}: its output lies over its input")
