"""Streams: every row that a step reads is there, no line could be spared, and what is whole is where it should be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from int8_cases import examples
from int8_models import ModelBuilder
from reference_networks import cp_mobile

from asc_kit.errors import ModelError
from asc_kit.firmware_gen.network.graph import Graph, Operator
from asc_kit.firmware_gen.operators import REGISTRY
from asc_kit.firmware_gen.operators.base import AnyNode, Node
from asc_kit.firmware_gen.plan.plan import Plan, StreamSteps, make_plan
from asc_kit.firmware_gen.plan.streams import Buffer, Stream, assemble
from asc_kit.firmware_gen.plan.streams.loops import find_loops
from asc_kit.firmware_gen.read.reader import read_model

ABOVE, BELOW = -1, -2
"""What a line holds that is a row of padding."""


class LostRow(Exception):
    """A step wants a row whose line holds another one by now."""


def content(buffer: Buffer, row: int) -> int:
    """What the line of a row should hold."""
    return ABOVE if row < buffer.top else row if row < buffer.top + buffer.height else BELOW


def replay(stream: Stream, counts: list[int]) -> int:
    """Run a stream on lines that hold nothing but the numbers of their rows; return how many rows were computed.

    Written from what asc_stream.h says of the loops, with the lines themselves instead of the planner's counters of
    rows in need.
    """
    lines: list[list[int | None]] = [
        [ABOVE if buffer.padded else None] * n for buffer, n in zip(stream.buffers, counts, strict=True)
    ]
    for index, buffer in enumerate(stream.buffers):
        if buffer.given:
            lines[index] = list(range(buffer.height))
    done = [stream.buffers[step.target].top for step in stream.steps]
    moves = [number for loop in find_loops(stream.order) for _ in range(loop.times) for number in loop.body]
    computed = 0
    for number in moves:
        step = stream.steps[number]
        buffer = stream.buffers[step.target]
        row = done[number]
        held = content(buffer, row)
        if held == row:
            computed += step.call.height
            for source, window in zip(step.sources, step.call.windows, strict=True):
                first = (row - buffer.top) * window.stride + stream.buffers[source].top - window.top
                for read in range(first, first + window.rows * window.dilation, window.dilation):
                    if lines[source][read % counts[source]] != content(stream.buffers[source], read):
                        raise LostRow(f"row {read} of {stream.buffers[source].tensor.describe()}")
        rows = step.call.height if held == row else 1
        # a call that computes several rows finds and leaves them one behind the other
        several = (*(step.sources if step.call.reads_together else ()), step.target) if rows > 1 else ()
        for index in several:
            first = row - buffer.top + stream.buffers[index].top
            assert stream.buffers[index].whole or first % counts[index] + rows <= counts[index]
        for written in range(row, row + rows):
            lines[step.target][written % counts[step.target]] = content(buffer, written)
        done[number] += rows
    for step, row in zip(stream.steps, done, strict=True):
        buffer = stream.buffers[step.target]
        assert row <= buffer.rows
        assert row >= buffer.height or not buffer.whole, "a row of an output was never computed"
    return computed


def streams_of(plan: Plan) -> list[Stream]:
    return [entry.stream for entry in plan.program if isinstance(entry, StreamSteps)]


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    networks = [make_plan(read_model(case.model)) for case in examples("network", 40)]
    return [*networks, make_plan(read_model(cp_mobile().model))]


def test_every_row_is_there_when_it_is_read(plans: list[Plan]) -> None:
    for plan in plans:
        for stream in streams_of(plan):
            counts = [buffer.count for buffer in stream.buffers]
            rows = [stream.buffers[step.target].height for step in stream.steps]
            # rows that no window reaches are not computed
            assert 0 < replay(stream, counts) <= sum(rows)


def test_no_line_can_be_spared(plans: list[Plan]) -> None:
    spared = 0
    for plan in plans:
        for stream in streams_of(plan):
            for index, buffer in enumerate(stream.buffers):
                if buffer.whole or buffer.count == 1:
                    continue
                counts = [other.count for other in stream.buffers]
                counts[index] -= 1
                with pytest.raises(LostRow):
                    replay(stream, counts)
                spared += 1
    assert spared > 50


def test_the_parts_are_the_whole_network(plans: list[Plan]) -> None:
    for plan in plans:
        computed = [step.output.index for step in plan.steps if step.operator.op != "COPY"]
        assert computed == [operator.output for operator in plan.graph.operators]
        made = {plan.graph.storage(plan.graph.input)}
        for entry in plan.program:
            if isinstance(entry, StreamSteps):
                # what comes from outside has been computed before
                buffers = entry.stream.buffers
                assert {plan.graph.storage(buffer.tensor.index) for buffer in buffers if buffer.given} <= made
                made |= {buffer.tensor.index for buffer in buffers if buffer.whole}
            else:
                made.add(plan.steps[entry.step].output.index)


def chain(height: int, kernels: list[tuple[int, int]]) -> Stream:
    """Convolutions one after the other as one stream: (kernel height, stride)."""
    builder = ModelBuilder()
    source = tensor = builder.activation((1, height, 6, 4), 0.1, 3)
    for kernel, stride in kernels:
        weights = builder.constant(np.ones((4, kernel, 1, 4), np.int8), [0.01] * 4)
        bias = builder.constant(np.zeros(4, np.int32), [0.001] * 4)
        height = -(-height // stride)
        output = builder.activation((1, height, 6, 4), 0.1, -4)
        options = {"padding": 0, "strideH": stride, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        builder.operator("CONV_2D", [tensor, weights, bias], output, "Conv2DOptions", **options)
        tensor = output
    graph = read_model(builder.finish(source, tensor))
    calls = [REGISTRY[operator.op].rows(node(graph, operator)) for operator in graph.operators]
    whole = frozenset((graph.input, graph.output))
    return assemble(graph.tensors, graph.operators, [call for call in calls if call is not None], whole)


def node(graph: Graph, operator: Operator) -> AnyNode:
    inputs = tuple(graph.tensors[index] for index in operator.inputs)
    return Node(operator=operator, inputs=inputs, output=graph.tensors[operator.output])


@given(
    prologue=st.lists(st.integers(0, 9), max_size=12),
    body=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    times=st.integers(1, 60),
    epilogue=st.lists(st.integers(0, 9), max_size=12),
)
def test_loops_do_the_order_and_write_what_repeats_once(
    prologue: list[int], body: list[int], times: int, epilogue: list[int]
) -> None:
    order = prologue + body * times + epilogue
    loops = find_loops(order)
    assert [number for loop in loops for _ in range(loop.times) for number in loop.body] == order
    written = sum(len(loop.body) for loop in loops)
    assert written <= len(order) - max(0, (times - 1) * len(body) if (times - 1) * len(body) >= 8 else 0)


def test_a_tall_chain_is_no_longer_to_write_than_a_low_one() -> None:
    written = [
        sum(len(loop.body) for loop in find_loops(chain(height, [(3, 1), (3, 2), (3, 1)]).order))
        for height in (64, 128, 256)
    ]
    assert len(set(written)) == 1


def test_an_order_is_written_in_little_time_however_long() -> None:
    order = [0, 1, 2, 3] + [0, 1, 0, 2, 3] * 60_000 + [2, 3]
    loops = find_loops(order)
    assert [number for loop in loops for _ in range(loop.times) for number in loop.body] == order
    assert sum(len(loop.body) for loop in loops) < 15


def test_rows_beyond_16_bits_are_refused() -> None:
    assert chain(65_533, [(3, 1)]).buffers
    with pytest.raises(ModelError, match=r"1x65534x6x4\) has 65,536 rows"):
        chain(65_534, [(3, 1)])


def test_what_needs_no_rows_may_be_taller() -> None:
    builder = ModelBuilder()
    shape = (1, 70_000, 2, 1)
    tensor = source = builder.activation(shape, 0.1, 3)
    for _ in range(2):
        output = builder.activation(shape, 0.1, 0)
        builder.operator("RELU", [tensor], output)
        tensor = output
    plan = make_plan(read_model(builder.finish(source, tensor)))
    assert len(plan.program) == 2 and not streams_of(plan)


def test_a_chain_needs_the_rows_of_its_windows() -> None:
    stream = chain(64, [(3, 1), (5, 2), (3, 1)])
    # the input's copy with padding and the two tensors between: as many lines as the next window is high
    assert [buffer.count for buffer in stream.buffers if not buffer.whole] == [3, 5, 3]


def test_the_memory_of_a_chain_does_not_depend_on_its_height() -> None:
    lines = [
        sum(buffer.n_bytes for buffer in chain(height, [(3, 1), (3, 2), (3, 1)]).buffers if not buffer.whole)
        for height in (32, 64, 128)
    ]
    assert len(set(lines)) == 1


def test_replay_finds_a_window_that_is_too_high() -> None:
    """The referee itself: a window of one row more than planned for must be found out."""
    stream = chain(64, [(3, 1), (3, 1)])
    last = stream.steps[-1]
    (window,) = last.call.windows
    taller = replace(last, call=replace(last.call, windows=(replace(window, rows=window.rows + 1, top=0),)))
    with pytest.raises(LostRow):
        replay(replace(stream, steps=(*stream.steps[:-1], taller)), [buffer.count for buffer in stream.buffers])
