"""The plan: kernels, their constants, and where every tensor lies. Data, written to plan.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asc_kit.errors import ModelError

from .arena import Block, arena_end, check_placement, liveness_bound, overlap_bound, place
from .graph import Graph, Operator, Tensor
from .kernel_call import ConstantArray, KernelCall, Requantize
from .operators import REGISTRY, Node
from .passes import optimize


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """One kernel call of the network."""

    operator: Operator
    """What it computes."""
    output: Tensor
    """The tensor it computes."""
    call: KernelCall
    """The kernel and its constants."""
    scratch_offset: int | None
    """Where its scratch memory lies in the arena."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """All that the generated code says about the network."""

    graph: Graph
    """The network after the passes."""
    steps: tuple[Step, ...]
    """In order of execution."""
    offsets: dict[int, int]
    """Offset in the arena of every activation, by tensor index."""
    blocks: tuple[tuple[Block, int], ...]
    """Blocks of the arena and their offsets."""
    arena_bytes: int
    """Size of the arena."""
    liveness_bound_bytes: int
    """What any placement needs in which no output overlaps its input."""
    overlap_bound_bytes: int
    """What any placement needs."""

    @property
    def weight_bytes(self) -> int:
        """Bytes of all constants of the network."""
        return sum(array.n_bytes for step in self.steps for array in step.call.arrays)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(step.call.macs for step in self.steps)


def make_plan(graph: Graph) -> Plan:
    """Optimize a graph, choose kernels and place tensors.

    Raises
    ------
    ModelError
        When an operator cannot be computed exactly, or there is nothing to compute.
    """
    graph = optimize(graph)
    if not graph.operators:
        raise ModelError("the model computes nothing: its operators only rearrange its input")
    calls = [_lower(graph, operator) for operator in graph.operators]
    blocks, owners, overlaps = _blocks(graph, calls)
    places = place(blocks, overlaps)
    check_placement(blocks, places, overlaps)
    offsets = {
        tensor.index: places[owners[graph.storage(tensor.index)]] + graph.offset_in_storage(tensor.index)
        for tensor in graph.tensors
        if graph.storage(tensor.index) in owners
    }
    scratch = {block.name: offset for block, offset in zip(blocks, places, strict=True)}
    steps = tuple(
        Step(
            operator=operator,
            output=graph.tensors[operator.output],
            call=call,
            scratch_offset=scratch.get(_scratch_name(position)),
        )
        for position, (operator, call) in enumerate(zip(graph.operators, calls, strict=True))
    )
    return Plan(
        graph=graph,
        steps=steps,
        offsets=offsets,
        blocks=tuple(zip(blocks, places, strict=True)),
        arena_bytes=arena_end(blocks, places),
        liveness_bound_bytes=liveness_bound(blocks),
        overlap_bound_bytes=overlap_bound(blocks, overlaps),
    )


def _lower(graph: Graph, operator: Operator) -> KernelCall:
    node = Node(
        operator=operator,
        inputs=tuple(graph.tensors[index] for index in operator.inputs),
        output=graph.tensors[operator.output],
    )
    return REGISTRY[operator.op].lower(node)


def _scratch_name(position: int) -> str:
    return f"scratch of step {position}"


def _blocks(graph: Graph, calls: list[KernelCall]) -> tuple[list[Block], dict[int, int], dict[tuple[int, int], int]]:
    """Return the blocks, which tensor owns which block, and which blocks may overlap."""
    first = {graph.storage(graph.input): -1}
    last = {graph.storage(graph.input): -1}
    for position, operator in enumerate(graph.operators):
        for index in graph.activations(operator):
            last[graph.storage(index)] = position
        first[operator.output] = last[operator.output] = position
    last[graph.storage(graph.output)] = len(calls)
    blocks: list[Block] = []
    owners: dict[int, int] = {}
    for tensor in sorted(first, key=lambda index: first[index]):
        owners[tensor] = len(blocks)
        blocks.append(
            Block(
                name=f"tensor {graph.tensors[tensor].describe()}",
                n_bytes=graph.tensors[tensor].n_elements,
                first=first[tensor],
                last=last[tensor],
            )
        )
    overlaps: dict[tuple[int, int], int] = {}
    for position, (operator, call) in enumerate(zip(graph.operators, calls, strict=True)):
        for storage, distance in _consumed(graph, call).items():
            if distance is not None and last[storage] == position:
                overlaps[owners[operator.output], owners[storage]] = distance
        if call.scratch_bytes is not None:
            blocks.append(
                Block(name=_scratch_name(position), n_bytes=call.scratch_bytes, first=position, last=position)
            )
    return blocks, owners, overlaps


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
    return {
        "arena_bytes": plan.arena_bytes,
        "liveness_bound_bytes": plan.liveness_bound_bytes,
        "overlap_bound_bytes": plan.overlap_bound_bytes,
        "weight_bytes": plan.weight_bytes,
        "macs": plan.macs,
        "steps": [
            {
                "index": position,
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
            for position, step in enumerate(plan.steps)
        ],
        "arena": [
            {
                "block": block.name,
                "offset": offset,
                "bytes": block.n_bytes,
                "first_step": block.first,
                "last_step": block.last,
            }
            for block, offset in plan.blocks
        ],
    }


def _requantization(call: KernelCall) -> str:
    forms = ["wide" if value.wide else "narrow" for _, value in call.fields if isinstance(value, Requantize)]
    return forms[0] if forms else "none"
