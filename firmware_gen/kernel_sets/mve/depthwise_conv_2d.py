"""DEPTHWISE_CONV_2D for Helium: equations (9) to (15) of docs/quantization.md."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...network.graph import Tensor
from ...network.kernel_call import ConstantArray, FieldValue, KernelCall
from ...network.row_call import Lines, RowCall
from ...operators.base import AnyNode, Node
from ...operators.depthwise_conv_2d import DepthwiseConv2DAttributes
from ...operators.weights import convolution_window, describe_weights
from .blocks import Channels, as_words, block_channels, block_steps, offsets_fit, requantize_channels, words

_GROUP = 8  # channels at once, over pixels
_QUAD = 4  # rows and columns of the window that one load fetches


def depthwise_conv_2d(node: Node[DepthwiseConv2DAttributes]) -> RowCall | None:
    """Return the kernel of one row, or None: multipliers, scales of 1 and more."""
    attributes = node.attributes
    weights = node.inputs[1]
    assert weights.data is not None
    _, kernel_h, kernel_w, channels = weights.shape
    by_channel = weights.data.astype(np.int64).reshape(-1, channels).T
    prepared = requantize_channels(node, by_channel, attributes.activation)
    if prepared is None or attributes.multiplier != 1:
        return None
    extent = (kernel_w - 1) * attributes.dilation_w + 1
    dilated = attributes.dilation_h > 1 and kernel_h > 1
    small = kernel_h <= _QUAD and extent <= _QUAD and attributes.stride_w <= 2 and not dilated
    if small and not prepared.clips and offsets_fit(channels, node.output.shape[2]):
        return _over_quads(node, attributes, prepared)
    return _over_pixels(node, attributes, prepared)


def _over_quads(node: AnyNode, attributes: DepthwiseConv2DAttributes, prepared: Channels) -> RowCall:
    """Return the kernel that finds the window of an output in 16 bytes."""
    source, weights, output = node.inputs[0], node.inputs[1], node.output
    assert weights.data is not None
    _, kernel_h, kernel_w, channels = weights.shape
    extent = (kernel_w - 1) * attributes.dilation_w + 1
    windows = np.zeros((channels, _QUAD, _QUAD), np.int64)
    # [channel][column][row]
    windows[:, : extent : attributes.dilation_w, :kernel_h] = weights.data[0].transpose(2, 1, 0)

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
                ("weights", _array(weights, _stream(windows, prepared), "4 channels, see asc_depthwise_mve_t")),
                ("blocks", max(channels // 4, 1)),
                ("zero_point", output.zero_point),
                ("ties", int(prepared.ties)),
                ("columns", output.shape[2]),
                ("stride", attributes.stride_w),
            ),
            inputs=(source.index,),
            overlap=(None,),
            macs=output.shape[2] * weights.n_elements,
        ),
        windows=(convolution_window(attributes, kernel_h, "quads"),),
        takes_rows=True,
        output_layouts=("pixels", "quads", "planes"),
        geometry=geometry,
    )


def _over_pixels(node: AnyNode, attributes: DepthwiseConv2DAttributes, prepared: Channels) -> RowCall:
    """Return the kernel for any window."""
    source, weights, output = node.inputs[0], node.inputs[1], node.output
    assert weights.data is not None
    _, kernel_h, kernel_w, channels = weights.shape
    stream = _stream_of_8(weights.data.reshape(-1, channels).astype(np.int64), prepared)
    return RowCall(
        call=KernelCall(
            kernel="asc_depthwise_pixels_mve",
            struct="asc_depthwise_pixels_mve_t",
            fields=(
                ("weights", _array(weights, stream, "8 channels, see asc_depthwise_pixels_mve_t")),
                ("channels", channels),
                ("columns", output.shape[2]),
                ("kernel_h", kernel_h),
                ("kernel_w", kernel_w),
                ("tap_step", attributes.dilation_w * channels),
                ("column_step", attributes.stride_w * channels),
                ("zero_point", output.zero_point),
                ("ties", int(prepared.ties)),
                ("low", prepared.low),
                ("high", prepared.high),
            ),
            inputs=(source.index,),
            overlap=(None,),
            macs=output.shape[2] * weights.n_elements,
        ),
        windows=(convolution_window(attributes, kernel_h),),
        takes_rows=True,
    )


def _array(weights: Tensor, stream: NDArray[np.int32], blocks: str) -> ConstantArray:
    comment = describe_weights(weights, f"and constants in blocks of {blocks}")
    return ConstantArray(suffix="weights", c_type="int32_t", values=stream, comment=comment)


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


def _stream_of_8(weights: NDArray[np.int64], prepared: Channels) -> NDArray[np.int32]:
    """Arrange weights, shape [taps, channels], and constants for the kernel over pixels."""
    channels = weights.shape[1]

    def grouped(values: NDArray[np.int64]) -> NDArray[np.int64]:
        # [groups][even, odd][4]
        padded = np.pad(values, (0, -channels % _GROUP))
        return padded.reshape(-1, _GROUP // 2, 2).transpose(0, 2, 1).reshape(-1, _GROUP)

    padded = np.pad(weights, ((0, 0), (0, -channels % _GROUP))).astype(np.int8)
    by_group = padded.reshape(weights.shape[0], -1, _GROUP).transpose(1, 0, 2)
    stream = np.concatenate(
        [
            words(grouped(prepared.bias)),
            np.ascontiguousarray(by_group).reshape(by_group.shape[0], -1),
            words(grouped(prepared.multiplier)),
            grouped(-prepared.right_shift).astype(np.int8),
        ],
        axis=1,
    )
    return as_words(stream)
