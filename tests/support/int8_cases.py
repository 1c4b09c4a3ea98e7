"""Hypothesis strategies for int8 models by name: operators with every attribute free, and small random networks."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from int8_array_cases import ARRAY_STRATEGIES
from int8_case import Case, activations, draw_scale, draw_zero_point, finish, seeds
from int8_elementwise_cases import ELEMENTWISE_STRATEGIES
from int8_models import ACTIVATIONS, ModelBuilder
from int8_network_cases import network
from int8_recurrent_cases import lstm


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    kind = rng.integers(4)
    if kind == 0:
        return rng.choice([-127, 127, -128], shape).astype(np.int8)
    if kind == 1:
        return np.zeros(shape, np.int8)
    return rng.integers(-127, 128, shape).astype(np.int8)


def _output_scale(rng: np.random.Generator, effective: float, taps: int) -> float:
    """A scale at which some outputs saturate and most do not, or an extreme one."""
    spread = effective * 74 * 74 * np.sqrt(taps) / 64
    if rng.random() < 0.15:
        return float(np.float32(spread * 10.0 ** rng.choice([-5.0, -3.0, 4.0, 6.0])))
    return float(np.float32(spread * 10.0 ** rng.uniform(-0.7, 1.0)))


def _window(draw: st.DrawFn, dilated: bool) -> tuple[dict[str, int], tuple[int, int], tuple[int, int], tuple[int, int]]:
    """Options of a window, the kernel, the input's size and the output's."""
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    dilation = (draw(st.integers(1, 3)), draw(st.integers(1, 3))) if dilated and draw(st.booleans()) else (1, 1)
    same = draw(st.booleans())
    sizes, outputs = [], []
    for axis in (0, 1):
        extent = (kernel[axis] - 1) * dilation[axis] + 1
        size = draw(st.integers(1 if same else extent, extent + 7))
        sizes.append(size)
        outputs.append(-(-size // stride[axis]) if same else (size - extent) // stride[axis] + 1)
    options = {"padding": 0 if same else 1, "strideH": stride[0], "strideW": stride[1]}
    if dilated:
        options |= {"dilationHFactor": dilation[0], "dilationWFactor": dilation[1]}
    return options, kernel, (sizes[0], sizes[1]), (outputs[0], outputs[1])


@st.composite
def conv_2d(draw: st.DrawFn) -> Case:
    """CONV_2D: stride, dilation, padding, groups, per tensor and per channel."""
    rng = np.random.default_rng(draw(seeds))
    options, kernel, size, out_size = _window(draw, dilated=True)
    if draw(st.integers(0, 3)) == 0:  # the kernel of matrix products
        kernel, options = (1, 1), {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
        out_size = size
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    depth, per_group = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    if kernel == (1, 1) and draw(st.booleans()):  # the kernel of single channels
        groups, depth, per_group = draw(st.integers(2, 9)), draw(st.integers(1, 4)), 1
    channels = groups * per_group
    builder = ModelBuilder()
    in_scale, taps = draw_scale(rng), kernel[0] * kernel[1] * depth
    scales = np.array([draw_scale(rng) for _ in range(channels)])
    if draw(st.booleans()):
        scales = scales[:1]
    out_scale = _output_scale(rng, in_scale * float(scales.max()), taps)
    source = builder.activation((1, *size, groups * depth), in_scale, draw_zero_point(rng))
    weights = builder.constant(_weights(rng, (channels, *kernel, depth)), scales)
    bias = builder.constant(rng.integers(-20000, 20000, channels).astype(np.int32), in_scale * scales)
    output = builder.activation((1, *out_size, channels), out_scale, draw_zero_point(rng))
    activation = draw(activations)
    builder.operator(
        "CONV_2D",
        [source, weights, bias],
        output,
        "Conv2DOptions",
        fusedActivationFunction=ACTIVATIONS[activation],
        **options,
    )
    what = f"CONV_2D {kernel} {options} groups {groups} {size}x{groups * depth}->{channels} {activation}"
    return finish(builder, source, output, size[0] * size[1] * groups * depth, rng, what)


@st.composite
def depthwise_conv_2d(draw: st.DrawFn) -> Case:
    """DEPTHWISE_CONV_2D: stride (unequal too), dilation, padding, multiplier."""
    rng = np.random.default_rng(draw(seeds))
    options, kernel, size, out_size = _window(draw, dilated=True)
    depth, multiplier = draw(st.integers(1, 9)), draw(st.sampled_from([1, 1, 1, 2, 3]))
    if draw(st.booleans()):  # the unrolled kernel
        kernel, multiplier = (3, 3), 1
        dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 2), (3, 1)]))
        options |= {"dilationHFactor": dilation[0], "dilationWFactor": dilation[1]}
        size = (2 * dilation[0] + draw(st.integers(1, 7)), 2 * dilation[1] + draw(st.integers(1, 7)))
        stride = (options["strideH"], options["strideW"])
        same = options["padding"] == 0
        out_size = tuple(  # type: ignore[assignment]
            -(-n // s) if same else (n - 2 * d - 1) // s + 1 for n, s, d in zip(size, stride, dilation, strict=True)
        )
    channels = depth * multiplier
    builder = ModelBuilder()
    in_scale = draw_scale(rng)
    scales = np.array([draw_scale(rng) for _ in range(channels)])
    out_scale = _output_scale(rng, in_scale * float(scales.max()), kernel[0] * kernel[1])
    source = builder.activation((1, *size, depth), in_scale, draw_zero_point(rng))
    weights = builder.constant(_weights(rng, (1, *kernel, channels)), scales, axis=3)
    bias = builder.constant(rng.integers(-9000, 9000, channels).astype(np.int32), in_scale * scales)
    output = builder.activation((1, *out_size, channels), out_scale, draw_zero_point(rng))
    activation = draw(activations)
    builder.operator(
        "DEPTHWISE_CONV_2D",
        [source, weights, bias],
        output,
        "DepthwiseConv2DOptions",
        depthMultiplier=multiplier,
        fusedActivationFunction=ACTIVATIONS[activation],
        **options,
    )
    what = f"DEPTHWISE_CONV_2D {kernel} {options} {size}x{depth}*{multiplier} {activation}"
    return finish(builder, source, output, size[0] * size[1] * depth, rng, what)


@st.composite
def fully_connected(draw: st.DrawFn) -> Case:
    """FULLY_CONNECTED: rows, per tensor and per channel, with and without bias."""
    rng = np.random.default_rng(draw(seeds))
    rows, inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 70)), draw(st.integers(1, 13))
    builder = ModelBuilder()
    in_scale = draw_scale(rng)
    scales = np.array([draw_scale(rng) for _ in range(outputs)])
    if draw(st.booleans()):
        scales = scales[:1]
    out_scale = _output_scale(rng, in_scale * float(scales.max()), inputs)
    source = builder.activation((rows, inputs), in_scale, draw_zero_point(rng))
    tensors = [source, builder.constant(_weights(rng, (outputs, inputs)), scales)]
    if draw(st.booleans()):
        bias = rng.integers(-9000, 9000, outputs).astype(np.int32)
        tensors.append(builder.constant(bias, in_scale * scales))
    output = builder.activation((rows, outputs), out_scale, draw_zero_point(rng))
    activation = draw(activations)
    builder.operator(
        "FULLY_CONNECTED",
        tensors,
        output,
        "FullyConnectedOptions",
        fusedActivationFunction=ACTIVATIONS[activation],
    )
    what = f"FULLY_CONNECTED {rows}x{inputs}->{outputs} scales {len(scales)} {activation}"
    return finish(builder, source, output, rows * inputs, rng, what)


def one_channel_layer() -> Case:
    """DEPTHWISE_CONV_2D of one channel and 13 outputs, as networks for keywords begin with."""
    rng = np.random.default_rng(49)
    builder = ModelBuilder()
    source = builder.activation((1, 19, 10, 1), 0.05, -3)
    scales = rng.uniform(0.002, 0.01, 13)
    weights = builder.constant(_weights(rng, (1, 5, 4, 13)), scales, axis=3)
    bias = builder.constant(rng.integers(-9000, 9000, 13).astype(np.int32), 0.05 * scales)
    output = builder.activation((1, 10, 5, 13), 0.07, -128)
    options = {"padding": 0, "strideH": 2, "strideW": 2, "dilationHFactor": 1, "dilationWFactor": 1}
    options |= {"depthMultiplier": 13, "fusedActivationFunction": ACTIVATIONS["RELU"]}
    builder.operator("DEPTHWISE_CONV_2D", [source, weights, bias], output, "DepthwiseConv2DOptions", **options)
    return finish(builder, source, output, 190, rng, "DEPTHWISE_CONV_2D 1->13")


def wide_layer() -> Case:
    """FULLY_CONNECTED of 640 inputs to 130 outputs, as an autoencoder begins with."""
    rng = np.random.default_rng(640)
    builder = ModelBuilder()
    source = builder.activation((1, 640), 0.05, -3)
    scales = rng.uniform(0.002, 0.01, 130)
    weights = builder.constant(_weights(rng, (130, 640)), scales)
    bias = builder.constant(rng.integers(-9000, 9000, 130).astype(np.int32), 0.05 * scales)
    output = builder.activation((1, 130), 0.4, -128)
    options = {"fusedActivationFunction": ACTIVATIONS["RELU"]}
    builder.operator("FULLY_CONNECTED", [source, weights, bias], output, "FullyConnectedOptions", **options)
    return finish(builder, source, output, 640, rng, "FULLY_CONNECTED 640->130")


@st.composite
def add(draw: st.DrawFn) -> Case:
    """ADD of the input and a pooled, differently scaled copy of it: both inputs are activations."""
    rng = np.random.default_rng(draw(seeds))
    size, channels = (draw(st.integers(1, 6)), draw(st.integers(1, 6))), draw(st.integers(1, 8))
    shape = (1, *size, channels)
    builder = ModelBuilder()
    in_scale = draw_scale(rng)
    source = builder.activation(shape, in_scale, draw_zero_point(rng))
    # a 1x1 depthwise convolution gives the second input a scale of its own
    other_scale = in_scale * float(10.0 ** rng.uniform(-1.5, 1.5))
    factor = rng.integers(40, 128, (1, 1, 1, channels)).astype(np.int8)
    weights = builder.constant(factor, np.full(channels, other_scale / in_scale / 100), axis=3)
    bias = builder.constant(np.zeros(channels, np.int32), np.full(channels, other_scale / 100))
    other = builder.activation(shape, other_scale, draw_zero_point(rng))
    builder.operator(
        "DEPTHWISE_CONV_2D",
        [source, weights, bias],
        other,
        "DepthwiseConv2DOptions",
        padding=1,
        strideH=1,
        strideW=1,
        dilationHFactor=1,
        dilationWFactor=1,
        depthMultiplier=1,
    )
    out_scale = float(np.float32(max(in_scale, other_scale) * 10.0 ** rng.uniform(-1.0, 1.0)))
    output = builder.activation(shape, out_scale, draw_zero_point(rng))
    activation = draw(activations)
    pair = [source, other] if draw(st.booleans()) else [other, source]
    builder.operator("ADD", pair, output, "AddOptions", fusedActivationFunction=ACTIVATIONS[activation])
    return finish(builder, source, output, int(np.prod(shape)), rng, f"ADD {shape} {activation}")


@st.composite
def pool_2d(draw: st.DrawFn, op: str) -> Case:
    """AVERAGE_POOL_2D or MAX_POOL_2D."""
    rng = np.random.default_rng(draw(seeds))
    options, kernel, size, out_size = _window(draw, dilated=False)
    channels = draw(st.integers(1, 9))
    builder = ModelBuilder()
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    source = builder.activation((1, *size, channels), scale, zero_point)
    output = builder.activation((1, *out_size, channels), scale, zero_point)
    activation = draw(activations)
    builder.operator(
        op,
        [source],
        output,
        "Pool2DOptions",
        filterHeight=kernel[0],
        filterWidth=kernel[1],
        fusedActivationFunction=ACTIVATIONS[activation],
        **options,
    )
    what = f"{op} {kernel} {options} {size}x{channels} {activation}"
    return finish(builder, source, output, size[0] * size[1] * channels, rng, what)


@st.composite
def pad(draw: st.DrawFn) -> Case:
    """PAD of one to four dimensions."""
    rng = np.random.default_rng(draw(seeds))
    rank = draw(st.integers(1, 4))
    shape = [draw(st.integers(1, 5)) for _ in range(rank)]
    amounts = np.array([[draw(st.integers(0, 3)), draw(st.integers(0, 3))] for _ in range(rank)], np.int32)
    builder = ModelBuilder()
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    source = builder.activation(shape, scale, zero_point)
    output = builder.activation([int(n) for n in np.array(shape) + amounts.sum(1)], scale, zero_point)
    builder.operator("PAD", [source, builder.constant(amounts)], output, "PadOptions")
    return finish(builder, source, output, int(np.prod(shape)), rng, f"PAD {shape} {amounts.tolist()}")


@st.composite
def softmax(draw: st.DrawFn) -> Case:
    """SOFTMAX: rows, columns, beta."""
    rng = np.random.default_rng(draw(seeds))
    shape = (draw(st.integers(1, 4)), draw(st.one_of(st.integers(1, 30), st.sampled_from([200, 511]))))
    beta = draw(st.sampled_from([1.0, 1.0, 0.25, 3.0]))
    builder = ModelBuilder()
    source = builder.activation(shape, draw_scale(rng, -3.0, 0.7), draw_zero_point(rng))
    output = builder.activation(shape, 1 / 256, -128)
    builder.operator("SOFTMAX", [source], output, "SoftmaxOptions", beta=beta)
    return finish(builder, source, output, shape[0] * shape[1], rng, f"SOFTMAX {shape} {beta}")


@st.composite
def transpose_conv(draw: st.DrawFn) -> Case:
    """TRANSPOSE_CONV: strides, padding, kernels smaller than strides, with and without a bias."""
    rng = np.random.default_rng(draw(seeds))
    kernel, stride = ([draw(st.integers(1, 4)) for _ in range(2)] for _ in range(2))
    size, same = [draw(st.integers(1, 5)) for _ in range(2)], draw(st.booleans())
    outputs = [
        (n - 1) * s + draw(st.integers(1, s)) if same else (n - 1) * s + k + draw(st.integers(0, s - 1))
        for n, s, k in zip(size, stride, kernel, strict=True)
    ]
    depth, channels = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    builder = ModelBuilder()
    in_scale = draw_scale(rng)
    source = builder.activation((1, *size, depth), in_scale, draw_zero_point(rng))
    scales = rng.uniform(0.001, 0.02, channels)
    weights = builder.constant(_weights(rng, (channels, *kernel, depth)), scales)
    inputs = [builder.constant(np.array([1, *outputs, channels], np.int32)), weights, source]
    has_bias = draw(st.booleans())
    if has_bias:
        bias = rng.integers(-3000, 3000, channels).astype(np.int32)
        inputs.append(builder.constant(bias, np.float32(in_scale) * scales.astype(np.float32)))
    taps = kernel[0] * kernel[1] * depth
    output_scale = _output_scale(rng, in_scale * 0.01, taps)
    output = builder.activation((1, *outputs, channels), output_scale, draw_zero_point(rng))
    options = {"padding": 0 if same else 1, "strideH": stride[0], "strideW": stride[1]}
    builder.operator("TRANSPOSE_CONV", inputs, output, "TransposeConvOptions", **options)
    what = f"TRANSPOSE_CONV {kernel} {options} {size}x{depth} to {outputs}x{channels} bias {has_bias}"
    return finish(builder, source, output, size[0] * size[1] * depth, rng, what)


STRATEGIES: dict[str, st.SearchStrategy[Case]] = {
    "ADD": add(),
    "AVERAGE_POOL_2D": pool_2d("AVERAGE_POOL_2D"),
    "CONV_2D": conv_2d(),
    "DEPTHWISE_CONV_2D": depthwise_conv_2d(),
    "FULLY_CONNECTED": fully_connected(),
    "MAX_POOL_2D": pool_2d("MAX_POOL_2D"),
    "PAD": pad(),
    "SOFTMAX": softmax(),
    "TRANSPOSE_CONV": transpose_conv(),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": lstm(),
    "network": network(),
    **ARRAY_STRATEGIES,
    **ELEMENTWISE_STRATEGIES,
}


def examples(op: str, n: int) -> list[Case]:
    """Draw n cases, always the same; without shrinking, as each trial would compile a program."""
    found: list[Case] = []

    @settings(
        max_examples=n,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(STRATEGIES[op])
    def collect(case: Case) -> None:
        found.append(case)

    collect()
    return found
