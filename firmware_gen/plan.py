"""The plan: kernels, their constants, and where every tensor lies. Data, written to plan.json."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from asc_kit.board import KernelSet
from asc_kit.errors import ModelError

from .arena import Block, arena_end, check_placement, liveness_bound, overlap_bound, place
from .cores import choosers, copy_kernel
from .graph import Graph, Operator, Tensor
from .kernel_call import ConstantArray, KernelCall, Requantize
from .operators import REGISTRY, Node
from .operators.base import has_rows, longer_rows
from .passes import optimize
from .row_call import OVER_READ, RowCall
from .streams import Candidate, Stream, assemble, partitions
from .streams.partition import whole_tensors

# columns from which on a longer row gains little
_LONG_ROW = 24
# how much larger than the smallest an arena may be for the sake of speed
_LARGER = 1.02


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One operator of the network, or a copy between two."""

    operator: Operator
    """What it computes."""
    output: Tensor
    """The tensor it computes."""
    call: KernelCall
    """The kernel and its constants; multiply-accumulates of the whole output."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WholeStep:
    """A step that computes a whole tensor at once."""

    step: int
    """Its index in the plan's steps."""
    scratch_offset: int | None
    """Where its scratch memory lies in the arena."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StreamSteps:
    """Steps that go row by row, together."""

    stream: Stream
    """The stages and buffers."""
    first_step: int
    """Index of the first stage in the plan's steps; the others follow."""
    offsets: tuple[int, ...]
    """Where each buffer lies in the arena."""
    scratch_offset: int | None
    """Where the stages' scratch memory lies in the arena."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """All that the generated code says about the network."""

    graph: Graph
    """The network after the passes."""
    steps: tuple[Step, ...]
    """All operators and copies, in order."""
    program: tuple[WholeStep | StreamSteps, ...]
    """What is executed, in order."""
    offsets: dict[int, int]
    """Offset in the arena of every activation that exists as a whole, by tensor index."""
    blocks: tuple[tuple[Block, int], ...]
    """Blocks of the arena and their offsets; their steps are those of the program."""
    arena_bytes: int
    """Size of the arena."""
    liveness_bound_bytes: int
    """What any placement needs in which no output overlaps its input."""
    overlap_bound_bytes: int
    """What any placement needs."""
    kernels: KernelSet
    """The kernels it may use."""

    @property
    def weight_bytes(self) -> int:
        """Bytes of all constants of the network."""
        return sum(array.n_bytes for step in self.steps for array in step.call.arrays)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(step.call.macs for step in self.steps)


def make_plan(graph: Graph, kernels: KernelSet = "portable") -> Plan:
    """Optimize a graph, choose kernels, cut it into streams and place tensors.

    Parameters
    ----------
    graph
        The network.
    kernels
        The set of kernels the core can run.

    Raises
    ------
    ModelError
        When an operator cannot be computed exactly, or there is nothing to compute.
    """
    graph = optimize(graph)
    if not graph.operators:
        raise ModelError("the model computes nothing: its operators only rearrange its input")
    wholes = [REGISTRY[operator.op].lower(_node(graph, operator)) for operator in graph.operators]
    rows = [_row_call(graph, operator, kernels) for operator in graph.operators]
    joined = [_joined(graph, operator, kernels) for operator in graph.operators]
    candidates = [
        Candidate(
            rows=row,
            joined=long.call if long is not None else None,
            joined_rows=long.rows if long is not None else 0,
            scratch_bytes=_scratch_alone(row, whole, long),
        )
        for row, whole, long in zip(rows, wholes, joined, strict=True)
    ]
    choices = _Choices(graph=graph, wholes=wholes, rows=rows, joined=joined, copy_kernel=copy_kernel(kernels))
    cuts = [_cut(choices, ranges) for ranges in partitions(graph, candidates)]
    # placed in a hurry to compare them, then the best one with care
    plans = [_placed(graph, *cut, kernels, thorough=False) for cut in cuts]
    least = min(plan.arena_bytes for plan in plans)
    chosen = next(cut for cut, plan in zip(cuts, plans, strict=True) if plan.arena_bytes <= least * _LARGER)
    return _placed(graph, *chosen, kernels, thorough=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Choices:
    """What each operator can become."""

    graph: Graph
    wholes: list[KernelCall | None]
    rows: list[RowCall | None]
    joined: list[_Joined | None]
    copy_kernel: str


def _cut(choices: _Choices, ranges: list[tuple[int, int]]) -> tuple[tuple[Step, ...], list[_Part]]:
    """Return the steps and parts of one way to cut the network."""
    graph = choices.graph
    steps: list[Step] = []
    parts: list[_Part] = []
    for start, end in ranges:
        whole, long = choices.wholes[start], choices.joined[start]
        tensors, calls = graph.tensors, [row for row in choices.rows[start:end] if row is not None]
        if end == start + 1 and long is not None:
            tensors, calls = long.tensors, [long.call]
        elif end == start + 1 and whole is not None and not _special(choices.rows[start], whole):
            parts.append(_Part(first_step=len(steps), operators=(start,), stream=None))
            operator = graph.operators[start]
            steps.append(Step(operator=operator, output=graph.tensors[operator.output], call=whole))
            continue
        crossing = whole_tensors(graph, start, end)
        stream = assemble(tensors, graph.operators[start:end], calls, crossing, choices.copy_kernel)
        parts.append(_Part(first_step=len(steps), operators=tuple(range(start, end)), stream=stream))
        for stage in stream.stages:
            output = stream.buffers[stage.target].tensor
            call = replace(stage.call.call, macs=stage.call.call.macs * output.shape[1])
            steps.append(Step(operator=stage.operator, output=output, call=call))
    return tuple(steps), parts


def _node(graph: Graph, operator: Operator) -> Node:
    return Node(
        operator=operator,
        inputs=tuple(graph.tensors[index] for index in operator.inputs),
        output=graph.tensors[operator.output],
    )


def _row_call(graph: Graph, operator: Operator, kernels: KernelSet) -> RowCall | None:
    node = _node(graph, operator)
    if not has_rows(node.output):
        return None
    chooser = choosers(kernels).get(operator.op)
    special = chooser(node) if chooser is not None else None
    return special if special is not None else REGISTRY[operator.op].rows(node)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Joined:
    """An operator whose short rows are joined: each call of a kernel costs something."""

    tensors: tuple[Tensor, ...]
    """All tensors of the network, those of the operator in their new shape."""
    call: RowCall
    """The kernel for one of the long rows."""
    rows: int
    """Number of long rows."""


def _joined(graph: Graph, operator: Operator, kernels: KernelSet) -> _Joined | None:
    """Join the rows of an operator that goes by pixels and has a kernel of the core's own.

    The portable kernel for whole tensors has one long row anyway.
    """
    chooser = choosers(kernels).get(operator.op)
    node = _node(graph, operator)
    if chooser is None or not REGISTRY[operator.op].by_pixel(node):
        return None
    longer = longer_rows(node, _LONG_ROW)
    call = chooser(longer) if longer is not None else None
    if longer is None or call is None:
        return None
    changed = {tensor.index: tensor for tensor in (*longer.inputs, longer.output)}
    tensors = tuple(changed.get(tensor.index, tensor) for tensor in graph.tensors)
    return _Joined(tensors=tensors, call=call, rows=longer.output.shape[1])


def _scratch_alone(row: RowCall | None, whole: KernelCall | None, joined: _Joined | None) -> int:
    """Return the scratch memory of an operator that is a part by itself."""
    if joined is not None:
        call: KernelCall | None = joined.call.call
    elif whole is not None and not _special(row, whole):
        call = whole
    else:
        call = row.call if row is not None else None
    return (call.scratch_bytes or 0) if call is not None else 0


def _special(row: RowCall | None, whole: KernelCall) -> bool:
    """Tell whether the core has a kernel of its own for rows, which beats the portable one for whole tensors."""
    return row is not None and row.call.kernel != whole.kernel


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """One entry of the program before its memory is placed."""

    first_step: int
    operators: tuple[int, ...]
    stream: Stream | None


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


def _placed(graph: Graph, steps: tuple[Step, ...], parts: list[_Part], kernels: KernelSet, *, thorough: bool) -> Plan:
    memory = _collect(graph, steps, parts)
    blocks = memory.blocks
    places = place(blocks, memory.overlaps, thorough=thorough)
    check_placement(blocks, places, memory.overlaps)
    offsets = {
        tensor.index: places[memory.owners[graph.storage(tensor.index)]] + graph.offset_in_storage(tensor.index)
        for tensor in graph.tensors
        if graph.storage(tensor.index) in memory.owners
    }
    program: list[WholeStep | StreamSteps] = []
    for number, part in enumerate(parts):
        scratch = places[memory.scratch[number]] if number in memory.scratch else None
        if part.stream is None:
            program.append(WholeStep(step=part.first_step, scratch_offset=scratch))
            continue
        where = tuple(
            offsets[buffer.tensor.index] if buffer.whole else places[memory.lines[number, index]]
            for index, buffer in enumerate(part.stream.buffers)
        )
        program.append(
            StreamSteps(stream=part.stream, first_step=part.first_step, offsets=where, scratch_offset=scratch)
        )
    return Plan(
        graph=graph,
        steps=steps,
        program=tuple(program),
        offsets=offsets,
        blocks=tuple(zip(blocks, places, strict=True)),
        arena_bytes=arena_end(blocks, places) + (OVER_READ if kernels != "portable" else 0),
        liveness_bound_bytes=liveness_bound(blocks),
        overlap_bound_bytes=overlap_bound(blocks, memory.overlaps),
        kernels=kernels,
    )


def _collect(graph: Graph, steps: tuple[Step, ...], parts: list[_Part]) -> _Memory:
    """Return the blocks, who owns them, and which may overlap; time is counted in parts."""
    first, last = _lifetimes(graph, parts)
    memory = _Memory(blocks=[], owners={}, overlaps={}, lines={}, scratch={})
    blocks = memory.blocks
    for tensor in sorted(first, key=lambda index: first[index]):
        memory.owners[tensor] = len(blocks)
        blocks.append(
            Block(
                name=f"tensor {graph.tensors[tensor].describe()}",
                n_bytes=graph.tensors[tensor].n_elements,
                first=first[tensor],
                last=last[tensor],
            )
        )
    for number, part in enumerate(parts):
        if part.stream is None:
            (position,) = part.operators
            call = steps[part.first_step].call
            distances = _consumed(graph, call)
            output, scratch_bytes = graph.operators[position].output, call.scratch_bytes or 0
            pairs = {(output, storage): distance for storage, distance in distances.items() if distance is not None}
        else:
            buffers, scratch_bytes = part.stream.buffers, part.stream.scratch_bytes
            pairs = {
                (buffers[out].tensor.index, buffers[source].tensor.index): distance
                for (out, source), distance in part.stream.overlap.items()
                if graph.storage(buffers[source].tensor.index) == buffers[source].tensor.index
            }
            for index, buffer in enumerate(buffers):
                if not buffer.whole:
                    memory.lines[number, index] = len(blocks)
                    name = f"lines of tensor {buffer.tensor.describe()}, {buffer.layout}"
                    blocks.append(Block(name=name, n_bytes=buffer.n_bytes, first=number, last=number))
        for (output, source), distance in pairs.items():
            if last[source] == number and first.get(output) == number:
                memory.overlaps[memory.owners[output], memory.owners[source]] = distance
        if scratch_bytes:
            memory.scratch[number] = len(blocks)
            blocks.append(Block(name=_scratch_name(part, steps), n_bytes=scratch_bytes, first=number, last=number))
    return memory


def _scratch_name(part: _Part, steps: tuple[Step, ...]) -> str:
    last = part.first_step + (len(part.stream.stages) if part.stream is not None else 1) - 1
    return f"scratch of step {last}" if last == part.first_step else f"scratch of steps {part.first_step} to {last}"


def _lifetimes(graph: Graph, parts: list[_Part]) -> tuple[dict[int, int], dict[int, int]]:
    """Return the first and the last part that needs each tensor that exists as a whole."""
    first = {graph.storage(graph.input): -1}
    last = {graph.storage(graph.input): -1}
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
            first[index] = last[index] = number
    last[graph.storage(graph.output)] = len(parts)
    return first, last


def _consumed(graph: Graph, call: KernelCall) -> dict[int, int | None]:
    """Return what a call says of overlap by storage: the strictest of all inputs that have bytes of it."""
    found: dict[int, int | None] = {}
    for source, distance in zip(call.inputs, call.overlap, strict=True):
        if isinstance(source, ConstantArray):
            continue
        storage = graph.storage(source)
        earlier = found.get(storage, 0)
        if distance is None or earlier is None:
            found[storage] = None
        else:
            # an output that begins so far before the storage begins as far before what lies inside it
            found[storage] = max(distance, earlier)
    return found


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return the plan as plain data, for plan.json."""
    parts = [part for number, entry in enumerate(plan.program) for part in [number] * _n_steps(entry)]
    # blocks count in parts of the program; people in steps
    begins = {part: parts.index(part) for part in parts} | {-1: -1}
    ends = {part: len(parts) - 1 - parts[::-1].index(part) for part in parts} | {-1: -1, len(plan.program): len(parts)}
    return {
        "kernels": plan.kernels,
        "arena_bytes": plan.arena_bytes,
        "liveness_bound_bytes": plan.liveness_bound_bytes,
        "overlap_bound_bytes": plan.overlap_bound_bytes,
        "weight_bytes": plan.weight_bytes,
        "macs": plan.macs,
        "steps": [
            {
                "index": position,
                "part": part,
                "op": step.operator.op,
                "kernel": step.call.kernel,
                "output": step.output.describe(),
                "inputs": [
                    source.comment if isinstance(source, ConstantArray) else plan.graph.tensors[source].describe()
                    for source in step.call.inputs
                ],
                "macs": step.call.macs,
                "weight_bytes": sum(array.n_bytes for array in step.call.arrays),
                "requantization": _requantization(step.call),
            }
            for position, (step, part) in enumerate(zip(plan.steps, parts, strict=True))
        ],
        "arena": [
            {
                "block": block.name,
                "offset": offset,
                "bytes": block.n_bytes,
                "first_step": begins[block.first],
                "last_step": ends[block.last],
            }
            for block, offset in plan.blocks
        ],
    }


def _n_steps(entry: WholeStep | StreamSteps) -> int:
    return len(entry.stream.stages) if isinstance(entry, StreamSteps) else 1


def _requantization(call: KernelCall) -> str:
    forms = ["wide" if value.wide else "narrow" for _, value in call.fields if isinstance(value, Requantize)]
    return forms[0] if forms else "none"
