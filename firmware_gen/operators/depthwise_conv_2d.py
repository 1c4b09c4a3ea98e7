"""DEPTHWISE_CONV_2D: equations (9) to (15) of docs/quantization.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..arithmetic.portable import prepare_requantize
from ..arithmetic.scales import activation_range, channel_scales
from ..network.kernel_call import ConstantArray, KernelCall
from ..network.row_call import RowCall
from .base import Node, OperatorDefinition, OperatorView
from .weights import (
    ConvolutionAttributes,
    check_weights,
    convolution_window,
    describe_weights,
    folded_bias,
    weight_scales,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConv2DAttributes(ConvolutionAttributes):
    """DEPTHWISE_CONV_2D."""

    multiplier: int
    """Outputs of each input channel."""


class DepthwiseConv2D(OperatorDefinition[DepthwiseConv2DAttributes]):
    """Convolution of each channel by itself."""

    op = "DEPTHWISE_CONV_2D"
    options = "DepthwiseConv2DOptions"

    def read(self, view: OperatorView) -> DepthwiseConv2DAttributes:
        """Read and check its attributes."""
        view.check_inputs(2, 3)
        view.check_activations(1)
        view.check_batch()
        weights = view.inputs[1]
        if len(weights.shape) != 4 or weights.shape[0] != 1:
            view.fail(f"weights {weights.describe()}", "layout 1HWO")
        _, kernel_h, kernel_w, channels = weights.shape
        options = view.options
        stride = (int(options.StrideH()), int(options.StrideW()))
        dilation = (int(options.DilationHFactor()), int(options.DilationWFactor()))
        padding = view.read_padding(kernel=(kernel_h, kernel_w), stride=stride, dilation=dilation)
        in_channels = view.inputs[0].shape[3]
        # the multiplier follows from the shapes; the option is redundant and sometimes absent
        if channels % in_channels or view.output.shape[3] != channels:
            view.fail(
                f"weights {weights.describe()} do not fit {in_channels} input and {view.output.shape[3]} output "
                "channels",
                "weights [1, h, w, inputs * multiplier]",
            )
        check_weights(view, axis=3, channels=channels)
        if len(view.inputs) == 3 and len(view.inputs[2].shape) != 1:
            view.fail(f"bias {view.inputs[2].describe()} has {len(view.inputs[2].shape)} dimensions", "a bias of one")
        return DepthwiseConv2DAttributes(
            multiplier=channels // in_channels,
            stride_h=stride[0],
            stride_w=stride[1],
            dilation_h=dilation[0],
            dilation_w=dilation[1],
            padding=padding,
            activation=view.read_activation(),
        )

    def lower(self, node: Node[DepthwiseConv2DAttributes]) -> None:
        """Return None: only rows are computed."""

    def rows(self, node: Node[DepthwiseConv2DAttributes]) -> RowCall:
        """Choose the kernel: unrolled for 3x3, else the general one."""
        attributes = node.attributes
        source, weights, output = node.inputs[0], node.inputs[1], node.output
        assert weights.data is not None
        in_channels, (_, _, out_w, channels) = source.shape[3], output.shape
        _, kernel_h, kernel_w, _ = weights.shape
        taps = kernel_h * kernel_w
        by_channel = weights.data.astype(np.int64).reshape(taps, channels).T
        bias, bound = folded_bias(node, by_channel)
        scales = [source.scale * scale / output.scale for scale in weight_scales(weights, channels)]
        requantization = prepare_requantize(
            bias=bias,
            scales=channel_scales(scales),
            largest_accumulator=bound,
            zero_point=output.zero_point,
            output_range=activation_range(attributes.activation, output),
            comment=f"[{channels}], padded to a multiple of 4",
        )
        unrolled = kernel_h == kernel_w == 3 and attributes.multiplier == 1 and not requantization.wide
        packed = ConstantArray(
            suffix="weights",
            c_type="int8_t",
            values=np.ascontiguousarray(by_channel).astype(np.int8).reshape(-1),
            comment=describe_weights(weights, f"[{channels}][{taps}]"),
        )
        call = KernelCall(
            kernel="asc_depthwise_conv_3x3_row_s8" if unrolled else "asc_depthwise_conv_row_s8",
            struct="asc_depthwise_conv_row_t",
            fields=(
                ("weights", packed),
                ("requantize", requantization),
                ("in_channels", in_channels),
                ("out_w", out_w),
                ("multiplier", attributes.multiplier),
                ("kernel_h", kernel_h),
                ("kernel_w", kernel_w),
                ("stride_w", attributes.stride_w),
                ("dilation_w", attributes.dilation_w),
            ),
            inputs=(source.index,),
            overlap=(None,),
            macs=out_w * channels * taps,
        )
        return RowCall(call=call, windows=(convolution_window(attributes, kernel_h),), takes_rows=True)
