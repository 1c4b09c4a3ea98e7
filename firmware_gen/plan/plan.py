"""The plan: kernels, their constants, and where every tensor lies. Data, written to plan.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asc_kit.errors import ModelError
from asc_kit.hardware.board import KernelSetName, Optimize
from asc_kit.tflite.references import reference_of

from ..kernel_sets import PORTABLE, load_kernel_set
from ..kernel_sets.kernel_set import KernelSet
from ..network.graph import Graph
from ..network.kernel_call import ConstantArray, KernelCall, Requantize
from .arena import Block, arena_end, liveness_bound, overlap_bound
from .choices import MOST_SCRATCH, Choice, choose
from .placement import Part, Placement, Step, cut, place, step_cycles
from .simplify import simplify
from .streams import Stream
from .streams.partition import partitions

# the most by which an arena may exceed the smallest for the sake of speed
_LARGER = 1.04
# the same for the sake of scratch memory, and the limits of scratch memory that are tried
_WITH_SCRATCH = 1.05
_LIMITS = (MOST_SCRATCH, 8192, 6144, 4096, 3072, 2560, 2304, 2048, 1792, 1536, 1280, 1024, 768, 512, 0)
_UNIFORM = (6144, 3072, 2560, 2048, 1536, 1024)


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


def make_plan(graph: Graph, kernels: KernelSetName = PORTABLE, optimize: Optimize = "speed") -> Plan:
    """Optimize a graph, choose kernels, cut it into streams and place tensors.

    Parameters
    ----------
    graph
        The network.
    kernels
        Name of the kernel set.
    optimize
        What to prefer where speed and size conflict.

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
    kernel_set = load_kernel_set(kernels)
    steps, parts = _with_scratch(graph, kernel_set, optimize)
    return assemble_plan(graph, steps, parts, place(graph, steps, parts, thorough=True), kernel_set, optimize)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Draft:
    """One way to compute the network, placed in a hurry."""

    choices: list[Choice]
    """What each operator can become."""
    steps: tuple[Step, ...]
    """What it becomes, and copies."""
    parts: list[Part]
    """The program."""
    placement: Placement
    """Where its memory lies."""

    @property
    def cycles(self) -> float:
        """Estimated cycles, as far as they depend on cuts and scratch memory."""
        return sum(step_cycles(step) for step in self.steps)

    @property
    def arena_bytes(self) -> int:
        """Size of the arena, placed in a hurry."""
        return _arena_bytes(self.placement)

    def beyond(self, budget: int) -> list[int]:
        """Return the parts with scratch memory whose time needs more than a budget."""
        ends = {
            part: max(
                offset + block.n_bytes for block, offset in self.placement.blocks if block.first <= part <= block.last
            )
            for part in self.placement.scratch
        }
        return [part for part, end in ends.items() if end > budget]


def _with_scratch(graph: Graph, kernels: KernelSet, optimize: Optimize) -> tuple[tuple[Step, ...], list[Part]]:
    """Cut the network; kernels get the scratch memory that makes them quick, where the arena has place for it.

    The plan with the usual scratch memory bounds the arena. Then each of `_UNIFORM` is tried as a limit for all
    operators. Last, all operators begin with the highest limit, and those whose part exceeds the bound get less, step
    by step. Of the drafts that fit, the quickest is taken.
    """
    n = len(graph.operators)
    known: dict[tuple[int, int | None], Choice] = {}
    usual = draft_plan(graph, kernels, optimize, [None] * n, known)
    if not any(choice.has_scratch_choice for choice in usual.choices):
        return usual.steps, usual.parts
    budget = int(usual.arena_bytes * _WITH_SCRATCH)
    drafts = [usual, *(draft_plan(graph, kernels, optimize, [limit] * n, known) for limit in _UNIFORM)]
    limits: list[int | None] = [_LIMITS[0]] * n
    for _ in range(len(_LIMITS)):
        drafts.append(draft_plan(graph, kernels, optimize, limits, known))
        if drafts[-1].arena_bytes <= budget or not _lower(drafts[-1], budget, limits):
            break
    best = min((draft for draft in drafts if draft.arena_bytes <= budget), key=lambda draft: draft.cycles)
    return best.steps, best.parts


def _lower(draft: Draft, budget: int, limits: list[int | None]) -> bool:
    """Give operators of parts beyond the budget less scratch memory; return whether any limit could be lowered."""
    lowered = False
    for number in draft.beyond(budget):
        for position in draft.parts[number].operators:
            lower = [limit for limit in _LIMITS if limit < (limits[position] or 0)]
            if lower:
                limits[position], lowered = lower[0], True
    return lowered


def draft_plan(
    graph: Graph,
    kernels: KernelSet,
    optimize: Optimize,
    limits: Sequence[int | None],
    known: dict[tuple[int, int | None], Choice] | None = None,
) -> Draft:
    """Cut the network where that is quick and needs little memory, with a limit of scratch memory for each operator.

    Parameters
    ----------
    graph, kernels, optimize
        The network, its kernel set, and what to prefer where speed and size conflict.
    limits
        For each operator, the most scratch memory; None for the usual amount.
    known
        Choices by operator and limit, from earlier calls; this call adds its own.
    """
    known = {} if known is None else known
    for key in enumerate(limits):
        if key not in known:
            known[key] = choose(graph, graph.operators[key[0]], kernels, optimize, key[1])
    choices = [known[key] for key in enumerate(limits)]
    drafts = []
    for ranges in partitions(graph, choices, _LARGER):
        steps, parts = cut(graph, choices, ranges, kernels.copy_kernel)
        drafts.append(
            Draft(choices=choices, steps=steps, parts=parts, placement=place(graph, steps, parts, thorough=False))
        )
    smallest = min(draft.arena_bytes for draft in drafts)
    return next(draft for draft in drafts if draft.arena_bytes <= smallest * _LARGER)


def _arena_bytes(placement: Placement) -> int:
    return arena_end([block for block, _ in placement.blocks], [offset for _, offset in placement.blocks])


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
        arena_bytes=_arena_bytes(placement) + kernels.over_read_bytes,
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
        "reference": reference_of(step.operator.op for step in plan.steps),
        "input": plan.graph.tensors[plan.graph.input].describe(),
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


def _n_steps(entry: WholeStep | StreamSteps) -> int:
    return len(entry.stream.steps) if isinstance(entry, StreamSteps) else 1


def _requantization(call: KernelCall) -> str:
    forms = ["wide" if value.wide else "narrow" for _, value in call.fields if isinstance(value, Requantize)]
    return forms[0] if forms else "none"
