"""DEPTHWISE_CONV_2D with any window, for the DSP set: asc_depthwise_taps_dsp.S."""

from __future__ import annotations

import numpy as np

from ...network.kernel_call import ConstantArray, FieldValue, KernelCall
from ...network.row_call import Lines, RowCall
from ...operators.base import Node
from ...operators.depthwise_conv_2d import DepthwiseConv2DAttributes
from ...operators.weights import convolution_window, describe_weights
from .forms import TAPS, choose_form

_AT_ONCE = 4  # channels


def depthwise_taps_row(node: Node[DepthwiseConv2DAttributes]) -> RowCall | None:
    """Return the kernel of one row; None with several outputs for an input channel, fewer than 4, or no constants."""
    attributes = node.attributes
    weights, (_, _, out_w, channels) = node.inputs[1], node.output.shape
    assert weights.data is not None
    if attributes.multiplier != 1 or channels < _AT_ONCE:
        return None
    _, kernel_h, kernel_w, _ = weights.shape
    taps = kernel_h * kernel_w
    form = choose_form(node, weights.data.astype(np.int64).reshape(taps, channels).T, attributes.activation, TAPS)
    if form is None:
        return None
    first = np.minimum(np.arange(0, channels, _AT_ONCE), channels - _AT_ONCE)
    blocks = first[:, None] + np.arange(_AT_ONCE)
    # of each block and tap the channels 0 and 2, then 1 and 3, as SXTB16 leaves the inputs
    raised = (weights.data.reshape(taps, channels).astype(np.int64) << form.constants.prescale).astype("<i2")
    packed = np.ascontiguousarray(raised[:, blocks].transpose(1, 0, 2)[..., [0, 2, 1, 3]]).view("<i4")
    constants = form.words(np.arange(channels)).astype(np.int32)
    parts = (constants[blocks, 0], packed, constants[blocks, 1:])
    stream = np.concatenate([part.reshape(len(blocks), -1) for part in parts], axis=1)

    def geometry(inputs: tuple[Lines, ...], _output: Lines) -> tuple[tuple[str, FieldValue], ...]:
        step = attributes.dilation_w * inputs[0].pixel_step
        return (
            ("tap_step", step),
            ("row_step", kernel_w * step),
            ("column_step", attributes.stride_w * inputs[0].pixel_step),
        )

    call = KernelCall(
        kernel="asc_depthwise_taps_dsp",
        struct="asc_depthwise_taps_dsp_t",
        fields=(
            (
                "stream",
                ConstantArray(
                    suffix="stream",
                    c_type="int32_t",
                    values=stream.astype(np.int32).reshape(-1),
                    comment=f"{len(blocks)} times: starts, weights, constants of 4 channels; "
                    + describe_weights(weights, f"int16 [{taps}][4], channels 0, 2, 1, 3"),
                ),
            ),
            ("channels", channels),
            ("out_w", out_w),
            ("kernel_h", kernel_h),
            ("shift", form.constants.shift),
            ("min", form.range[0]),
            ("max", form.range[1]),
        ),
        inputs=(node.inputs[0].index,),
        overlap=(None,),
        macs=out_w * channels * taps,
    )
    return RowCall(call=call, windows=(convolution_window(attributes, kernel_h),), takes_rows=True, geometry=geometry)
