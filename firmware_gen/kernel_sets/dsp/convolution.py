"""CONV_2D as a product of matrices: asc_conv_row_dsp.S."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...network.costs import Costs
from ...network.graph import Activation, Tensor
from ...network.kernel_call import ConstantArray, FieldValue, KernelCall
from ...network.row_call import Lines, RowCall, Window
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
_CALL, _PACK_OUTPUT, _PACK_WORD = 280, 12, 6.3
_GROUP_CYCLES = {4: (52, 33.8), 2: (52, 18.5), 1: (38, 12.8)}
"""A group of so many outputs of two channels: in all, and for each word."""
_APART = {1: 0, 2: 1, 4: 4}
"""More for each group of several rows, whose outputs do not lie together."""
_PAIR = 75
"""Two channels, for each chunk."""
_WIDEN_WORD = 12.5
"""A word of narrow weights of two channels, for each chunk."""
_PAIR_WORDS = 8
"""Constants of two channels beside the weights."""


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
    source, weights, (_, out_h, columns, channels) = node.inputs[0], node.inputs[1], node.output.shape
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
    by_pixel = (kernel_h, kernel_w, attributes.stride_w, attributes.stride_h) == (1, 1, 1, 1)
    most = node.rows_at_once if by_pixel else min(node.rows_at_once, 2 if attributes.dilation_h == 1 else 1)
    height = _height(most, out_h, columns)
    out_w = columns * height
    if node.scratch_bytes is None:
        chunk = min(out_w, _GROUP) if wide else _chunk(out_w, words, _USUAL_BYTES)
    else:
        chunk = _chunk(out_w, words, node.scratch_bytes)

    def geometry(inputs: tuple[Lines, ...], output: Lines) -> tuple[tuple[str, FieldValue], ...]:
        given, made = attributes.stride_w * inputs[0].pixel_step, output.pixel_step
        rows = (inputs[0].line_step, output.line_step)
        neighbours = height == 1 or (by_pixel and rows == (columns * given, columns * made))
        shape = 1 if neighbours else height
        second, third, _, advance, rest = _outputs(shape, rows[0], given)
        to_second, to_third, to_fourth, to_next, to_rest = _outputs(shape, rows[1], made)
        return (
            ("segment_step", attributes.dilation_w * inputs[0].pixel_step),
            ("second_row", attributes.stride_h if shape == 2 else 0),
            ("in_third", third),
            ("in_second", second),
            ("in_advance", advance),
            ("in_rest", third - rest),
            ("out_second", to_second),
            ("out_third", to_third - to_second),
            ("out_next", to_next - to_fourth),
            ("out_advance", to_next),
            ("out_rest", to_rest),
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
        macs=columns * channels * kernel_h * kernel_w * group_depth,
        cycles=_cycles(_Shape(out_w, words, len(pairs), chunk, height), node.costs, wide=wide) / height,
        scratch_bytes=2 * _WORD * segments + (0 if wide else 16 * words) + 8 * words * chunk,
    )
    return RowCall(
        call=call,
        windows=(_window(attributes, kernel_h, height),),
        takes_rows=True,
        height=height,
        reads_together=by_pixel,
        output_layouts=("pixels", "planes", "quads"),
        geometry=geometry,
    )


def _height(most: int, rows: int, columns: int) -> int:
    """Return how many rows are computed at once: a divisor of all, and no more than leave no output over."""
    return next(n for n in (4, 2, 1) if n <= most and rows % n == 0 and (n == 1 or n * columns >= _GROUP))


def _window(attributes: Conv2DAttributes, kernel_h: int, height: int) -> Window:
    """Return the window of one row of outputs, or the rows of several: the next one's are a stride below."""
    window = convolution_window(attributes, kernel_h)
    return replace(window, rows=kernel_h + (height - 1) * attributes.stride_h)


def _outputs(rows: int, row_step: int, pixel_step: int) -> tuple[int, int, int, int, int]:
    """Return where outputs lie that are computed together, in bytes from the first.

    Four of a row, two columns of two rows, or a column of four rows; the next four; and where two are left, the second.
    """
    if rows == 1:
        return pixel_step, 2 * pixel_step, 3 * pixel_step, 4 * pixel_step, pixel_step
    if rows == 2:
        return pixel_step, row_step, row_step + pixel_step, 2 * pixel_step, row_step
    return row_step, 2 * row_step, 3 * row_step, pixel_step, row_step


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


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the time of a call depends on."""

    outputs: int
    words: int
    pairs: int
    chunk: int
    rows: int


def _cycles(shape: _Shape, costs: Costs, *, wide: bool) -> float:
    """Estimate the cycles of a call."""
    words, pairs = shape.words, shape.pairs
    total = costs.pace * (_CALL + shape.outputs * (_PACK_OUTPUT + _PACK_WORD * words))
    pair_bytes = _WORD * (_PAIR_WORDS + (4 if wide else 2) * words)
    for first in range(0, shape.outputs, shape.chunk):
        count = min(shape.chunk, shape.outputs - first)
        groups = [_GROUP] * (count // _GROUP) + [2] * (count // 2 % 2) + [1] * (count % 2)
        cycles = _PAIR + (0.0 if wide else words * _WIDEN_WORD)
        for group in groups:
            fixed, by_word = _GROUP_CYCLES[group]
            cycles += fixed + _APART[shape.rows] + words * by_word
        cycles *= costs.pace
        if wide:
            cycles += 2 * costs.other_memory * words * len(groups)
        times = len(groups) if wide else 1
        total += pairs * (cycles + costs.reading(pair_bytes, times, of=pairs * pair_bytes))
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
