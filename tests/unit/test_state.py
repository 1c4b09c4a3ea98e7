"""Variables of a model: what is read, where the copies go, what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from int8_models import ModelBuilder
from int8_random_networks import random_network
from memory_replay import Memory
from stateful_models import SCALE, SHAPE, ZERO_POINT, remembering, swapping

from asc_kit.errors import ModelError
from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.plan.simplify import simplify
from asc_kit.firmware_gen.read.reader import read_model


def test_a_variable_is_a_tensor_that_no_operator_computes_first() -> None:
    graph = read_model(remembering())
    (variable,) = graph.variables
    assert [operator.op for operator in graph.operators] == ["READ_VARIABLE", "ADD"]
    assert variable.initial.tolist() == [5] * 6
    assert graph.tensors[variable.tensor].shape == SHAPE
    assert variable.value == graph.output
    graph = simplify(graph)
    assert [operator.op for operator in graph.operators] == ["ADD", "ASSIGN_VARIABLE"]
    assert graph.operators[1].outputs == (variable.tensor,)


def test_what_lies_in_a_variable_is_copied_out_before_it_changes() -> None:
    graph = simplify(read_model(swapping()))
    ops = [operator.op for operator in graph.operators]
    assert ops == ["ADD", "MAXIMUM", *["ASSIGN_VARIABLE"] * 5]
    held = {variable.tensor for variable in graph.variables}
    assert not any(index in held for operator in graph.operators[-2:] for index in operator.inputs)
    assert {operator.output for operator in graph.operators[-2:]} == held
    assert graph.storage(graph.output) not in held


@pytest.mark.parametrize("kernels", ["portable", "mve"])
@pytest.mark.parametrize("seed", range(9))
def test_nothing_that_is_still_needed_is_overwritten(seed: int, kernels: str) -> None:
    plan = make_plan(read_model(random_network(seed)), kernels)
    assert Memory(plan).run() > 0


def _shared_name(builder: ModelBuilder) -> None:
    builder.model.subgraphs[1].operators[0].builtinOptions.sharedName = b"other"


def _constant(builder: ModelBuilder) -> None:
    builder.graph.operators[-1].inputs[1] = builder.constant(np.ones(SHAPE, np.int8), SCALE, zero_point=ZERO_POINT)


def _larger(builder: ModelBuilder) -> None:
    builder.graph.operators[-1].inputs[1] = builder.activation((1, 9), SCALE, ZERO_POINT)


def _no_once(builder: ModelBuilder) -> None:
    del builder.graph.operators[0]


def _late_once(builder: ModelBuilder) -> None:
    builder.graph.operators.append(builder.graph.operators.pop(0))


def _no_handle(builder: ModelBuilder) -> None:
    builder.graph.operators[-1].inputs[0] = 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_shared_name, "READ_VARIABLE: nothing assigns the variable's first value"),
        (_constant, "ASSIGN_VARIABLE: it assigns a constant"),
        (_larger, r"is INT8 of shape \(1, 9\); the variable holds \(1, 1, 2, 3\)"),
        (_no_once, "the model has 2 subgraphs"),
        (_late_once, "it comes before CALL_ONCE"),
        (_no_handle, "takes no variable that VAR_HANDLE names"),
    ],
)
def test_other_uses_of_variables_are_refused(change: Callable[[ModelBuilder], None], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_model(remembering(change))


@pytest.mark.parametrize("count", [0, 17])
def test_too_few_or_too_many_outputs_are_refused(count: int) -> None:
    builder = ModelBuilder()
    source = builder.activation((1, 4), 0.1, 0)
    outputs = [builder.activation((1, 4), 0.1, 0) for _ in range(17)]
    for output in outputs:
        builder.operator("RELU", [source], output)
    with pytest.raises(ModelError, match=f"the model has {count} outputs"):
        read_model(builder.finish(source, outputs[:count]))


def _lstm(change: Callable[[ModelBuilder], None]) -> bytes:
    """A small LSTM, spoiled."""
    builder = ModelBuilder()
    source, output = builder.activation((1, 2, 3), 0.1, 0), builder.activation((1, 2, 4), 0.01, 1)
    hidden, cell = builder.state(4, 0.01, 1), builder.state(4, 2.0**-11, 0, np.int16)
    weights = [builder.constant(np.ones((4, size), np.int8), 0.01) for size in (3, 3, 3, 3, 4, 4, 4, 4)]
    biases = [builder.constant(np.zeros(4, np.int32), 0.001) for _ in range(4)]
    taken = [source, *weights, -1, -1, -1, *biases, -1, -1, hidden, cell, -1, -1, -1, -1]
    options = {"fusedActivationFunction": 4, "cellClip": 0.0, "projClip": 0.0}
    builder.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", taken, output, "UnidirectionalSequenceLSTMOptions", **options)
    builder.graph.operators[0].intermediates = [builder.real((0,)) for _ in range(4)] + [
        builder.activation((0,), 0.01, 1)
    ]
    change(builder)
    return builder.finish(source, output)


def test_an_lstm_has_its_state_as_variables_of_zeros() -> None:
    graph = read_model(_lstm(lambda builder: None))
    hidden, cell = graph.variables
    assert hidden.initial.tolist() == [1] * 4 and cell.initial.tolist() == [0] * 8
    assert graph.tensors[cell.tensor].n_bytes == 8
    (step,) = make_plan(graph).steps
    assert step.call.updates == (hidden.tensor, cell.tensor)
    assert step.call.macs == 2 * 4 * 4 * (3 + 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: b.graph.operators[0].inputs.__setitem__(10, 1), "has peepholes"),
        (lambda b: b.graph.operators[0].inputs.__setitem__(16, 1), "has a projection"),
        (lambda b: b.graph.operators[0].inputs.__setitem__(21, 1), "has layer normalization"),
        (lambda b: b.graph.operators[0].inputs.__setitem__(12, -1), "has a part of an input gate"),
        (lambda b: setattr(b.graph.operators[0].builtinOptions, "fusedActivationFunction", 1), "fused activation 1"),
        (lambda b: setattr(b.graph.tensors[3].quantization, "scale", [0.0003]), "its cell has scale 0.0003"),
        (lambda b: setattr(b.graph.tensors[3], "isVariable", False), "no variables for its hidden state"),
        (lambda b: setattr(b.graph.operators[0], "intermediates", []), "says nothing of its hidden values"),
    ],
)
def test_other_lstms_are_refused(change: Callable[[ModelBuilder], None], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        read_model(_lstm(change))
