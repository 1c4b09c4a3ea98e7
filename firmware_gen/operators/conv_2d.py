"""CONV_2D: equations (9) to (15) of docs/quantization.md."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..graph import Attributes, Conv2DAttributes
from ..kernel_call import ConstantArray, FieldValue, KernelCall, requantize, row_overlap
from ..quantize import activation_range, channel_scales
from .base import Node, OperatorDefinition, OperatorView
from .weights import check_weights, describe_weights, folded_bias, weight_scales

_BLOCK = 4  # channels that asc_block_s8 computes at once


class Conv2D(OperatorDefinition):
    """Convolution over rows and columns, in groups of channels."""

    op = "CONV_2D"
    options = "Conv2DOptions"

    def read(self, view: OperatorView) -> Attributes:
        """Read and check its attributes."""
        view.count(2, 3)
        view.activations(1)
        view.batch_1()
        weights = view.inputs[1]
        if len(weights.shape) != 4:
            view.fail(f"weights {weights.describe()}", "layout OHWI")
        channels, kernel_h, kernel_w, depth = weights.shape
        options = view.options
        stride = (int(options.StrideH()), int(options.StrideW()))
        dilation = (int(options.DilationHFactor()), int(options.DilationWFactor()))
        padding = view.spatial(kernel=(kernel_h, kernel_w), stride=stride, dilation=dilation)
        in_channels = view.inputs[0].shape[3]
        if in_channels % depth or channels % (in_channels // depth) or view.output.shape[3] != channels:
            view.fail(
                f"weights {weights.describe()} do not fit {in_channels} input and {view.output.shape[3]} output "
                "channels",
                "weights [outputs, h, w, inputs / groups]",
            )
        check_weights(view, axis=0, channels=channels)
        return Conv2DAttributes(
            stride_h=stride[0],
            stride_w=stride[1],
            dilation_h=dilation[0],
            dilation_w=dilation[1],
            padding=padding,
            activation=view.activation(),
        )

    def lower(self, node: Node) -> KernelCall:
        """Choose the kernel: products of matrices or of channels where it is 1x1, else one that gathers the inputs."""
        attributes = node.operator.attributes
        assert isinstance(attributes, Conv2DAttributes)
        source, weights, output = node.inputs[0], node.inputs[1], node.output
        assert weights.data is not None
        (_, in_h, in_w, in_channels), (_, out_h, out_w, channels) = source.shape, output.shape
        _, kernel_h, kernel_w, depth = weights.shape
        groups = in_channels // depth
        taps = kernel_h * kernel_w * depth
        by_channel = weights.data.astype(np.int64).reshape(channels, taps)
        bias, bound = folded_bias(node, by_channel)
        scales = [source.scale * scale / output.scale for scale in weight_scales(weights, channels)]
        pointwise = _is_pointwise(attributes, kernel_h * kernel_w)
        single = pointwise and channels == groups > 1  # each group has one output
        requantization = requantize(
            bias=bias,
            scales=channel_scales(scales),
            largest_accumulator=bound,
            zero_point=output.zero_point,
            output_range=activation_range(attributes.activation, output),
            comment=f"[{groups}][{channels // groups}], the last padded to a multiple of 4",
            groups=1 if single else groups,
        )
        layout = f"[{channels}][{taps}]" if single else f"[{groups}][{-(-channels // groups // 4)}][{taps}][4]"
        packed = ConstantArray(
            suffix="weights",
            c_type="int8_t",
            values=_pack(by_channel.reshape(groups, channels // groups, taps), 1 if single else _BLOCK),
            comment=describe_weights(weights, layout),
        )
        macs = out_h * out_w * channels * taps
        fields: tuple[tuple[str, FieldValue], ...] = (("weights", packed), ("requantize", requantization))
        if pointwise and (single or groups == 1):
            pixels = in_h * in_w
            return KernelCall(
                kernel="asc_conv_1x1_groups_s8" if single else "asc_conv_1x1_s8",
                struct="asc_conv_1x1_t",
                fields=(*fields, ("pixels", pixels), ("in_channels", in_channels), ("out_channels", channels)),
                inputs=(source.index,),
                overlap=(0 if single else _pair_overlap(pixels, in_channels, channels),),
                macs=macs,
                scratch_bytes=None if single else 2 * in_channels,
            )
        padding = attributes.padding
        return KernelCall(
            kernel="asc_conv_2d_s8",
            struct="asc_conv_2d_t",
            fields=(
                *fields,
                ("in_h", in_h),
                ("in_w", in_w),
                ("in_channels", in_channels),
                ("out_h", out_h),
                ("out_w", out_w),
                ("out_channels", channels),
                ("kernel_h", kernel_h),
                ("kernel_w", kernel_w),
                ("stride_h", attributes.stride_h),
                ("stride_w", attributes.stride_w),
                ("dilation_h", attributes.dilation_h),
                ("dilation_w", attributes.dilation_w),
                ("pad_top", padding.top),
                ("pad_left", padding.left),
                ("groups", groups),
                ("input_zero_point", source.zero_point),
            ),
            inputs=(source.index,),
            overlap=(
                row_overlap(
                    out_rows=out_h,
                    out_row_bytes=out_w * channels,
                    in_rows=in_h,
                    in_row_bytes=in_w * in_channels,
                    stride=attributes.stride_h,
                    padding=padding.top,
                ),
            ),
            macs=macs,
            scratch_bytes=2 * taps,
        )


def _is_pointwise(attributes: Conv2DAttributes, kernel_size: int) -> bool:
    padding = attributes.padding
    unpadded = padding.top == padding.bottom == padding.left == padding.right == 0
    return kernel_size == attributes.stride_h == attributes.stride_w == 1 and unpadded


def _pack(weights: NDArray[np.int64], block: int) -> NDArray[np.int8]:
    """Arrange [groups, channels, taps] as [groups, ceil(channels / block), taps, block], missing channels zero."""
    groups, channels, taps = weights.shape
    padded = np.pad(weights, ((0, 0), (0, -channels % block), (0, 0)))
    blocks = padded.reshape(groups, -1, block, taps).transpose(0, 1, 3, 2)
    return np.ascontiguousarray(blocks).astype(np.int8).reshape(-1)


def _pair_overlap(pixels: int, in_channels: int, channels: int) -> int:
    """As row_overlap, for a kernel that reads two pixels, then writes their outputs, then goes on to the next two.

    What is written after n pixels, an even number, must end before what is still to be read, if anything is:
    out + n * channels <= in + n * in_channels.
    """
    last = (pixels - 1) // 2 * 2
    return max(0, last * (channels - in_channels))
