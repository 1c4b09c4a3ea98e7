"""Float models of one operator each, every attribute free: for the executor, and for the writer of int8 models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from float_models import FloatBuilder

EXAMPLES = 3
"""Inputs per case."""


class FloatCase:
    """A float model and inputs for it, float32 [EXAMPLES, *inner]."""

    def __init__(self, what: str, model: bytes, inputs: np.ndarray) -> None:
        self.what, self.model, self.inputs = what, model, inputs


class _Maker:
    """One case in the making: choices by a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.builder = FloatBuilder()
        self.input = -1
        self.shape: tuple[int, ...] = ()

    def some(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high + 1))

    def coin(self) -> bool:
        return self.some(0, 1) == 1

    def activation(self) -> int:
        """NONE, RELU or RELU6."""
        return (0, 1, 3)[self.some(0, 2)]

    def weights(self, *shape: int) -> int:
        # channels of unlike size
        sizes = 10.0 ** self.rng.uniform(-1.0, 0.3, shape[-1] if len(shape) != 2 else (shape[0], 1))
        return self.builder.values(self.rng.normal(size=shape) * sizes)

    def source(self, *shape: int) -> int:
        self.shape = shape
        self.input = self.builder.tensor(shape, "input")
        return self.input

    def image(self) -> int:
        return self.source(1, self.some(2, 7), self.some(2, 7), self.some(1, 6))

    def any_shape(self) -> int:
        return self.source(1, *(self.some(1, 5) for _ in range(self.some(1, 3))))

    def shown(self, tensor: int) -> int:
        """Pass what was only rearranged through a function; the engine refuses models that compute nothing."""
        shape = self.builder.graph.tensors[tensor].shape
        return self.builder.one("LEAKY_RELU", [tensor], shape, "LeakyReluOptions", alpha=0.3)


