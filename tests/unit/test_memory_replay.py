"""Whole plans on memory that holds names: nothing is overwritten before its last reader has read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from int8_cases import examples
from int8_network_cases import forked
from int8_topology_cases import topologies
from memory_replay import Memory, Overwritten
from reference_networks import cp_mobile

from asc_kit.firmware_gen.kernel_sets import kernel_set_names, load_kernel_set
from asc_kit.firmware_gen.network.graph import Graph
from asc_kit.firmware_gen.plan.choices import Choice, choose
from asc_kit.firmware_gen.plan.placement import cut, place
from asc_kit.firmware_gen.plan.plan import Plan, StreamSteps, assemble_plan, make_plan
from asc_kit.firmware_gen.plan.simplify import simplify
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.hardware.board import KernelSetName

SETS = kernel_set_names()


def plans_of_random_cuts(model: bytes, kernels: KernelSetName, rng: np.random.Generator, n: int) -> Iterator[Plan]:
    """Plans that the planner would not choose: cut anywhere, so that tensors of all kinds are whole."""
    graph, choices = choices_of(model, kernels)
    views = {alias.tensor for alias in graph.aliases}
    for _ in range(n):
        ranges, start = [], 0
        while start < len(choices):
            end, longest = start + 1, start + int(rng.integers(1, 9))
            computed = {graph.operators[start].output}
            while end < min(longest, len(choices)) and all(choice.rows for choice in choices[start : end + 1]):
                operator = graph.operators[end]
                # a view of a tensor is there when all of that is
                if any(graph.storage(index) in computed for index in operator.inputs if index in views):
                    break
                computed.add(operator.output)
                end += 1
            ranges.append((start, end))
            start = end
        yield plan_of(graph, choices, ranges, kernels)


def choices_of(model: bytes, kernels: KernelSetName) -> tuple[Graph, list[Choice]]:
    graph = simplify(read_model(model))
    return graph, [choose(graph, operator, load_kernel_set(kernels), "speed") for operator in graph.operators]


def plan_of(graph: Graph, choices: Sequence[Choice], ranges: Sequence[tuple[int, int]], kernels: KernelSetName) -> Plan:
    kernel_set = load_kernel_set(kernels)
    steps, parts = cut(graph, choices, ranges, kernel_set.copy_kernel)
    return assemble_plan(graph, steps, parts, place(graph, steps, parts, thorough=False), kernel_set, "speed")


@pytest.mark.parametrize("kernels", SETS)
def test_all_that_is_read_is_still_there(kernels: KernelSetName) -> None:
    plans = [make_plan(read_model(case.model), kernels) for case in (*examples("network", 12), cp_mobile())]
    rng = np.random.default_rng(7)
    for case in examples("network", 30):
        plans += plans_of_random_cuts(case.model, kernels, rng, 6)
    for plan in plans:
        Memory(plan).run()
    # outputs do lie over their inputs
    assert sum(plan.liveness_bound_bytes > plan.arena_bytes for plan in plans) > 50


@pytest.mark.parametrize("kernels", SETS)
def test_branches_that_lag_behind(kernels: KernelSetName) -> None:
    """All ways to cut a network in which one branch writes its output when another still needs the rows below it."""
    graph, choices = choices_of(forked(np.random.default_rng(9)).model, kernels)
    n = len(choices)
    for places in range(1 << (n - 1)):
        edges = [0, *(k + 1 for k in range(n - 1) if places >> k & 1), n]
        # five operators, eight inputs among them, and the output
        assert Memory(plan_of(graph, choices, list(pairwise(edges)), kernels)).run() > 8


@pytest.mark.parametrize("kernels", SETS)
def test_views_and_tensors_of_several_users(kernels: KernelSetName) -> None:
    rng = np.random.default_rng(10)
    for case in topologies():
        usual = make_plan(read_model(case.model), kernels)
        for plan in (usual, *plans_of_random_cuts(case.model, kernels, rng, 6)):
            assert Memory(plan).run() > len(plan.graph.operators)


def test_an_output_that_begins_too_late_over_its_input_is_found() -> None:
    """The referee itself: outputs moved forward by one byte over inputs that are used up."""
    found, rng = 0, np.random.default_rng(8)
    for case in examples("network", 40):
        for plan in plans_of_random_cuts(case.model, "dsp", rng, 2):
            for moved in _moved(plan):
                with pytest.raises(Overwritten):
                    Memory(moved).run()
                found += 1
    assert found > 10


def _moved(plan: Plan) -> Iterator[Plan]:
    """Plans with one output that lies as near behind its input's beginning as it may, moved one byte nearer."""
    for entry in plan.program:
        if not isinstance(entry, StreamSteps):
            continue
        buffers = entry.stream.buffers
        for (out, source), distance in entry.stream.overlap.items():
            (row_step,) = (row_step for row_step in entry.stream.steps if row_step.target == out)
            target, given = buffers[out].tensor, buffers[source].tensor
            begin, end = (plan.offsets[target.index] + n for n in (0, target.n_elements))
            first, last = (plan.offsets[given.index] + n for n in (0, given.n_elements))
            is_tight = begin + distance == first and begin < last and end < plan.arena_bytes
            # kernels that do not take rows say themselves how they may lie over their input
            if is_tight and row_step.call.takes_rows and buffers[out].whole:
                yield replace(plan, offsets={**plan.offsets, target.index: begin + 1})
