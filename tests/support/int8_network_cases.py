"""A hypothesis strategy for small networks out of the blocks that scene classifiers have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st
from int8_case import Case, finish, seeds
from int8_models import ModelBuilder

Tensor = tuple[int, int, int, int, float, int]
"""Index, height, width, channels, scale, zero point of an activation [1, height, width, channels]."""


class _Blocks:
    """Blocks of operators, each from one tensor to another; scales such that not all saturates."""

    def __init__(self, rng: np.random.Generator) -> None:
        # not hypothesis: it prefers few of the choices, and there is nothing to shrink
        self.rng, self.builder = rng, ModelBuilder()

    def choose(self, low: int, high: int) -> int:
        """A number from low to high."""
        return int(self.rng.integers(low, high + 1))

    def tensor(self, h: int, w: int, c: int, scale: float, zero_point: int | None = None, relu: bool = False) -> Tensor:
        """A new activation."""
        if zero_point is None:
            zero_point = -128 if relu else self.choose(-60, 60)
        scale = float(np.float32(scale))
        return self.builder.activation((1, h, w, c), scale, zero_point), h, w, c, scale, zero_point

    def indices(self, *values: int) -> int:
        """A constant of indices."""
        return self.builder.constant(np.array(values, np.int32))

    def convolution(
        self,
        source: Tensor,
        kernel: tuple[int, int] | None = None,
        channels: int = 0,
        stride: tuple[int, int] | None = None,
        dilation: tuple[int, int] = (1, 1),
        depthwise: bool = False,
        relu: bool | None = None,
        like: Tensor | None = None,
    ) -> Tensor:
        """CONV_2D or DEPTHWISE_CONV_2D; what is not given is random. `like` has the output's quantization."""
        index, h, w, c, scale, _ = source
        if kernel is None:
            size = self.choose(1, 3)
            kernel = (size, size)
        if stride is None:
            step = self.choose(1, 2)
            stride = (step, step)
        channels = c if depthwise else channels or self.choose(1, 9)
        depth = 1 if depthwise else c
        scales = self.rng.uniform(0.002, 0.01, channels)
        of_weights = (1, *kernel, channels) if depthwise else (channels, *kernel, c)
        weights = self.builder.constant(
            self.rng.integers(-127, 128, of_weights).astype(np.int8), scales, axis=3 if depthwise else 0
        )
        bias = self.builder.constant(self.rng.integers(-3000, 3000, channels).astype(np.int32), scale * scales)
        relu = bool(self.choose(0, 1)) if relu is None else relu
        out_scale = scale * 0.3 * np.sqrt(kernel[0] * kernel[1] * depth)
        shape = (-(-h // stride[0]), -(-w // stride[1]), channels)
        output = self.tensor(*shape, out_scale, relu=relu) if like is None else self.tensor(*shape, *like[4:])
        self.builder.operator(
            "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
            [index, weights, bias],
            output[0],
            "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
            padding=0,
            strideH=stride[0],
            strideW=stride[1],
            dilationHFactor=dilation[0],
            dilationWFactor=dilation[1],
            fusedActivationFunction=int(relu),
            **({"depthMultiplier": 1} if depthwise else {}),
        )
        return output

    def depthwise(self, source: Tensor) -> Tensor:
        """A 3x3 depthwise convolution with unequal strides."""
        stride = (1, self.choose(1, 2))
        return self.convolution(source, kernel=(3, 3), stride=stride, depthwise=True)

    def add(self, first: Tensor, second: Tensor, relu: bool = False) -> Tensor:
        """ADD of two tensors of one shape."""
        output = self.tensor(*first[1:4], 0.8 * (first[4] + second[4]), relu=relu)
        self.builder.operator("ADD", [first[0], second[0]], output[0], "AddOptions", fusedActivationFunction=int(relu))
        return output

    def block(self, source: Tensor) -> Tensor:
        """An inverted residual block."""
        inner = self.convolution(source, kernel=(1, 1), channels=2 * source[3], stride=(1, 1))
        inner = self.convolution(inner, kernel=(3, 3), stride=(1, 1), depthwise=True)
        inner = self.convolution(inner, kernel=(1, 1), channels=source[3], stride=(1, 1))
        return self.add(inner, source, relu=True)

    def pool(self, source: Tensor) -> Tensor:
        """AVERAGE_POOL_2D."""
        index, h, w, c, scale, zero_point = source
        stride = self.choose(1, 2)
        output = self.tensor(-(-h // stride), w, c, scale, zero_point)
        window = {"padding": 0, "strideH": stride, "strideW": 1, "filterHeight": 3, "filterWidth": 3}
        self.builder.operator("AVERAGE_POOL_2D", [index], output[0], "Pool2DOptions", **window)
        return output

    def pad(self, source: Tensor) -> Tensor:
        """PAD and the convolution that takes it in."""
        index, h, w, c, scale, zero_point = source
        amounts = [[0, 0], [self.choose(0, 2), 1], [1, self.choose(0, 2)], [0, 0]]
        padded = self.tensor(h + sum(amounts[1]), w + sum(amounts[2]), c, scale, zero_point)
        self.builder.operator(
            "PAD", [index, self.builder.constant(np.array(amounts, np.int32))], padded[0], "PadOptions"
        )
        return self.convolution(padded)

    def reshape(self, source: Tensor) -> Tensor:
        """RESHAPE to a vector and back, height and width exchanged."""
        index, h, w, c, scale, zero_point = source
        flat = self.builder.activation((1, h * w * c), scale, zero_point)
        self.builder.operator("RESHAPE", [index, self.indices(1, h * w * c)], flat)
        output = self.tensor(w, h, c, scale, zero_point)
        self.builder.operator("RESHAPE", [flat, self.indices(1, w, h, c)], output[0])
        return output

    def gate(self, source: Tensor, gate: int, shape: tuple[int, ...]) -> Tensor:
        """LOGISTIC of a tensor, and MUL with what it gates."""
        opened = self.builder.activation(shape, 1 / 256, -128)
        self.builder.operator("LOGISTIC", [gate], opened)
        output = self.tensor(*source[1:4], source[4] * 0.7)
        pair = [source[0], opened] if self.choose(0, 1) else [opened, source[0]]
        self.builder.operator("MUL", pair, output[0], "MulOptions")
        return output

    def squeeze_excite(self, source: Tensor) -> Tensor:
        """Channel attention: MEAN, CONV_2D along the channels, LOGISTIC, MUL."""
        index, _, _, c, scale, _ = source
        mean = self.builder.activation((1, c), scale / 2, 3)
        self.builder.operator("MEAN", [index, self.indices(1, 2)], mean, "ReducerOptions", keepDims=False)
        column = self.tensor(c, 1, 1, scale / 2, 3)
        self.builder.operator("RESHAPE", [mean, self.indices(1, c, 1, 1)], column[0])
        mixed = self.convolution(column, kernel=(3, 1), channels=1, stride=(1, 1))
        row = self.builder.activation((1, 1, 1, c), mixed[4], mixed[5])
        self.builder.operator("RESHAPE", [mixed[0], self.indices(1, 1, 1, c)], row)
        return self.gate(source, row, (1, 1, 1, c))

    def spatial_attention(self, source: Tensor) -> Tensor:
        """Mean and maximum over the channels, CONCATENATION, CONV_2D, LOGISTIC, MUL."""
        index, h, w, _, scale, zero_point = source
        maps = [self.tensor(h, w, 1, scale, zero_point)[0] for _ in range(2)]
        for op, target in zip(("MEAN", "REDUCE_MAX"), maps, strict=True):
            self.builder.operator(op, [index, self.indices(3)], target, "ReducerOptions", keepDims=True)
        both = self.tensor(h, w, 2, scale, zero_point)
        self.builder.operator("CONCATENATION", maps, both[0], "ConcatenationOptions", axis=3)
        gate = self.convolution(both, kernel=(3, 3), channels=1, stride=(1, 1), relu=False)
        return self.gate(source, gate[0], (1, h, w, 1))

    def plus(self, source: Tensor) -> Tensor:
        """Two dilated depthwise convolutions, along rows and columns, added; factor and offset of each channel."""
        rows = self.convolution(source, kernel=(3, 1), stride=(1, 1), dilation=(2, 1), depthwise=True, relu=False)
        columns = self.convolution(source, kernel=(1, 3), stride=(1, 1), dilation=(1, 2), depthwise=True, relu=False)
        total = self.add(rows, columns)
        values = self.rng.integers(20, 128, (2, total[3])).astype(np.int8)
        scaled = self.tensor(*total[1:4], total[4])
        operands = [total[0], self.builder.constant(values[0], 0.01, zero_point=3)]
        self.builder.operator("MUL", operands, scaled[0], "MulOptions")
        moved = self.tensor(*total[1:4], total[4] * 1.3)
        operands = [scaled[0], self.builder.constant(values[1], scaled[4] / 4, zero_point=-9)]
        self.builder.operator("ADD", operands, moved[0], "AddOptions", fusedActivationFunction=1)
        return moved

    def split(self, source: Tensor) -> Tensor:
        """SPLIT of rows, columns or channels in two, the parts added or joined, one of them after a convolution."""
        shape = list(source[1:4])
        scale, zero_point = source[4:]
        even = [axis for axis in range(3) if shape[axis] % 2 == 0]
        if not even:
            return source
        axis = int(self.rng.choice(even))
        shape[axis] //= 2
        h, w, c = shape
        halves = [self.tensor(h, w, c, scale, zero_point) for _ in range(2)]
        self.builder.operator(
            "SPLIT", [self.indices(axis + 1), source[0]], [half[0] for half in halves], "SplitOptions", numSplits=2
        )
        mixed = self.convolution(halves[0], kernel=(1, 1), channels=c, stride=(1, 1))
        if self.choose(0, 1):
            return self.add(mixed, halves[1])
        requantized = self.tensor(h, w, c, mixed[4], mixed[5])
        self.builder.operator("QUANTIZE", [halves[1][0]], requantized[0], "QuantizeOptions")
        axis = self.choose(0, 2)
        shape[axis] *= 2
        joined = self.tensor(shape[0], shape[1], shape[2], mixed[4], mixed[5])
        pair = [requantized[0], mixed[0]]
        self.builder.operator("CONCATENATION", pair, joined[0], "ConcatenationOptions", axis=axis + 1)
        return joined

    def cut(self, source: Tensor) -> Tensor:
        """STRIDED_SLICE: the first rows, a view of their source, which a shortcut keeps alive."""
        index, h, w, c, scale, zero_point = source
        mixed = self.convolution(source, kernel=(1, 1), channels=c, stride=(1, 1))
        rows = -(-h // 2)
        pieces = [self.tensor(rows, w, c, *tensor[4:]) for tensor in (source, mixed)]
        for tensor, piece in ((index, pieces[0][0]), (mixed[0], pieces[1][0])):
            ends = [self.indices(*values) for values in ((0, 0, 0, 0), (1, rows, w, c), (1, 1, 1, 1))]
            self.builder.operator("STRIDED_SLICE", [tensor, *ends], piece, "StridedSliceOptions")
        return self.add(pieces[0], pieces[1])

    def fork(self, source: Tensor) -> Tensor:
        """Branches of different depth from one tensor, joined: those that lag behind still need its rows."""
        shallow = self.convolution(source, kernel=(1, 1), channels=source[3], stride=(1, 1))
        # joined parts have one quantization
        deep = self.convolution(source, kernel=(3, 3), stride=(1, 1), depthwise=True, like=shallow)
        deeper = self.convolution(deep, kernel=(3, 3), stride=(1, 1), depthwise=True, like=shallow)
        joined = self.tensor(*source[1:3], 3 * source[3], *shallow[4:])
        parts = [shallow[0], deep[0], deeper[0]]
        self.builder.operator("CONCATENATION", parts, joined[0], "ConcatenationOptions", axis=3)
        return joined

    def turn(self, source: Tensor) -> Tensor:
        """TRANSPOSE of height and width."""
        index, h, w, c, scale, zero_point = source
        output = self.tensor(w, h, c, scale, zero_point)
        self.builder.operator("TRANSPOSE", [index, self.indices(0, 2, 1, 3)], output[0], "TransposeOptions")
        return output


def forked(rng: np.random.Generator) -> Case:
    """A convolution and branches of different depth from it, joined: five operators."""
    blocks = _Blocks(rng)
    source = blocks.tensor(4, 3, 4, 0.05)
    output = blocks.fork(blocks.convolution(source, kernel=(1, 1), channels=8, stride=(1, 1)))
    return finish(blocks.builder, source[0], output[0], 4 * 3 * 4, rng, "fork")


@st.composite
def network(draw: st.DrawFn) -> Case:
    """A small network with shortcuts and views, in which tensors live long, share memory and change shape."""
    rng = np.random.default_rng(draw(seeds))
    blocks = _Blocks(rng)
    kinds: dict[str, Callable[[Tensor], Tensor]] = {
        "conv": blocks.convolution,
        "depthwise": blocks.depthwise,
        "block": blocks.block,
        "fork": blocks.fork,
        "pool": blocks.pool,
        "pad": blocks.pad,
        "reshape": blocks.reshape,
        "squeeze-excite": blocks.squeeze_excite,
        "spatial": blocks.spatial_attention,
        "plus": blocks.plus,
        "split": blocks.split,
        "cut": blocks.cut,
        "turn": blocks.turn,
    }
    h, w, c = blocks.choose(6, 14), blocks.choose(5, 12), blocks.choose(1, 4)
    source = blocks.tensor(h, w, c, 0.05)
    # a model that only rearranges is refused
    current, what = blocks.convolution(source), "network"
    for _ in range(blocks.choose(2, 5)):
        kind = str(rng.choice(sorted(kinds)))
        what += f" {kind}"
        current = kinds[kind](current)
    output = current[0]
    if blocks.choose(0, 1):
        output = blocks.builder.activation((1, current[3]), current[4] / 2, current[5])
        blocks.builder.operator("MEAN", [current[0], blocks.indices(1, 2)], output, "ReducerOptions", keepDims=False)
    return finish(blocks.builder, source[0], output, h * w * c, rng, what)
