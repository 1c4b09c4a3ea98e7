"""What the kernels make of sums, in TensorFlow: whole batches at once, and equal to the kernels.

A fake-quantized operator gives real numbers, which float32 does not hold exactly. Here they become whole numbers again,
the sums that a kernel has, and are brought to the output's scale by the kernel's own steps. Equations are those of
docs/quantization.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ..network.graph import WEIGHTED, Network, Operator
from ..network.operators import compute
from .scheme import Affine, constant_affine, weight_scales

Requantize = Callable[[Any, Sequence[Any]], Any]
"""From an operator's real output and inputs to the steps of its output above real 0: whole numbers, not yet clamped."""

_RELU, _RELU6 = 1, 3  # codes of fused activation functions
_EXPONENT = 0x7FF << 52  # of a float64
_ADD_BITS = 20  # after the point, of the addends
_MULTIPLIER_BITS = 30  # of m below its first
_LEAST_FACTOR = 2.0**-32  # what is less counts as 0
# Addends are read in parts of a step: int8 values are whole in spite of float32, real ones stay nearly what they are.
_PARTS = 1024.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Multiplier:
    """A factor between two scales as the kernels have it, for `scaled`; one or one per channel."""

    factor: Any
    """m 2^(e - 31) of equation (12); float64, or float32 where that is enough."""
    nudge: Any
    """What two roundings add to the half of one: 2^-(n + 1) where n >= 1 bits are between them, else 0."""

    @classmethod
    def of(cls, real: Any) -> Multiplier:
        """Return that of a real factor, float64: m has 31 bits, the first of them 1."""
        real = tf.convert_to_tensor(real, tf.float64)  # a cast would take it through float32
        unit = _power_of_two(real) * 2.0**-_MULTIPLIER_BITS
        factor = tf.floor(real / unit + 0.5) * unit
        factor = tf.where(real < _LEAST_FACTOR, tf.zeros_like(factor), factor)
        # a factor in [2^-(n + 1), 2^-n) has n = -e bits
        power = _power_of_two(factor)
        return cls(factor=factor, nudge=tf.where(power <= 0.25, power, tf.zeros_like(power)))

    @classmethod
    def of_mean(cls, real: float, count: int) -> Multiplier:
        """Return that of a sum of `count` values which becomes their mean: equation (21)."""
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


def requantizer(
    network: Network, operator: Operator, scheme: Mapping[int, Affine], scales: Mapping[int, Any], *, exact: bool
) -> Requantize | None:
    """Return how an operator rounds; None for one that rounds its real output once, equation (5).

    Parameters
    ----------
    network
        The network.
    operator
        Which one.
    scheme
        Scale and zero point of every activation.
    scales
        Of weights, [channels] by tensor index, where they are not what the network says.
    exact
        Whether in float64 where need be: equal to the kernels. In float32 it is half the work.
    """
    dtype = tf.float64 if exact else tf.float32
    if operator.op in WEIGHTED:
        return _of_sums(network, operator, scheme, _scales_of_weights(network, operator, scheme, scales), dtype)
    if operator.op in ("RELU", "RELU6"):
        return _of_sums(network, operator, scheme, np.ones(1), dtype)
    if operator.op == "MUL":
        return _of_products(network, operator, scheme, dtype)
    if operator.op == "MEAN":
        return _of_means(network, operator, scheme, dtype)
    if operator.op == "AVERAGE_POOL_2D":
        return _of_averages(operator, scheme[operator.output])
    if operator.op in ("ADD", "SUB") and exact:
        return _of_addends(network, operator, scheme)
    return _logistic if operator.op == "LOGISTIC" and exact else None


def _scales_of_weights(
    network: Network, operator: Operator, scheme: Mapping[int, Affine], scales: Mapping[int, Any]
) -> Any:
    """Return the scales of an operator's weights: as they are now, as they are stored, or as they will be."""
    if operator.weights in scales:
        return scales[operator.weights]
    stored = network.tensors[operator.weights].quantization
    return stored.scales if stored is not None else weight_scales(network, operator, scheme)


