"""The kernels' rounding of sums, in TensorFlow: whole batches at once, and equal to the kernels.

A fake-quantized operator gives real numbers, which float32 does not hold exactly. Here they become the whole numbers
that a kernel sums up, and come to the output's scale by the kernel's own steps. Equations are those of
docs/quantization.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from .definition import Requantize, Scales

RELU, RELU6 = 1, 3
"""Codes of fused activation functions."""
_EXPONENT = 0x7FF << 52  # of a float64
_MULTIPLIER_BITS = 30  # of m below its first
_LEAST_FACTOR = 2.0**-32  # what is less counts as 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Multiplier:
    """A factor between two scales as the kernels have it, for `scaled`: one for all channels, or one for each."""

    factor: Any
    """m 2^(e - 31) of equation (12); float64, or float32 where that is enough."""
    nudge: Any
    """Two roundings add this to the half of a single rounding: 2^-(n + 1) with n >= 1 bits between them, else 0."""

    @classmethod
    def of(cls, real: Any) -> Multiplier:
        """Return the multiplier of a real factor, float64: m has 31 bits, the first of them 1."""
        real = tf.convert_to_tensor(real, tf.float64)  # a cast would take it through float32
        unit = _power_of_two(real) * 2.0**-_MULTIPLIER_BITS
        factor = tf.floor(real / unit + 0.5) * unit
        factor = tf.where(real < _LEAST_FACTOR, tf.zeros_like(factor), factor)
        # a factor in [2^-(n + 1), 2^-n) has n = -e bits
        power = _power_of_two(factor)
        return cls(factor=factor, nudge=tf.where(power <= 0.25, power, tf.zeros_like(power)))

    @classmethod
    def of_mean(cls, real: float, count: int) -> Multiplier:
        """Return the multiplier that makes a sum of `count` values their mean: equation (21)."""
        fraction, exponent = math.frexp(real)
        shift = min(count.bit_length() - 1, 32, 31 + exponent)
        m = (math.floor(fraction * 2.0**31 + 0.5) << shift) // count
        bits = shift - exponent
        factor, nudge = m * 2.0 ** (-bits - 31), 2.0 ** -(bits + 1) if bits >= 1 else 0.0
        return cls(factor=tf.constant(factor, tf.float64), nudge=tf.constant(nudge, tf.float64))

    def to(self, dtype: Any) -> Multiplier:
        """Return the same in another precision."""
        return Multiplier(factor=tf.cast(self.factor, dtype), nudge=tf.cast(self.nudge, dtype))

    def scaled(self, acc: Any, *, positive: bool = False) -> Any:
        """Bring a sum to the output's scale: equation (14'), (13) and (14) in one step.

        Formula: with a = acc * factor * 2^n, (13) gives h = floor(a + 1/2). For h >= 0, (14) gives t or more exactly
        if h >= t * 2^n - 2^(n - 1); for n >= 1 that bound is a whole number, so the condition is
        a >= t * 2^n - 2^(n - 1) - 1/2, which over 2^n is the floor of (14'). For h < 0 ties go down, and the bound is
        greater by 1.

        Error: none in float64 while acc and m together have 53 bits; in float32 what lies within 2^-16 of a tie may
        fall on its other side.

        Parameters
        ----------
        acc
            Whole numbers [..., channels], of the factor's type.
        positive
            Whether none is negative.
        """
        return tf.floor(acc * self.factor + (0.5 + (self.nudge if positive else self.nudge * tf.sign(acc))))


def _power_of_two(value: Any) -> Any:
    """Return the largest power of two that is not above a positive float64."""
    return tf.bitcast(tf.bitwise.bitwise_and(tf.bitcast(value, tf.int64), tf.constant(_EXPONENT, tf.int64)), tf.float64)


def requantize_sums(steps: Any, output: float, dtype: Any, *, activation: int, once: bool = False) -> Requantize:
    """Return the rounding of whole sums: equations (9) to (16).

    Parameters
    ----------
    steps
        Real value of one step of the sums, float64: one for all channels, or one for each.
    output
        Scale of the output.
    dtype
        float64, or float32 where that is enough.
    activation
        Code of the fused activation function.
    once
        Whether the kernel rounds once, not twice.
    """
    per_step = tf.cast(1.0 / steps, tf.float32)
    multiplier = Multiplier.of(steps / output).to(dtype)
    top = steps_of_six(output) if activation == RELU6 else None

    def requantize(value: Any, _inputs: Sequence[Any]) -> Any:
        acc = tf.cast(tf.round(value * per_step), dtype)
        if once:
            rounded = tf.floor(acc * multiplier.factor + 0.5)
        else:
            rounded = multiplier.scaled(acc, positive=activation in (RELU, RELU6))
        # 6 is clipped after the rounding
        return rounded if top is None else tf.where(value >= 6.0, tf.cast(top, dtype), rounded)

    return requantize


def round_convolution(scales: Scales) -> Requantize:
    """Return the rounding of a convolution's sums: a step of them is a step of the input times one of the weights."""
    steps = tf.cast(scales.weights, tf.float64) * scales.of(0)
    return requantize_sums(steps, scales.output, scales.dtype, activation=scales.operator.activation)


def steps_of_six(scale: float) -> float:
    """Return the steps of 6, where RELU6 clips, as the kernels divide and round them."""
    return math.floor(float(np.float32(6.0) / np.float32(scale)) + 0.5)
