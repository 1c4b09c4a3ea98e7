"""Constants of operators with weights: checks, input offsets folded into biases, bounds of accumulators.

Equations are those of docs/quantization.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError

from ..arithmetic.scales import INT32_LIMIT
from ..network.graph import Activation, Padding, Tensor
from ..network.row_call import Layout, Window
from .base import AnyNode, OperatorView

_LARGEST_BIAS_ERROR = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvolutionAttributes:
    """What CONV_2D and DEPTHWISE_CONV_2D have in common."""

    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    padding: Padding
    activation: Activation


def check_weights(view: OperatorView, *, axis: int, channels: int) -> None:
    """Check weights and bias: constant, int8 and int32, symmetric, one scale or one per channel along `axis`."""
    view.check_inputs(2, 3)
    weights = view.inputs[1]
    quantization = weights.quantization
    if weights.data is None or weights.dtype != "int8" or quantization is None:
        view.fail(f"weights {weights.describe()} are not constant quantized int8", "constant int8 weights")
    if any(quantization.zero_points):
        view.fail(f"weights {weights.describe()} have a zero point", "symmetric weights, zero point 0")
    n_scales = len(quantization.scales)
    if n_scales not in (1, channels) or (n_scales > 1 and quantization.axis != axis):
        view.fail(
            f"weights {weights.describe()} have {n_scales} scales along axis {quantization.axis}",
            f"one scale, or {channels} along axis {axis}",
        )
    if len(view.inputs) == 3:
        bias = view.inputs[2]
        if bias.data is None or bias.dtype != "int32" or bias.n_elements != channels:
            view.fail(f"bias {bias.describe()} is not constant int32 with {channels} elements", "constant int32 bias")


def check_bias_scale(view: OperatorView) -> None:
    """Check that a bias is in the accumulator's scale, as TFLite does for weights with one scale.

    Formula: |s_input s_weights - s_bias| <= 0.02 s_output.
    Source: TFLite's GetQuantizedConvolutionMultipler. Without a scale of its own, a bias has scale 0 there.
    """
    source, weights = view.inputs[:2]
    assert weights.quantization is not None
    if len(view.inputs) < 3 or len(weights.quantization.scales) > 1:
        return
    quantization = view.inputs[2].quantization
    scale = quantization.scales[0] if quantization is not None and len(quantization.scales) == 1 else 0.0
    product = source.scale * weights.scale
    if abs(product - scale) > _LARGEST_BIAS_ERROR * view.output.scale:
        view.fail(
            f"bias {view.inputs[2].describe()} has scale {scale:.9g}; the product of the input's and the weights' "
            f"is {product:.9g}",
            f"a difference of at most {_LARGEST_BIAS_ERROR} of the output's scale {view.output.scale:.9g}",
        )


def weight_scales(weights: Tensor, channels: int) -> tuple[float, ...]:
    """Return the scale of each channel."""
    assert weights.quantization is not None
    scales = weights.quantization.scales
    return scales * channels if len(scales) == 1 else scales


def folded_bias(node: AnyNode, by_channel: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Fold the input offset into the bias and bound the accumulator.

    Formula: equation (10), sum (x - zero_point) * w + bias = sum x * w + (bias - zero_point * sum w); the bound is
    that of equation (11).

    Parameters
    ----------
    node
        The operator.
    by_channel
        Weights, shape [channels, taps].

    Returns
    -------
    tuple
        The bias with the input offset, and a bound of the accumulator's magnitude over all inputs and partial sums,
        shape [channels] each.

    Raises
    ------
    ModelError
        When an accumulator could overflow 32 bits.
    """
    channels = by_channel.shape[0]
    bias = np.zeros(channels, np.int64)
    if len(node.inputs) == 3:
        data = node.inputs[2].data
        assert data is not None
        bias = data.reshape(-1).astype(np.int64)
    folded = bias - node.inputs[0].zero_point * by_channel.sum(axis=1)
    bound = np.abs(folded) + 128 * np.abs(by_channel).sum(axis=1)
    if bound.max() >= INT32_LIMIT:
        raise ModelError(
            f"operator {node.operator.index} {node.operator.op}, which computes tensor {node.output.describe()}: "
            f"a sum can reach {int(bound.max())}, more than 32 bits hold",
            hint="quantize the model with representative data; biases of this size come from scales near 0",
        )
    return folded, bound


def dense_weights(weights: NDArray[np.int8], depth: int) -> NDArray[np.int8]:
    """Return weights [channels, h, w, depth] of a convolution without groups: zeros outside a channel's group."""
    channels, kernel_h, kernel_w, group_depth = weights.shape
    groups = depth // group_depth
    dense = np.zeros((groups, channels // groups, kernel_h, kernel_w, groups, group_depth), np.int8)
    for group, part in enumerate(weights.reshape(groups, channels // groups, kernel_h, kernel_w, group_depth)):
        dense[group, :, :, :, group] = part
    return dense.reshape(channels, kernel_h, kernel_w, depth)


def describe_weights(weights: Tensor, layout: str) -> str:
    """Return the comment of a weights array."""
    assert weights.quantization is not None
    scales = weights.quantization.scales
    scale = f"scale {scales[0]:.9g}" if len(scales) == 1 else f"scales {min(scales):.9g} to {max(scales):.9g}"
    return f"weights of tensor {weights.describe()}, layout {layout}, {scale}, zero point 0"


def convolution_window(attributes: ConvolutionAttributes, kernel_h: int, layout: Layout = "pixels") -> Window:
    """Return the rows and the padding of its input that a convolution needs."""
    padding = attributes.padding
    return Window(
        rows=kernel_h,
        stride=attributes.stride_h,
        dilation=attributes.dilation_h,
        top=padding.top,
        bottom=padding.bottom,
        left=padding.left,
        right=padding.right,
        layout=layout,
    )
