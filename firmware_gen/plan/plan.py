"""The plan: kernels, their constants, and where every tensor lies. Data, written to plan.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from asc_kit.errors import ModelError
from asc_kit.hardware.board import KernelSetName, Optimize
from asc_kit.hardware.part import PartSpec
from asc_kit.tflite.references import reference_of

from ..kernel_sets import PORTABLE, load_kernel_set
from ..kernel_sets.kernel_set import KernelSet
from ..network.costs import Costs
from ..network.graph import Graph
from ..network.kernel_call import ConstantArray, KernelCall, Requantize
from .arena import Block, liveness_bound, overlap_bound
from .drafts import Aim, arena_bytes
from .placement import Part, Placement, Step, place
from .search import find_plan
from .simplify import simplify
from .streams import Stream


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
    """Their kernels and buffers."""
    first_step: int
    """Index of its first step in the plan's steps; the others follow."""
    offsets: tuple[int, ...]
    """Where each buffer lies in the arena."""
    scratch_offset: int | None
    """Where their scratch memory lies in the arena."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What a run in pieces computes at once."""

    step: int
    """Its step: all of it, or some rows of its output."""
    macs: int
    """Multiply-accumulates."""


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
    optimize: Optimize
    """What was preferred where speed and size conflict."""
    part: str | None = None
    """The part it was planned for."""

    @property
    def weight_bytes(self) -> int:
        """Bytes of all constants of the network."""
        return sum(array.n_bytes for step in self.steps for array in step.call.arrays)

    @property
    def most_rows(self) -> int:
        """Most rows that a step reads at once: there is a pointer to each on the stack."""
        streams = [entry.stream for entry in self.program if isinstance(entry, StreamSteps)]
        return max((row_step.call.n_rows for stream in streams for row_step in stream.steps), default=0)

    @property
    def pieces(self) -> tuple[Piece, ...]:
        """What a run in pieces computes, call by call: whole steps, and as many rows as a kernel makes at once."""
        pieces: list[Piece] = []
        for entry in self.program:
            if isinstance(entry, WholeStep):
                pieces.append(Piece(step=entry.step, macs=self.steps[entry.step].call.macs))
                continue
            rows = [
                Piece(step=entry.first_step + position, macs=row_step.call.call.macs * row_step.call.height)
                for position, row_step in enumerate(entry.stream.steps)
            ]
            pieces += [rows[position] for position in entry.stream.order]
        return tuple(pieces)

    @property
    def longest_piece(self) -> Piece:
        """The first of the pieces with the most multiply-accumulates."""
        return max(self.pieces, key=lambda piece: piece.macs)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(step.call.macs for step in self.steps)

    @property
    def part_of_step(self) -> tuple[int, ...]:
        """For every step, the part of the program that it belongs to."""
        return tuple(part for part, entry in enumerate(self.program) for _ in range(_n_steps(entry)))

    @property
    def lifetimes(self) -> tuple[tuple[int, int], ...]:
        """For every block, the first and the last step at which it holds something.

        -1 is before the first step, the number of steps after the last.
        """
        parts = self.part_of_step
        # blocks count in parts of the program; people in steps
        first = {part: parts.index(part) for part in parts} | {-1: -1}
        last = {part: step for step, part in enumerate(parts)} | {-1: -1, len(self.program): len(parts)}
        return tuple((first[block.first], last[block.last]) for block, _ in self.blocks)


def make_plan(
    graph: Graph, kernels: KernelSetName = PORTABLE, optimize: Optimize = "speed", part: PartSpec | None = None
) -> Plan:
    """Optimize a graph, choose kernels, cut it into streams and place tensors.

    Parameters
    ----------
    graph
        The network.
    kernels
        Name of the kernel set.
    optimize
        What to prefer where speed and size conflict.
    part
        The part it runs on, whose flash says what constants cost; None for none in particular.

    Raises
    ------
    ModelError
        When an operator cannot be computed exactly, or there is nothing to compute.
    BoardError
        When there is no such kernel set.
    """
    graph = simplify(graph)
    if not graph.operators:
        raise ModelError("the model computes nothing: its operators only rearrange its input")
    aim = Aim(kernels=load_kernel_set(kernels), optimize=optimize, costs=Costs.of(part))
    steps, parts = find_plan(graph, aim)
    made = assemble_plan(graph, steps, parts, place(graph, steps, parts, thorough=True), aim.kernels, optimize)
    return replace(made, part=part.name if part is not None else None)


def assemble_plan(
    graph: Graph,
    steps: tuple[Step, ...],
    parts: Sequence[Part],
    placement: Placement,
    kernels: KernelSet,
    optimize: Optimize,
) -> Plan:
    """Return the plan of one way to cut a network whose memory has its places."""
    program: list[WholeStep | StreamSteps] = []
    for number, part in enumerate(parts):
        scratch = placement.scratch.get(number)
        if part.stream is None:
            program.append(WholeStep(step=part.first_step, scratch_offset=scratch))
            continue
        where = tuple(
            placement.offsets[buffer.tensor.index] if buffer.whole else placement.lines[number, index]
            for index, buffer in enumerate(part.stream.buffers)
        )
        program.append(
            StreamSteps(stream=part.stream, first_step=part.first_step, offsets=where, scratch_offset=scratch)
        )
    blocks = [block for block, _ in placement.blocks]
    return Plan(
        graph=graph,
        steps=steps,
        program=tuple(program),
        offsets=placement.offsets,
        blocks=placement.blocks,
        arena_bytes=arena_bytes(placement) + kernels.over_read_bytes,
        liveness_bound_bytes=liveness_bound(blocks),
        overlap_bound_bytes=overlap_bound(blocks, placement.overlaps),
        kernels=kernels,
        optimize=optimize,
    )


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return the plan as plain data, for plan.json."""
    return {
        "kernels": plan.kernels.name,
        "optimize": plan.optimize,
        "part": plan.part,
        "reference": reference_of(step.operator.op for step in plan.steps),
        "input": plan.graph.tensors[plan.graph.input].describe(),
        **_ends_and_variables(plan.graph),
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
            for position, (step, part) in enumerate(zip(plan.steps, plan.part_of_step, strict=True))
        ],
        "arena": [
            {
                "block": block.name,
                "offset": offset,
                "bytes": block.n_bytes,
                "first_step": first,
                "last_step": last,
            }
            for (block, offset), (first, last) in zip(plan.blocks, plan.lifetimes, strict=True)
        ],
    }


def _ends_and_variables(graph: Graph) -> dict[str, list[str]]:
    """Return what a network has beside its first input and output."""
    several = {
        "inputs": [end.tensor for end in graph.inputs] if len(graph.inputs) > 1 else [],
        "outputs": [end.tensor for end in graph.outputs] if len(graph.outputs) > 1 else [],
        "variables": [variable.tensor for variable in graph.variables],
    }
    return {
        what: [graph.tensors[index].describe() for index in indices] for what, indices in several.items() if indices
    }


def _n_steps(entry: WholeStep | StreamSteps) -> int:
    return len(entry.stream.steps) if isinstance(entry, StreamSteps) else 1


def _requantization(call: KernelCall) -> str:
    forms = ["wide" if value.wide else "narrow" for _, value in call.fields if isinstance(value, Requantize)]
    return forms[0] if forms else "none"
