"""The search for a plan: kernels get the memory that makes them quick, as far as the arena has place for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..network.graph import Graph
from .choices import MOST_SCRATCH, Choice
from .drafts import Aim, Draft, Freedom, Known, arena_bytes, choose_freely, cut_and_place, cut_in_steps, draft_plan
from .placement import Part, Step, place, step_cycles

# the most by which scratch memory and rows at once may enlarge the arena: beyond the usual, and beyond the least
_THAN_USUAL, _THAN_LEAST = 1.05, 1.1
# the share of the cycles at which more memory than a tenth above the least is worth it
_WORTH_MORE = 0.98
# a hurried placement says enough if a thorough search leaves this share of the arena; if not, the quickest plan may
# exceed the usual arena by the second factor
_HURRIED, _THAN_EXACT = 0.97, 1.05
# limits of scratch memory that are tried
_LIMITS = (MOST_SCRATCH, 8192, 6144, 4096, 3072, 2560, 2304, 2048, 1792, 1536, 1280, 1024, 768, 512, 0)
_UNIFORM = (6144, 3072, 2560, 2048, 1536, 1024)
_ROWS = (4, 2, 1)
"""Rows at once that are tried."""
_REFINED = 2
_REFINED_LIMITS = (MOST_SCRATCH, 6144, 4096, 3072, 2048, 1024, 0)
"""Ways to cut the network in which single operators are given more, and the limits tried for them."""


def find_plan(graph: Graph, aim: Aim) -> tuple[tuple[Step, ...], list[Part]]:
    """Cut the network; kernels get the memory that makes them quick, where the arena has place for it.

    The drafts with the usual and with the least scratch memory bound the arena. Then each of `_UNIFORM` is tried as a
    limit for all operators. Last, all operators begin with the highest limit, and those of parts that exceed the bound
    get less, step by step. In the quickest drafts that fit, single operators get more memory where that still fits.
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
    """Return the quickest draft within a budget of memory: of `drafts`, the first of them the usual one, or another."""
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
        # placed in a hurry, this network's arena is far larger than it need be
        small = (draft for draft in ranked if _thorough_bytes(graph, draft) <= exact * _THAN_EXACT)
        return next(small, usual)
    return ranked[0]


def _thorough_bytes(graph: Graph, draft: Draft) -> int:
    return arena_bytes(place(graph, draft.steps, draft.parts, thorough=True))


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
                    choice = choose_freely(graph, position, aim, Freedom(scratch_bytes=limit, rows=rows), known)
                    options.setdefault(_costs_of(choice, is_joined=is_joined), choice)
            for key in sorted(options):
                choices = [*draft.choices[:position], options[key], *draft.choices[position + 1 :]]
                steps, _ = cut_in_steps(graph, aim, choices, ranges, known)
                if sum(step_cycles(step) for step in steps) >= draft.cycles:
                    break
                better = cut_and_place(graph, aim, choices, ranges, known)
                if better.arena_bytes <= budget:
                    draft = better
                    break
    return draft


def _costs_of(choice: Choice, *, is_joined: bool) -> tuple[float, ...]:
    """Return the cycles of a choice and what memory it takes for them."""
    assert choice.rows is not None
    call = choice.call_alone if is_joined else choice.rows.call
    return call.cycles or 0.0, call.scratch_bytes or 0, choice.rows.height
