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
    """One layer."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: str
    """Its name in the network."""
    kind: str
    """Its class in Keras."""
    input_shape: tuple[int, ...]
    """Without the batch axis: height (mel), width (time), channels."""
    output_shape: tuple[int, ...]
    """Likewise."""
    parameters: int
    """Trained values."""
    macs: int
    """Multiply-accumulates per clip."""


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
    layers: tuple[LayerComplexity, ...]
    """Every layer that has weights, in order."""


def complexity_of(model: Any, clip_seconds: float) -> Complexity:
    """Count a Keras model.

    Formula: a convolution takes its parameters, bias included, times the height and width of its output; a dense
    layer its parameters; batch normalization 2 C of both for C channels (scale and shift). All else counts nothing.
    Source: rules of DCASE 2024 Task 1 and the example beside the baseline's layer table.

    Raises
    ------
    ModelError
        When a layer with weights is of a kind the rule does not name.
    """
    import keras

    from .layers import UnequalDepthwiseConv2D

    convolutions = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, UnequalDepthwiseConv2D)
    layers = []
    for layer in model.layers:
        parameters = sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)
        if not layer.weights:
            continue
        output_shape = tuple(int(n) for n in layer.output.shape[1:])
        if isinstance(layer, convolutions):
            macs = parameters * int(np.prod(output_shape[:-1]))
        elif isinstance(layer, (keras.layers.BatchNormalization, keras.layers.Dense)):
            macs = parameters
        else:
            raise ModelError(f"no rule says how to count layer {layer.name} of kind {type(layer).__name__}")
        layers.append(
            LayerComplexity(
                name=layer.name,
                kind=type(layer).__name__,
                input_shape=tuple(int(n) for n in layer.input.shape[1:]),
                output_shape=output_shape,
                parameters=parameters,
                macs=macs,
            )
        )
    macs = sum(layer.macs for layer in layers)
    return Complexity(
        parameters=sum(layer.parameters for layer in layers),
        macs=macs,
        macs_per_second=-int(-macs // clip_seconds),
        layers=tuple(layers),
    )
