"""CONV_2D, in groups and dilated too."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ..graph import WeightAxes
from .definition import Call, Definition
from .rounding import round_convolution
from .windows import padding_of


def _conv_2d(call: Call) -> list[Any]:
    x, weights, bias = call.inputs
    o = call.options
    kernel = tf.transpose(weights, (1, 2, 3, 0))
    groups = x.shape[-1] // kernel.shape[2]
    if groups > 1:
        # TensorFlow has no gradient for groups on every processor: a dense kernel with zeros where groups do not meet
        inputs, outputs = x.shape[-1], kernel.shape[3]
        own = np.kron(np.eye(groups), np.ones((inputs // groups, outputs // groups)))
        kernel = tf.tile(kernel, (1, 1, groups, 1)) * tf.constant(own, tf.float32)
    if x.shape[-1] == 1 and o.StrideH() != o.StrideW():
        # TensorFlow 2.21 with oneDNN computes one channel wrongly where a stride leaves one column: add an empty one
        x = tf.pad(x, ((0, 0), (0, 0), (0, 0), (0, 1)))
        kernel = tf.pad(kernel, ((0, 0), (0, 0), (0, 1), (0, 0)))
    strides, dilations = (o.StrideH(), o.StrideW()), (o.DilationHFactor(), o.DilationWFactor())
    if dilations == (1, 1):
        return [tf.nn.conv2d(x, kernel, strides, padding_of(o)) + bias]
    return [_dilated(x, kernel, strides, dilations, padding_of(o)) + bias]


def _dilated(x: Any, kernel: Any, strides: tuple[int, int], dilations: tuple[int, int], padding: str) -> Any:
    """Convolve with a dilation by convolutions without one.

    TensorFlow has a gradient of dilated convolutions only where oneDNN computes them: not with
    TF_ENABLE_ONEDNN_OPTS=0, and on no processor but x86 and Arm. So rows and columns that a kernel's taps can meet are
    put into images of their own, height x width / (dilation x dilation) each, which gives the same sums in the same
    order; a kernel with zeros between its taps has the same gradients at twice the cost
    (3x3, dilation 2, 16 channels, without oneDNN: 20 ms of processor time to 45). With a stride too, the images
    would differ in kind, so the kernel gets the zeros.
    """
    ends, extras = [], []
    for n, taps, stride, dilation in zip(x.shape[1:3], kernel.shape[:2], strides, dilations, strict=True):
        total = max((-(-n // stride) - 1) * stride + (taps - 1) * dilation + 1 - n, 0) if padding == "SAME" else 0
        extras.append(-(n + total) % dilation)
        ends.append((total // 2, total - total // 2))
    if strides == (1, 1):
        around = [(before, after + extra) for (before, after), extra in zip(ends, extras, strict=True)]
        images = tf.nn.conv2d(tf.space_to_batch(x, dilations, around), kernel, 1, "VALID")
        return tf.batch_to_space(images, dilations, [(0, extra) for extra in extras])
    height, width, depth, channels = kernel.shape
    spread = tf.reshape(kernel, (height, 1, width, 1, depth, channels))
    spread = tf.pad(spread, ((0, 0), (0, dilations[0] - 1), (0, 0), (0, dilations[1] - 1), (0, 0), (0, 0)))
    spread = tf.reshape(spread, (height * dilations[0], width * dilations[1], depth, channels))
    reach = [(taps - 1) * dilation + 1 for taps, dilation in zip((height, width), dilations, strict=True)]
    return tf.nn.conv2d(tf.pad(x, ((0, 0), *ends, (0, 0))), spread[: reach[0], : reach[1]], strides, "VALID")


DEFINITIONS = (
    Definition(
        op="CONV_2D",
        int8_version=3,  # and 6 in groups, whatever the type
        compute=_conv_2d,
        rounding=round_convolution,
        weight_axes=WeightAxes(output=0, input=3),
    ),
)
