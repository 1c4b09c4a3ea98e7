"""What the reader refuses of operators that cut, join, reduce and combine tensors, and how it says so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from int8_models import ModelBuilder

from asc_kit.errors import ModelError
from asc_kit.firmware_gen.operators.strided_copy import StridedCopyAttributes
from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.read.reader import read_model

Change = Callable[[ModelBuilder], tuple[int, int]]


def indices(builder: ModelBuilder, *values: int) -> int:
    return builder.constant(np.array(values, np.int32))


def binary(op: str, other: tuple[int, ...], output: tuple[int, ...] = (1, 4, 6), scale: float = 0.1) -> Change:
    """An operator of the input [1, 4, 6] and a constant."""

    def build(builder: ModelBuilder) -> tuple[int, int]:
        source = builder.activation((1, 4, 6), 0.1, 0)
        target = builder.activation(output, scale, 0)
        operand = builder.constant(np.ones(other, np.int8), 0.1)
        builder.operator(op, [source, operand], target, f"{op.capitalize()}Options")
        return source, target

    return build


def two_constants(builder: ModelBuilder) -> tuple[int, int]:
    source, target = builder.activation((1, 4), 0.1, 0), builder.activation((1, 4), 0.1, 0)
    operands = [builder.constant(np.ones((1, 4), np.int8), 0.1) for _ in range(2)]
    builder.operator("MUL", operands, target, "MulOptions")
    return source, target


def unary(
    op: str,
    constants: tuple[tuple[int, ...], ...] = (),
    output: tuple[int, ...] = (1, 4, 6),
    scale: float = 0.1,
    options: str | None = None,
    first: bool = True,
    **values: object,
) -> Change:
    """An operator of the input [1, 4, 6] and constant indices before or after it."""

    def build(builder: ModelBuilder) -> tuple[int, int]:
        source, target = builder.activation((1, 4, 6), 0.1, 0), builder.activation(output, scale, 0)
        others = [indices(builder, *constant) for constant in constants]
        builder.operator(op, [source, *others] if first else [*others, source], target, options, **values)
        return source, target

    return build


def joined(axis: int, other: tuple[int, ...], scale: float = 0.1, activation: int = 0) -> Change:
    """CONCATENATION of the input [1, 4, 6] and its maximum over some axes, in another shape, to [1, 4, 7]."""

    def build(builder: ModelBuilder) -> tuple[int, int]:
        source, second = builder.activation((1, 4, 6), 0.1, 0), builder.activation(other, scale, 0)
        if other == (1, 4, 1):
            quantized = builder.activation((1, 4, 1), 0.1, 0)
            builder.operator("REDUCE_MAX", [source, indices(builder, 2)], quantized, "ReducerOptions", keepDims=True)
        else:
            quantized = builder.activation(other, 0.1, 0)
            builder.operator("REDUCE_MAX", [source, indices(builder, 1)], quantized, "ReducerOptions", keepDims=True)
        builder.operator("QUANTIZE", [quantized], second, "QuantizeOptions")
        target = builder.activation((1, 4, 7), 0.1, 0)
        builder.operator(
            "CONCATENATION",
            [source, second],
            target,
            "ConcatenationOptions",
            axis=axis,
            fusedActivationFunction=activation,
        )
        return source, target

    return build


def two_outputs(op: str) -> Change:
    def build(builder: ModelBuilder) -> tuple[int, int]:
        source = builder.activation((1, 4, 6), 0.1, 0)
        targets = [builder.activation((1, 4, 6), 0.1, 0) for _ in range(2)]
        builder.operator(op, [source], targets)
        return source, targets[0]

    return build


IN_ONE = {"options": "SplitOptions", "numSplits": 1}
STRIDED = {"options": "StridedSliceOptions"}
REDUCE = {"options": "ReducerOptions"}


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (binary("MUL", (5,)), "operator 0 MUL.*shapes do not lead to its output's", "broadcasting"),
        (binary("ADD", (2, 4, 6)), "operator 0 ADD.*shapes do not lead", "broadcasting"),
        (binary("SUB", (1, 1, 4, 6)), "operator 0 SUB.*shapes do not lead", "broadcasting"),
        (binary("MUL", (6,), output=(2, 4, 6)), "shapes do not lead", "broadcasting"),
        (two_constants, "operator 0 MUL.*both inputs are constant", "at most one"),
        (unary("REDUCE_MAX", ((3,),), (1, 4), **REDUCE), "axis 3 of 3 dimensions", "-3 to 2"),
        (unary("REDUCE_MAX", ((2,),), (1, 6), **REDUCE), "does not follow", r"[1, 4]"),
        (unary("REDUCE_MAX", ((2,),), (1, 4), 0.2, **REDUCE), "quantized differently", "one scale"),
        (joined(2, (1, 4, 1), scale=0.2), "CONCATENATION.*quantized differently", "one scale"),
        (joined(1, (1, 4, 1)), "CONCATENATION.*do not lead to its output along axis 1", "equal sizes"),
        (joined(2, (1, 1, 6)), "CONCATENATION.*do not lead", "equal sizes"),
        (joined(2, (1, 4, 1), activation=1), "CONCATENATION.*activation RELU", "NONE"),
        (joined(3, (1, 4, 1)), "axis 3 of 3", "-3 to 2"),
        (unary("SPLIT", ((1,),), (1, 2, 6), first=False, **IN_ONE), "SPLIT.*do not make up", "equal sizes"),
        (unary("SPLIT", ((1, 2),), (1, 2, 6), first=False, **IN_ONE), r"SPLIT.*the axes \[1, 2\]", "one axis"),
        (
            unary("SPLIT", ((1,),), first=False, options="SplitOptions", numSplits=2),
            "num_splits is 2, and it has 1 outputs",
            "as many",
        ),
        (unary("SLICE", ((0, 3, 0), (1, 2, 6)), (1, 2, 6)), "SLICE.*begin", "inside"),
        (unary("SLICE", ((0, 1, 0), (1, 2, 6)), (1, 1, 6)), "SLICE.*does not have the shape", "selects"),
        (unary("STRIDED_SLICE", ((0, 0, 0), (1, 4, 6), (1, 0, 1)), **STRIDED), "stride 0", "other than 0"),
        (unary("STRIDED_SLICE", ((0, 3, 0), (1, 2, 6), (1, 1, 1)), **STRIDED), "selects nothing along axis 1", "one"),
        (unary("STRIDED_SLICE", ((0,) * 4, (1,) * 4, (1,) * 4), **STRIDED), "begin .* of", "per axis"),
        (unary("STRIDED_SLICE", ((0, 0, 0), (1, 2, 6), (1, 1, 1)), **STRIDED), "the shape \\[1, 2, 6\\]", "selects"),
        (
            unary("STRIDED_SLICE", ((0, 0, 0), (1, 4, 6), (1, 1, 1)), ellipsisMask=3, **STRIDED),
            "begin .* of",
            "per axis",
        ),
        (unary("TRANSPOSE", ((0, 1, 1),)), "permutation", "permutation of the axes"),
        (unary("TRANSPOSE", ((0, 2, 1),)), r"permutation \[0, 2, 1\]", "permutation of the axes"),
        (unary("TANH"), "TANH.*output has scale 0.1", "1/128"),
        (unary("LEAKY_RELU", options="LeakyReluOptions", alpha=-1.0), "alpha -1", "above 0"),
        (unary("RELU", output=(1, 24)), "different shapes", "one shape"),
        (two_outputs("RELU"), "operator 0 RELU has 2 outputs", "one"),
    ],
)
def test_refusals_name_the_place(change: Change, message: str, hint: str) -> None:
    builder = ModelBuilder()
    model = builder.finish(*change(builder))
    with pytest.raises(ModelError, match=message) as caught:
        read_model(model)
    assert hint in str(caught.value.hint)


def test_a_product_that_can_overflow_is_refused() -> None:
    builder = ModelBuilder()
    graph = read_model(builder.finish(*binary("MUL", (6,), scale=1e-8)(builder)))
    with pytest.raises(ModelError, match="operator 0 MUL.*32 bits"):
        make_plan(graph)


def test_a_scale_beyond_float32_is_refused() -> None:
    builder = ModelBuilder()
    change = unary("LEAKY_RELU", scale=1e-3, options="LeakyReluOptions", alpha=3e38)
    with pytest.raises(ModelError, match="infinite"):
        make_plan(read_model(builder.finish(*change(builder))))


def test_axes_computed_by_the_network_are_refused() -> None:
    builder = ModelBuilder()
    source, target = builder.activation((1, 4, 6), 0.1, 0), builder.activation((1, 4), 0.1, 0)
    builder.operator("REDUCE_MAX", [source, source], target, "ReducerOptions")
    with pytest.raises(ModelError, match="axes .* are not constant int32"):
        read_model(builder.finish(source, target))


@pytest.mark.parametrize(("sizes", "message"), [(None, "sizes .* are not constant int32"), ((3, 3), r"sizes \[3, 3\]")])
def test_sizes_of_parts_are_constant_and_those_of_the_outputs(sizes: tuple[int, ...] | None, message: str) -> None:
    builder = ModelBuilder()
    source = builder.activation((1, 4, 6), 0.1, 0)
    given = source if sizes is None else builder.constant(np.array(sizes, np.int32))
    axis = builder.constant(np.array([1], np.int32))
    parts = [builder.activation((1, 2, 6), 0.1, 0) for _ in range(2)]
    builder.operator("SPLIT_V", [source, given, axis], parts, "SplitVOptions", numSplits=2)
    output = builder.activation((1, 2, 6), 0.1, 0)
    builder.operator("ADD", parts, output, "AddOptions")
    with pytest.raises(ModelError, match=message):
        read_model(builder.finish(source, output))


def test_a_strided_slice_as_numpy_cuts() -> None:
    builder = ModelBuilder()
    change = unary("STRIDED_SLICE", ((0, -1, 5), (1, 0, -7), (1, -2, -3)), (1, 2, 2), **STRIDED)
    graph = read_model(builder.finish(*change(builder)))
    values = np.arange(24).reshape(1, 4, 6)
    (operator,) = graph.operators
    walk = operator.attributes
    assert isinstance(walk, StridedCopyAttributes)
    assert walk.shape == (1, 2, 2)
    selected = [
        walk.start + sum(i * step for i, step in zip(index, walk.strides, strict=True)) for index in np.ndindex(1, 2, 2)
    ]
    assert selected == values[0:1, -1:0:-2, 5::-3].reshape(-1).tolist()


def test_pools_whose_sums_leave_32_bits_are_refused() -> None:
    builder = ModelBuilder()
    source = builder.activation((1, 5000, 5000, 1), 0.1, 0)
    target = builder.activation((1, 1, 1, 1), 0.1, 0)
    window = {"padding": 1, "strideH": 1, "strideW": 1, "filterHeight": 5000, "filterWidth": 5000}
    builder.operator("AVERAGE_POOL_2D", [source], target, "Pool2DOptions", **window)
    with pytest.raises(ModelError, match="windows of 25,000,000 elements"):
        read_model(builder.finish(source, target))


def test_shapes_that_constants_are_put_together_for_are_folded() -> None:
    """PACK and GATHER of whole numbers, without any SHAPE: what remains is the network."""
    builder = ModelBuilder()
    source, relu = builder.activation((1, 4, 6), 0.1, 0), builder.activation((1, 4, 6), 0.1, 0)
    builder.operator("RELU", [source], relu)
    sizes = builder.constant(np.array([7, 8, 3], np.int32))
    gathered = builder._tensor((), np.int32, "gathered", None, 0)
    builder.operator("GATHER", [sizes, builder.constant(np.array(1, np.int32))], gathered, "GatherOptions")
    packed = builder._tensor((2,), np.int32, "packed", None, 0)
    builder.operator("PACK", [builder.constant(np.array(3, np.int32)), gathered], packed, "PackOptions", valuesCount=2)
    output = builder.activation((3, 8), 0.1, 0)
    builder.operator("RESHAPE", [relu, packed], output)
    graph = read_model(builder.finish(source, output))
    assert [operator.op for operator in graph.operators] == ["RELU", "RESHAPE"]
    assert graph.tensors[packed].data is not None and graph.tensors[packed].data.tolist() == [3, 8]


def test_extremes_of_other_scales_are_refused() -> None:
    """TFLite compares the bytes of any two scales, which is no maximum."""
    for scales in ((0.1, 0.2, 0.1), (0.2, 0.1, 0.1), (0.1, 0.1, 0.2)):
        builder = ModelBuilder()
        first, output = builder.activation((1, 4), scales[0], 0), builder.activation((1, 4), scales[2], 0)
        operand = builder.constant(np.ones((1, 4), np.int8), scales[1])
        builder.operator("MAXIMUM", [first, operand], output, "MaximumMinimumOptions")
        with pytest.raises(ModelError, match="MAXIMUM.*quantized differently"):
            read_model(builder.finish(first, output))


def test_a_resize_by_two_rules_is_refused() -> None:
    builder = ModelBuilder()
    source, output = builder.activation((1, 2, 2, 1), 0.1, 0), builder.activation((1, 4, 4, 1), 0.1, 0)
    rules = {"alignCorners": True, "halfPixelCenters": True}
    inputs = [source, indices(builder, 4, 4)]
    builder.operator("RESIZE_NEAREST_NEIGHBOR", inputs, output, "ResizeNearestNeighborOptions", **rules)
    with pytest.raises(ModelError, match="align_corners and half_pixel_centers"):
        read_model(builder.finish(source, output))
