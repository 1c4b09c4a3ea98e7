"""The convolutional baseline of DCASE 2021 Task 1a and, with a shorter second pool, of DCASE 2022 Task 1.

Source: I. Martín-Morató, T. Heittola, A. Mesaros, T. Virtanen, *Low-complexity acoustic scene classification for
multi-device audio: analysis of DCASE 2021 challenge systems* (2021), which describes the baseline.

Convolutions have biases although batch normalization follows: the published counts include them. The softmax of the
published network is part of the loss here, as in all networks of this folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from asc_kit.errors import SpecError
from asc_kit.records.fields import Size
from asc_kit.records.record import STRICT

from ..blocks import Normalization, convolve

# defaults of Keras in the version that the baseline was published for, written out so that they stay
_NORM = Normalization(epsilon=1e-3, momentum=0.99)
_DENSE_LIMIT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Size of the network; the defaults are those of 2021, for clips of 10 s."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    channels: tuple[Size, Size, Size] = (16, 16, 32)
    """Channels of the three convolutions."""
    kernel_size: Size = 7
    """Height and width of their kernels."""
    first_pool: tuple[Size, Size] = (5, 5)
    """Size (mel, time) of the maximum pool after the second convolution."""
    second_pool: tuple[Size, Size] = (4, 100)
    """Size (mel, time) of the maximum pool after the third convolution."""
    dense_units: Size = 100
    """Width of the layer before the classifier."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Share of values that training drops after each pool and after the dense layer."""


def build(settings: Settings, input_shape: tuple[int, int, int], n_labels: int) -> Any:
    """Build the Keras model.

    Parameters
    ----------
    settings
        Size.
    input_shape
        (n_mels, frames, 1).
    n_labels
        Number of classes.

    Returns
    -------
    keras.Model
        float32 [batch, n_mels, frames, 1] in, logits [batch, n_labels] out.

    Raises
    ------
    SpecError
        If the pools leave nothing of the features.
    """
    _check_pools(settings, input_shape)
    import keras

    features = x = keras.Input(input_shape, name="features")
    x = convolve(x, settings.channels[0], settings.kernel_size, "c1", _NORM, bias=True)
    x = convolve(x, settings.channels[1], settings.kernel_size, "c2", _NORM, bias=True)
    x = keras.layers.MaxPooling2D(settings.first_pool, name="c2_pool")(x)
    x = keras.layers.Dropout(settings.dropout, name="c2_dropout")(x)
    x = convolve(x, settings.channels[2], settings.kernel_size, "c3", _NORM, bias=True)
    x = keras.layers.MaxPooling2D(settings.second_pool, name="c3_pool")(x)
    x = keras.layers.Dropout(settings.dropout, name="c3_dropout")(x)
    x = keras.layers.Flatten(name="flat")(x)
    x = _dense(settings.dense_units, "dense", "relu")(x)
    x = keras.layers.Dropout(settings.dropout, name="dense_dropout")(x)
    return keras.Model(features, _dense(n_labels, "logits", None)(x), name="cnn_baseline")


def _check_pools(settings: Settings, input_shape: tuple[int, int, int]) -> None:
    for axis, side in enumerate(("mel bands", "frames")):
        first, second = settings.first_pool[axis], settings.second_pool[axis]
        if input_shape[axis] // first // second == 0:
            raise SpecError(
                f"cnn_baseline: pools of {first} and {second} need {first * second} {side} or more. "
                f"Received: {input_shape[axis]}",
                hint="set smaller pools: --set second_pool=[4,10]",
            )


def _dense(units: int, name: str, activation: str | None) -> Any:
    import keras

    uniform = keras.initializers.RandomUniform(-_DENSE_LIMIT, _DENSE_LIMIT)
    return keras.layers.Dense(units, activation=activation, kernel_initializer=uniform, name=name)