def _of_sums(network: Network, operator: Operator, scheme: Mapping[int, Affine], scales: Any, dtype: Any) -> Requantize:
    """Return the rounding of sums in steps of the input times those of weights: equations (9) to (16)."""
    to = scheme[operator.output].scale
    steps = tf.cast(scales, tf.float64) * scheme[operator.inputs[0]].scale
    if operator.op == "FULLY_CONNECTED" and steps.shape == (1,):
        steps = tf.cast(tf.cast(steps, tf.float32), tf.float64)  # one scale for all weights: the kernel has it so
    per_step = tf.cast(1.0 / steps, tf.float32)
    multiplier = Multiplier.of(steps / to).to(dtype)
    code = operator.activation
    top = _six(to) if code == _RELU6 or operator.op == "RELU6" else None

    def requantize(value: Any, _inputs: Sequence[Any]) -> Any:
        acc = tf.cast(tf.round(value * per_step), dtype)
        if operator.op == "FULLY_CONNECTED":  # rounds once
            rounded = tf.floor(acc * multiplier.factor + 0.5)
        else:
            rounded = multiplier.scaled(acc, positive=code in (_RELU, _RELU6) or operator.op in ("RELU", "RELU6"))
        # 6 is clipped after the rounding
        return rounded if top is None else tf.where(value >= 6.0, tf.cast(top, dtype), rounded)

    return requantize


def _of_addends(network: Network, operator: Operator, scheme: Mapping[int, Affine]) -> Requantize:
    """Return the rounding of sums and differences: equations (17) and (18)."""
    to, scales = scheme[operator.output].scale, [_scale_of(network, index, scheme) for index in operator.inputs]
    twice = 2.0 * max(scales)
    addends = [Multiplier.of(scale / twice) for scale in scales]
    total = Multiplier.of(twice / (2.0**_ADD_BITS * to))
    code = operator.activation

    def requantize(_value: Any, inputs: Sequence[Any]) -> Any:
        shifted = []
        for value, scale, multiplier in zip(inputs, scales, addends, strict=True):
            parts = tf.round(value * (_PARTS / scale)) * (2.0**_ADD_BITS / _PARTS)
            shifted.append(multiplier.scaled(tf.cast(parts, tf.float64)))
        rounded = total.scaled(compute(network, operator, shifted, activation=False)[0])
        if code in (_RELU, _RELU6):
            rounded = tf.maximum(rounded, 0.0)
        return tf.minimum(rounded, _six(to)) if code == _RELU6 else rounded

    return requantize


def _six(scale: float) -> float:
    """Return the steps of 6, where RELU6 clips, as the kernels divide and round them."""
    return math.floor(float(np.float32(6.0) / np.float32(scale)) + 0.5)


def _of_products(network: Network, operator: Operator, scheme: Mapping[int, Affine], dtype: Any) -> Requantize:
    """Return the rounding of products of activations: equation (19)."""
    one, other = (np.float32(_scale_of(network, index, scheme)) for index in operator.inputs)
    # the kernel has this factor in float32
    multiplier = Multiplier.of(float(one * other / np.float32(scheme[operator.output].scale))).to(dtype)
    per_step = 1.0 / (float(one) * float(other))
    return lambda value, _: multiplier.scaled(tf.cast(tf.round(value * per_step), dtype))


def _of_means(network: Network, operator: Operator, scheme: Mapping[int, Affine], dtype: Any) -> Requantize:
    """Return the rounding of means: equation (21)."""
    source, target = (network.tensors[index] for index in (operator.inputs[0], operator.output))
    count, scale = math.prod(source.shape) // math.prod(target.shape), scheme[source.index].scale
    multiplier = Multiplier.of_mean(scale / scheme[target.index].scale, count).to(dtype)
    return lambda value, _: multiplier.scaled(tf.cast(tf.round(value * (count / scale)), dtype))


def _of_averages(operator: Operator, affine: Affine) -> Requantize:
    """Return the rounding of a pool's averages: equation (20)."""
    # half of what lies between a tie and the next average of a window, more than float32 is off
    nudge = 1.0 / (4 * operator.options.FilterHeight() * operator.options.FilterWidth())

    def requantize(value: Any, _inputs: Sequence[Any]) -> Any:
        average = value / affine.scale + affine.zero_point
        return tf.round(average + nudge * tf.sign(average)) - affine.zero_point

    return requantize


def _logistic(_value: Any, inputs: Sequence[Any]) -> Any:
    """Round probabilities: equation (23), in float32 as the kernel does."""
    exponential = tf.cast(tf.exp(-tf.cast(inputs[0], tf.float64)), tf.float32)
    return tf.floor(256.0 / (1.0 + exponential) + 0.5)


def _scale_of(network: Network, index: int, scheme: Mapping[int, Affine]) -> float:
    """Return the scale of an activation, or of a constant operand."""
    if not network.is_constant(index):
        return scheme[index].scale
    stored = network.tensors[index].quantization
    return float(stored.scales[0]) if stored is not None else constant_affine(network.constant(index)).scale