def _window(m: _Maker, dilated: bool) -> tuple[dict[str, int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Options of a window, the kernel, the input's size and the output's."""
    same = m.coin()
    strides = [m.some(1, 3), m.some(1, 3)]
    dilations = [m.some(1, 3), m.some(1, 3)] if dilated and m.coin() else [1, 1]
    kernel, sizes, outputs = [m.some(1, 4), m.some(1, 4)], [], []
    for size, stride, dilation in zip(kernel, strides, dilations, strict=True):
        extent = (size - 1) * dilation + 1
        sizes.append(m.some(2 if same else extent + 1, extent + 7))
        outputs.append(-(-sizes[-1] // stride) if same else (sizes[-1] - extent) // stride + 1)
    options = {"padding": 0 if same else 1, "strideH": strides[0], "strideW": strides[1]}
    if dilated:
        options |= {"dilationHFactor": dilations[0], "dilationWFactor": dilations[1]}
    return options, (kernel[0], kernel[1]), (sizes[0], sizes[1]), (outputs[0], outputs[1])


def _conv_2d(m: _Maker) -> int:
    options, kernel, size, out_size = _window(m, dilated=True)
    groups, depth, per_group = (1, 1, 2, 3)[m.some(0, 3)], m.some(1, 5), m.some(1, 5)
    inputs = [m.source(1, *size, groups * depth), m.weights(groups * per_group, *kernel, depth)]
    inputs.append(m.builder.values(m.rng.normal(size=groups * per_group)))
    shape = (1, *out_size, groups * per_group)
    return m.builder.one("CONV_2D", inputs, shape, "Conv2DOptions", fusedActivationFunction=m.activation(), **options)


def _depthwise_conv_2d(m: _Maker) -> int:
    options, kernel, size, out_size = _window(m, dilated=True)
    if m.some(0, 3) == 0:  # a plus of dilation 2, for which the executor has a way of its own
        kernel, size = (3, 3), (m.some(3, 9), m.some(3, 9))
        options, out_size = {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 2, "dilationWFactor": 2}, size
    depth, multiplier = m.some(1, 5), (1, 1, 2, 3)[m.some(0, 3)]
    values = m.rng.normal(size=(1, *kernel, depth * multiplier))
    if kernel == (3, 3):
        values[:, ::2, ::2] = 0
    bias = m.builder.values(m.rng.normal(size=depth * multiplier))
    inputs = [m.source(1, *size, depth), m.builder.values(values), bias]
    options |= {"depthMultiplier": multiplier, "fusedActivationFunction": m.activation()}
    shape = (1, *out_size, depth * multiplier)
    return m.builder.one("DEPTHWISE_CONV_2D", inputs, shape, "DepthwiseConv2DOptions", **options)


def _fully_connected(m: _Maker) -> int:
    inner, outputs, keep = m.some(2, 20), m.some(1, 9), m.coin()
    before = (1, m.some(1, 4)) if keep else (1,)
    inputs = [m.source(*before, inner), m.weights(outputs, inner)]
    inputs += [m.builder.values(m.rng.normal(size=outputs))] if m.coin() else []
    options = {"fusedActivationFunction": m.activation(), "keepNumDims": keep}
    return m.builder.one("FULLY_CONNECTED", inputs, (*before, outputs), "FullyConnectedOptions", **options)


def _binary(op: str) -> Callable[[_Maker], int]:
    def build(m: _Maker) -> int:
        source = m.image()
        kind = m.some(0, 3)
        shape = list(m.shape)
        if kind == 0:  # a constant that repeats along any axes, of any rank
            other_shape = [size if m.coin() else 1 for size in shape[m.some(0, 3) :]]
            other = m.builder.values(m.rng.normal(size=other_shape) * 2)
        else:  # another activation: of the same shape, of a value per channel, or per place
            axes = {1: [], 2: [1, 2], 3: [3]}[kind]
            other_shape = [1 if axis in axes else size for axis, size in enumerate(shape)]
            tensors = [source, m.builder.values(axes)] if axes else [source]
            reducer = {"options": "ReducerOptions", "keepDims": True} if axes else {}
            other = m.builder.one("REDUCE_MAX" if axes else "TANH", tensors, other_shape, **reducer)
        pair = [source, other] if m.coin() else [other, source]
        options = {"fusedActivationFunction": m.activation()}
        return m.builder.one(op, pair, shape, f"{op.capitalize()}Options", **options)

    return build


def _pool(op: str) -> Callable[[_Maker], int]:
    def build(m: _Maker) -> int:
        options, kernel, size, out_size = _window(m, dilated=False)
        channels = m.some(1, 5)
        options |= {"filterHeight": kernel[0], "filterWidth": kernel[1], "fusedActivationFunction": m.activation()}
        output = m.builder.one(op, [m.source(1, *size, channels)], (1, *out_size, channels), "Pool2DOptions", **options)
        return m.shown(output)

    return build


def _reduce(op: str) -> Callable[[_Maker], int]:
    def build(m: _Maker) -> int:
        source = m.image()
        axes = ((1, 2), (2, 1), (3,), (-1,), (1,), (1, 2, 3), (0, 2))[m.some(0, 6)]
        reduced, keep = {axis % 4 for axis in axes}, m.coin() or 0 in axes
        shape = [1 if axis in reduced else size for axis, size in enumerate(m.shape)]
        if not keep:
            shape = [size for axis, size in enumerate(m.shape) if axis not in reduced]
        tensors = [source, m.builder.values(list(axes))]
        return m.shown(m.builder.one(op, tensors, shape, "ReducerOptions", keepDims=keep))

    return build


def _reshape(m: _Maker) -> int:
    source = m.image()
    h, w, c = m.shape[1:]
    shape = ((1, h * w * c), (1, w, h, c), (1, h, w * c), (h, w, c), (1, 1, 1, h * w * c))[m.some(0, 4)]
    return m.shown(m.builder.one("RESHAPE", [source, m.builder.values(list(shape))], shape, "ReshapeOptions"))


def _squeeze(m: _Maker) -> int:
    h, c = m.some(1, 6), m.some(1, 6)
    return m.shown(m.builder.one("SQUEEZE", [m.source(1, h, 1, c)], (1, h, c), "SqueezeOptions", squeezeDims=[2]))


def _expand_dims(m: _Maker) -> int:
    shape = [1, m.some(2, 6), m.some(2, 6)]
    source, axis = m.source(*shape), m.some(1, 3)
    shape.insert(axis, 1)
    return m.shown(m.builder.one("EXPAND_DIMS", [source, m.builder.values(axis)], shape, "ExpandDimsOptions"))


def _concatenation(m: _Maker) -> int:
    source = m.image()
    other = m.builder.one("HARD_SWISH", [source], m.shape)
    axis = (1, 2, 3, -1)[m.some(0, 3)]
    shape, tensors = list(m.shape), [source, other, source][: m.some(2, 3)]
    shape[axis] *= len(tensors)
    return m.shown(m.builder.one("CONCATENATION", tensors, shape, "ConcatenationOptions", axis=axis))


def _split(m: _Maker) -> int:
    shape = [1, m.some(1, 4), m.some(1, 4), m.some(1, 4)]
    axis, parts = m.some(1, 3), m.some(2, 3)
    piece = list(shape)
    shape[axis] *= parts
    source = m.source(*shape)
    outputs = [m.builder.tensor(piece) for _ in range(parts)]
    axis = axis - 4 if m.coin() else axis
    m.builder.operator("SPLIT", [m.builder.values(axis), source], outputs, "SplitOptions", numSplits=parts)
    return m.builder.one("SUB", [outputs[0], outputs[-1]], piece, "SubOptions")


def _split_v(m: _Maker) -> int:
    shape, axis, sizes = [1, m.some(1, 4), m.some(1, 4), m.some(1, 4)], m.some(1, 3), [m.some(1, 4), m.some(1, 4)]
    shape[axis] = sum(sizes)
    source, outputs = m.source(*shape), []
    for size in sizes:
        shape[axis] = size
        outputs.append(m.builder.tensor(shape))
    tensors = [source, m.builder.values(sizes), m.builder.values(axis)]
    m.builder.operator("SPLIT_V", tensors, outputs, "SplitVOptions", numSplits=2)
    return m.shown(outputs[m.some(0, 1)])


def _slice(m: _Maker) -> int:
    source = m.image()
    begin = [0, *(m.some(0, size - 1) for size in m.shape[1:])]
    size = [1, *(m.some(1, n - first) for n, first in zip(m.shape[1:], begin[1:], strict=True))]
    asked = [-1 if n == full - first and m.coin() else n for n, full, first in zip(size, m.shape, begin, strict=True)]
    tensors = [source, m.builder.values(begin), m.builder.values(asked)]
    return m.shown(m.builder.one("SLICE", tensors, size, "SliceOptions"))


def _strided_slice(m: _Maker) -> int:
    source = m.image()
    begin, end, stride, shape = [0], [1], [1], [1]
    masks = {"beginMask": 0, "endMask": 0, "shrinkAxisMask": 0}
    for axis, size in enumerate(m.shape[1:], 1):
        first, step = m.some(0, size - 1), m.some(1, 3)
        last = m.some(first + 1, size)
        kept = -(-(last - first) // step)
        if m.some(0, 4) == 0:
            masks["shrinkAxisMask"] |= 1 << axis
            last, step, kept = first + 1, 1, 0
        elif m.coin():
            masks["beginMask"] |= 1 << axis
            kept = -(-last // step)
        begin.append(first - size if m.coin() and last != first + 1 else first)
        end.append(last)
        stride.append(step)
        shape += [kept] if kept else []
    tensors = [source, *(m.builder.values(part) for part in (begin, end, stride))]
    return m.shown(m.builder.one("STRIDED_SLICE", tensors, shape, "StridedSliceOptions", **masks))


def _transpose(m: _Maker) -> int:
    source = m.image()
    order = [0, *(int(axis) for axis in m.rng.permutation([1, 2, 3]))]
    shape = [m.shape[axis] for axis in order]
    return m.shown(m.builder.one("TRANSPOSE", [source, m.builder.values(order)], shape, "TransposeOptions"))


def _pad(m: _Maker) -> int:
    source = m.image()
    pairs = [[0, 0], *([m.some(0, 2), m.some(0, 2)] for _ in range(3))]
    shape = [size + sum(pair) for size, pair in zip(m.shape, pairs, strict=True)]
    return m.shown(m.builder.one("PAD", [source, m.builder.values(pairs)], shape, "PadOptions"))


def _softmax(m: _Maker) -> int:
    source = m.source(1, m.some(1, 3), m.some(2, 12))
    return m.builder.one("SOFTMAX", [source], m.shape, "SoftmaxOptions", beta=(1.0, 0.5, 2.0)[m.some(0, 2)])


def _pointwise(op: str) -> Callable[[_Maker], int]:
    return lambda m: m.builder.one(op, [m.any_shape()], m.shape)


def _leaky_relu(m: _Maker) -> int:
    source, alpha = m.any_shape(), float(m.rng.uniform(0.01, 1.5))
    return m.builder.one("LEAKY_RELU", [source], m.shape, "LeakyReluOptions", alpha=alpha)


FLOAT_OPERATORS: dict[str, Callable[[_Maker], int]] = {
    "ADD": _binary("ADD"),
    "AVERAGE_POOL_2D": _pool("AVERAGE_POOL_2D"),
    "CONCATENATION": _concatenation,
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "EXPAND_DIMS": _expand_dims,
    "FULLY_CONNECTED": _fully_connected,
    "HARD_SWISH": _pointwise("HARD_SWISH"),
    "LEAKY_RELU": _leaky_relu,
    "LOGISTIC": _pointwise("LOGISTIC"),
    "MAX_POOL_2D": _pool("MAX_POOL_2D"),
    "MEAN": _reduce("MEAN"),
    "MUL": _binary("MUL"),
    "PAD": _pad,
    "REDUCE_MAX": _reduce("REDUCE_MAX"),
    "RELU": _pointwise("RELU"),
    "RELU6": _pointwise("RELU6"),
    "RESHAPE": _reshape,
    "SLICE": _slice,
    "SOFTMAX": _softmax,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "SQUEEZE": _squeeze,
    "STRIDED_SLICE": _strided_slice,
    "SUB": _binary("SUB"),
    "TANH": _pointwise("TANH"),
    "TRANSPOSE": _transpose,
}


def float_case(op: str, seed: int) -> FloatCase:
    """A model of an operator, the same for the same seed."""
    m = _Maker(seed)
    output = FLOAT_OPERATORS[op](m)
    inner = m.shape[1:]
    inputs = m.rng.normal(0.3, 1.5, (EXAMPLES, *inner)).astype(np.float32)
    return FloatCase(f"{op} {m.shape} seed {seed}", m.builder.finish(m.input, output), inputs)
