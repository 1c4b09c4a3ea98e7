"""The plan: kernels, their constants, and where every tensor lies. Data, written to plan.json."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
from .arena import Block, arena_end, liveness_bound, overlap_bound
from .choices import MOST_SCRATCH, Choice, choose
from .placement import Part, Placement, Step, cut, place, step_cycles
from .simplify import simplify
from .streams import Stream
from .streams.partition import partitions

# the most by which an arena may exceed the smallest for the sake of speed
_LARGER = 1.04
# the same, for the sake of scratch memory and rows at once: than what is usual, and than the least
_THAN_USUAL, _THAN_LEAST = 1.05, 1.1
# the share of the cycles that a plan with more memory than the latter may take
_WORTH_MORE = 0.98
# how much of the arena that is placed in a hurry a thorough search leaves, where the former says something; and how
# much larger than the usual arena the quickest may be where it does not
_HURRIED, _THAN_EXACT = 0.97, 1.05
# limits of scratch memory that are tried
_LIMITS = (MOST_SCRATCH, 8192, 6144, 4096, 3072, 2560, 2304, 2048, 1792, 1536, 1280, 1024, 768, 512, 0)
_UNIFORM = (6144, 3072, 2560, 2048, 1536, 1024)
_ROWS = (4, 2, 1)
"""Rows at once that are tried."""
_REFINED = 2
_REFINED_LIMITS = (MOST_SCRATCH, 6144, 4096, 3072, 2048, 1024, 0)
"""Of so many ways to cut the network each operator alone is given more, and what of scratch memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freedom:
    """What memory a kernel with a choice may use to be quicker."""

    scratch_bytes: int | None = None
    """Most scratch memory; None for what is usual."""
    rows: int = 1
    """Most rows at once, in a stream."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """What was asked for before, while a network is cut in many ways."""

    choices: dict[tuple[int, Freedom], Choice] = field(default_factory=dict)
    """What operators can become; what is alike is the same object."""
    distinct: dict[tuple[float, ...], Choice] = field(default_factory=dict)
    """The different ones: the operator, memory and time."""
    parts: dict[tuple[int, ...], tuple[tuple[Step, ...], list[Part]]] = field(default_factory=dict)
    """Parts: where they begin and end, and the identities of what their operators become."""


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
    steps, parts = _with_scratch(graph, aim)
    made = assemble_plan(graph, steps, parts, place(graph, steps, parts, thorough=True), aim.kernels, optimize)
    return replace(made, part=part.name if part is not None else None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aim:
    """What a network is planned for."""

    kernels: KernelSet
    """The kernel set."""
    optimize: Optimize
    """What is preferred where speed and size conflict."""
    costs: Costs = Costs()
    """Of the part."""


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


def _with_scratch(graph: Graph, aim: Aim) -> tuple[tuple[Step, ...], list[Part]]:
    """Cut the network; kernels get the memory that makes them quick, where the arena has place for it.

    What is usual for speed, or least, says how large the arena may be. Tried are limits of scratch memory for all
    operators, and the most for all but those of parts whose time then needs too much, which get less step by step.
    Of the quickest that fit, operator by operator is given more where that still fits. The quickest is taken.
    """
    n = len(graph.operators)
    known = Known()
    usual = draft_plan(graph, aim, [Freedom()] * n, known)
    if not any(choice.has_scratch_choice for choice in usual.choices):
        return usual.steps, usual.parts
    drafts = [usual, draft_plan(graph, aim, [Freedom(scratch_bytes=0)] * n, known)]
    # size has no larger arena than speed, or it might be quicker
    base, least = drafts if aim.optimize == "speed" else _bases(graph, replace(aim, optimize="speed"))
    usual_budget = int(base.arena_bytes * _THAN_USUAL)
    budget = min(usual_budget, int(least.arena_bytes * _THAN_LEAST))
    drafts += [draft_plan(graph, aim, [Freedom(scratch_bytes=limit)] * n, known) for limit in _UNIFORM]
    best = _best_within(graph, aim, drafts, budget, known)
    if budget < usual_budget:
        larger = _best_within(graph, aim, drafts, usual_budget, known)
        best = larger if larger.cycles < best.cycles * _WORTH_MORE else best
    return best.steps, best.parts


def _best_within(graph: Graph, aim: Aim, drafts: Sequence[Draft], budget: int, known: Known) -> Draft:
    """Return the quickest draft within a budget of memory, of these, the first the usual one, and of others."""
    usual, tried = drafts[0], list(drafts)
    limits = [Freedom(scratch_bytes=_LIMITS[0])] * len(graph.operators)
    for _ in range(len(_LIMITS)):
        tried.append(draft_plan(graph, aim, limits, known))
        if tried[-1].arena_bytes <= budget or not _lower(tried[-1], budget, limits):
            break
    budget = max(budget, min(draft.arena_bytes for draft in tried))
    fitting = sorted((draft for draft in tried if draft.arena_bytes <= budget), key=lambda draft: draft.cycles)
    different = {tuple(part.operators for part in draft.parts): draft for draft in reversed(fitting)}
    quickest = sorted(different.values(), key=lambda draft: draft.cycles)[:_REFINED]
    refined = [_refine(graph, aim, draft, budget, known) for draft in quickest]
    ranked = sorted([*refined, *fitting], key=lambda draft: draft.cycles)
    exact = _thorough_bytes(graph, usual)
    if exact < usual.arena_bytes * _HURRIED:
        # what is placed in a hurry says little of this network's arena
        small = (draft for draft in ranked if _thorough_bytes(graph, draft) <= exact * _THAN_EXACT)
        return next(small, usual)
    return ranked[0]


def _thorough_bytes(graph: Graph, draft: Draft) -> int:
    return _arena_bytes(place(graph, draft.steps, draft.parts, thorough=True))


def _bases(graph: Graph, aim: Aim) -> list[Draft]:
    n = len(graph.operators)
    return [draft_plan(graph, aim, [freedom] * n) for freedom in (Freedom(), Freedom(scratch_bytes=0))]


def _lower(draft: Draft, budget: int, limits: list[Freedom]) -> bool:
    """Give the operators of parts that exceed the budget less scratch memory; return whether there was any to take."""
    lowered = False
    for number in draft.beyond(budget):
        for position in draft.parts[number].operators:
            lower = [limit for limit in _LIMITS if limit < (limits[position].scratch_bytes or 0)]
            if lower:
                limits[position], lowered = Freedom(scratch_bytes=lower[0]), True
    return lowered


def _refine(graph: Graph, aim: Aim, draft: Draft, budget: int, known: Known) -> Draft:
    """Give single operators more scratch memory and more rows at once where that is quicker and the arena has place.

    Two rows at once take little memory and bring most of the gain, so they are tried for all operators before four.
    """
    ranges = [(part.operators[0], part.operators[-1] + 1) for part in draft.parts]
    alone = {start for start, end in ranges if end == start + 1}
    for most in _ROWS[-2::-1]:
        costs = {
            position: choice.rows.call.cycles or 0.0
            for position, choice in enumerate(draft.choices)
            if choice.rows is not None and choice.has_scratch_choice
        }
        for position in sorted(costs, key=lambda position: -costs[position]):
            is_joined = position in alone and draft.choices[position].joined is not None
            options: dict[tuple[float, ...], Choice] = {}
            for rows in (1,) if is_joined else tuple(rows for rows in _ROWS if rows <= most):
                for limit in _REFINED_LIMITS:
                    choice = _choose(graph, position, aim, Freedom(scratch_bytes=limit, rows=rows), known)
                    options.setdefault(_costs_of(choice, is_joined=is_joined), choice)
            for key in sorted(options):
                choices = [*draft.choices[:position], options[key], *draft.choices[position + 1 :]]
                steps, _ = _cut(graph, aim, choices, ranges, known)
                if sum(step_cycles(step) for step in steps) >= draft.cycles:
                    break
                better = _draft(graph, aim, choices, ranges, known)
                if better.arena_bytes <= budget:
                    draft = better
                    break
    return draft


def _costs_of(choice: Choice, *, is_joined: bool) -> tuple[float, ...]:
    """Return the cycles of a choice and what memory it takes for them."""
    assert choice.rows is not None
    call = choice.call_alone if is_joined else choice.rows.call
    return call.cycles or 0.0, call.scratch_bytes or 0, choice.rows.height


def draft_plan(
    graph: Graph,
    aim: Aim,
    limits: Sequence[Freedom],
    known: Known | None = None,
) -> Draft:
    """Cut the network where it is quick with little memory, with so much freedom for each operator.

    Parameters
    ----------
    graph, aim
        The network, and what it is planned for.
    limits
        For each operator, what its kernel may use.
    known
        Choices by operator and limit, from earlier calls; this call adds its own.
    """
    known = Known() if known is None else known
    choices = [_choose(graph, position, aim, limit, known) for position, limit in enumerate(limits)]
    drafts = [_draft(graph, aim, choices, ranges, known) for ranges in partitions(graph, choices, _LARGER)]
    smallest = min(draft.arena_bytes for draft in drafts)
    return next(draft for draft in drafts if draft.arena_bytes <= smallest * _LARGER)


def _choose(graph: Graph, position: int, aim: Aim, freedom: Freedom, known: Known) -> Choice:
    found = known.choices.get((position, freedom))
    if found is None:
        usual = known.choices.get((position, Freedom()))
        if usual is not None and not usual.has_scratch_choice:
            found = usual
        else:
            found = choose(
                graph,
                graph.operators[position],
                aim.kernels,
                aim.optimize,
                freedom.scratch_bytes,
                freedom.rows,
                aim.costs,
            )
            found = known.distinct.setdefault((position, *_memory_and_time(found)), found)
        known.choices[position, freedom] = found
    return found


def _memory_and_time(choice: Choice) -> tuple[float, ...]:
    """Return all that freedom changes: kernels of one operator that agree in this are the same."""
    calls = [choice.rows, choice.joined.call if choice.joined is not None else None]
    return tuple(
        figure
        for call in calls
        if call is not None
        for figure in (call.call.cycles or 0.0, call.call.scratch_bytes or 0, call.height)
    )


def _draft(graph: Graph, aim: Aim, choices: list[Choice], ranges: Sequence[tuple[int, int]], known: Known) -> Draft:
    steps, parts = _cut(graph, aim, choices, ranges, known)
    return Draft(choices=choices, steps=steps, parts=parts, placement=place(graph, steps, parts, thorough=False))


def _cut(
    graph: Graph, aim: Aim, choices: list[Choice], ranges: Sequence[tuple[int, int]], known: Known
) -> tuple[tuple[Step, ...], list[Part]]:
    """Return the steps and parts of one way to cut the network; choices live as long as `known`."""
    steps: list[Step] = []
    parts: list[Part] = []
    for start, end in ranges:
        key = (start, end, *map(id, choices[start:end]))
        if key not in known.parts:
            known.parts[key] = cut(graph, choices, [(start, end)], aim.kernels.copy_kernel)
        own_steps, own_parts = known.parts[key]
        parts += [replace(part, first_step=part.first_step + len(steps)) for part in own_parts]
        steps += own_steps
    return tuple(steps), parts


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
