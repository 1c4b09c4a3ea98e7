"""MobileNet v1 on log-mel features, as in the DCASE 2019 Task 2 baseline (audio tagging with many labels).

Sources: A. Howard et al., *MobileNets: efficient convolutional neural networks for mobile vision applications* (2017);
layer table and hyperparameters of the DCASE 2019 Task 2 baseline.

The first convolution has a stride of 1 and half the channels of the original. The sigmoid of the published network is
part of the loss here, as in all networks of this folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.records.fields import NotNegative, Positive
from asc_kit.records.record import STRICT

from ..blocks import Normalization, convolve, normalize

N_LABELS = 80
"""Classes of the data set that the network was made for."""

_FIRST_CHANNELS = 16
# channels and stride of the separable convolutions
_SEPARABLE = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Size of the network; the defaults are the baseline's."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    width: Annotated[float, Field(gt=0, le=4)] = 1.0
    """Factor of the channels of all layers, rounded down, at least 1."""
    global_pool: Literal["mean", "max"] = "mean"
    """Pooling of each channel before the classifier."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of values that training drops before the classifier; the baseline states the share it keeps."""
    weights_init_stddev: NotNegative = 0.0
    """Standard deviation of the first weights, normally distributed; 0 for Glorot's ("Xavier") uniform ones."""
    batch_norm: bool = True
    """Whether convolutions are normalized; else they have biases."""
    bn_momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9997
    """Share of the running statistics that a training step keeps."""
    bn_epsilon: Positive = 1e-3
    """Constant added to the variance."""


def build(settings: Settings, input_shape: tuple[int, int, int], n_labels: int) -> Any:
    """Build the Keras model.

    Parameters
    ----------
    settings
        Size.
    input_shape
        (frames, n_mels, channels).
    n_labels
        Number of classes.

    Returns
    -------
    keras.Model
        float32 [batch, frames, n_mels, channels] in, logits [batch, n_labels] out. Layers are named by the rows of
        the baseline's table: ``c0_conv``, ``sc1_depthwise_conv``, ``sc1_pointwise_conv`` …
    """
    import keras

    norm = Normalization(settings.bn_epsilon, settings.bn_momentum) if settings.batch_norm else None

    def convolution(x: Any, channels: int, size: int, name: str) -> Any:
        width, initializer = _channels(channels, settings), _initializer(settings)
        return convolve(x, width, size, name, norm, bias=norm is None, initializer=initializer)

    features = keras.Input(input_shape, name="features")
    x = convolution(features, _FIRST_CHANNELS, 3, "c0")
    for number, (channels, stride) in enumerate(_SEPARABLE, start=1):
        x = _depthwise(x, settings, norm, stride, f"sc{number}_depthwise")
        x = convolution(x, channels, 1, f"sc{number}_pointwise")
    if settings.global_pool == "mean":
        x = keras.layers.GlobalAveragePooling2D(name="global_pool")(x)
    else:
        x = keras.layers.GlobalMaxPooling2D(name="global_pool")(x)
    x = keras.layers.Dropout(settings.dropout, name="dropout")(x)
    logits = keras.layers.Dense(n_labels, kernel_initializer=_initializer(settings), name="logits")(x)
    return keras.Model(features, logits, name="mobilenet")


def _channels(baseline: int, settings: Settings) -> int:
    return max(1, int(baseline * settings.width))


def _initializer(settings: Settings) -> Any:
    """Return a new initializer: a shared initializer gives all layers of a shape the same weights."""
    import keras

    if settings.weights_init_stddev:
        return keras.initializers.RandomNormal(stddev=settings.weights_init_stddev)
    return keras.initializers.GlorotUniform()


def _depthwise(x: Any, settings: Settings, norm: Normalization | None, stride: int, name: str) -> Any:
    import keras

    layer = keras.layers.DepthwiseConv2D(
        3,
        stride,
        padding="same",
        use_bias=norm is None,
        depthwise_initializer=_initializer(settings),
        name=f"{name}_conv",
    )
    return normalize(layer(x), name, norm)
