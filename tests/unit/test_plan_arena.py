"""Placement in the arena and the passes: nothing that is still needed is ever overwritten."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from int8_case import Case
from int8_models import ModelBuilder
from reference_networks import cp_mobile, ds_cnn, mobilenet, picture_start

from asc_kit.errors import ModelError
from asc_kit.firmware_gen.kernel_sets import load_kernel_set
from asc_kit.firmware_gen.network.graph import Graph, Padding
from asc_kit.firmware_gen.network.row_call import OVER_READ
from asc_kit.firmware_gen.operators.conv_2d import Conv2DAttributes
from asc_kit.firmware_gen.operators.depthwise_conv_2d import DepthwiseConv2DAttributes
from asc_kit.firmware_gen.plan.arena import (
    ALIGNMENT,
    Block,
    arena_end,
    check_placement,
    liveness_bound,
    overlap_bound,
    place_blocks,
)
from asc_kit.firmware_gen.plan.drafts import Aim, Freedom, draft_plan
from asc_kit.firmware_gen.plan.placement import step_cycles
from asc_kit.firmware_gen.plan.plan import make_plan, plan_document
from asc_kit.firmware_gen.plan.simplify import alias_views, fold_pad, simplify
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.hardware.board import KernelSetName, Optimize
from asc_kit.hardware.part import load_part


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[Block], dict[tuple[int, int], int]]:
    """Blocks of a chain of steps: each step's output may overlap its input; some blocks live longer."""
    n = draw(st.integers(1, 10))
    blocks = []
    for index in range(n):
        longer = draw(st.sampled_from([0, 0, 0, 1, 3]))
        size = draw(st.integers(1, 200))
        blocks.append(Block(name=str(index), n_bytes=size, first=index - 1, last=index + longer))
    overlaps = {}
    for index in range(1, n):
        if blocks[index - 1].last == index - 1 and draw(st.booleans()):
            overlaps[index, index - 1] = draw(st.integers(0, blocks[index].n_bytes))
    return blocks, overlaps


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(chains())
def test_blocks_in_use_share_no_byte(case: tuple[list[Block], dict[tuple[int, int], int]]) -> None:
    blocks, overlaps = case
    offsets = place_blocks(blocks, overlaps)
    assert all(offset % ALIGNMENT == 0 for offset in offsets)
    for a, one in enumerate(blocks):
        for b, other in enumerate(blocks[:a]):
            if not (one.first <= other.last and other.first <= one.last):
                continue
            bytes_of = [set(range(offsets[i], offsets[i] + blocks[i].n_bytes)) for i in (a, b)]
            shared = bytes_of[0] & bytes_of[1]
            if (a, b) in overlaps:
                assert not shared or offsets[b] - offsets[a] >= overlaps[a, b]
            else:
                assert not shared
    assert overlap_bound(blocks, overlaps) <= arena_end(blocks, offsets)
    assert place_blocks(blocks, overlaps) == offsets


def test_the_guard_finds_a_collision() -> None:
    blocks = [Block(name="a", n_bytes=8, first=0, last=1), Block(name="b", n_bytes=8, first=1, last=2)]
    check_placement(blocks, (0, 8), {})
    check_placement(blocks, (4, 0), {(1, 0): 4})
    for offsets, overlaps in (((0, 4), {}), ((0, 0), {(1, 0): 4}), ((0, 4), {(1, 0): 0})):
        with pytest.raises(RuntimeError, match="share memory"):
            check_placement(blocks, offsets, overlaps)


def test_liveness_bound() -> None:
    sizes = [(10, -1, 0), (20, 0, 2), (5, 1, 2), (40, 2, 3)]
    blocks = [Block(name="", n_bytes=n, first=first, last=last) for n, first, last in sizes]
    assert liveness_bound(blocks) == 65


def test_cp_mobile_reaches_the_bound() -> None:
    plan = make_plan(read_model(cp_mobile().model))
    # as whole tensors: 174,336 bytes, an expanded tensor, the depthwise output and the shortcut
    assert plan.arena_bytes == plan.overlap_bound_bytes < 40_000
    again = make_plan(read_model(cp_mobile().model))
    assert plan_document(plan) == plan_document(again)


@pytest.mark.parametrize("kernels", ["portable", "dsp", "mve"])
@pytest.mark.parametrize(
    ("network", "macs"),
    # published: 29.4 million, 432.4 million and 2.7 million
    [(cp_mobile, 29_416_448), (mobilenet, 432_376_832), (ds_cnn, 2_656_768)],
)
def test_networks_of_full_size_reach_the_bound(network: Callable[[], Case], macs: int, kernels: KernelSetName) -> None:
    plan = make_plan(read_model(network().model), kernels)
    assert plan.macs == macs
    assert plan.overlap_bound_bytes <= plan.arena_bytes <= plan.overlap_bound_bytes + OVER_READ


@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_scratch_memory_makes_quicker_within_the_arena(optimize: Optimize) -> None:
    """At most 5 % beyond what four columns at a time need, and by the planner's estimate quicker than that."""
    graph = simplify(read_model(cp_mobile().model))
    usual = draft_plan(graph, Aim(kernels=load_kernel_set("dsp"), optimize="speed"), [Freedom()] * len(graph.operators))
    plan = make_plan(read_model(cp_mobile().model), "dsp", optimize)
    assert plan.arena_bytes - OVER_READ <= 1.05 * usual.arena_bytes
    assert sum(map(step_cycles, plan.steps)) < 0.97 * usual.cycles


