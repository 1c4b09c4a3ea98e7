"""CONV_2D as a product of matrices: asc_conv_row_dsp.S."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...graph import Conv2DAttributes
from ...kernel_call import ConstantArray, FieldValue, KernelCall
from ...operators.base import Node
from ...operators.weights import convolution_window, describe_weights
from ...row_call import Lines, RowCall
from .forms import Form, choose_form

_PACKED_BYTES = 6144
"""Most scratch memory for widened inputs, unless four windows alone need more."""
_WORD = 4


def convolution(node: Node) -> RowCall | None:
    """Return the kernel of a convolution that is not in groups; None when constants are not found."""
    attributes = node.operator.attributes
    assert isinstance(attributes, Conv2DAttributes)
    source, weights, (_, _, out_w, channels) = node.inputs[0], node.inputs[1], node.output.shape
    assert weights.data is not None
    _, kernel_h, kernel_w, depth = weights.shape
    if depth != source.shape[3]:
        return None
    form = choose_form(node, weights.data.astype(np.int64).reshape(channels, -1), attributes.activation)
    if form is None:
        return None
    # where taps are neighbours, those of a row are one segment
    row_segments, length = (1, kernel_w * depth) if attributes.dilation_w == 1 else (kernel_w, depth)
    segments, segment_words = kernel_h * row_segments, -(-length // _WORD)
    words = segments * segment_words
    pairs = _pairs(channels)
    chunk = _chunk(out_w, words)

    def geometry(inputs: tuple[Lines, ...], output: Lines) -> tuple[tuple[str, FieldValue], ...]:
        channel_step = output.channel_step if channels > 1 else 0
        return (
            ("segment_step", attributes.dilation_w * inputs[0].pixel_step),
            ("in_pixel_step", attributes.stride_w * inputs[0].pixel_step),
            ("out_pixel_step", output.pixel_step),
            ("out_channel_step", channel_step),
            ("first_pair_step", (1 + (channels % 2 == 0)) * channel_step),
        )

    call = KernelCall(
        kernel="asc_conv_row_dsp",
        struct="asc_conv_row_dsp_t",
        fields=(
            ("constants", _constants(form, pairs)),
            (
                "weights",
                ConstantArray(
                    suffix="weights",
                    c_type="int8_t",
                    values=_pack(weights.data.reshape(channels, segments, length), pairs),
                    comment=describe_weights(weights, f"[{len(pairs)}][{words + words % 2}][2][4]"),
                ),
            ),
            ("pairs", len(pairs)),
            ("kernel_h", kernel_h),
            ("row_segments", row_segments),
            ("segment_words", segment_words),
            ("words", words),
            ("chunk", chunk),
            ("out_w", out_w),
            ("raised", int(form.raised)),
            ("form", form.form),
            ("shift", form.constants.shift),
            ("min", form.range[0]),
            ("max", form.range[1]),
        ),
        inputs=(source.index,),
        overlap=(None,),
        macs=out_w * channels * kernel_h * kernel_w * depth,
        scratch_bytes=_WORD * segments + 16 * (words + words % 2) + _packed_bytes(chunk, out_w, words),
    )
    return RowCall(
        call=call,
        windows=(convolution_window(attributes, kernel_h),),
        takes_rows=True,
        output_layouts=("pixels", "planes", "quads"),
        geometry=geometry,
    )


def _pairs(channels: int) -> NDArray[np.int64]:
    """Return the channels computed together, shape [pairs, 2]: of an odd number the second one twice."""
    if channels == 1:
        return np.zeros((1, 2), np.int64)
    first = np.arange(0, channels, 2) - channels % 2
    first[0] = 0
    return np.stack([first, first + 1], axis=1)


def _chunk(out_w: int, words: int) -> int:
    """Return how many outputs of a row are computed at once: as many as the scratch memory has place for."""
    if 2 * _WORD * words * out_w <= _PACKED_BYTES:
        return out_w
    return min(max(_PACKED_BYTES // (2 * _WORD * words) // 4 * 4, 4), out_w)


def _packed_bytes(chunk: int, out_w: int, words: int) -> int:
    """Return the bytes of the widened inputs: groups of four, then what is left of a row, made even."""
    most = 0
    for count in {min(chunk, out_w), out_w % chunk}:
        left = count % 4
        most = max(most, 8 * words * (count - left) + 8 * (words + words % 2) * left)
    return most


def _constants(form: Form, pairs: NDArray[np.int64]) -> ConstantArray:
    """Arrange [start 0, start 1, multiplier 0, rounding 0, multiplier 1, rounding 1, negative 0, negative 1]."""
    words = form.words(pairs.reshape(-1)).reshape(-1, 2, 4)
    ordered = np.concatenate([words[:, :, 0], words[:, 0, 1:3], words[:, 1, 1:3], words[:, :, 3]], axis=1)
    return ConstantArray(
        suffix="constants",
        c_type="int32_t",
        values=ordered.astype(np.int32).reshape(-1),
        comment=f"bias and requantization, [{len(pairs)}][8]",
    )


def _pack(weights: NDArray[np.int8], pairs: NDArray[np.int64]) -> NDArray[np.int8]:
    """Arrange [channels, segments, length] as [pairs, words, 2, 4]; segments and words are padded with zeros."""
    channels, segments, length = weights.shape
    padded = np.pad(weights, ((0, 0), (0, 0), (0, -length % _WORD))).reshape(channels, -1, _WORD)
    padded = np.pad(padded, ((0, 0), (0, padded.shape[1] % 2), (0, 0)))
    return np.ascontiguousarray(padded[pairs].transpose(0, 2, 1, 3)).astype(np.int8).reshape(-1)
