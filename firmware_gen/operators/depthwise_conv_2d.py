"""DEPTHWISE_CONV_2D: equations (9) to (15) of docs/quantization.md."""

from __future__ import annotations

import numpy as np

from ..graph import Attributes, DepthwiseConv2DAttributes
from ..kernel_call import ConstantArray, KernelCall, requantize, row_overlap
from ..quantize import activation_range, channel_scales
from .base import Node, OperatorDefinition, OperatorView
from .weights import check_weights, describe_weights, folded_bias, weight_scales

_PADDING_PIXELS = 4  # as in asc_depthwise_conv_3x3_s8.c


class DepthwiseConv2D(OperatorDefinition):
    """Convolution of each channel by itself."""

    op = "DEPTHWISE_CONV_2D"
    options = "DepthwiseConv2DOptions"

    def read(self, view: OperatorView) -> Attributes:
        """Read and check its attributes."""
        view.count(2, 3)
        view.activations(1)
        view.batch_1()
        weights = view.inputs[1]
        if len(weights.shape) != 4 or weights.shape[0] != 1:
            view.fail(f"weights {weights.describe()}", "layout 1HWO")
        _, kernel_h, kernel_w, channels = weights.shape
        options = view.options
        stride = (int(options.StrideH()), int(options.StrideW()))
        dilation = (int(options.DilationHFactor()), int(options.DilationWFactor()))
        padding = view.spatial(kernel=(kernel_h, kernel_w), stride=stride, dilation=dilation)
        in_channels = view.inputs[0].shape[3]
        # the multiplier follows from the shapes; the option is redundant and sometimes absent
        if channels % in_channels or view.output.shape[3] != channels:
            view.fail(
                f"weights {weights.describe()} do not fit {in_channels} input and {view.output.shape[3]} output "
                "channels",
                "weights [1, h, w, inputs * multiplier]",
            )
        check_weights(view, axis=3, channels=channels)
        return DepthwiseConv2DAttributes(
            multiplier=channels // in_channels,
            stride_h=stride[0],
            stride_w=stride[1],
            dilation_h=dilation[0],
            dilation_w=dilation[1],
            padding=padding,
            activation=view.activation(),
        )

    def lower(self, node: Node) -> KernelCall:
        """Choose the kernel: unrolled for 3x3, else the general one."""
        attributes = node.operator.attributes
        assert isinstance(attributes, DepthwiseConv2DAttributes)
        source, weights, output = node.inputs[0], node.inputs[1], node.output
        assert weights.data is not None
        (_, in_h, in_w, in_channels), (_, out_h, out_w, channels) = source.shape, output.shape
        _, kernel_h, kernel_w, _ = weights.shape
        taps = kernel_h * kernel_w
        by_channel = weights.data.astype(np.int64).reshape(taps, channels).T
        bias, bound = folded_bias(node, by_channel)
        scales = [source.scale * scale / output.scale for scale in weight_scales(weights, channels)]
        unrolled = kernel_h == kernel_w == 3 and attributes.multiplier == 1
        padding = attributes.padding
        return KernelCall(
            kernel="asc_depthwise_conv_3x3_s8" if unrolled else "asc_depthwise_conv_2d_s8",
            struct="asc_depthwise_conv_2d_t",
            fields=(
                (
                    "weights",
                    ConstantArray(
                        suffix="weights",
                        c_type="int8_t",
                        values=np.ascontiguousarray(by_channel).astype(np.int8).reshape(-1),
                        comment=describe_weights(weights, f"[{channels}][{taps}]"),
                    ),
                ),
                (
                    "requantize",
                    requantize(
                        bias=bias,
                        scales=channel_scales(scales),
                        largest_accumulator=bound,
                        zero_point=output.zero_point,
                        output_range=activation_range(attributes.activation, output),
                        comment=f"[{channels}], padded to a multiple of 4",
                    ),
                ),
                ("in_h", in_h),
                ("in_w", in_w),
                ("in_channels", in_channels),
                ("out_h", out_h),
                ("out_w", out_w),
                ("multiplier", attributes.multiplier),
                ("kernel_h", kernel_h),
                ("kernel_w", kernel_w),
                ("stride_h", attributes.stride_h),
                ("stride_w", attributes.stride_w),
                ("dilation_h", attributes.dilation_h),
                ("dilation_w", attributes.dilation_w),
                ("pad_top", padding.top),
                ("pad_left", padding.left),
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
            macs=out_h * out_w * channels * taps,
            scratch_bytes=_PADDING_PIXELS * channels if unrolled else None,
        )
