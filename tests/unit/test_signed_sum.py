"""SUM of int8: signed, as TFLite Micro computes it, on the host and in the kit's own plan."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from ai_edge_litert import interpreter as litert
from hypothesis import given, settings
from int8_array_cases import ARRAY_STRATEGIES
from int8_case import Case
from int8_models import ModelBuilder

from asc_kit.errors import ModelError
from asc_kit.firmware_gen.plan.plan import make_plan, plan_document
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.inference.interpreter import Int8Model, Kernels
from asc_kit.tflite.operator_codes import operator_codes
from asc_kit.tflite.references import REFERENCE, reference_of


def summed(
    values: np.ndarray, axes: tuple[int, ...], scales: tuple[float, float], zero_points: tuple[int, int]
) -> np.ndarray:
    """SUM as TFLite Micro computes int8, in Python's integers: nothing of it is ours or NumPy's."""
    mantissa, shift = math.frexp(scales[0] / scales[1])
    multiplier = math.floor(mantissa * 2**31 + 0.5)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    if shift < -31:  # too small to count
        multiplier, shift = 0, 0
    reduced = {axis % values.ndim for axis in axes}
    kept = [size for axis, size in enumerate(values.shape) if axis not in reduced]
    result = np.zeros(kept, np.int8)
    for place in itertools.product(*(range(size) for size in kept)):
        at = iter(place)
        index = tuple(slice(None) if axis in reduced else next(at) for axis in range(values.ndim))
        terms = [int(value) - zero_points[0] for value in np.ravel(values[index])]
        total = sum(terms) * 2 ** max(shift, 0)
        # the high half of a doubled product, rounded half up; then a shift that rounds halves away from zero
        high = (total * multiplier + 2**30) >> 31
        right = max(-shift, 0)
        magnitude = (abs(high) + (1 << right >> 1)) >> right
        output = (magnitude if high >= 0 else -magnitude) + zero_points[1]
        result[place] = max(-128, min(127, output))
    return result


def expected(case: Case) -> np.ndarray:
    """What the case's SUM gives, shape [vectors, output bytes]."""
    graph = read_model(case.model)
    (operator,) = graph.operators
    source, axes, output = (graph.tensors[index] for index in (*operator.inputs, operator.output))
    assert axes.data is not None
    reduced = tuple(int(axis) for axis in np.ravel(axes.data))
    scales, zero_points = (source.scale, output.scale), (source.zero_point, output.zero_point)
    return np.stack(
        [summed(vector.reshape(source.shape), reduced, scales, zero_points).ravel() for vector in case.inputs]
    )


def outputs(case: Case, kernels: Kernels) -> np.ndarray:
    model = Int8Model(case.model, kernels)
    return np.stack([model.run(vector.reshape(model.input_details["shape"])).ravel() for vector in case.inputs])


@given(ARRAY_STRATEGIES["SUM"])
@settings(max_examples=40, deadline=None)
def test_the_reference_is_micro_s_arithmetic(case: Case) -> None:
    assert np.array_equal(outputs(case, "reference"), expected(case)), case.what


@given(ARRAY_STRATEGIES["SUM"])
@settings(max_examples=25, deadline=None)
def test_it_is_what_litert_s_own_default_kernels_compute(case: Case) -> None:
    """The file as it is, by XNNPACK or the optimized kernels: one step apart, which is how they round."""
    for resolver in (litert.OpResolverType.AUTO, litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
        model = litert.Interpreter(model_content=case.model, experimental_op_resolver_type=resolver, num_threads=1)
        model.allocate_tensors()
        source, output = model.get_input_details()[0], model.get_output_details()[0]
        for vector, wanted in zip(case.inputs, expected(case), strict=True):
            model.set_tensor(source["index"], vector.reshape(source["shape"]))
            model.invoke()
            found = model.get_tensor(output["index"]).ravel().astype(int)
            assert np.abs(found - wanted).max() <= 1, (case.what, resolver)
    assert np.abs(outputs(case, "fast").astype(int) - expected(case)).max() <= 1, case.what


def pooled() -> bytes:
    """A sum in the middle of a network, then an operator that shows its value."""
    builder = ModelBuilder()
    source = builder.activation((1, 3, 4, 5), 0.1, 7)
    total = builder.activation((1, 5), 0.4, -3)
    axes = builder.constant(np.array([1, 2], np.int32))
    builder.operator("SUM", [source, axes], total, "ReducerOptions", keepDims=False)
    output = builder.activation((1, 5), 0.4, -3)
    builder.operator("RELU", [total], output)
    return builder.finish(source, output)


def test_a_sum_within_a_network() -> None:
    model = Int8Model(pooled())
    values = np.random.default_rng(3).integers(-128, 0, (1, 3, 4, 5)).astype(np.int8)
    wanted = np.maximum(summed(values, (1, 2), (np.float32(0.1), np.float32(0.4)), (7, -3)), -3)
    assert np.array_equal(model.run(values), wanted)


def test_who_was_followed_is_said() -> None:
    assert Int8Model(pooled()).reference == "TFLite BUILTIN_REF, but for SUM TFLite Micro"
    assert plan_document(make_plan(read_model(pooled())))["reference"] == Int8Model(pooled()).reference
    assert reference_of(["CONV_2D", "MEAN"]) == REFERENCE


def test_axes_that_are_no_constants_are_refused() -> None:
    builder = ModelBuilder()
    source, output = builder.activation((1, 3, 4), 0.1, 0), builder.activation((1, 3), 0.1, 0)
    axes = builder.constant(np.array([2], np.int32))
    builder.operator("SUM", [source, axes], output, "ReducerOptions")
    builder.graph.tensors[axes].buffer = 0
    with pytest.raises(ModelError, match="axes|lacks data"):
        Int8Model(builder.finish(source, output))


def test_codes_are_read_from_bytes() -> None:
    assert operator_codes(pooled()) == {74, 19}
    for cut in range(0, len(pooled()), 7):
        assert operator_codes(pooled()[:cut]) <= {0, 19, 74}
