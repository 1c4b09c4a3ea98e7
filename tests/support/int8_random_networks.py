"""Random int8 networks: branches, odd shapes, extreme quantization, several inputs and outputs, state.

The same seed gives the same bytes. Unlike the cases of one operator each, these show what operators do to each other's
memory, and what outlives an inference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from int8_models import ModelBuilder

_RELU = ("RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "HARD_SWISH", "ABS")
_LIMIT = 1200
"""Elements above which a tensor is made smaller."""


@dataclass(frozen=True)
class Value:
    """An activation [1, height, width, channels]."""

    index: int
    shape: tuple[int, ...]
    scale: float
    zero_point: int


@dataclass
class RandomNetwork:
    """A network while it is drawn."""

    rng: np.random.Generator
    builder: ModelBuilder = field(default_factory=ModelBuilder)
    values: list[Value] = field(default_factory=list)
    assigned: list[tuple[int, int]] = field(default_factory=list)

    def whole(self, low: int, high: int) -> int:
        """A number from low to high."""
        return int(self.rng.integers(low, high + 1))

    def new(self, shape: tuple[int, ...], like: Value | None = None, scale: float | None = None) -> Value:
        """A new activation, quantized as another one, or at random; one in eight is extreme."""
        if like is not None:
            scale, zero_point = like.scale, like.zero_point
        else:
            zero_point = int(self.rng.choice([-128, 127, 0, self.whole(-128, 127)]))
            scale = scale if scale is not None else 10.0 ** self.rng.uniform(-2.5, -0.5)
            if self.rng.random() < 0.125:
                scale *= 10.0 ** self.rng.uniform(-1.0, 1.0)
        scale = float(np.float32(scale))
        return Value(self.builder.activation(shape, scale, zero_point), shape, scale, zero_point)

    def indices(self, *values: int) -> int:
        """A constant of indices."""
        return self.builder.constant(np.array(values, np.int32))

    def pick(self) -> Value:
        """A value to go on with: the last one, or another that is rather late."""
        if self.rng.random() < 0.6:
            return self.values[-1]
        return self.values[max(self.whole(0, len(self.values) - 1), self.whole(0, len(self.values) - 1))]

    def unary(self, op: str, source: Value, output: Value, options: str | None = None, **values: object) -> Value:
        """An operator of one input."""
        self.builder.operator(op, [source.index], output.index, options, **values)
        return output

    def read(self, handle: int, output: Value) -> Value:
        """READ_VARIABLE."""
        self.builder.operator("READ_VARIABLE", [handle], output.index, "ReadVariableOptions")
        return output


def _convolution(net: RandomNetwork, source: Value) -> Value:
    _, h, w, c = source.shape
    depthwise = net.rng.random() < 0.5
    kernel, stride = (net.whole(1, 3), net.whole(1, 4)), (net.whole(1, 2), net.whole(1, 2))
    n, depth = (c, 1) if depthwise else (net.whole(1, 9), c)
    scales = net.rng.uniform(0.002, 0.01, n)
    weights = net.rng.integers(-127, 128, (1, *kernel, n) if depthwise else (n, *kernel, c)).astype(np.int8)
    bias = net.rng.integers(-3000, 3000, n).astype(np.int32)
    scale = source.scale * 0.3 * float(np.sqrt(kernel[0] * kernel[1] * depth))
    output = net.new((1, -(-h // stride[0]), -(-w // stride[1]), n), scale=scale)
    net.builder.operator(
        "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
        [
            source.index,
            net.builder.constant(weights, scales, axis=3 if depthwise else 0),
            net.builder.constant(bias, np.float32(source.scale) * scales.astype(np.float32)),
        ],
        output.index,
        "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
        padding=0,
        strideH=stride[0],
        strideW=stride[1],
        dilationHFactor=1,
        dilationWFactor=1,
        fusedActivationFunction=net.whole(0, 1),
        **({"depthMultiplier": 1} if depthwise else {}),
    )
    return output


def _fully_connected(net: RandomNetwork, source: Value) -> Value:
    c, n = source.shape[-1], net.whole(1, 12)
    weights = net.builder.constant(net.rng.integers(-127, 128, (n, c)).astype(np.int8), 0.004)
    bias = net.builder.constant(
        net.rng.integers(-900, 900, n).astype(np.int32), np.float32(source.scale) * np.float32(0.004)
    )
    output = net.new((*source.shape[:-1], n), scale=source.scale * 0.3 * float(np.sqrt(c)))
    options = {"fusedActivationFunction": net.whole(0, 1), "weightsFormat": 0, "keepNumDims": True}
    net.builder.operator(
        "FULLY_CONNECTED", [source.index, weights, bias], output.index, "FullyConnectedOptions", **options
    )
    return output


def _arithmetic(net: RandomNetwork, source: Value) -> Value:
    op = str(net.rng.choice(["ADD", "SUB", "MUL"]))
    fitting = [value for value in net.values if value.shape == source.shape]
    other = fitting[net.whole(0, len(fitting) - 1)].index
    scale = source.scale
    if net.rng.random() < 0.4:
        values = net.rng.integers(-127, 128, (1, 1, 1, source.shape[-1])).astype(np.int8)
        other = net.builder.constant(values, scale, zero_point=net.whole(-20, 20))
    output = net.new(source.shape, scale=scale * (2 if op != "MUL" else 20 * scale))
    options = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}[op]
    net.builder.operator(op, [source.index, other], output.index, options, fusedActivationFunction=net.whole(0, 1))
    return output


def _extremum(net: RandomNetwork, source: Value) -> Value:
    alike = [
        v for v in net.values if (v.shape, v.scale, v.zero_point) == (source.shape, source.scale, source.zero_point)
    ]
    output = net.new(source.shape, like=source)
    op = str(net.rng.choice(["MAXIMUM", "MINIMUM"]))
    net.builder.operator(op, [source.index, alike[0].index], output.index, "MaximumMinimumOptions")
    return output


def _function(net: RandomNetwork, source: Value) -> Value:
    if net.rng.random() < 0.4:
        op, scale, zero_point = [("LOGISTIC", 1 / 256, -128), ("TANH", 1 / 128, 0)][net.whole(0, 1)]
        output = Value(net.builder.activation(source.shape, scale, zero_point), source.shape, scale, zero_point)
        return net.unary(op, source, output)
    op = str(net.rng.choice(_RELU))
    output = net.new(source.shape, scale=source.scale * (0.7 if op == "HARD_SWISH" else 1.0))
    options: dict[str, tuple[str, dict[str, object]]] = {
        "LEAKY_RELU": ("LeakyReluOptions", {"alpha": 0.3}),
        "ABS": ("AbsOptions", {}),
    }
    kind, values = options.get(op, (None, {}))
    return net.unary(op, source, output, kind, **values)


def _pool(net: RandomNetwork, source: Value) -> Value:
    _, h, w, c = source.shape
    stride = (net.whole(1, 2), net.whole(1, 2))
    output = net.new((1, -(-h // stride[0]), -(-w // stride[1]), c), like=source)
    op = str(net.rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
    window = {
        "strideH": stride[0],
        "strideW": stride[1],
        "filterHeight": net.whole(1, 3),
        "filterWidth": net.whole(1, 3),
    }
    return net.unary(op, source, output, "Pool2DOptions", padding=0, **window)


def _mean(net: RandomNetwork, source: Value) -> Value:
    axis = net.whole(1, 3)
    shape = tuple(1 if at == axis else size for at, size in enumerate(source.shape))
    output = net.new(shape, scale=source.scale * 0.5)
    net.builder.operator("MEAN", [source.index, net.indices(axis)], output.index, "ReducerOptions", keepDims=True)
    return output


def _concatenation(net: RandomNetwork, source: Value) -> Value:
    alike = [v for v in net.values if (v.scale, v.zero_point) == (source.scale, source.zero_point)]
    other, axis = alike[net.whole(0, len(alike) - 1)], net.whole(1, 3)
    rest = [size for at, size in enumerate(source.shape) if at != axis]
    if rest != [size for at, size in enumerate(other.shape) if at != axis]:
        other = source
    shape = tuple(size + other.shape[at] * (at == axis) for at, size in enumerate(source.shape))
    output = net.new(shape, like=source)
    options = {"axis": axis, "fusedActivationFunction": 0}
    net.builder.operator("CONCATENATION", [source.index, other.index], output.index, "ConcatenationOptions", **options)
    return output


def _slice(net: RandomNetwork, source: Value) -> Value:
    begin = [0, *(net.whole(0, size - 1) for size in source.shape[1:])]
    sizes = tuple(net.whole(1, size - first) for size, first in zip(source.shape, begin, strict=True))
    return _cut(net, source, begin, sizes)


def _cut(net: RandomNetwork, source: Value, begin: list[int], sizes: tuple[int, ...]) -> Value:
    output = net.new(sizes, like=source)
    ends = [first + size for first, size in zip(begin, sizes, strict=True)]
    inputs = [source.index, net.indices(*begin), net.indices(*ends), net.indices(1, 1, 1, 1)]
    net.builder.operator("STRIDED_SLICE", inputs, output.index, "StridedSliceOptions")
    return output


def _split(net: RandomNetwork, source: Value) -> Value:
    axis = net.whole(1, 3)
    if source.shape[axis] % 2:
        return _slice(net, source)
    shape = tuple(size // 2 if at == axis else size for at, size in enumerate(source.shape))
    parts = [net.new(shape, like=source) for _ in range(2)]
    net.builder.operator(
        "SPLIT", [net.indices(axis), source.index], [part.index for part in parts], "SplitOptions", numSplits=2
    )
    net.values.append(parts[0])
    return parts[1]


def _transpose(net: RandomNetwork, source: Value) -> Value:
    order = [0, *(int(axis) for axis in net.rng.permutation([1, 2, 3]))]
    output = net.new(tuple(source.shape[axis] for axis in order), like=source)
    net.builder.operator("TRANSPOSE", [source.index, net.indices(*order)], output.index, "TransposeOptions")
    return output


def _reshape(net: RandomNetwork, source: Value) -> Value:
    _, h, w, c = source.shape
    output = net.new((1, w, 1, h * c), like=source)
    net.builder.operator("RESHAPE", [source.index, net.indices(*output.shape)], output.index)
    return output


def _pad(net: RandomNetwork, source: Value) -> Value:
    amounts = np.array([[0, 0], *([net.whole(0, 2), net.whole(0, 2)] for _ in range(3))], np.int32)
    shape = tuple(size + int(both) for size, both in zip(source.shape, amounts.sum(axis=1), strict=True))
    output = net.new(shape, like=source)
    net.builder.operator("PAD", [source.index, net.builder.constant(amounts)], output.index, "PadOptions")
    return output


def _requantize(net: RandomNetwork, source: Value) -> Value:
    return net.unary("QUANTIZE", source, net.new(source.shape, scale=source.scale), "QuantizeOptions")


_OPERATORS: tuple[Callable[[RandomNetwork, Value], Value], ...] = (
    _convolution,
    _convolution,
    _fully_connected,
    _arithmetic,
    _arithmetic,
    _extremum,
    _function,
    _function,
    _pool,
    _mean,
    _concatenation,
    _slice,
    _split,
    _transpose,
    _reshape,
    _pad,
    _requantize,
)


def _ring(net: RandomNetwork, source: Value) -> Value:
    """The last rows of earlier inputs before the newest: what a streaming network remembers."""
    _, h, w, c = source.shape
    rows = net.whole(1, 5)
    initial = net.rng.integers(-128, 128, (1, rows, w, c)).astype(np.int8)
    if net.rng.random() < 0.5:
        initial[...] = source.zero_point
    handle = net.builder.variable(initial, source.scale, source.zero_point)
    old = net.read(handle, net.new((1, rows, w, c), like=source))
    joined = net.new((1, rows + h, w, c), like=source)
    options = {"axis": 1, "fusedActivationFunction": 0}
    net.builder.operator("CONCATENATION", [old.index, source.index], joined.index, "ConcatenationOptions", **options)
    net.assigned.append((handle, _cut(net, joined, [0, h, 0, 0], (1, rows, w, c)).index))
    net.values.append(old)
    return joined


def _accumulator(net: RandomNetwork, source: Value) -> Value:
    """A sum over time that forgets, as the state of a recurrent layer."""
    initial = net.rng.integers(-128, 128, source.shape).astype(np.int8)
    handle = net.builder.variable(initial, source.scale, source.zero_point)
    old = net.read(handle, net.new(source.shape, like=source))
    total = net.new(source.shape, scale=2 * source.scale)
    net.builder.operator("ADD", [old.index, source.index], total.index, "AddOptions", fusedActivationFunction=0)
    kept = net.new(source.shape, like=source)
    net.unary("QUANTIZE", total, kept, "QuantizeOptions")
    net.assigned.append((handle, kept.index))
    return total


def random_network(seed: int) -> bytes:
    """Return the flatbuffer of a network: 8 to 20 blocks; every third has state, every third several ends.

    Parameters
    ----------
    seed
        Which network.
    """
    net = RandomNetwork(np.random.default_rng(seed))
    has_state, has_several = seed % 3 == 1, seed % 3 == 2
    inputs = [
        net.new((1, net.whole(1, 9), net.whole(1, 9), net.whole(1, 7)))
        for _ in range(net.whole(2, 3) if has_several else 1)
    ]
    net.values += inputs
    if has_state:
        net.values += [(_ring, _accumulator)[net.whole(0, 1)](net, inputs[0]) for _ in range(net.whole(1, 3))]
    for _ in range(net.whole(8, 20)):
        source = net.pick()
        if np.prod(source.shape) > _LIMIT:
            net.values.append(_pool(net, _slice(net, source)))
            continue
        net.values.append(_OPERATORS[net.whole(0, len(_OPERATORS) - 1)](net, source))
    for handle, value in net.assigned:
        net.builder.operator("ASSIGN_VARIABLE", [handle, value], [], "AssignVariableOptions")
    # all that nothing takes, or the network would shrink to what its last value depends on
    taken = {index for operator in net.builder.graph.operators for index in operator.inputs}
    open_ends = [value.index for value in net.values[len(inputs) :] if value.index not in taken]
    outputs = open_ends[-net.whole(2, 5) :] if has_several else open_ends[-1:]
    return net.builder.finish([value.index for value in inputs], outputs)
