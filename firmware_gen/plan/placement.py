"""Cut a network into parts and give their memory places: tensors that exist as a whole, lines, scratch memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..network.graph import Graph, Operator, Tensor
from ..network.kernel_call import ConstantArray, KernelCall
from ..network.row_call import RowCall
from .arena import Block, Overlaps, check_placement, place_blocks
from .choices import Choice
from .streams import Stream, assemble
from .streams.assembly import COPY
from .streams.partition import RELAYOUT, whole_tensors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One operator of the network, or a copy between two."""

    operator: Operator
    """What it computes."""
    output: Tensor
    """The tensor it computes."""
    call: KernelCall
    """The kernel and its constants; multiply-accumulates of the whole output."""


def step_cycles(step: Step) -> float:
    """Return the cycles of a step that depend on how the network is cut, estimated."""
    if step.operator.op == COPY:
        return RELAYOUT * step.output.n_elements
    return (step.call.cycles or 0.0) * step.output.shape[1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """One entry of the program before its memory is placed."""

    first_step: int
    """Index of its first step."""
    operators: tuple[int, ...]
    """Its operators."""
    stream: Stream | None
    """The stream it is; None for one operator on whole tensors."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placement:
    """Where the memory of all parts lies."""

    offsets: dict[int, int]
    """Offset of every activation that exists as a whole, by tensor index."""
    lines: dict[tuple[int, int], int]
    """Offset of every buffer of lines: (part, buffer)."""
    scratch: dict[int, int]
    """Offset of every part's scratch memory."""
    blocks: tuple[tuple[Block, int], ...]
    """All blocks and their offsets."""
    overlaps: Overlaps
    """Blocks that may share memory."""


def cut(
    graph: Graph, choices: Sequence[Choice], ranges: Sequence[tuple[int, int]], copy_kernel: str
) -> tuple[tuple[Step, ...], list[Part]]:
    """Return the steps and parts of one way to cut the network."""
    steps: list[Step] = []
    parts: list[Part] = []
    for start, end in ranges:
        tensors, calls = graph.tensors, [choice.rows for choice in choices[start:end] if choice.rows is not None]
        if end == start + 1:
            alone, joined = choices[start].alone, choices[start].joined
            if not isinstance(alone, RowCall):
                parts.append(Part(first_step=len(steps), operators=(start,), stream=None))
                operator = graph.operators[start]
                steps.append(Step(operator=operator, output=graph.tensors[operator.output], call=alone))
                continue
            tensors, calls = joined.tensors if joined is not None else tensors, [alone]
        crossing = whole_tensors(graph, start, end)
        stream = assemble(tensors, graph.operators[start:end], calls, crossing, copy_kernel)
        parts.append(Part(first_step=len(steps), operators=tuple(range(start, end)), stream=stream))
        for row_step in stream.steps:
            output = stream.buffers[row_step.target].tensor
            call = replace(row_step.call.call, macs=row_step.call.call.macs * output.shape[1])
            steps.append(Step(operator=row_step.operator, output=output, call=call))
    return tuple(steps), parts


@dataclass(slots=True, kw_only=True, eq=False)
class _Memory:
    """The blocks of the arena while they are collected."""

    blocks: list[Block]
    owners: dict[int, int]
    """Tensor that exists as a whole -> its block."""
    overlaps: dict[tuple[int, int], int]
    lines: dict[tuple[int, int], int]
    """(part, buffer) -> its block."""
    scratch: dict[int, int]
    """Part -> its block."""


def place(graph: Graph, steps: Sequence[Step], parts: Sequence[Part], *, thorough: bool) -> Placement:
    """Give all memory a place in the arena; `thorough` as for `place_blocks`."""
    memory = _collect(graph, steps, parts)
    places = place_blocks(memory.blocks, memory.overlaps, thorough=thorough)
    check_placement(memory.blocks, places, memory.overlaps)
    return Placement(
        offsets={
            tensor.index: places[memory.owners[graph.storage(tensor.index)]] + graph.offset_in_storage(tensor.index)
            for tensor in graph.tensors
            if graph.storage(tensor.index) in memory.owners
        },
        lines={key: places[block] for key, block in memory.lines.items()},
        scratch={part: places[block] for part, block in memory.scratch.items()},
        blocks=tuple(zip(memory.blocks, places, strict=True)),
        overlaps=memory.overlaps,
    )


def _collect(graph: Graph, steps: Sequence[Step], parts: Sequence[Part]) -> _Memory:
    """Return the blocks, who owns them, and which may overlap; time is counted in parts."""
    first, last = _lifetimes(graph, parts)
    memory = _Memory(blocks=[], owners={}, overlaps={}, lines={}, scratch={})
    blocks = memory.blocks
    for tensor in sorted(first, key=lambda index: first[index]):
        memory.owners[tensor] = len(blocks)
        blocks.append(
            Block(
                name=f"tensor {graph.tensors[tensor].describe()}",
                label=_label(graph.tensors[tensor]),
                kind="tensor",
                n_bytes=graph.tensors[tensor].n_bytes,
                first=first[tensor],
                last=last[tensor],
            )
        )
    for number, part in enumerate(parts):
        if part.stream is None:
            (position,) = part.operators
            call = steps[part.first_step].call
            distances = _collect_distances(graph, call)
            output, scratch_bytes = graph.operators[position].output, call.scratch_bytes or 0
            pairs = {(output, storage): distance for storage, distance in distances.items() if distance is not None}
        else:
            buffers, scratch_bytes = part.stream.buffers, part.stream.scratch_bytes
            given = [graph.storage(buffer.tensor.index) for buffer in buffers if buffer.given]
            # the schedule does not know which other tensors share bytes with an input
            pairs = {
                (buffers[out].tensor.index, source): distance
                for (out, index), distance in part.stream.overlap.items()
                if given.count(source := buffers[index].tensor.index) == 1
            }
            for index, buffer in enumerate(buffers):
                if not buffer.whole:
                    memory.lines[number, index] = len(blocks)
                    blocks.append(
                        Block(
                            name=f"lines of tensor {buffer.tensor.describe()}, {buffer.layout}",
                            label=f"lines of {_label(buffer.tensor)}",
                            kind="lines",
                            n_bytes=buffer.n_bytes,
                            first=number,
                            last=number,
                        )
                    )
        for (output, source), distance in pairs.items():
            if last[source] == number and first.get(output) == number:
                memory.overlaps[memory.owners[output], memory.owners[source]] = distance
        if scratch_bytes:
            memory.scratch[number] = len(blocks)
            name = _scratch_name(part)
            blocks.append(
                Block(name=name, label=name, kind="scratch", n_bytes=scratch_bytes, first=number, last=number)
            )
    return memory


def _label(tensor: Tensor) -> str:
    return f"{tensor.index}: {tensor.describe_shape().removeprefix('1x')}"


def _scratch_name(part: Part) -> str:
    last = part.first_step + (len(part.stream.steps) if part.stream is not None else 1) - 1
    return f"scratch of step {last}" if last == part.first_step else f"scratch of steps {part.first_step} to {last}"


def _lifetimes(graph: Graph, parts: Sequence[Part]) -> tuple[dict[int, int], dict[int, int]]:
    """Return the first and the last part that needs each tensor that exists as a whole."""
    first = {graph.storage(index): -1 for index in graph.given}
    last = dict(first)
    for number, part in enumerate(parts):
        if part.stream is None:
            (position,) = part.operators
            operator = graph.operators[position]
            used, made = list(graph.activations(operator)), [operator.output]
        else:
            used = [buffer.tensor.index for buffer in part.stream.buffers if buffer.given]
            made = [buffer.tensor.index for buffer in part.stream.buffers if buffer.whole and not buffer.given]
        for index in used:
            last[graph.storage(index)] = number
        for index in made:
            first[index], last[index] = first.get(index, number), number
    last |= {graph.storage(index): len(parts) for index in graph.kept}
    return first, last


def _collect_distances(graph: Graph, call: KernelCall) -> dict[int, int | None]:
    """Return how far before each storage the output of a call must begin: the strictest of all inputs stored there."""
    strictest: dict[int, int | None] = {}
    for source, distance in zip(call.inputs, call.overlap, strict=True):
        if isinstance(source, ConstantArray):
            continue
        storage = graph.storage(source)
        earlier = strictest.get(storage, 0)
        if distance is None or earlier is None:
            strictest[storage] = None
        else:
            # the distance to the storage holds for every tensor inside it
            strictest[storage] = max(distance, earlier)
    return strictest
