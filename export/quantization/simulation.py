"""Fake quantization: the int8 network in float, with the same rounding of weights and activations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..network.execution import Observer, run
from ..network.graph import Network
from .scheme import Affine, rounded_weights


def fake_quantizer(scheme: Mapping[int, Affine], *, keep: frozenset[int] = frozenset()) -> Observer:
    """Return an observer that rounds each activation to its int8 values, but for those of `keep`.

    Formula: equation (5) of docs/quantization.md; gradients pass where the value is within the range.
    """

    def rounded(index: int, value: Any) -> Any:
        if index in keep:
            return value
        one = scheme[index]
        return tf.quantization.fake_quant_with_min_max_args(value, one.lowest, one.highest)

    return rounded


def with_rounded_weights(
    network: Network, scheme: Mapping[int, Affine], *, keep: frozenset[int] = frozenset()
) -> Network:
    """Return the network with the weights that int8 leaves, but for operators whose index is in `keep`."""
    constants = {
        operator.weights: rounded_weights(network, operator, scheme)
        for operator in network.weighted
        if operator.index not in keep
    }
    return network.with_constants(constants)


def simulate(network: Network, scheme: Mapping[int, Affine], features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the outputs of the fake-quantized network: float32 [n, *inner] in, [n, *inner] out."""
    return run(with_rounded_weights(network, scheme), features, observe=fake_quantizer(scheme))
