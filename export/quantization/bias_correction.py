"""Biases that make up for the mean error of rounding: equation (25) of docs/quantization.md.

Source: M. Nagel, M. van Baalen, T. Blankevoort, M. Welling, *Data-free quantization through weight equalization and
bias correction* (2019), section 4.2, with the mean taken over real clips as in its appendix D.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ..network.affine import Affine
from ..network.execution import value_of
from ..network.graph import Network
from ..network.operators import compute
from .scheme import weight_scales
from .simulation import fake_quantizer, with_rounded_weights

# Activations of these are in memory at once, twice: exact and rounded.
_MOST_INPUTS = 64


def with_corrected_biases(network: Network, scheme: Mapping[int, Affine], features: NDArray[Any]) -> Network:
    """Return the network with biases that take the mean error of its int8 form back, channel by channel.

    Rounded weights shift the mean of an output. So operator after operator, in order, the mean difference between the
    rounded and the exact network before the activation function, over clips and places, is subtracted from the bias.
    Later operators compute on the corrected output.

    Parameters
    ----------
    network
        The network, weights exact.
    scheme
        Scale and zero point of every activation.
    features
        Inputs from representative clips, float32 [n, *inner]; the first 64, in which classes take turns, suffice for
        means.
    """
    rounded, fake = with_rounded_weights(network, scheme), fake_quantizer(network, scheme)
    # not every second one, say: of ten classes that take turns those are always the same five
    picked = tf.constant(features[:_MOST_INPUTS])
    exact: dict[int, Any] = {network.input: picked}
    kept: dict[int, Any] = {network.input: fake(network.input, picked, ())}
    biases: dict[int, Any] = {}
    last_use = network.last_use()
    for operator in network.operators:
        of_exact = [value_of(network, index, exact) for index in operator.inputs]
        of_kept = [value_of(rounded, index, kept) for index in operator.inputs]
        if operator.has_weights:
            wanted = compute(network, operator, of_exact, activation=False)[0]
            given = compute(rounded, operator, of_kept, activation=False)[0]
            error = tf.reduce_mean(given - wanted, axis=list(range(wanted.shape.rank - 1)))
            # in the steps that int8 has for it, so that later operators see what rounding the bias leaves
            steps = weight_scales(network, operator, scheme).astype(np.float64) * scheme[operator.inputs[0]].scale
            corrected = np.rint((of_kept[2] - error).numpy() / steps) * steps
            of_kept[2] = tf.constant(corrected, tf.float32)
            biases[operator.bias] = corrected
        for index, value in zip(operator.outputs, compute(network, operator, of_exact), strict=True):
            exact[index] = value
        for index, value in zip(operator.outputs, compute(rounded, operator, of_kept), strict=True):
            kept[index] = fake(index, value, of_kept)
        for index in operator.inputs:
            if last_use[index] == operator.index:
                exact.pop(index, None)
                kept.pop(index, None)
    return network.with_constants(biases)
