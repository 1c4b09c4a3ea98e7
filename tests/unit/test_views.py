"""Tensors as loops, operators of several outputs, and outputs that are pieces of their input."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from int8_models import ModelBuilder

from asc_kit.firmware_gen.network.graph import Graph
from asc_kit.firmware_gen.network.strides import broadcast_strides, merge, row_major
from asc_kit.firmware_gen.operators.reduce import levels
from asc_kit.firmware_gen.plan.plan import Plan, make_plan, plan_document
from asc_kit.firmware_gen.plan.simplify import alias_views, drop_unused, take_apart
from asc_kit.firmware_gen.read.reader import read_model

sizes = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(sizes, st.randoms(use_true_random=False))
def test_merged_loops_walk_the_same_way(shape: list[int], random) -> None:  # type: ignore[no-untyped-def]
    """Against NumPy: a transposed view and a broadcast one, element by element."""
    order = random.sample(range(len(shape)), len(shape))
    values = np.arange(math.prod(shape)).reshape(shape).transpose(order)
    squeezed = tuple(random.choice([1, size]) for size in values.shape)
    repeated = np.arange(math.prod(squeezed)).reshape(squeezed)
    broadcast = broadcast_strides(squeezed, values.shape)
    assert broadcast is not None
    loops = merge(values.shape, [row_major(shape)[axis] for axis in order], broadcast)
    assert loops is not None
    walks = [
        [sum(i * step for i, step in zip(index, strides, strict=True)) for index in np.ndindex(loops.shape)]
        for strides in loops.strides
    ]
    assert walks[0] == values.reshape(-1).tolist()
    assert walks[1] == np.broadcast_to(repeated, values.shape).reshape(-1).tolist()


def test_contiguous_tensors_are_one_loop() -> None:
    shape = (1, 4, 5, 6)
    loops = merge(shape, row_major(shape), row_major(shape))
    assert loops is not None
    assert loops.shape == (1, 1, 1, 120)
    assert loops.strides == ((0, 0, 0, 1),) * 2
    assert merge((2, 2, 2, 2, 2), (1, 2, 4, 8, 16)) is None
    assert broadcast_strides((3,), (2, 4)) is None
    assert broadcast_strides((1, 1, 4), (2, 4)) is None


@pytest.mark.parametrize("axes", [axes for n in range(1, 5) for axes in itertools.combinations(range(4), n)])
def test_levels_keep_what_numpy_keeps(axes: tuple[int, ...]) -> None:
    shape = (2, 3, 4, 5)
    extents = levels(shape, axes)
    assert extents is not None
    values = np.random.default_rng(0).integers(-99, 99, shape)
    assert np.array_equal(values.reshape(extents).sum((1, 3)).reshape(-1), values.sum(axes).reshape(-1))


def test_three_groups_of_axes_are_too_many() -> None:
    assert levels((2, 2, 2, 2, 2), (0, 2, 4)) is None
    assert levels((2, 1, 2, 2, 2), (0, 1, 2, 4)) is not None


def split_network(axis: int, users: tuple[int, ...], shape: tuple[int, ...] = (1, 8, 4, 6)) -> tuple[Graph, list[int]]:
    """SPLIT in two, and LOGISTIC of the parts that are used; returns the parts."""
    builder = ModelBuilder()
    source = builder.activation(shape, 0.1, 0)
    part = list(shape)
    part[axis] //= 2
    parts = [builder.activation(part, 0.1, 0) for _ in range(2)]
    tensors = [builder.constant(np.array(axis, np.int32)), source]
    builder.operator("SPLIT", tensors, parts, "SplitOptions", numSplits=2)
    outputs = []
    for user in users:
        outputs.append(builder.activation(part, 1 / 256, -128))
        builder.operator("LOGISTIC", [parts[user]], outputs[-1])
    if len(outputs) == 2:
        total = builder.activation(part, 0.01, 0)
        builder.operator("ADD", list(outputs), total, "AddOptions")
        outputs.append(total)
    return read_model(builder.finish(source, outputs[-1])), parts


def test_each_used_output_becomes_an_operator() -> None:
    graph, parts = split_network(axis=3, users=(0, 1))
    assert [operator.outputs for operator in graph.operators if operator.op == "SPLIT"] == [tuple(parts)]
    apart = take_apart(graph)
    assert [operator.output for operator in apart.operators if operator.op == "SPLIT"] == parts
    graph, parts = split_network(axis=3, users=(1,))
    assert [operator.output for operator in drop_unused(take_apart(graph)).operators if operator.op == "SPLIT"] == [
        parts[1]
    ]


def test_parts_that_are_contiguous_are_views() -> None:
    graph, parts = split_network(axis=1, users=(0, 1))
    graph = alias_views(take_apart(graph))
    assert [operator.op for operator in graph.operators] == ["LOGISTIC", "LOGISTIC", "ADD"]
    assert [graph.storage(part) for part in parts] == [graph.input] * 2
    assert [graph.offset_in_storage(part) for part in parts] == [0, 96]
    plan = make_plan(split_network(axis=1, users=(0, 1))[0])
    assert plan.offsets[parts[1]] == plan.offsets[plan.graph.input] + 96
    assert_apart(plan)


@pytest.mark.parametrize(("axis", "shape"), [(3, (1, 8, 4, 6)), (1, (1, 2, 3, 1))])
def test_parts_that_are_not_aligned_or_contiguous_are_copied(axis: int, shape: tuple[int, ...]) -> None:
    plan = make_plan(split_network(axis=axis, users=(1,), shape=shape)[0])
    assert [step.call.kernel for step in plan.steps] == ["asc_strided_copy_s8", "asc_lookup_s8"]


def test_a_tensor_is_not_overwritten_while_its_view_repeats() -> None:
    """MUL of a tensor with its own first row: one input allows the output in its place, the other does not."""
    builder = ModelBuilder()
    source = builder.activation((1, 6, 6), 0.1, 0)
    squashed = builder.activation((1, 6, 6), 1 / 256, -128)
    builder.operator("LOGISTIC", [source], squashed)
    row = builder.activation((1, 1, 6), 1 / 256, -128)
    indices = [builder.constant(np.array(values, np.int32)) for values in ((0, 0, 0), (1, 1, 6))]
    builder.operator("SLICE", [squashed, *indices], row, "SliceOptions")
    square = builder.activation((1, 6, 6), 0.01, 0)
    builder.operator("MUL", [squashed, row], square, "MulOptions")
    plan = make_plan(read_model(builder.finish(source, square)))
    assert len(plan.steps) == 2
    assert plan.offsets[row] == plan.offsets[squashed]
    assert abs(plan.offsets[square] - plan.offsets[squashed]) >= 36


def test_constants_are_listed_in_the_plan() -> None:
    builder = ModelBuilder()
    source, output = builder.activation((1, 4), 0.1, 0), builder.activation((1, 4), 0.2, 0)
    builder.operator(
        "ADD", [source, builder.constant(np.arange(4, dtype=np.int8), 0.1, zero_point=7)], output, "AddOptions"
    )
    plan = make_plan(read_model(builder.finish(source, output)))
    assert plan.weight_bytes == 4
    (step,) = plan_document(plan)["steps"]
    assert "zero point 7" in step["inputs"][1]


def assert_apart(plan: Plan) -> None:
    """No output lies over an input that the operator still reads, nor over a tensor that is used later."""
    graph = plan.graph

    def place(index: int) -> range:
        return range(plan.offsets[index], plan.offsets[index] + graph.tensors[index].n_elements)

    for position, step in enumerate(plan.steps):
        later = [index for other in plan.steps[position + 1 :] for index in graph.activations(other.operator)]
        for index in later:
            known = {graph.input, *(before.output.index for before in plan.steps[:position])}
            if graph.storage(index) in known:
                assert not set(place(index)) & set(place(step.output.index)), (position, index)
