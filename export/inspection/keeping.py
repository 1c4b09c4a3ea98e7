"""Outputs of the int8 network with one layer at a time computed in float."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from asc_kit.process.console import progress_bar

from ..network.affine import Affine
from ..network.graph import Network, Operator
from ..network.operators import compute
from ..quantization.simulation import fake_quantizer
from .layers import Layer
from .reference import Constants

# All activations of a batch are kept at once.
_MOST_BYTES = 256 * 2**20
_MOST_EXAMPLES = 32

ALL_INT8 = -2
"""Stands, in place of a layer's index, for the network without any layer in float."""


def outputs_when_kept(
    network: Network,
    constants: Constants,
    scheme: Mapping[int, Affine],
    layers: tuple[Layer, ...],
    features: NDArray[np.float32],
) -> dict[int, NDArray[np.float32]]:
    """Simulate an int8 network again and again, each time with another layer in float.

    Operators before the layer are computed once, and of those after it only the ones that depend on it.

    Parameters
    ----------
    network
        The int8 network.
    constants
        The constants of a layer that is kept in float, by tensor index.
    scheme
        Quantization of each activation.
    layers
        Each is kept once; its weights are then those of `constants`, and its output is not rounded.
    features
        Inputs, float32 [n, *inner].

    Returns
    -------
    dict
        Outputs [n, *inner] by `Layer.index`; under `ALL_INT8` those of the network without any layer in float.
    """
    simulated = _Simulated(network, constants, scheme, layers)
    by_layer: dict[int, list[NDArray[np.float32]]] = {ALL_INT8: [], **{layer.index: [] for layer in layers}}
    parts = list(_parts(network, features))
    with progress_bar("one layer in float", len(parts) * len(layers)) as (bar, task):
        for part in parts:
            values = simulated.all_of(tf.constant(part))
            by_layer[ALL_INT8].append(values[network.output].numpy())
            for layer in layers:
                by_layer[layer.index].append(simulated.keeping(layer, values, tf.constant(part)).numpy())
                bar.advance(task)
    return {index: np.concatenate(outputs) for index, outputs in by_layer.items()}


class _Simulated:
    """The int8 network in float, operator by operator."""

    def __init__(
        self, network: Network, constants: Constants, scheme: Mapping[int, Affine], layers: tuple[Layer, ...]
    ) -> None:
        self.network = network
        self.places = frozenset(layer.tensor for layer in layers)
        self.quantizer = fake_quantizer(network, scheme)
        used = {index for operator in network.operators for index in operator.inputs if index >= 0}
        self.stored = {index: tf.constant(network.constant(index)) for index in used if network.is_constant(index)}
        self.real = {index: tf.constant(values) for index, values in constants.items()}

    def all_of(self, features: Any) -> dict[int, Any]:
        """Return every activation, all layers being rounded."""
        values = {self.network.input: self._round(self.network.input, features, ())}
        for operator in self.network.operators:
            values.update(self._rounded(operator, values))
        return values

    def keeping(self, layer: Layer, values: Mapping[int, Any], features: Any) -> Any:
        """Return the output with a layer in float; `values` are the activations with no layer in float."""
        changed: dict[int, Any] = {}
        if layer.operator is None:
            changed[layer.tensor] = features
        else:
            inputs = _inputs(layer.operator, values, {**self.stored, **self.real})
            changed.update(zip(layer.operator.outputs, compute(self.network, layer.operator, inputs), strict=True))
        for operator in self.network.operators:
            if operator.index <= layer.index or not any(index in changed for index in operator.inputs):
                continue
            changed.update(self._rounded(operator, {**values, **changed}))
        return changed.get(self.network.output, values[self.network.output])

    def _rounded(self, operator: Operator, values: Mapping[int, Any]) -> dict[int, Any]:
        inputs = _inputs(operator, values, self.stored)
        outputs = compute(self.network, operator, inputs)
        pairs = zip(operator.outputs, outputs, strict=True)
        return {index: self._round(index, value, inputs) for index, value in pairs}

    def _round(self, index: int, value: Any, inputs: Sequence[Any]) -> Any:
        # what an operator passes on as it is has been rounded before
        return self.quantizer(index, value, inputs) if index in self.places else value


def _inputs(operator: Operator, values: Mapping[int, Any], constants: Mapping[int, Any]) -> list[Any]:
    return [None if index < 0 else values[index] if index in values else constants[index] for index in operator.inputs]


def _parts(network: Network, features: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    each = sum(4 * int(np.prod(network.tensors[index].inner)) for index in network.activations)
    size = max(1, min(_MOST_EXAMPLES, _MOST_BYTES // each))
    for start in range(0, len(features), size):
        yield features[start : start + size]
