"""CONV_2D as a product of matrices: asc_conv_row_dsp.S."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...network.graph import Activation, Tensor
from ...network.kernel_call import ConstantArray, FieldValue, KernelCall
from ...network.row_call import Lines, RowCall
from ...operators.base import AnyNode, Node
from ...operators.conv_2d import Conv2DAttributes
from ...operators.weights import convolution_window, dense_weights, describe_weights
from .forms import CONVOLUTION, Form, choose_form

_WIDE_WEIGHTS = 16384
"""Most weights that are widened in flash: twice the memory there, and none of the work at every row."""
_USUAL_BYTES = 12288
"""Most scratch memory for widened inputs, unless four windows alone need more."""
_WORD, _GROUP = 4, 4

# Cycles of asc_conv_row_dsp.S on a Cortex-M4, by docs/cycles.md; words are four inputs of an output.
_PACK_CALL, _PACK_OUTPUT, _PACK_WORD = 250, 12, 6.3
_GROUP_CYCLES = {4: (75, 33.8), 2: (52, 18.0), 1: (38, 12.0)}
"""A group of so many outputs of two channels: in all, and for each word."""
_WIDEN_PAIR, _WIDEN_WORD = 50, 12.5
"""Two channels of narrow weights, for each chunk."""
_FLASH_WAIT = 4.0
"""For 8 bytes that are read in sequence, about what an STM32L4 at full speed waits."""
_OTHER_MEMORY = 2.0
"""Wide weights: loads from RAM and from flash do not overlap, two for each word of a group."""


_MOST_FORMS = 256
_forms: dict[tuple[object, ...], tuple[tuple[Tensor, ...], Form | None]] = {}
"""Forms that were searched, while a network is cut in many ways."""


def quick_convolution_row(node: AnyNode) -> RowCall | None:
    """Return the kernel of a convolution, with its weights as 8 bits or up to 16,384 as 16, whichever is quicker."""
    if node.scratch_bytes is None:
        return convolution_row(node, _WIDE_WEIGHTS)
    calls = [call for limit in (0, _WIDE_WEIGHTS) if (call := convolution_row(node, limit)) is not None]
    return min(calls, key=lambda call: call.call.cycles or 0.0, default=None)


def narrow_convolution_row(node: AnyNode) -> RowCall | None:
    """Return the kernel of a convolution, with its weights as 8 bits, widened at every row: for size."""
    return convolution_row(node, 0)


def convolution_row(node: Node[Conv2DAttributes], wide_weights: int) -> RowCall | None:
    """Return the kernel of a convolution; None when constants are not found, or for large groups.

    Parameters
    ----------
    node
        The convolution.
    wide_weights
        Most weights to be stored in 16 bits.
    """
    attributes = node.attributes
    source, weights, (_, _, out_w, channels) = node.inputs[0], node.inputs[1], node.output.shape
    assert weights.data is not None
    _, kernel_h, kernel_w, group_depth = weights.shape
    depth = source.shape[3]
    if depth != group_depth and not _pays_dense(kernel_h * kernel_w, depth, group_depth):
        return None
    dense = dense_weights(weights.data, depth)
    form = _form(node, dense, attributes.activation)
    if form is None:
        return None
    # where taps are neighbours, those of a row are one segment
    row_segments, length = (1, kernel_w * depth) if attributes.dilation_w == 1 else (kernel_w, depth)
    segments, segment_words = kernel_h * row_segments, -(-length // _WORD)
    words = segments * segment_words
    pairs = _pairs(channels)
    wide = dense.size <= wide_weights
    by_pixel = (kernel_h, kernel_w, attributes.stride_w) == (1, 1, 1)
    chunk = (
        min(out_w, _GROUP)
        if wide
        else _chunk(out_w, words, _USUAL_BYTES if node.scratch_bytes is None else node.scratch_bytes)
    )

    def geometry(inputs: tuple[Lines, ...], output: Lines) -> tuple[tuple[str, FieldValue], ...]:
        return (
            ("segment_step", attributes.dilation_w * inputs[0].pixel_step),
            ("in_pixel_step", attributes.stride_w * inputs[0].pixel_step),
            ("out_pixel_step", output.pixel_step),
            ("out_channel_step", output.channel_step if channels > 1 else 0),
        )

    call = KernelCall(
        kernel="asc_conv_row_dsp",
        struct="asc_conv_row_dsp_t",
        fields=(
            (
                "stream",
                ConstantArray(
                    suffix="stream",
                    c_type="int32_t",
                    values=_stream(form, _pack(dense.reshape(channels, segments, length), pairs), pairs, wide),
                    comment=f"starts, weights [{words}][2][4] and constants of {len(pairs)} pairs of channels; "
                    + describe_weights(weights, "in words"),
                ),
            ),
            ("pairs", len(pairs)),
            ("odd", channels % 2),
            ("kernel_h", kernel_h),
            ("row_segments", row_segments),
            ("segment_words", segment_words),
            ("words", words),
            ("chunk", chunk),
            ("out_w", out_w),
            ("wide", int(wide)),
            ("raised", int(form.raised)),
            ("form", form.form),
            ("shift", form.constants.shift),
            ("min", form.range[0]),
            ("max", form.range[1]),
        ),
        inputs=(source.index,),
        # a chunk is packed before its outputs are written, over inputs that no other output needs
        overlap=(0 if by_pixel and channels <= depth else None,),
        macs=out_w * channels * kernel_h * kernel_w * group_depth,
        cycles=_cycles(out_w, words, len(pairs), chunk, wide),
        scratch_bytes=_WORD * segments + (0 if wide else 32 + 16 * words) + 8 * words * chunk,
    )
    return RowCall(
        call=call,
        windows=(convolution_window(attributes, kernel_h),),
        takes_rows=True,
        output_layouts=("pixels", "planes", "quads"),
        geometry=geometry,
    )


def _pays_dense(positions: int, depth: int, group_depth: int) -> bool:
    """Tell whether a convolution in groups costs less as one with zeros.

    That takes about 0.7 instructions for each product and 6 for each output, the portable kernels 10 and 17.
    """
    return 7 * positions * depth + 60 < 100 * positions * group_depth + 170


def _form(node: AnyNode, dense: NDArray[np.int8], activation: Activation) -> Form | None:
    """Return the form of a convolution, from before if it was asked for: it does not depend on how rows are joined."""
    source, output = node.inputs[0], node.output
    quantization = (source.scale, source.zero_point, output.scale, output.zero_point)
    key = (*map(id, node.inputs[1:]), *quantization, activation, source.shape[3])
    if key not in _forms:
        if len(_forms) >= _MOST_FORMS:
            _forms.clear()
        form = choose_form(node, dense.astype(np.int64).reshape(len(dense), -1), activation, CONVOLUTION)
        # the constants are kept, so that nothing else gets their identity
        _forms[key] = (node.inputs[1:], form)
    return _forms[key][1]


def _cycles(out_w: int, words: int, pairs: int, chunk: int, wide: bool) -> float:
    """Estimate the cycles of a row."""
    total = _PACK_CALL + out_w * (_PACK_OUTPUT + _PACK_WORD * words)
    for first in range(0, out_w, chunk):
        count = min(chunk, out_w - first)
        groups = [_GROUP] * (count // _GROUP) + [2] * (count // 2 % 2) + [1] * (count % 2)
        for group in groups:
            fixed, by_word = _GROUP_CYCLES[group]
            read = 2 * _FLASH_WAIT + _OTHER_MEMORY if wide else 0.0
            total += pairs * (fixed + words * (by_word + read))
        if not wide:
            total += pairs * (_WIDEN_PAIR + words * (_WIDEN_WORD + _FLASH_WAIT))
    return total


def _pairs(channels: int) -> NDArray[np.int64]:
    """Return the channels computed together, shape [pairs, 2]: of an odd number the second one twice."""
    if channels == 1:
        return np.zeros((1, 2), np.int64)
    first = np.arange(0, channels, 2) - channels % 2
    first[0] = 0
    return np.stack([first, first + 1], axis=1)


def _chunk(out_w: int, words: int, most_bytes: int) -> int:
    """Return how many outputs of a row are computed at once: what the scratch memory has place for, at least four.

    Of the fewest chunks that do, all but the last have the same number of groups.
    """
    most = max(most_bytes // (2 * _WORD * words) // _GROUP * _GROUP, _GROUP)
    if 2 * _WORD * words * out_w <= most_bytes or out_w <= most:
        return out_w
    chunks = -(-out_w // most)
    return -(-out_w // chunks // _GROUP) * _GROUP


def _pack(weights: NDArray[np.int8], pairs: NDArray[np.int64]) -> NDArray[np.int8]:
    """Arrange [channels, segments, length] as [pairs, words, 2, 4]; segments are padded with zeros."""
    channels, segments, length = weights.shape
    padded = np.pad(weights, ((0, 0), (0, 0), (0, -length % _WORD))).reshape(channels, -1, _WORD)
    return np.ascontiguousarray(padded[pairs].transpose(0, 2, 1, 3))


def _stream(form: Form, packed: NDArray[np.int8], pairs: NDArray[np.int64], wide: bool) -> NDArray[np.int32]:
    """Arrange what the kernel reads of each pair of channels, in words."""
    n_pairs, words, _, _ = packed.shape
    if wide:
        # the bytes b0 b1 b2 b3 of either channel become (b0, b2) of both, then (b1, b3) of both
        halves = packed.astype(np.int16).reshape(n_pairs, words, 2, 2, 2).transpose(0, 1, 4, 2, 3)
        body = np.ascontiguousarray(halves << form.constants.prescale).reshape(n_pairs, -1).view(np.int32)
    else:
        body = packed.reshape(n_pairs, -1).view(np.int32)
    start, multiplier, rounding, negative = np.moveaxis(form.words(pairs).astype(np.int32), 2, 0)
    factors = np.stack([multiplier, rounding], axis=2).reshape(n_pairs, 4)
    return np.concatenate([start, body, factors, negative], axis=1).reshape(-1)
