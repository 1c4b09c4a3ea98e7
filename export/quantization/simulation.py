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
from .scheme import Affine, rounded_constant, rounded_weights

# less than half of what lies between a tie and the next average of a window, more than float32 is off
_NUDGE = 1e-3


def fake_quantizer(network: Network, scheme: Mapping[int, Affine], *, keep: frozenset[int] = frozenset()) -> Observer:
    """Return an observer that rounds each activation to its int8 values, but for those of `keep`.

    Formula: equation (5) of docs/quantization.md; averages are brought to where it rounds them as the kernels do,
    `as_averaged`. Gradients pass where the value is within the range.
    """
    averages = {one.output: one for one in network.operators if one.op in ("AVERAGE_POOL_2D", "MEAN")}

    def rounded(index: int, value: Any) -> Any:
        if index in keep:
            return value
        if index in averages:
            value = as_averaged(network, averages[index], scheme, value)
        one = scheme[index]
        return tf.quantization.fake_quant_with_min_max_args(value, one.lowest, one.highest)

    return rounded


def as_averaged(network: Network, operator: Operator, scheme: Mapping[int, Affine], value: Any) -> Any:
    """Return the output of AVERAGE_POOL_2D or MEAN as the kernels have it before they round to a whole number.

    Averages of few numbers are ties so often that the direction of rounding shifts their mean: equation (20), ties
    away from the int8 value 0; and (21), rounded twice, ties up and then away from real 0. Gradients pass unchanged.
    """
    affine = scheme[operator.output]
    middle = -affine.zero_point * affine.scale
    moved = tf.stop_gradient(value)
    if operator.op == "MEAN":
        step = affine.scale * 2.0 ** -_mean_bits(network, operator, scheme)
        moved, middle = tf.floor(moved / step + 0.5 + _NUDGE) * step, 0.0
    moved += _NUDGE * affine.scale * tf.sign(moved - middle)
    return value + tf.stop_gradient(moved - value)


def _mean_bits(network: Network, operator: Operator, scheme: Mapping[int, Affine]) -> int:
    """Return how many bits after the point MEAN keeps in its first rounding: equation (21)."""
    source = network.tensors[operator.inputs[0]]
    count = math.prod(source.shape) // math.prod(network.tensors[operator.output].shape)
    exponent = math.frexp(scheme[source.index].scale / scheme[operator.output].scale)[1]
    return max(min(count.bit_length() - 1, 32, 31 + exponent) - exponent, 0)


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
            continue
        for index in operator.inputs:
            if index >= 0 and network.is_constant(index) and network.constant(index).dtype == np.float32:
                constants[index] = rounded_constant(network.constant(index))
    return network.with_constants(constants)


def simulate(network: Network, scheme: Mapping[int, Affine], features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the outputs of the fake-quantized network: float32 [n, *inner] in, [n, *inner] out."""
    return run(with_rounded_weights(network, scheme), features, observe=fake_quantizer(network, scheme))
