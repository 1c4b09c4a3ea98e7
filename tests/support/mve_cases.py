"""Random operators of the kind the Helium kernels take, drawn from a seed."""

from __future__ import annotations

import numpy as np
from int8_case import Case, draw_scale, draw_zero_point, finish
from int8_models import ACTIVATIONS, ModelBuilder


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    if rng.integers(4) == 0:
        return rng.choice([-127, 127, -128], shape).astype(np.int8)
    return rng.integers(-127, 128, shape).astype(np.int8)


def _output_zero_point(rng: np.random.Generator) -> int:
    """Often -128, which kernels have a form of their own for."""
    return -128 if rng.integers(2) else draw_zero_point(rng)


def _output_scale(rng: np.random.Generator, effective: float, taps: int) -> float:
    """A scale at which some outputs saturate; effective scales reach from nearly 1 to far below."""
    spread = 74 * 74 * np.sqrt(taps) / 64
    factor = max(spread * 10.0 ** rng.uniform(-0.7, 1.0), 1.05) if rng.random() < 0.9 else 1.05
    return float(np.float32(effective * factor))


def convolution(
    seed: int, *, depthwise: bool, kernel: tuple[int, int] | None = None, dilation: tuple[int, int] | None = None
) -> Case:
    """CONV_2D, or DEPTHWISE_CONV_2D with multiplier 1: any shape, stride, dilation and padding."""
    rng = np.random.default_rng(seed)
    if kernel is None:
        kernel = (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 3 if depthwise else 4)))
    if dilation is None:
        dilation = (int(rng.integers(1, 4)), int(rng.integers(1, 4))) if rng.integers(3) == 0 else (1, 1)
    same = bool(rng.integers(2))
    sizes, outputs = [], []
    for axis, most in ((0, 5), (1, 20)):
        extent = (kernel[axis] - 1) * dilation[axis] + 1
        size = int(rng.integers(1 if same else extent, extent + most))
        sizes.append(size)
        outputs.append(-(-size // stride[axis]) if same else (size - extent) // stride[axis] + 1)
    depth = int(rng.choice([1, 1, 3, int(rng.integers(1, 20)), int(rng.integers(16, 70))]))
    channels = depth if depthwise else int(rng.integers(1, 22))
    groups = 1
    if not depthwise and rng.integers(8) == 0:
        groups, depth, channels = (int(n) for n in rng.integers(1, 5, 3))
        channels *= groups
    taps = kernel[0] * kernel[1] * (1 if depthwise else depth)
    builder = ModelBuilder()
    in_scale = draw_scale(rng)
    scales = draw_scale(rng) * 10.0 ** rng.uniform(-1.0, 0.0, channels)
    out_scale = _output_scale(rng, in_scale * float(scales.max()), taps)
    source = builder.activation((1, *sizes, depth * groups), in_scale, draw_zero_point(rng))
    shape = (1, *kernel, channels) if depthwise else (channels, *kernel, depth)
    weights = builder.constant(_weights(rng, shape), scales, axis=3 if depthwise else 0)
    bias = builder.constant(rng.integers(-20000, 20000, channels).astype(np.int32), in_scale * scales)
    zero_point = _output_zero_point(rng)
    activation = "RELU" if zero_point == -128 else "NONE"
    if rng.integers(6) == 0:
        activation = str(rng.choice(["RELU", "RELU6"]))
    output = builder.activation((1, *outputs, channels), out_scale, zero_point)
    name = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    builder.operator(
        name,
        [source, weights, bias],
        output,
        "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
        padding=0 if same else 1,
        strideH=stride[0],
        strideW=stride[1],
        dilationHFactor=dilation[0],
        dilationWFactor=dilation[1],
        fusedActivationFunction=ACTIVATIONS[activation],
        **({"depthMultiplier": 1} if depthwise else {}),
    )
    what = f"{name} {seed}: {kernel} stride {stride} dilation {dilation} same {same} "
    what += f"{sizes}x{depth}*{groups}->{channels} {activation}"
    return finish(builder, source, output, int(np.prod(sizes)) * depth * groups, rng, what)


def addition(seed: int) -> Case:
    """ADD or SUB of the input and a scaled copy of it, with and without ReLU, of scales that often allow one sum."""
    rng = np.random.default_rng(seed)
    shape = (1, int(rng.integers(1, 4)), int(rng.integers(1, 12)), int(rng.integers(1, 12)))
    channels = shape[3]
    builder = ModelBuilder()
    in_scale = draw_scale(rng)
    # scales of a sum and of its operands are much alike, or far apart, or equal
    other_scale = in_scale * float(rng.choice([1.0, 10.0 ** rng.uniform(-0.5, 0.5), 10.0 ** rng.uniform(-2.0, 2.0)]))
    source = builder.activation(shape, in_scale, draw_zero_point(rng))
    factor = rng.integers(40, 128, (1, 1, 1, channels)).astype(np.int8)
    weights = builder.constant(factor, np.full(channels, other_scale / in_scale / 100), axis=3)
    bias = builder.constant(rng.integers(-90, 90, channels).astype(np.int32), np.full(channels, other_scale / 100))
    other = builder.activation(shape, other_scale, draw_zero_point(rng))
    ones = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, "depthMultiplier": 1}
    builder.operator("DEPTHWISE_CONV_2D", [source, weights, bias], other, "DepthwiseConv2DOptions", padding=1, **ones)
    out_scale = float(np.float32(max(in_scale, other_scale) * 10.0 ** rng.uniform(-0.7, 1.0)))
    zero_point = _output_zero_point(rng)
    output = builder.activation(shape, out_scale, zero_point)
    operands = [source, other] if rng.integers(2) else [other, source]
    name = str(rng.choice(["ADD", "SUB"]))
    activation = ACTIVATIONS["RELU" if zero_point == -128 else "NONE"]
    options = "AddOptions" if name == "ADD" else "SubOptions"
    builder.operator(name, operands, output, options, fusedActivationFunction=activation)
    return finish(builder, source, output, int(np.prod(shape)), rng, f"{name} {seed}: {shape}")


def pool(seed: int) -> Case:
    """AVERAGE_POOL_2D or MAX_POOL_2D, windows partly in the padding."""
    rng = np.random.default_rng(seed)
    kernel = (int(rng.integers(1, 8)), int(rng.integers(1, 8)))
    stride = (int(rng.integers(1, 4)), int(rng.integers(1, 4)))
    same = bool(rng.integers(2))
    sizes, outputs = [], []
    for extent, step in zip(kernel, stride, strict=True):
        size = int(rng.integers(1 if same else extent, extent + 6))
        sizes.append(size)
        outputs.append(-(-size // step) if same else (size - extent) // step + 1)
    channels = int(rng.choice([int(rng.integers(1, 20)), int(rng.integers(16, 50))]))
    builder = ModelBuilder()
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    source = builder.activation((1, *sizes, channels), scale, zero_point)
    output = builder.activation((1, *outputs, channels), scale, zero_point)
    name = str(rng.choice(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
    builder.operator(
        name,
        [source],
        output,
        "Pool2DOptions",
        filterHeight=kernel[0],
        filterWidth=kernel[1],
        strideH=stride[0],
        strideW=stride[1],
        padding=0 if same else 1,
        fusedActivationFunction=ACTIVATIONS["NONE"],
    )
    what = f"{name} {seed}: {kernel} stride {stride} same {same} {sizes}x{channels}"
    return finish(builder, source, output, int(np.prod(sizes)) * channels, rng, what)


def product(seed: int) -> Case:
    """MUL of the input and of what a convolution makes of it: the same shape, one per channel, one per pixel."""
    rng = np.random.default_rng(seed)
    height, width, channels = int(rng.integers(1, 4)), int(rng.integers(1, 12)), int(rng.integers(1, 20))
    shape = (1, height, width, channels)
    builder = ModelBuilder()
    in_scale, other_scale = draw_scale(rng), draw_scale(rng)
    source = builder.activation(shape, in_scale, draw_zero_point(rng))
    kind = str(rng.choice(["same", "channel", "pixel"]))
    strides = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    if kind == "channel":
        kernel, outputs = (height, width), channels
        other_shape: tuple[int, ...] = (1, 1, 1, channels)
    else:
        kernel, outputs = (1, 1), channels if kind == "same" else 1
        other_shape = (1, height, width, outputs)
    scales = np.full(outputs, other_scale / in_scale / (60 * np.sqrt(kernel[0] * kernel[1])))
    depthwise = kind != "pixel"
    weight_shape = (1, *kernel, channels) if depthwise else (1, 1, 1, channels)
    weights = builder.constant(_weights(rng, weight_shape), scales, axis=3 if depthwise else 0)
    bias = builder.constant(rng.integers(-900, 900, outputs).astype(np.int32), in_scale * scales)
    other = builder.activation(other_shape, other_scale, draw_zero_point(rng))
    name, table = ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions") if depthwise else ("CONV_2D", "Conv2DOptions")
    more = {"depthMultiplier": 1} if depthwise else {}
    builder.operator(name, [source, weights, bias], other, table, padding=1, **strides, **more)
    out_scale = float(np.float32(in_scale * other_scale * 10.0 ** rng.uniform(0.4, 2.5)))
    zero_point = _output_zero_point(rng)
    output = builder.activation(shape, out_scale, zero_point)
    operands = [source, other] if rng.integers(2) else [other, source]
    activation = ACTIVATIONS["RELU" if zero_point == -128 else "NONE"]
    builder.operator("MUL", operands, output, "MulOptions", fusedActivationFunction=activation)
    return finish(builder, source, output, int(np.prod(shape)), rng, f"MUL {seed}: {shape} {kind}")


def reduction(seed: int) -> Case:
    """MEAN or REDUCE_MAX over the channels."""
    rng = np.random.default_rng(seed)
    shape = (1, *(int(n) for n in rng.integers(1, 8, 2)), int(rng.integers(1, 70)))
    builder = ModelBuilder()
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    source = builder.activation(shape, scale, zero_point)
    name = str(rng.choice(["MEAN", "REDUCE_MAX"]))
    if name == "MEAN":
        scale, zero_point = scale * float(10.0 ** rng.uniform(-0.7, 0.4)), draw_zero_point(rng)
    output = builder.activation((*shape[:3], 1), float(np.float32(scale)), zero_point)
    axes = builder.constant(np.array([3], np.int32))
    builder.operator(name, [source, axes], output, "ReducerOptions", keepDims=True)
    return finish(builder, source, output, int(np.prod(shape)), rng, f"{name} {seed}: {shape}")
