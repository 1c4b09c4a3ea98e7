"""Fake quantization: the int8 network in float, with the same rounding of weights and activations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..network.execution import Observer, run
from ..network.graph import WEIGHTED, Network, Operator
from .scheme import Affine, constant_affine, rounded_constant, rounded_weights, weight_scales

# less than half of what lies between a tie and the next average of a window, more than float32 is off
_NUDGE = 1e-3


def fake_quantizer(network: Network, scheme: Mapping[int, Affine], *, keep: frozenset[int] = frozenset()) -> Observer:
    """Return an observer that rounds each activation to its int8 values, but for those of `keep`.

    Formula: equation (5) of docs/quantization.md, where it rounds as the kernels do: `as_rounded`. Gradients pass
    where the value is within the range.
    """
    twice = {
        one.output: (one, _bits_between(network, one, scheme))
        for one in network.operators
        if one.op in ("AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "MEAN", "MUL")
    }

    def rounded(index: int, value: Any) -> Any:
        if index in keep:
            return value
        one = scheme[index]
        if index in twice:
            operator, bits = twice[index]
            value = as_rounded(operator, one, bits, value)
        return tf.quantization.fake_quant_with_min_max_args(value, one.lowest, one.highest)

    return rounded


def as_rounded(operator: Operator, affine: Affine, bits: NDArray[np.float32] | None, value: Any) -> Any:
    """Return the output of an operator as the kernels have it before they round to a whole number for the last time.

    Kernels round twice: to some bits after the point, ties up, then to a whole number, ties away from real 0;
    equations (13), (14) and (21). AVERAGE_POOL_2D rounds once, ties away from the int8 value 0; equation (20). What
    falls on a tie is 1 in 2^bits of the values, and of the averages of two or four numbers every second or fourth.
    Gradients pass unchanged.

    Parameters
    ----------
    operator
        What gave the value.
    affine
        Quantization of the output.
    bits
        Bits after the point of the first rounding, one number or one per channel; None for no such rounding.
    value
        The real value, [n, *inner].
    """
    moved = tf.stop_gradient(value)
    if bits is None:
        nudge, middle = _NUDGE * affine.scale, -affine.zero_point * affine.scale
    else:
        step, middle = affine.scale * tf.constant(2.0**-bits), 0.0
        moved = tf.floor(moved / step + (0.5 + (_NUDGE if operator.op == "MEAN" else 0.0))) * step
        nudge = 0.25 * step
    moved += nudge * tf.sign(moved - middle)
    return value + tf.stop_gradient(moved - value)


def _bits_between(network: Network, operator: Operator, scheme: Mapping[int, Affine]) -> NDArray[np.float32] | None:
    """Return how many bits after the point an operator keeps in its first rounding; None if it rounds once."""
    to = scheme[operator.output].scale
    if operator.op == "AVERAGE_POOL_2D":
        return None
    if operator.op == "MEAN":
        source = network.tensors[operator.inputs[0]]
        count = math.prod(source.shape) // math.prod(network.tensors[operator.output].shape)
        exponent = math.frexp(scheme[source.index].scale / to)[1]
        return np.array([max(min(count.bit_length() - 1, 32, 31 + exponent) - exponent, 0)], np.float32)
    if operator.op == "MUL":
        scales = [
            (constant_affine(network.constant(index)) if network.is_constant(index) else scheme[index]).scale
            for index in operator.inputs
        ]
        factors = np.array([scales[0] * scales[1] / to])
    else:
        factors = weight_scales(network, operator, scheme).astype(np.float64) * scheme[operator.inputs[0]].scale / to
    return np.asarray(np.maximum(-np.frexp(factors)[1], 0), np.float32)


def with_rounded_weights(
    network: Network, scheme: Mapping[int, Affine], *, keep: frozenset[int] = frozenset()
) -> Network:
    """Return the network with the weights and operands that int8 leaves, but for operators whose index is in `keep`."""
    constants: dict[int, NDArray[np.float32]] = {}
    for operator in network.operators:
        if operator.index in keep:
            continue
        if operator.op in WEIGHTED:
            constants[operator.weights] = rounded_weights(network, operator, scheme)
            steps = weight_scales(network, operator, scheme).astype(np.float64) * scheme[operator.inputs[0]].scale
            constants[operator.bias] = np.asarray(np.rint(network.constant(operator.bias) / steps) * steps, np.float32)
            continue
        for index in operator.inputs:
            if index >= 0 and network.is_constant(index) and network.constant(index).dtype == np.float32:
                constants[index] = rounded_constant(network.constant(index))
    return network.with_constants(constants)


def simulate(network: Network, scheme: Mapping[int, Affine], features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the outputs of the fake-quantized network: float32 [n, *inner] in, [n, *inner] out."""
    return run(with_rounded_weights(network, scheme), features, observe=fake_quantizer(network, scheme))