@pytest.mark.parametrize("part", ["stm32l4r5", "stm32h743"])
@pytest.mark.parametrize("network", [ds_cnn, picture_start])
def test_speed_is_never_slower_than_size(network: Callable[[], Case], part: str) -> None:
    model = read_model(network().model)
    speed, size = (make_plan(model, "dsp", optimize, load_part(part)) for optimize in ("speed", "size"))
    assert sum(map(step_cycles, speed.steps)) <= sum(map(step_cycles, size.steps))
    assert size.weight_bytes <= speed.weight_bytes
    assert size.arena_bytes <= 1.05 * speed.arena_bytes


def test_the_part_chooses_how_weights_are_stored() -> None:
    """In 16 bits where a cache keeps them, in 8 where each byte waits."""
    model = read_model(ds_cnn().model)
    quick, slow = (make_plan(model, "dsp", "speed", load_part(name)) for name in ("stm32h743", "nrf52840"))
    assert quick.weight_bytes > 1.2 * slow.weight_bytes
    assert (quick.part, slow.part) == ("stm32h743", "nrf52840")


def padded_network(*, users: int, amounts: list[list[int]], depthwise: bool = False) -> Graph:
    builder = ModelBuilder()
    before = np.array(amounts)
    shape = (1, 6, 5, 2)
    source = builder.activation(shape, 0.1, 5)
    padded_shape = [int(size) for size in np.array(shape) + before.sum(axis=1)]
    padded = builder.activation(padded_shape, 0.1, 5)
    builder.operator("PAD", [source, builder.constant(before.astype(np.int32))], padded, "PadOptions")
    outputs = []
    for _ in range(users):
        channels = padded_shape[3]
        weights = np.ones((1, 3, 3, channels) if depthwise else (channels, 3, 3, channels), np.int8)
        bias = builder.constant(np.zeros(channels, np.int32), [0.001] * channels)
        tensors = [padded, builder.constant(weights, [0.01] * channels, axis=3 if depthwise else 0), bias]
        out_shape = (1, padded_shape[1] - 2, padded_shape[2] - 2, channels)
        output = builder.activation(out_shape, 0.2, 0)
        options = {"padding": 1, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        if depthwise:
            builder.operator(
                "DEPTHWISE_CONV_2D", tensors, output, "DepthwiseConv2DOptions", depthMultiplier=1, **options
            )
        else:
            builder.operator("CONV_2D", tensors, output, "Conv2DOptions", **options)
        outputs.append(output)
    if users == 2:
        total = builder.activation(out_shape, 0.2, 0)
        builder.operator("ADD", list(outputs), total, "AddOptions")
        outputs.append(total)
    return read_model(builder.finish(source, outputs[-1]))


@pytest.mark.parametrize("depthwise", [False, True])
def test_padding_moves_into_the_convolution(depthwise: bool) -> None:
    graph = fold_pad(padded_network(users=1, amounts=[[0, 0], [1, 2], [3, 0], [0, 0]], depthwise=depthwise))
    (operator,) = graph.operators
    attributes = operator.attributes
    assert isinstance(attributes, DepthwiseConv2DAttributes if depthwise else Conv2DAttributes)
    assert attributes.padding == Padding(top=1, bottom=2, left=3, right=0)
    assert operator.inputs[0] == graph.input


@pytest.mark.parametrize(
    ("users", "amounts"),
    [(2, [[0, 0], [1, 1], [1, 1], [0, 0]]), (1, [[0, 0], [1, 1], [1, 1], [0, 2]])],
)
def test_padding_stays_where_it_cannot_move(users: int, amounts: list[list[int]]) -> None:
    graph = fold_pad(padded_network(users=users, amounts=amounts))
    assert graph.operators[0].op == "PAD"


def test_reshape_becomes_an_alias() -> None:
    builder = ModelBuilder()
    source = builder.activation((1, 2, 3, 2), 0.1, 0)
    flat = builder.activation((1, 12), 0.1, 0)
    again = builder.activation((1, 3, 2, 2), 0.1, 0)
    builder.operator("RESHAPE", [source], flat)
    builder.operator("RESHAPE", [flat], again)
    output = builder.activation((1, 12), 1 / 256, -128)
    builder.operator("LOGISTIC", [flat], output)
    with pytest.raises(ModelError, match="different shapes"):
        bad = builder.activation((1, 3, 2, 2), 1 / 256, -128)
        builder.operator("LOGISTIC", [flat], bad)
        read_model(builder.finish(source, output))
    builder.graph.operators.pop()
    graph = alias_views(read_model(builder.finish(source, output)))
    assert [operator.op for operator in graph.operators] == ["LOGISTIC"]
    assert graph.storage(again) == graph.storage(flat) == source
    plan = make_plan(read_model(builder.finish(source, output)))
    # in place: input, its aliases and the output are 12 bytes
    assert plan.arena_bytes == 12
    assert plan.offsets[flat] == plan.offsets[source] == 0


def test_a_model_that_only_reshapes_is_refused() -> None:
    builder = ModelBuilder()
    source, output = builder.activation((1, 4), 0.1, 0), builder.activation((4, 1), 0.1, 0)
    builder.operator("RESHAPE", [source], output)
    with pytest.raises(ModelError, match="computes nothing"):
        make_plan(read_model(builder.finish(source, output)))
