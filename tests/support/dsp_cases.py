"""Random operators of the sizes that networks have, for the row kernels of the DSP set."""

from __future__ import annotations

from typing import Any

import numpy as np
from int8_case import Case, finish
from int8_models import ACTIVATIONS, ModelBuilder


def convolution_case(
    rng: np.random.Generator,
    *,
    kernel: tuple[int, int],
    size: tuple[int, int],
    depth: int,
    channels: int,
    stride: tuple[int, int] = (1, 1),
    dilation: tuple[int, int] = (1, 1),
    activation: str = "RELU",
    zero_point: int = -128,
    same: bool = True,
    depthwise: bool = False,
    gain: float = 1.0,
) -> Case:
    """A convolution whose outputs fill their range, with `gain` 1; depthwise: `channels` is `depth`."""
    taps = kernel[0] * kernel[1] * (1 if depthwise else depth)
    kind = rng.integers(6)
    shape = (1, *kernel, depth) if depthwise else (channels, *kernel, depth)
    weights = rng.choice([-127, 127], shape) if kind == 0 else np.rint(rng.normal(0, 40, shape))
    scales = 0.002 * 2.0 ** rng.uniform(-1, 0, channels)
    in_scale = 0.05
    spread = in_scale * scales.max() * np.sqrt(taps) * 60 * np.sqrt(np.mean(weights.astype(float) ** 2))
    out_scale = float(np.float32(spread / (60 * gain)))
    outputs = []
    for axis in (0, 1):
        extent = (kernel[axis] - 1) * dilation[axis] + 1
        outputs.append(-(-size[axis] // stride[axis]) if same else (size[axis] - extent) // stride[axis] + 1)
    builder = ModelBuilder()
    source = builder.activation((1, *size, depth), in_scale, int(rng.integers(-128, 128)))
    constant = builder.constant(
        np.clip(weights, -127, 127).astype(np.int8), scales[:1] if kind == 1 else scales, axis=3 if depthwise else 0
    )
    bias = np.rint(rng.normal(0, 2000, channels)).astype(np.int32)
    bias_tensor = builder.constant(bias, in_scale * (scales[:1] if kind == 1 else scales))
    output = builder.activation((1, *outputs, channels), out_scale, zero_point)
    options: dict[str, Any] = {
        "fusedActivationFunction": ACTIVATIONS[activation],
        "padding": 0 if same else 1,
        "strideH": stride[0],
        "strideW": stride[1],
        "dilationHFactor": dilation[0],
        "dilationWFactor": dilation[1],
    }
    op = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
    if depthwise:
        options["depthMultiplier"] = 1
    builder.operator(
        op,
        [source, constant, bias_tensor],
        output,
        "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions",
        **options,
    )
    what = f"{op} {kernel} {size}x{depth}->{channels} stride {stride} dilation {dilation} {activation} {zero_point}"
    return finish(builder, source, output, size[0] * size[1] * depth, rng, what)
