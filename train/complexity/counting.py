"""Parameters and multiply-accumulates of a network, layer by layer, by the rules of the DCASE challenges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import ConfigDict

from asc_kit.challenge_rules import NetworkCounts, Precision, Storage, macs_per_second
from asc_kit.errors import ModelError
from asc_kit.records.fields import Count, Line, Name, Shape
from asc_kit.records.record import STRICT

_FLOAT_BYTES: tuple[tuple[Precision, int], ...] = (("float32", 4), ("float16", 2), ("int8", 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerComplexity:
    """A layer, or a part of a layer that stands for several layers of the published network."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Line
    """Its name in the network; in a flatbuffer, the name of the tensor it computes."""
    kind: Name
    """Its class in Keras, or its operator in TFLite."""
    input_shape: Shape
    """Shape of the input without the batch axis: height, width, channels."""
    output_shape: Shape
    """Likewise."""
    parameters: Count
    """Trained values; a layer that is used twice has 0 the second time."""
    parameter_bytes: Count
    """Their bytes as they are stored."""
    nonzero_parameters: Count
    """Number of its trained values that are not exactly zero."""
    running_statistics: Count = 0
    """Means and variances that batch normalization keeps beside its trained values."""
    nonzero_running_statistics: Count = 0
    """Number of its running statistics that are not exactly zero."""
    macs: Count
    """Multiply-accumulates per clip by the rule of DCASE 2024."""
    macs_2022: Count
    """Multiply-accumulates per clip by the tool of DCASE 2022."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complexity:
    """A whole network."""

    parameters: int
    """Sum over the layers."""
    macs: int
    """Sum over the layers, per clip."""
    macs_2022: int
    """Likewise."""
    macs_per_second: int
    """Multiply-accumulates per second of audio by the rule of 2024, rounded up."""
    clip_seconds: float
    """Length of a clip, in seconds."""
    nonzero_parameters: int
    """Trained values that are not exactly zero. Meaningless before training: biases begin at zero."""
    running_statistics: int
    """Sum over the layers."""
    nonzero_running_statistics: int
    """Sum over the layers."""
    layers: tuple[LayerComplexity, ...]
    """Every layer that any rule counts, in order."""

    def counts(self, *, trained: bool) -> NetworkCounts:
        """Return the counts that the rules limit; in an untrained network all values count as not zero."""
        nonzero = self.parameters + self.running_statistics
        if trained:
            nonzero = self.nonzero_parameters + self.nonzero_running_statistics
        return NetworkCounts(
            trained=trained,
            parameters=self.parameters,
            running_statistics=self.running_statistics,
            nonzero_parameters=nonzero,
            storage=tuple(
                Storage(precision=name, parameter_bytes=width * self.parameters, nonzero_bytes=width * nonzero)
                for name, width in _FLOAT_BYTES
            ),
            macs=self.macs,
            macs_2022=self.macs_2022,
            seconds=self.clip_seconds,
        )


def complexity_of(model: Any, clip_seconds: float) -> Complexity:
    """Count a Keras model, including heads that only training has.

    Formula: a convolution takes its parameters, bias included, times the height and width of its output (the length,
    in one dimension); a dense layer its parameters; batch normalization 2 C of both for C channels (scale and shift).
    A convolution in groups has fewer parameters and therefore takes less. Other layers count nothing. A layer that is
    used twice takes its multiply-accumulates twice.
    Source: rules of DCASE 2024 Task 1 and the example beside the baseline's layer table; rules of DCASE 2021 Task 1a
    for parameters that are not zero; `macs_of_2022` for 2022.

    Raises
    ------
    ModelError
        If the rule does not name the kind of a layer with weights.
    """
    layers: list[LayerComplexity] = []
    counted: set[int] = set()
    for node in _uses(model):
        rows = _count(node, first=id(node.operation) not in counted)
        layers += [row for row in rows if row.parameters or row.macs or row.macs_2022]
        counted.add(id(node.operation))
    macs = sum(layer.macs for layer in layers)
    return Complexity(
        parameters=sum(layer.parameters for layer in layers),
        macs=macs,
        macs_per_second=macs_per_second(macs, clip_seconds),
        clip_seconds=clip_seconds,
        macs_2022=sum(layer.macs_2022 for layer in layers),
        nonzero_parameters=sum(layer.nonzero_parameters for layer in layers),
        running_statistics=sum(layer.running_statistics for layer in layers),
        nonzero_running_statistics=sum(layer.nonzero_running_statistics for layer in layers),
        layers=tuple(layers),
    )


def _uses(model: Any) -> list[Any]:
    """Return each use of a layer or operation in a functional model, in order, as Keras's nodes."""
    # Keras keeps the uses of a layer by depth, from the inputs down; `layer.output` exists only for the first
    depths = sorted(model._nodes_by_depth, reverse=True)
    return [node for depth in depths for node in model._nodes_by_depth[depth] if node.input_tensors]


def _count(node: Any, first: bool) -> list[LayerComplexity]:
    """Return the rows of a use of a layer; `first` if it is the layer's first use."""
    from .counting_2022 import macs_of_2022

    source, output = (tuple(int(n) for n in end[0].shape[1:]) for end in (node.input_tensors, node.output_tensors))
    rows = []
    by_2022 = macs_of_2022(node)
    for name, weights, places in _parts(node.operation, int(np.prod(output[:-1]))):
        trained = [weight for weight in weights if weight.trainable]
        running = [weight for weight in weights if not weight.trainable]
        parameters = _size(trained)
        rows.append(
            LayerComplexity(
                name=name,
                kind=type(node.operation).__name__,
                input_shape=source,
                output_shape=output,
                parameters=parameters if first else 0,
                parameter_bytes=4 * parameters if first else 0,
                nonzero_parameters=_nonzero(trained) if first else 0,
                running_statistics=_size(running) if first else 0,
                nonzero_running_statistics=_nonzero(running) if first else 0,
                macs=parameters * places,
                macs_2022=by_2022,
            )
        )
        by_2022 = 0  # parts of one layer are one operator when converted
    return rows


def _parts(layer: Any, places: int) -> list[tuple[str, list[Any], int]]:
    """Return the parts of a layer that are counted separately: name, weights, how often each weight is used."""
    import keras

    from ..layers import PlusConv2D, UnequalDepthwiseConv2D

    convolutions = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.DepthwiseConv2D, UnequalDepthwiseConv2D)
    weights = getattr(layer, "weights", [])
    if isinstance(layer, PlusConv2D):
        # the published network has three convolutions here, and they are counted as such
        return [(f"{layer.name}_{weight.name}", [weight], places) for weight in weights]
    if isinstance(layer, convolutions):
        return [(layer.name, weights, places)]
    if not weights or isinstance(layer, (keras.layers.BatchNormalization, keras.layers.Dense)):
        return [(layer.name, weights, 1)]
    raise ModelError(f"no rule says how to count layer {layer.name} of kind {type(layer).__name__}")


def _size(weights: list[Any]) -> int:
    return sum(int(np.prod(weight.shape)) for weight in weights)


def _nonzero(weights: list[Any]) -> int:
    return sum(int(np.count_nonzero(weight.numpy())) for weight in weights)
