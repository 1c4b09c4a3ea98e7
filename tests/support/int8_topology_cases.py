"""Networks whose tensors have several users, views and shapes that seldom occur together."""

from __future__ import annotations

import numpy as np
from int8_case import Case, finish
from int8_models import ModelBuilder

_SHAPE = (1, 8, 6, 4)
_SCALE = 0.05


def _function(builder: ModelBuilder, source: int, shape: tuple[int, ...], op: str = "HARD_SWISH") -> int:
    output = builder.activation(shape, _SCALE, 0)
    options = ("LeakyReluOptions",) if op == "LEAKY_RELU" else ()
    builder.operator(op, [source], output, *options, **({"alpha": 0.3} if options else {}))
    return output


def _binary(
    builder: ModelBuilder, op: str, pair: tuple[int, int], shape: tuple[int, ...], *, zero_point: int = 3
) -> int:
    output = builder.activation(shape, 0.08, zero_point)
    builder.operator(op, list(pair), output, f"{op.capitalize()}Options")
    return output


def _depthwise(builder: ModelBuilder, source: int, shape: tuple[int, ...], seed: int) -> int:
    rng, channels = np.random.default_rng(seed), shape[3]
    weights = builder.constant(rng.integers(-127, 128, (1, 3, 3, channels)).astype(np.int8), [0.003] * channels, axis=3)
    bias = builder.constant(np.zeros(channels, np.int32), [0.003 * _SCALE] * channels)
    output = builder.activation(shape, _SCALE, 0)
    options = {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    builder.operator(
        "DEPTHWISE_CONV_2D", [source, weights, bias], output, "DepthwiseConv2DOptions", depthMultiplier=1, **options
    )
    return output


def _mean(builder: ModelBuilder, source: int) -> int:
    axes = builder.constant(np.array([1, 2], np.int32))
    output = builder.activation((1, 4), _SCALE, 0)
    builder.operator("MEAN", [source, axes], output, "ReducerOptions", keepDims=False)
    return output


def _case(builder: ModelBuilder, source: int, output: int, n: int, what: str) -> Case:
    return finish(builder, source, output, n, np.random.default_rng(1), what)


def two_users() -> Case:
    """Two functions of each element of one tensor, which nobody needs after them: one of them could go in place."""
    builder = ModelBuilder()
    source = builder.activation(_SHAPE, _SCALE, 0)
    both = [_function(builder, source, _SHAPE, op) for op in ("HARD_SWISH", "LEAKY_RELU")]
    means = [_mean(builder, tensor) for tensor in both]
    return _case(builder, source, _binary(builder, "ADD", (means[0], means[1]), (1, 4)), 192, "two users")


def first_row_added() -> Case:
    """The first row of a tensor, a view of it, added to all of its rows."""
    builder = ModelBuilder()
    source = builder.activation(_SHAPE, _SCALE, 0)
    row = builder.activation((1, 1, 6, 4), _SCALE, 0)
    ends = [builder.constant(np.array(values, np.int32)) for values in ((0, 0, 0, 0), (1, 1, 6, 4), (1, 1, 1, 1))]
    builder.operator("STRIDED_SLICE", [source, *ends], row, "StridedSliceOptions")
    total = _binary(builder, "ADD", (source, row), _SHAPE)
    return _case(builder, source, _function(builder, total, _SHAPE), 192, "first row added")


def constant_rows(op: str) -> Case:
    """A constant of three dimensions with a value for each row."""
    builder = ModelBuilder()
    source = builder.activation(_SHAPE, _SCALE, 0)
    values = np.random.default_rng(0).integers(-128, 128, (8, 1, 4)).astype(np.int8)
    total = _binary(builder, op, (source, builder.constant(values, _SCALE)), _SHAPE)
    return _case(builder, source, total, 192, f"constant rows {op}")


def constant_first() -> Case:
    """A constant of a whole row, first, and a tensor of one element in each row, which is broadcast."""
    builder = ModelBuilder()
    source = builder.activation((1, 8, 1, 1), _SCALE, 0)
    values = np.random.default_rng(0).integers(-128, 128, (6, 4)).astype(np.int8)
    total = _binary(builder, "ADD", (builder.constant(values, _SCALE), source), _SHAPE)
    function = _function(builder, total, _SHAPE)
    both = _binary(builder, "MUL", (_mean(builder, total), _mean(builder, function)), (1, 4))
    return _case(builder, source, both, 8, "constant first")


def unused() -> Case:
    """A convolution whose output nobody uses."""
    builder = ModelBuilder()
    source = builder.activation(_SHAPE, _SCALE, 0)
    _depthwise(builder, source, _SHAPE, 0)
    return _case(builder, source, _mean(builder, source), 192, "unused operator")


def fork(depth: int) -> Case:
    """Some depthwise convolutions in a row, added to a single one of the same tensor, which lags behind them."""
    builder = ModelBuilder()
    source = builder.activation(_SHAPE, _SCALE, 0)
    first = tensor = _function(builder, source, _SHAPE)
    for seed in range(depth):
        tensor = _depthwise(builder, tensor, _SHAPE, seed)
    single = _depthwise(builder, first, _SHAPE, depth)
    return _case(builder, source, _binary(builder, "ADD", (tensor, single), _SHAPE), 192, f"fork {depth}")


def wide() -> Case:
    """A recording in one row of 70,000 columns: more than 16 bits count."""
    builder = ModelBuilder()
    n = 70_000
    source = builder.activation((1, 1, n, 1), _SCALE, 3)
    weights = builder.constant(np.random.default_rng(0).integers(-127, 128, (2, 1, 9, 1)).astype(np.int8), [0.003] * 2)
    bias = builder.constant(np.array([100, -900], np.int32), [0.003 * _SCALE] * 2)
    output = builder.activation((1, 1, n, 2), _SCALE, -3)
    options = {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    builder.operator("CONV_2D", [source, weights, bias], output, "Conv2DOptions", **options)
    axes = builder.constant(np.array([1, 2], np.int32))
    mean = builder.activation((1, 2), _SCALE / 8, 0)
    builder.operator("MEAN", [output, axes], mean, "ReducerOptions", keepDims=False)
    return _case(builder, source, mean, n, "wide")


def topologies() -> list[Case]:
    """All of them but the wide one."""
    return [
        two_users(),
        first_row_added(),
        *(constant_rows(op) for op in ("ADD", "MUL")),
        constant_first(),
        unused(),
        *(fork(depth) for depth in (1, 3, 5)),
    ]
