"""Networks of the sizes people use, with random weights: for bytes, instructions and memory, not for accuracy."""

from __future__ import annotations

import numpy as np
from int8_case import Case, inputs_for
from int8_models import ModelBuilder

# (expansion, output channels, strides of the depthwise convolution, shortcut: none, identity or average pool)
_CP_MOBILE_BLOCKS = (
    (64, 32, (1, 1), "identity"),
    (64, 32, (1, 1), "identity"),
    (64, 32, (1, 2), "pool"),
    (64, 56, (2, 1), "none"),
    (120, 56, (1, 1), "identity"),
    (120, 104, (1, 1), "none"),
)


class _Layers:
    """Convolutions with scales such that activations neither vanish nor saturate."""

    def __init__(self, seed: int, gain: float = 1.0) -> None:
        self.gain = gain
        self.rng = np.random.default_rng(seed)
        self.builder = ModelBuilder()

    def activation(self, shape: tuple[int, int, int], relu: bool) -> int:
        return self.builder.activation((1, *shape), 0.05, -128 if relu else 3)

    def convolution(
        self,
        source: int,
        shape: tuple[int, int, int],
        channels: int,
        kernel: int | tuple[int, int] = 1,
        stride: tuple[int, int] = (1, 1),
        relu: bool = True,
        depthwise: bool = False,
    ) -> tuple[int, tuple[int, int, int]]:
        h, w, c = shape
        out_shape = (-(-h // stride[0]), -(-w // stride[1]), channels)
        kernel_h, kernel_w = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        taps = kernel_h * kernel_w * (1 if depthwise else c)
        scales = self.gain * self.rng.uniform(0.7, 1.4, channels) * 0.012 / np.sqrt(taps)
        size = (1, kernel_h, kernel_w, channels) if depthwise else (channels, kernel_h, kernel_w, c)
        weights = self.rng.integers(-127, 128, size).astype(np.int8)
        bias = self.rng.integers(-500, 500, channels).astype(np.int32)
        output = self.activation(out_shape, relu)
        name = "DepthwiseConv2DOptions" if depthwise else "Conv2DOptions"
        self.builder.operator(
            "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D",
            [
                source,
                self.builder.constant(weights, scales, axis=3 if depthwise else 0),
                self.builder.constant(bias, 0.05 * scales),
            ],
            output,
            name,
            padding=0,
            strideH=stride[0],
            strideW=stride[1],
            dilationHFactor=1,
            dilationWFactor=1,
            fusedActivationFunction=int(relu),
            **({"depthMultiplier": 1} if depthwise else {}),
        )
        return output, out_shape


def cp_mobile(seed: int = 7) -> Case:
    """CP-Mobile at full size: 256 mels, 65 frames, 29.4 million multiply-accumulates."""
    layers = _Layers(seed)
    builder = layers.builder
    shape = (256, 65, 1)
    source = builder.activation((1, *shape), 0.05, 1)
    current, shape = layers.convolution(source, shape, 8, kernel=3, stride=(2, 2))
    current, shape = layers.convolution(current, shape, 32, kernel=3, stride=(2, 2))
    for expansion, channels, stride, shortcut in _CP_MOBILE_BLOCKS:
        entry = current
        if shortcut == "pool":
            entry = layers.activation((shape[0], -(-shape[1] // 2), shape[2]), relu=True)
            builder.operator(
                "AVERAGE_POOL_2D",
                [current],
                entry,
                "Pool2DOptions",
                padding=0,
                strideH=1,
                strideW=2,
                filterHeight=3,
                filterWidth=3,
            )
        current, shape = layers.convolution(current, shape, expansion)
        current, shape = layers.convolution(current, shape, expansion, kernel=3, stride=stride, depthwise=True)
        current, shape = layers.convolution(current, shape, channels, relu=shortcut == "none")
        if shortcut != "none":
            total = layers.activation(shape, relu=True)
            builder.operator("ADD", [current, entry], total, "AddOptions", fusedActivationFunction=1)
            current = total
    current, shape = layers.convolution(current, shape, 10, relu=False)
    output = builder.activation((1, 10), 0.02, 3)
    axes = builder.constant(np.array([1, 2], np.int32))
    builder.operator("MEAN", [current, axes], output, "ReducerOptions", keepDims=False)
    model = builder.finish(source, output)
    return Case("CP-Mobile 256x65", model, inputs_for(layers.rng, 256 * 65))


def picture_start(seed: int = 7) -> Case:
    """First layers of a network for pictures of 96 x 96: its rows are large beside what later layers need."""
    layers = _Layers(seed)
    shape = (96, 96, 3)
    source = layers.builder.activation((1, *shape), 0.05, 1)
    current, shape = layers.convolution(source, shape, 8, kernel=3, stride=(2, 2))
    for channels, stride in ((16, (1, 1)), (32, (2, 2))):
        current, shape = layers.convolution(current, shape, shape[2], kernel=3, stride=stride, depthwise=True)
        current, shape = layers.convolution(current, shape, channels)
    return Case("96x96x3", layers.builder.finish(source, current), inputs_for(layers.rng, 96 * 96 * 3))


# output channels and stride of the depthwise convolutions
_MOBILENET_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


def mobilenet(seed: int = 7) -> Case:
    """MobileNet v1 of the DCASE 2019 Task 2 baseline: 3.3 MB of weights, 432 million multiply-accumulates."""
    layers = _Layers(seed, gain=1.5)  # or 27 layers of ReLU leave nothing
    builder = layers.builder
    shape = (100, 96, 1)
    source = builder.activation((1, *shape), 0.05, 1)
    current, shape = layers.convolution(source, shape, 16, kernel=3)
    for channels, stride in _MOBILENET_BLOCKS:
        current, shape = layers.convolution(current, shape, shape[2], kernel=3, stride=(stride, stride), depthwise=True)
        current, shape = layers.convolution(current, shape, channels)
    largest = builder.activation((1, shape[2]), 0.05, -128)
    axes = builder.constant(np.array([1, 2], np.int32))
    builder.operator("REDUCE_MAX", [current, axes], largest, "ReducerOptions", keepDims=False)
    weights = builder.constant(layers.rng.integers(-127, 128, (80, shape[2])).astype(np.int8), np.full(80, 0.0005))
    logits = builder.activation((1, 80), 0.05, 0)
    builder.operator("FULLY_CONNECTED", [largest, weights], logits, "FullyConnectedOptions")
    output = builder.activation((1, 80), 1 / 256, -128)
    builder.operator("LOGISTIC", [logits], output)
    return Case("MobileNet 100x96", builder.finish(source, output), inputs_for(layers.rng, 100 * 96)[:1])


def ds_cnn(seed: int = 7) -> Case:
    """DS-CNN for keywords, as MLPerf Tiny has it: 2.7 million multiply-accumulates."""
    layers = _Layers(seed)
    builder = layers.builder
    shape = (49, 10, 1)
    source = builder.activation((1, *shape), 0.05, 83)
    current, shape = layers.convolution(source, shape, 64, kernel=(10, 4), stride=(2, 2))
    for _ in range(4):
        current, shape = layers.convolution(current, shape, 64, kernel=3, depthwise=True)
        current, shape = layers.convolution(current, shape, 64)
    pooled = builder.activation((1, 1, 1, 64), 0.05, -128)
    window = {"padding": 1, "strideH": shape[0], "strideW": shape[1], "filterHeight": shape[0], "filterWidth": shape[1]}
    builder.operator("AVERAGE_POOL_2D", [current], pooled, "Pool2DOptions", **window)
    flat = builder.activation((1, 64), 0.05, -128)
    builder.operator("RESHAPE", [pooled, builder.constant(np.array([1, 64], np.int32))], flat)
    weights = builder.constant(layers.rng.integers(-127, 128, (12, 64)).astype(np.int8), np.full(12, 0.002))
    logits = builder.activation((1, 12), 0.1, 14)
    builder.operator("FULLY_CONNECTED", [flat, weights], logits, "FullyConnectedOptions")
    output = builder.activation((1, 12), 1 / 256, -128)
    builder.operator("SOFTMAX", [logits], output, "SoftmaxOptions", beta=1.0)
    return Case("DS-CNN 49x10", builder.finish(source, output), inputs_for(layers.rng, 49 * 10))
