"""CONV_2D: equations (9) to (15) of docs/quantization.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..arithmetic.portable import prepare_requantize
from ..arithmetic.scales import activation_range, channel_scales
from ..network.kernel_call import ConstantArray, FieldValue, KernelCall
from ..network.row_call import RowCall
from .base import Node, OperatorDefinition, OperatorView, one_row
from .weights import (
    ConvolutionAttributes,
    check_weights,
    convolution_window,
    describe_weights,
    folded_bias,
    weight_scales,
)

_BLOCK = 4  # channels that asc_block_s8 computes at once; and a number of which it takes whole multiples of taps


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2DAttributes(ConvolutionAttributes):
    """CONV_2D."""


class Conv2D(OperatorDefinition[Conv2DAttributes]):
    """Convolution over rows and columns, in groups of channels."""

    op = "CONV_2D"
    options = "Conv2DOptions"

    def read(self, view: OperatorView) -> Conv2DAttributes:
        """Read and check its attributes."""
        view.check_inputs(2, 3)
        view.check_activations(1)
        view.check_batch()
        weights = view.inputs[1]
        if len(weights.shape) != 4:
            view.fail(f"weights {weights.describe()}", "layout OHWI")
        channels, kernel_h, kernel_w, depth = weights.shape
        options = view.options
        stride = (int(options.StrideH()), int(options.StrideW()))
        dilation = (int(options.DilationHFactor()), int(options.DilationWFactor()))
        padding = view.read_padding(kernel=(kernel_h, kernel_w), stride=stride, dilation=dilation)
        in_channels = view.inputs[0].shape[3]
        if in_channels % depth or channels % (in_channels // depth) or view.output.shape[3] != channels:
            view.fail(
                f"weights {weights.describe()} do not fit {in_channels} input and {view.output.shape[3]} output "
                "channels",
                "weights [outputs, h, w, inputs / groups]",
            )
        check_weights(view, axis=0, channels=channels)
        if len(view.inputs) != 3:
            view.fail("it has no bias", "a bias, which TFLite wants of every int8 CONV_2D; it may be zeros")
        return Conv2DAttributes(
            stride_h=stride[0],
            stride_w=stride[1],
            dilation_h=dilation[0],
            dilation_w=dilation[1],
            padding=padding,
            activation=view.read_activation(),
        )

    def lower(self, node: Node[Conv2DAttributes]) -> KernelCall | None:
        """Return the kernel of a 1x1 convolution, a product of matrices or of channels; others go by rows."""
        attributes = node.attributes
        weights, output = node.inputs[1], node.output
        channels, kernel_h, kernel_w, depth = weights.shape
        groups = node.inputs[0].shape[3] // depth
        single = channels == groups > 1  # each group has one output
        if not _is_pointwise(attributes, kernel_h * kernel_w) or (groups > 1 and not single):
            return None
        pixels = output.shape[1] * output.shape[2]
        return KernelCall(
            kernel="asc_conv_1x1_groups_s8" if single else "asc_conv_1x1_s8",
            struct="asc_conv_1x1_groups_t" if single else "asc_conv_1x1_t",
            fields=(
                *_constants(node, single=single),
                ("pixels", pixels),
                ("in_channels", groups * depth),
                ("out_channels", channels),
            ),
            inputs=(node.inputs[0].index,),
            overlap=(0 if single else _pair_overlap(pixels, groups * depth, channels),),
            macs=pixels * channels * depth,
            scratch_bytes=None if single else 2 * _padded(groups * depth),
        )

    def by_pixel(self, node: Node[Conv2DAttributes]) -> bool:
        """Tell whether it is a 1x1 convolution."""
        attributes = node.attributes
        _, kernel_h, kernel_w, _ = node.inputs[1].shape
        return _is_pointwise(attributes, kernel_h * kernel_w)

    def rows(self, node: Node[Conv2DAttributes]) -> RowCall | None:
        """Return the kernel of a 1x1 convolution for one row, or one that gathers the inputs."""
        attributes = node.attributes
        split = one_row(node)
        call = self.lower(split[0]) if split is not None else None
        if split is not None and call is not None:
            return RowCall(call=call, windows=split[1], takes_rows=False)
        weights, (_, _, out_w, channels) = node.inputs[1], node.output.shape
        _, kernel_h, kernel_w, depth = weights.shape
        in_channels = node.inputs[0].shape[3]
        taps = kernel_h * kernel_w * depth
        call = KernelCall(
            kernel="asc_conv_row_s8",
            struct="asc_conv_row_t",
            fields=(
                *_constants(node, single=False),
                ("in_channels", in_channels),
                ("out_w", out_w),
                ("out_channels", channels),
                ("kernel_h", kernel_h),
                ("kernel_w", kernel_w),
                ("stride_w", attributes.stride_w),
                ("dilation_w", attributes.dilation_w),
                ("groups", in_channels // depth),
            ),
            inputs=(node.inputs[0].index,),
            overlap=(None,),
            macs=out_w * channels * taps,
            scratch_bytes=2 * _padded(taps),
        )
        return RowCall(call=call, windows=(convolution_window(attributes, kernel_h),), takes_rows=True)


def _constants(node: Node[Conv2DAttributes], *, single: bool) -> tuple[tuple[str, FieldValue], ...]:
    """Return weights and requantization; `single`: each group has one output."""
    attributes = node.attributes
    source, weights, output = node.inputs[0], node.inputs[1], node.output
    assert weights.data is not None
    channels, kernel_h, kernel_w, depth = weights.shape
    groups, taps = source.shape[3] // depth, kernel_h * kernel_w * depth
    by_channel = weights.data.astype(np.int64).reshape(channels, taps)
    bias, bound = folded_bias(node, by_channel)
    scales = [source.scale * scale / output.scale for scale in weight_scales(weights, channels)]
    requantization = prepare_requantize(
        bias=bias,
        scales=channel_scales(scales),
        largest_accumulator=bound,
        zero_point=output.zero_point,
        output_range=activation_range(attributes.activation, output),
        comment=f"[{groups}][{channels // groups}], the last padded to a multiple of 4",
        groups=1 if single else groups,
    )
    packed = ConstantArray(
        suffix="weights",
        c_type="int8_t" if single else "int32_t",
        values=by_channel.astype(np.int8).reshape(-1)
        if single
        else _pack(by_channel.reshape(groups, channels // groups, taps)),
        comment=describe_weights(
            weights,
            f"[{channels}][{taps}]"
            if single
            else f"[{groups}][{-(-channels // groups // _BLOCK)}][{_padded(taps) // 2}][{_BLOCK}][2] in words",
        ),
    )
    return ("weights", packed), ("requantize", requantization)


def _is_pointwise(attributes: Conv2DAttributes, kernel_size: int) -> bool:
    padding = attributes.padding
    unpadded = padding.top == padding.bottom == padding.left == padding.right == 0
    return kernel_size == attributes.stride_h == attributes.stride_w == 1 and unpadded


def _padded(taps: int) -> int:
    return -(-taps // _BLOCK) * _BLOCK


def _pack(weights: NDArray[np.int64]) -> NDArray[np.int32]:
    """Arrange [groups, channels, taps] as asc_block_s8.h takes them, missing channels and taps zero, in words.

    Their shape is [groups, channels / 4, taps / 2, 4 channels, 2 taps], quotients rounded up.
    """
    groups, channels, taps = weights.shape
    padded = np.pad(weights, ((0, 0), (0, -channels % _BLOCK), (0, _padded(taps) - taps)))
    blocks = padded.reshape(groups, -1, _BLOCK, _padded(taps) // 2, 2).transpose(0, 1, 3, 2, 4)
    return np.ascontiguousarray(blocks.astype(np.int8)).reshape(-1).view("<i4").astype(np.int32)


def _pair_overlap(pixels: int, in_channels: int, channels: int) -> int:
    """Return how far before its input an output may begin, for a kernel that goes on by two pixels at a time.

    What is written after n pixels, an even number, must end before what is still to be read, if anything is:
    out + n * channels <= in + n * in_channels.
    """
    last = (pixels - 1) // 2 * 2
    return max(0, last * (channels - in_channels))
