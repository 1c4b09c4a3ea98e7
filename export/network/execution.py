"""Run a network, batch by batch, and look at every tensor on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from .graph import Network
from .operators import compute

Observer = Callable[[int, Any, Sequence[Any]], Any]
"""Called with the index and the value of each activation, [n, *inner], in order, and with the inputs of the operator
that gave it, none for the network's input; later operators take the value it returns."""

_BATCH = 32


def execute(
    network: Network,
    features: Any,
    *,
    constants: Mapping[int, Any] | None = None,
    observe: Observer | None = None,
    wanted: int | None = None,
) -> Any:
    """Compute a network.

    Parameters
    ----------
    network
        The network.
    features
        Its input, float32 [n, *inner].
    constants
        Values in place of the network's own constants, by index.
    observe
        Called with each activation, the input first; may replace it.
    wanted
        The tensor to return; operators after it are not computed. None computes all, and returns the output.

    Returns
    -------
    tensorflow.Tensor
        float32 [n, *inner].
    """
    observe = observe or (lambda _index, value, _inputs: value)
    kept = network.output if wanted is None else wanted
    replaced = constants or {}
    values = {network.input: observe(network.input, features, ())}
    last_use = network.last_use()
    for operator in network.operators:
        if wanted in values:
            break
        inputs = [value_of(network, index, values, replaced) for index in operator.inputs]
        outputs = compute(network, operator, inputs)
        for index, value in zip(operator.outputs, outputs, strict=True):
            values[index] = observe(index, value, inputs)
        for index in operator.inputs:
            if last_use[index] == operator.index and index != kept:
                values.pop(index, None)
    return values[kept]


def value_of(
    network: Network, index: int, values: Mapping[int, Any], constants: Mapping[int, Any] = MappingProxyType({})
) -> Any:
    """Return the value of an operator's input: an activation, or a constant or its replacement; None if absent."""
    if index < 0:
        return None
    if index in values:
        return values[index]
    return constants[index] if index in constants else tf.constant(network.constant(index))


def run(
    network: Network, features: NDArray[np.float32], *, observe: Observer | None = None, wanted: int | None = None
) -> NDArray[np.float32]:
    """Compute a network for many inputs [n, *inner] in batches of one graph; gives NumPy values [n, *inner]."""
    graph = compile_network(network, observe=observe, wanted=wanted)
    return in_batches(lambda part: graph(part).numpy(), features)


def compile_network(
    network: Network, *, observe: Observer | None = None, wanted: int | None = None
) -> Callable[[Any], Any]:
    """Return `execute` as one graph: features of any number of examples in, a tensor out."""
    shape = (None, *network.tensors[network.input].inner)
    function: Callable[[Any], Any] = tf.function(
        lambda features: execute(network, features, observe=observe, wanted=wanted),
        input_signature=[tf.TensorSpec(shape, tf.float32)],
        autograph=False,  # which would make errors of ours into its own
    )
    return lambda features: function(tf.constant(features))


def statistics(
    network: Network, features: NDArray[np.float32], statistic: Callable[[int, Any], Any]
) -> Iterator[dict[int, Any]]:
    """Give a statistic of every activation, batch after batch.

    Parameters
    ----------
    network
        The network.
    features
        Its inputs, float32 [n, *inner].
    statistic
        Of an activation's index and value [batch, *inner], a tensor or a tuple of tensors; traced once.

    Yields
    ------
    dict
        Results of `statistic` as NumPy values, by tensor index.
    """

    def look(part: Any) -> dict[str, Any]:
        noted: dict[str, Any] = {}

        def note(index: int, value: Any, _inputs: Sequence[Any]) -> Any:
            noted[str(index)] = statistic(index, value)
            return value

        execute(network, part, observe=note)
        return noted

    shape = (None, *network.tensors[network.input].inner)
    graph = tf.function(look, input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False)
    for part in batches(features):
        noted = graph(tf.constant(part))
        yield {int(index): tf.nest.map_structure(lambda value: value.numpy(), item) for index, item in noted.items()}


def in_batches(function: Callable[[Any], NDArray[np.float32]], features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Apply a function to inputs [n, ...], as many at a time as memory takes; gives [n, ...]."""
    return np.concatenate([function(part) for part in batches(features)])


def batches(features: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Cut [n, ...] into pieces that fit into memory with all their activations."""
    return [features[start : start + _BATCH] for start in range(0, len(features), _BATCH)]
