"""Quantization constants of the kernels, prepared as TFLite's reference kernels do it.

Equations are those of docs/quantization.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError

from ..network.graph import Activation, Tensor

INT32_LIMIT = 1 << 31
_ACTIVATION_RANGES: dict[Activation, tuple[float | None, float | None]] = {
    "NONE": (None, None),
    "RELU": (0.0, None),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU_0_TO_1": (0.0, 1.0),
}


def quantize_multiplier(scale: float) -> tuple[int, int]:
    """Return the multiplier and the exponent of a positive scale.

    Formula: equation (12), scale = multiplier * 2**(shift - 31), multiplier from 2**30 to 2**31 - 1; scales below
    2**-32 become 0.
    Source: TFLite's QuantizeMultiplier.

    Raises
    ------
    ModelError
        When the scale is beyond the range of float32, in which TFLite takes some.
    """
    if not math.isfinite(scale):
        raise ModelError("a product or quotient of scales is infinite", hint="export the model again")
    if scale == 0.0:
        return 0, 0
    fraction, shift = math.frexp(scale)
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        return (1 << 31) - 1, 30
    return multiplier, shift


def activation_range(activation: Activation, output: Tensor) -> tuple[int, int]:
    """Return the smallest and the largest int8 value of an output with a fused activation: equation (15)."""
    least, most = _ACTIVATION_RANGES[activation]
    return _quantize(least, output, -128), _quantize(most, output, 127)


def _quantize(value: float | None, output: Tensor, limit: int) -> int:
    """Return the int8 value nearest to a real one, as TFLite divides and rounds in float32; `limit` for None."""
    if value is None:
        return limit
    steps = _round_half_away(float(np.float32(value) / np.float32(output.scale)))
    return min(max(output.zero_point + steps, -128), 127)


def _round_half_away(value: float) -> int:
    return math.floor(value + 0.5) if value >= 0 else math.ceil(value - 0.5)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChannelScales:
    """Multipliers and exponents of an operator's output channels."""

    multiplier: NDArray[np.int64]
    """Shape [channels]."""
    shift: NDArray[np.int64]
    """Shape [channels]."""


def channel_scales(scales: list[float]) -> ChannelScales:
    """Prepare the effective scale of each channel."""
    pairs = [quantize_multiplier(scale) for scale in scales]
    return ChannelScales(
        multiplier=np.array([multiplier for multiplier, _ in pairs], np.int64),
        shift=np.array([shift for _, shift in pairs], np.int64),
    )


def scale_wide(values: NDArray[np.int64], multiplier: int, shift: int) -> NDArray[np.int64]:
    """Multiply by multiplier * 2**(shift - 31) with two roundings, equations (13) and (14); asc_scale_wide's twin."""
    left, right = max(shift, 0), max(-shift, 0)
    high = ((values << left) * multiplier + (1 << 30)) >> 31
    mask = (1 << right) - 1
    threshold = (mask >> 1) + (high < 0)
    return np.asarray((high >> right) + ((high & mask) > threshold), np.int64)
