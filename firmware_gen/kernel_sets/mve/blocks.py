"""Channels in blocks of 4, as the Helium kernels compute them, and their requantization.

Equations are those of docs/quantization.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...arithmetic.scales import activation_range, channel_scales
from ...network.graph import Activation
from ...network.row_call import Lines
from ...operators.base import AnyNode
from ...operators.weights import folded_bias, weight_scales

BLOCK = 4
_LARGEST_OFFSET = (1 << 16) - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Channels:
    """Bias and requantization of an operator's output channels, exact for all inputs."""

    bias: NDArray[np.int64]
    """Input offset folded in, shape [channels]."""
    multiplier: NDArray[np.int64]
    """From 2**30 to 2**31 - 1, or 0; shape [channels]."""
    right_shift: NDArray[np.int64]
    """From 0 to 31; shape [channels]."""
    ties: bool
    """Whether ties of negative numbers must go away from zero."""
    low: int
    """Least output."""
    high: int
    """Largest output."""

    @property
    def clips(self) -> bool:
        """Whether outputs are confined more narrowly than int8 confines them."""
        return (self.low, self.high) != (-128, 127)


def requantize_channels(node: AnyNode, by_channel: NDArray[np.int64], activation: Activation) -> Channels | None:
    """Prepare bias and requantization; None where the kernels would not be exact.

    Formula: h by (13), rounded to nearest with ties up, zero point added, saturated. That is (14) and (15) when no left
    shift is needed, and either negative results saturate anyway, or 1 is taken off negative h, which is right for
    shifts of 1 and more.

    Parameters
    ----------
    node
        The operator: input, weights and perhaps bias.
    by_channel
        Weights, shape [channels, taps].
    activation
        Its fused activation.
    """
    source, weights, output = node.inputs[0], node.inputs[1], node.output
    channels = by_channel.shape[0]
    bias, _ = folded_bias(node, by_channel)
    scales = channel_scales([source.scale * scale / output.scale for scale in weight_scales(weights, channels)])
    # a scale of zero gives zero with any shift
    right_shift = np.where(scales.multiplier == 0, 1, -scales.shift)
    low, high = activation_range(activation, output)
    ties = output.zero_point > low
    if right_shift.min() < int(ties):
        return None
    return Channels(bias=bias, multiplier=scales.multiplier, right_shift=right_shift, ties=ties, low=low, high=high)


def block_channels(channels: int) -> NDArray[np.int64]:
    """Return which channels a kernel computes, shape [blocks, 4].

    If their number is not a multiple of 4, the last block holds the last 4 channels, some of them for the second time;
    fewer than 4 channels make one block, in which the last one repeats.
    """
    starts = list(range(0, channels - BLOCK + 1, BLOCK)) or [0]
    if channels % BLOCK and channels > BLOCK:
        starts.append(channels - BLOCK)
    return np.minimum(np.array(starts)[:, None] + np.arange(BLOCK), channels - 1)


def block_steps(channels: int, output: Lines) -> tuple[tuple[str, int | tuple[int, ...]], ...]:
    """Return the fields that say where blocks are stored."""
    overlap = -channels % BLOCK if channels > BLOCK else 0
    places = np.minimum(np.arange(BLOCK), channels - 1) * output.channel_step
    offsets = np.stack([places, places + output.pixel_step], 1).reshape(-1)
    return (
        ("pixel_step", output.pixel_step),
        ("block_step", BLOCK * output.channel_step),
        ("back_step", overlap * output.channel_step),
        ("offsets", tuple(int(offset) for offset in offsets)),
    )


def offsets_fit(channels: int, columns: int) -> bool:
    """Tell whether the places of a block fit 16 bits in all layouts that rows may have.

    A generous bound: lines are at most twice as wide as the row with 64 columns of padding, or else in pixels, where
    places do not depend on their width: what reads quads asks this of its own output, and strides are 1 or 2.
    """
    columns = 2 * columns + 64
    return max(2 * channels, 4 + 3 * 4 * columns, 1 + 3 * 8 * columns) <= _LARGEST_OFFSET


def words(values: NDArray[np.int64]) -> NDArray[np.int8]:
    """Return the bytes of 32-bit numbers, one row of bytes for each block."""
    return np.ascontiguousarray(values.astype("<i4")).view(np.int8).reshape(values.shape[0], -1)


def as_words(stream: NDArray[np.int8]) -> NDArray[np.int32]:
    """Return bytes as the 32-bit numbers they are emitted as, so that they are aligned."""
    return np.ascontiguousarray(stream).reshape(-1).view("<i4").astype(np.int32)
