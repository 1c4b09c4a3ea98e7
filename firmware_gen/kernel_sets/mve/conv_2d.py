"""CONV_2D for Helium: equations (9) to (15) of docs/quantization.md."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...network.kernel_call import ConstantArray, FieldValue, KernelCall
from ...network.row_call import Lines, RowCall
from ...operators.base import Node
from ...operators.conv_2d import Conv2DAttributes
from ...operators.weights import convolution_window, dense_weights, describe_weights
from .blocks import Channels, as_words, block_channels, block_steps, offsets_fit, requantize_channels, words

_VECTOR = 16  # bytes
_UNROLLED = 8  # vectors of the unrolled loop
_DENSE_BYTES = 8192  # of weights of a grouped convolution with zeros filled in
_PATCH_BYTES = 1024  # inputs gathered at once, unless two columns are more
_FORM_1, _FORM_2, _FORM_8, _FORM_TIES, _FORM_LONG = range(5)  # as in asc_matrix_mve.h


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Gathering:
    """How a kernel gathers the inputs of an output."""

    kernel: str
    """Name of the C function."""
    weights: NDArray[np.int64]
    """Weights in that order, shape [channels, inputs]."""
    fields: tuple[tuple[str, FieldValue], ...]
    """Parameters that do not depend on the lines."""
    steps: tuple[tuple[str, int], ...]
    """Parameters that are multiples of the distance of the input's columns."""
    scratch_bytes: int | None
    """Scratch memory."""


def conv_2d(node: Node[Conv2DAttributes]) -> RowCall | None:
    """Return the kernel of one row, or None: large groups, activations that clip, scales of 1 and more."""
    attributes = node.attributes
    source, weights, output = node.inputs[0], node.inputs[1], node.output
    assert weights.data is not None
    channels, kernel_h, _, group_depth = weights.shape
    groups = source.shape[3] // group_depth
    # one instruction multiplies 16 inputs, by 0 too: that is faster than portable code for groups of any size
    if (groups > 1 and weights.n_elements * groups > _DENSE_BYTES) or not offsets_fit(channels, output.shape[2]):
        return None
    by_channel = weights.data.astype(np.int64).reshape(channels, -1)
    prepared = requantize_channels(node, by_channel, attributes.activation)
    if prepared is None or prepared.clips:
        return None
    dense = dense_weights(weights.data, source.shape[3]).astype(np.int64)
    gathering = _gathering(dense, attributes, output.shape[2])
    vectors = -(-gathering.weights.shape[1] // _VECTOR)
    form = _form(vectors, prepared)
    if form is None:
        return None
    stream = ConstantArray(
        suffix="weights",
        c_type="int32_t",
        values=_stream(gathering.weights, prepared),
        comment=describe_weights(weights, "and constants in blocks of 4 channels, see asc_matrix_mve_t"),
    )

    def geometry(inputs: tuple[Lines, ...], lines: Lines) -> tuple[tuple[str, FieldValue], ...]:
        steps = tuple((name, factor * inputs[0].pixel_step) for name, factor in gathering.steps)
        return (*steps, *block_steps(channels, lines))

    return RowCall(
        call=KernelCall(
            kernel=gathering.kernel,
            struct="asc_matrix_mve_t",
            fields=(
                ("weights", stream),
                ("blocks", max(channels // 4, 1)),
                ("vectors", vectors),
                ("form", form),
                ("zero_point", output.zero_point),
                ("columns", output.shape[2]),
                *gathering.fields,
            ),
            inputs=(source.index,),
            overlap=(None,),
            macs=output.shape[2] * channels * by_channel.shape[1],
            scratch_bytes=gathering.scratch_bytes,
        ),
        windows=(convolution_window(attributes, kernel_h),),
        takes_rows=True,
        output_layouts=("pixels", "quads", "planes"),
        geometry=geometry,
    )


def _gathering(values: NDArray[np.int64], attributes: Conv2DAttributes, out_w: int) -> _Gathering:
    """Choose the kernel: one that reads the inputs in place, if they are contiguous.

    Parameters
    ----------
    values
        Weights, shape [channels, rows, columns, input channels].
    attributes
        Strides and dilations.
    out_w
        Columns of the output.
    """
    channels, kernel_h, kernel_w, depth = values.shape
    stride, dilation = attributes.stride_w, attributes.dilation_w
    extent = (kernel_w - 1) * dilation + 1
    together = dilation == 1 or kernel_w == 1
    if kernel_h == 1 and together:
        flat = values.reshape(channels, -1)
        return _Gathering(
            kernel="asc_conv_1x1_mve", weights=flat, fields=(), steps=(("input_step", stride),), scratch_bytes=None
        )
    if depth == 1 and kernel_h <= 4:
        quads = np.zeros((channels, extent, 4), np.int64)
        quads[:, ::dilation, :kernel_h] = values[..., 0].transpose(0, 2, 1)
        columns_in = (out_w - 1) * stride + extent
        flat = quads.reshape(channels, -1)
        return _Gathering(
            kernel="asc_conv_plane_mve",
            weights=flat,
            fields=(("kernel_h", kernel_h), ("columns_in", columns_in), ("input_step", 4 * stride)),
            steps=(),
            scratch_bytes=4 * (columns_in + -columns_in % _VECTOR) + flat.shape[1] + -flat.shape[1] % _VECTOR,
        )
    flat = values.reshape(channels, -1)
    patch = flat.shape[1] + -flat.shape[1] % _VECTOR
    chunk = min(max(_PATCH_BYTES // patch // 2 * 2, 2), out_w)
    pieces = 1 if together else kernel_w
    return _Gathering(
        kernel="asc_conv_2d_mve",
        weights=flat,
        fields=(
            ("chunk", chunk),
            ("kernel_h", kernel_h),
            ("pieces", pieces),
            ("piece_bytes", kernel_w // pieces * depth),
            ("input_step", patch),
        ),
        steps=(("piece_step", dilation), ("column_step", stride)),
        scratch_bytes=chunk * patch,
    )


def _form(vectors: int, prepared: Channels) -> int | None:
    """Choose the loop of asc_matrix_mve."""
    if vectors > _UNROLLED:
        return _FORM_LONG if prepared.right_shift.min() > 0 else None
    if prepared.ties:
        return _FORM_TIES
    return {1: _FORM_1, 2: _FORM_2}.get(vectors, _FORM_8)


def _stream(weights: NDArray[np.int64], prepared: Channels) -> NDArray[np.int32]:
    """Arrange weights and constants as the kernel reads them."""
    chosen = block_channels(weights.shape[0])
    padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % _VECTOR))).astype(np.int8)
    # [blocks][4][vectors][16] to [blocks][vectors, the last first][4][16]
    vectors = padded[chosen].reshape(*chosen.shape, -1, _VECTOR)[:, :, ::-1].transpose(0, 2, 1, 3)
    stream = np.concatenate(
        [
            words(prepared.bias[chosen]),
            np.ascontiguousarray(vectors).reshape(len(chosen), -1),
            words(prepared.multiplier[chosen]),
            (-prepared.right_shift[chosen]).astype(np.int8),
        ],
        axis=1,
    )
    return as_words(stream)
