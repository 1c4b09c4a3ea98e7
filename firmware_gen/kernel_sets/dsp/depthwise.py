"""DEPTHWISE_CONV_2D, 3x3 over planes: asc_depthwise_3x3_dsp.S and the like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...network.kernel_call import ConstantArray, FieldValue, KernelCall
from ...network.row_call import Lines, RowCall
from ...operators.base import Node
from ...operators.depthwise_conv_2d import DepthwiseConv2DAttributes
from ...operators.weights import convolution_window, describe_weights
from .forms import DEPTHWISE, Form, choose_form

_KERNEL = (3, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Variant:
    """A kernel for one stride and dilation along a row."""

    kernel: str
    """Its name."""
    at_once: int
    """Outputs it computes in one turn of its loop."""
    moved: int
    """Input columns that one turn moves; a single output at the end moves moved / at_once."""
    pairs: tuple[tuple[tuple[int, int] | None, ...], ...]
    """Its words of weights, as taps (row, column) in low and high half; None is 0."""


def _spread(*, middle_apart: bool) -> tuple[tuple[tuple[int, int] | None, ...], ...]:
    if middle_apart:
        outer = tuple(((row, 0), (row, 2)) for row in range(3))
        return (*outer, ((0, 1), (1, 1)), ((2, 1), None))
    return tuple(((row, first), (row, first + 1)) for row in range(3) for first in (0, 1))


_VARIANTS: dict[tuple[int, int], _Variant] = {
    (1, 1): _Variant(kernel="asc_depthwise_3x3_dsp", at_once=2, moved=2, pairs=_spread(middle_apart=True)),
    (2, 1): _Variant(kernel="asc_depthwise_3x3_stride_2_dsp", at_once=2, moved=4, pairs=_spread(middle_apart=True)),
    (1, 2): _Variant(kernel="asc_depthwise_3x3_dilated_dsp", at_once=4, moved=4, pairs=_spread(middle_apart=False)),
}
"""Kernels by stride and dilation along the row."""


def depthwise_row(node: Node[DepthwiseConv2DAttributes]) -> RowCall | None:
    """Return the kernel of a 3x3 depthwise convolution; None for other shapes, or when constants are not found."""
    attributes = node.attributes
    weights, (_, _, out_w, channels) = node.inputs[1], node.output.shape
    assert weights.data is not None
    variant = _VARIANTS.get((attributes.stride_w, attributes.dilation_w))
    if weights.shape[1:3] != _KERNEL or attributes.multiplier != 1 or variant is None:
        return None
    by_channel = weights.data.astype(np.int64).reshape(-1, channels).T
    form = choose_form(node, by_channel, attributes.activation, DEPTHWISE)
    if form is None:
        return None
    read = out_w // variant.at_once * variant.moved + out_w % variant.at_once * variant.moved // variant.at_once

    def geometry(inputs: tuple[Lines, ...], output: Lines) -> tuple[tuple[str, FieldValue], ...]:
        return (
            ("advance", inputs[0].channel_step - read),
            ("out_pixel_step", output.pixel_step),
            ("out_channel_step", output.channel_step),
        )

    stream = ConstantArray(
        suffix="stream",
        c_type="int32_t",
        values=_stream(form, by_channel.reshape(channels, *_KERNEL), variant),
        comment=f"constants and weights of {channels} channels; " + describe_weights(weights, "int16 pairs"),
    )
    call = KernelCall(
        kernel=variant.kernel,
        struct="asc_depthwise_row_dsp_t",
        fields=(
            ("stream", stream),
            ("channels", channels),
            ("out_w", out_w),
            ("form", form.form),
            ("shift", form.constants.shift),
            ("min", form.range[0]),
            ("max", form.range[1]),
        ),
        inputs=(node.inputs[0].index,),
        overlap=(None,),
        macs=out_w * channels * 9,
    )
    return RowCall(
        call=call,
        windows=(convolution_window(attributes, _KERNEL[0], "planes"),),
        takes_rows=True,
        output_layouts=("pixels", "planes", "quads"),
        geometry=geometry,
    )


def _stream(form: Form, weights: NDArray[np.int64], variant: _Variant) -> NDArray[np.int32]:
    """Arrange for each channel three words of weights, multiplier, rounding, the other weights, start, negative."""
    channels = len(weights)
    raised = (weights << form.constants.prescale).astype(np.int16)
    zero = np.zeros(channels, np.int16)
    halves = [zero if tap is None else raised[:, tap[0], tap[1]] for pair in variant.pairs for tap in pair]
    words = np.ascontiguousarray(np.stack(halves, axis=1)).view(np.int32)
    constants = form.words(np.arange(channels)).astype(np.int32)
    start, factors, negative = constants[:, :1], constants[:, 1:3], constants[:, 3:]
    return np.concatenate([words[:, :3], factors, words[:, 3:], start, negative], axis=1).reshape(-1)
