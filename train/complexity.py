"""Parameters and multiply-accumulates of a network, layer by layer, by the rule of the DCASE challenges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from pydantic import ConfigDict

from asc_kit.errors import ModelError
from asc_kit.records import STRICT


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerComplexity:
    """One layer, or one part of a layer that stands for several of the published network."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: str
    """Its name in the network."""
    kind: str
    """Its class in Keras."""
    input_shape: tuple[int, ...]
    """Without the batch axis: height, width, channels."""
    output_shape: tuple[int, ...]
    """Likewise."""
    parameters: int
    """Trained values; of a layer that is used twice, 0 the second time."""
    macs: int
    """Multiply-accumulates per clip."""
    nonzero_parameters: int
    """How many of its trained values are not exactly zero."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complexity:
    """A whole network."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    parameters: int
    """Sum over the layers."""
    macs: int
    """Sum over the layers, per clip."""
    macs_per_second: int
    """Multiply-accumulates per second of audio, rounded up."""
    nonzero_parameters: int
    """Trained values that are not exactly zero: what the rule of DCASE 2021 limits. Of a network that has not been
    trained it says nothing, since biases and shifts begin at zero."""
    layers: tuple[LayerComplexity, ...]
    """Every layer that has weights, in order."""


def complexity_of(model: Any, clip_seconds: float) -> Complexity:
    """Count a Keras model, heads that only training has included.

    Formula: a convolution takes its parameters, bias included, times the height and width of its output (the length,
    in one dimension); a dense layer its parameters; batch normalization 2 C of both for C channels (scale and shift).
    A convolution in groups has fewer parameters and therefore takes less. All else counts nothing. A layer that is
    used twice takes its multiply-accumulates twice.
    Source: rules of DCASE 2024 Task 1 and the example beside the baseline's layer table; of DCASE 2021 Task 1a for
    the parameters that are not zero.

    Raises
    ------
    ModelError
        When a layer with weights is of a kind the rule does not name.
    """
    layers: list[LayerComplexity] = []
    counted: set[int] = set()
    for layer, source, output in _calls(model):
        if layer.weights:
            layers += _count(layer, source, output, first=id(layer) not in counted)
            counted.add(id(layer))
    macs = sum(layer.macs for layer in layers)
    return Complexity(
        parameters=sum(layer.parameters for layer in layers),
        macs=macs,
        macs_per_second=-int(-macs // clip_seconds),
        nonzero_parameters=sum(layer.nonzero_parameters for layer in layers),
        layers=tuple(layers),
    )


def _calls(model: Any) -> list[tuple[Any, tuple[int, ...], tuple[int, ...]]]:
    """Return each use of a layer in a functional model, in order: the layer, shapes of its first input and output."""
    import keras

    calls = []
    # Keras keeps the uses of a layer by depth, from the inputs down; `layer.output` exists only for the first
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if isinstance(node.operation, keras.Layer) and node.input_tensors:
                shapes = [tuple(int(n) for n in end[0].shape[1:]) for end in (node.input_tensors, node.output_tensors)]
                calls.append((node.operation, shapes[0], shapes[1]))
    return calls


def _count(layer: Any, source: tuple[int, ...], output: tuple[int, ...], first: bool) -> list[LayerComplexity]:
    """Return the rows of one use of a layer; `first` when it is the layer's first."""
    import keras

    from .layers import PlusConv2D, UnequalDepthwiseConv2D

    convolutions = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.DepthwiseConv2D, UnequalDepthwiseConv2D)
    places = int(np.prod(output[:-1]))
    if isinstance(layer, PlusConv2D):
        # the published network has three convolutions here, and they are counted as such
        parts = [(f"{layer.name}_{weight.name}", type(layer).__name__, [weight], places) for weight in layer.weights]
    elif isinstance(layer, convolutions):
        parts = [(layer.name, type(layer).__name__, layer.trainable_weights, places)]
    elif isinstance(layer, (keras.layers.BatchNormalization, keras.layers.Dense)):
        parts = [(layer.name, type(layer).__name__, layer.trainable_weights, 1)]
    else:
        raise ModelError(f"no rule says how to count layer {layer.name} of kind {type(layer).__name__}")
    rows = []
    for name, kind, weights, times in parts:
        parameters = sum(int(np.prod(weight.shape)) for weight in weights)
        nonzero = sum(int(np.count_nonzero(weight.numpy())) for weight in weights)
        rows.append(
            LayerComplexity(
                name=name,
                kind=kind,
                input_shape=source,
                output_shape=output,
                parameters=parameters if first else 0,
                macs=parameters * times,
                nonzero_parameters=nonzero if first else 0,
            )
        )
    return rows
