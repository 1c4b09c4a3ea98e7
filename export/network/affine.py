"""int8 as real numbers: the scale and the zero point of one activation, or of a constant operand.

Equations are those of docs/quantization.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_STEPS = 255  # of an int8 activation, between its lowest and its highest value
# A range narrower than this holds nothing but zeros.
_LEAST_RANGE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Affine:
    """Quantization of one activation: equation (1)."""

    scale: float
    """Real units per step; a float32 value."""
    zero_point: int
    """The int8 value of real 0."""

    @property
    def lowest(self) -> float:
        """The real value of -128."""
        return float(np.float32(self.scale * (-128 - self.zero_point)))

    @property
    def highest(self) -> float:
        """The real value of 127."""
        return float(np.float32(self.scale * (127 - self.zero_point)))


def affine_of(low: float, high: float) -> Affine:
    """Return the quantization of a range: equations (2) and (3), zero always included and exact.

    Formula: scale = (high - low) / 255, zero_point = round(-128 - low / scale), clamped to int8.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    if high - low < _LEAST_RANGE:
        high = low + 1.0
    scale = np.float32((high - low) / _STEPS)
    zero_point = int(np.clip(np.rint(-128 - low / float(scale)), -128, 127))
    return Affine(scale=float(scale), zero_point=zero_point)


def constant_affine(values: NDArray[np.float32]) -> Affine:
    """Return the quantization of a constant operand, from its extremes."""
    return affine_of(float(values.min()), float(values.max()))
