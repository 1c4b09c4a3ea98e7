"""Drafts of a plan: one way to cut a network and to choose its kernels, placed in a hurry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from asc_kit.hardware.board import Optimize

from ..kernel_sets.kernel_set import KernelSet
from ..network.costs import Costs
from ..network.graph import Graph
from .arena import arena_end
from .choices import Choice, choose
from .placement import Part, Placement, Step, cut, place, step_cycles
from .streams.partition import partitions

# the most by which an arena may exceed the smallest for the sake of speed
_LARGER = 1.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Freedom:
    """The memory that a kernel may use to be quicker."""

    scratch_bytes: int | None = None
    """Most scratch memory; None for the usual amount."""
    rows: int = 1
    """Most rows at once, in a stream."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Known:
    """Answers to earlier questions, while a network is cut in many ways."""

    choices: dict[tuple[int, Freedom], Choice] = field(default_factory=dict)
    """What each operator can become; equal choices are the same object."""
    distinct: dict[tuple[float, ...], Choice] = field(default_factory=dict)
    """The choices that differ, by operator, memory and time."""
    parts: dict[tuple[int, ...], tuple[tuple[Step, ...], list[Part]]] = field(default_factory=dict)
    """Parts, by their first operator, their end and the identities of their operators' choices."""


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
        return arena_bytes(self.placement)

    def beyond(self, budget: int) -> list[int]:
        """Return the parts with scratch memory whose time needs more than a budget."""
        ends = {
            part: max(
                offset + block.n_bytes for block, offset in self.placement.blocks if block.first <= part <= block.last
            )
            for part in self.placement.scratch
        }
        return [part for part, end in ends.items() if end > budget]


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
    choices = [choose_freely(graph, position, aim, limit, known) for position, limit in enumerate(limits)]
    drafts = [cut_and_place(graph, aim, choices, ranges, known) for ranges in partitions(graph, choices, _LARGER)]
    smallest = min(draft.arena_bytes for draft in drafts)
    return next(draft for draft in drafts if draft.arena_bytes <= smallest * _LARGER)


def choose_freely(graph: Graph, position: int, aim: Aim, freedom: Freedom, known: Known) -> Choice:
    """Return what an operator can become with so much freedom, from `known` where it was asked for before."""
    choice = known.choices.get((position, freedom))
    if choice is None:
        usual = known.choices.get((position, Freedom()))
        if usual is not None and not usual.has_scratch_choice:
            choice = usual
        else:
            choice = choose(
                graph,
                graph.operators[position],
                aim.kernels,
                aim.optimize,
                freedom.scratch_bytes,
                freedom.rows,
                aim.costs,
            )
            choice = known.distinct.setdefault((position, *_memory_and_time(choice)), choice)
        known.choices[position, freedom] = choice
    return choice


def _memory_and_time(choice: Choice) -> tuple[float, ...]:
    """Return all that freedom changes: kernels of one operator that agree in this are the same."""
    calls = [choice.rows, choice.joined.call if choice.joined is not None else None]
    return tuple(
        figure
        for call in calls
        if call is not None
        for figure in (call.call.cycles or 0.0, call.call.scratch_bytes or 0, call.height)
    )


def cut_and_place(
    graph: Graph, aim: Aim, choices: list[Choice], ranges: Sequence[tuple[int, int]], known: Known
) -> Draft:
    """Cut the network at these ranges of operators, and place its memory in a hurry."""
    steps, parts = cut_in_steps(graph, aim, choices, ranges, known)
    return Draft(choices=choices, steps=steps, parts=parts, placement=place(graph, steps, parts, thorough=False))


def cut_in_steps(
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


def arena_bytes(placement: Placement) -> int:
    """Return the size of the arena that a placement needs."""
    return arena_end([block for block, _ in placement.blocks], [offset for _, offset in placement.blocks])
