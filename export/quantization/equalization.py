"""Channels of an activation are brought to similar sizes, so that one scale fits them all.

Source: as for the bias correction, section 4.1, there for weights of one scale per tensor. Our weights have a scale
per output channel, so the activation between two layers takes the place of the first layer's weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network.graph import Network, Operator
from ..network.operators import passes_channels
from .calibration import Observed

# a channel that hardly ever is heard must not be blown up without end
_LEAST_SHARE = 1e-2
# fused activation functions for which f(x / s) = f(x) / s: none, and RELU
_HOMOGENEOUS = (0, 1)


def equalize(network: Network, seen: Mapping[int, Observed]) -> Network:
    """Return a network that computes the same, with channels of similar size between its layers.

    An activation has one scale, so a loud channel makes the steps of the quiet ones coarse. Between a layer and those
    after it, channel c of the output is divided by s[c], and the next weights for it are multiplied by s[c]: equations
    (26) and (27) of docs/quantization.md. For a depthwise layer, whose weights have a scale per channel anyway, s[c] is
    the channel's peak. Else it is the root of the peak over the size of the weights that read it, so that activation
    and weights share the differences. Channels that are always 0 keep their size.

    Parameters
    ----------
    network
        The network.
    seen
        Its activations on representative clips.
    """
    constants: dict[int, NDArray[Any]] = {}

    def constant(index: int) -> NDArray[Any]:
        return constants.get(index, network.constant(index))

    for producer in network.weighted:
        readers = _readers(network, producer)
        if not readers:
            continue
        peak = _share(seen[producer.output].channel_peak)
        if all(reader.op == "DEPTHWISE_CONV_2D" for reader in readers):
            factor = peak
        else:
            weight = np.max([_reading_weights(constant(reader.weights), reader) for reader in readers], axis=0)
            factor = np.sqrt(peak / _share(weight))
        # a channel that is silent gains nothing, and would be clipped if it were heard one day
        factor = np.where(seen[producer.output].channel_peak > 0, factor, 1.0)
        axis = producer.axes.output
        constants[producer.weights] = constant(producer.weights) / _along(factor, axis, producer)
        constants[producer.bias] = constant(producer.bias) / factor
        for reader in readers:
            constants[reader.weights] = constant(reader.weights) * _along(factor, reader.axes.input, reader)
    return network.with_constants(constants)


def _share(values: NDArray[Any]) -> NDArray[np.float64]:
    largest = float(values.max())
    return np.maximum(np.asarray(values, np.float64) / largest, _LEAST_SHARE) if largest else np.ones(len(values))


def _reading_weights(weights: NDArray[Any], reader: Operator) -> NDArray[np.float64]:
    """Return the size of each input channel's weights, relative to the largest weight of their output channel."""
    if reader.op == "DEPTHWISE_CONV_2D":
        return np.ones(weights.shape[3])
    rows = np.abs(weights.astype(np.float64)).reshape(weights.shape[0], -1, weights.shape[-1]).max(axis=1)
    largest = rows.max(axis=1, keepdims=True)
    return np.asarray(np.where(largest > 0, rows / np.where(largest > 0, largest, 1), 0).max(axis=0))


def _along(factor: NDArray[Any], axis: int, operator: Operator) -> NDArray[Any]:
    shape = [1] * (2 if operator.op == "FULLY_CONNECTED" else 4)
    shape[axis] = -1
    return factor.reshape(shape)


def _readers(network: Network, producer: Operator) -> tuple[Operator, ...]:
    """Return the layers that an operator with weights feeds; none if one of them cannot take factors."""
    if producer.activation not in _HOMOGENEOUS or producer.output == network.output:
        return ()
    if len(network.consumers(producer.weights)) > 1:
        return ()
    channels = network.tensors[producer.output].shape[-1]
    readers: list[Operator] = []
    pending = [producer.output]
    while pending:
        index = pending.pop()
        if index == network.output:
            return ()
        for reader in network.consumers(index):
            if _passes_channels(network, reader, channels):
                pending.append(reader.output)
            elif reader.has_weights and _reads_channels(network, reader, channels):
                readers.append(reader)
            else:
                return ()
    return tuple(readers)


def _passes_channels(network: Network, reader: Operator, channels: int) -> bool:
    """Tell whether an operator treats each channel by itself and commutes with factors."""
    if network.tensors[reader.output].shape[-1] != channels:
        return False
    return passes_channels(network, reader) and reader.activation in _HOMOGENEOUS


def _reads_channels(network: Network, reader: Operator, channels: int) -> bool:
    own = len(network.consumers(reader.weights)) == 1
    return own and network.constant(reader.weights).shape[reader.axes.input] == channels
