"""DEPTHWISE_CONV_2D for Helium: equations (9) to (15) of docs/quantization.md."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...graph import DepthwiseConv2DAttributes
from ...kernel_call import ConstantArray, FieldValue, KernelCall
from ...operators.base import Node
from ...operators.weights import describe_weights
from ...row_call import Lines, RowCall, Window
from .blocks import Channels, as_words, block_channels, block_steps, offsets_fit, requantized_channels, words

_QUAD = 4  # rows and columns of the window that one load fetches


def depthwise_conv_2d(node: Node) -> RowCall | None:
    """Return the kernel of one row, or None: larger windows, dilated rows, multipliers, activations that clip."""
    attributes = node.operator.attributes
    assert isinstance(attributes, DepthwiseConv2DAttributes)
    source, weights, output = node.inputs[0], node.inputs[1], node.output
    assert weights.data is not None
    _, kernel_h, kernel_w, channels = weights.shape
    extent = (kernel_w - 1) * attributes.dilation_w + 1
    dilated = attributes.dilation_h > 1 and kernel_h > 1
    if attributes.multiplier != 1 or dilated or kernel_h > _QUAD or extent > _QUAD or attributes.stride_w > 2:
        return None
    by_channel = weights.data.astype(np.int64).reshape(-1, channels).T
    prepared = requantized_channels(node, by_channel, attributes.activation)
    if prepared is None or not offsets_fit(channels, output.shape[2]):
        return None
    windows = np.zeros((channels, _QUAD, _QUAD), np.int64)
    # [channel][column][row]
    windows[:, : extent : attributes.dilation_w, :kernel_h] = weights.data[0].transpose(2, 1, 0)
    padding = attributes.padding

    def geometry(inputs: tuple[Lines, ...], lines: Lines) -> tuple[tuple[str, FieldValue], ...]:
        step = inputs[0].channel_step
        first = block_channels(channels)[0]
        overlap = -channels % 4 if channels > 4 else 0
        return (
            ("channel_steps", tuple(int(channel) * step for channel in first[1:])),
            ("back_channels", overlap * step),
            *block_steps(channels, lines),
        )

    return RowCall(
        call=KernelCall(
            kernel="asc_depthwise_quads_mve",
            struct="asc_depthwise_mve_t",
            fields=(
                (
                    "weights",
                    ConstantArray(
                        suffix="weights",
                        c_type="int32_t",
                        values=_stream(windows, prepared),
                        comment=describe_weights(
                            weights, "and constants in blocks of 4 channels, see asc_depthwise_mve_t"
                        ),
                    ),
                ),
                ("blocks", max(channels // 4, 1)),
                ("zero_point", output.zero_point),
                ("ties", int(prepared.ties)),
                ("columns", output.shape[2]),
                ("stride", attributes.stride_w),
            ),
            inputs=(source.index,),
            overlap=(),
            macs=output.shape[2] * by_channel.size,
        ),
        windows=(
            Window(
                rows=kernel_h,
                stride=attributes.stride_h,
                top=padding.top,
                bottom=padding.bottom,
                left=padding.left,
                right=padding.right,
                layout="quads",
            ),
        ),
        takes_rows=True,
        output_layouts=("pixels", "quads", "planes"),
        geometry=geometry,
    )


def _stream(windows: NDArray[np.int64], prepared: Channels) -> NDArray[np.int32]:
    """Arrange weights, shape [channels, columns, rows], and constants as the kernel reads them."""
    chosen = block_channels(windows.shape[0])
    stream = np.concatenate(
        [
            windows[chosen].astype(np.int8).reshape(len(chosen), -1),
            words(prepared.multiplier[chosen]),
            (-prepared.right_shift[chosen]).astype(np.int8),
            words(prepared.bias[chosen]),
        ],
        axis=1,
    )
    return as_words(stream)
