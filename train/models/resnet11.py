"""ResNet11: five residual blocks whose receptive field stays small, as entered in DCASE 2021 Task 1a.

Each block may end in attention: over channels (squeeze and excitation, SE), or over channels and then over places
(CBAM). The convolutions that CBAM's channel attention applies to the mean and to the maximum are the same.

Sources: J. Zhang, S. Li, B. Zhu, *DCASE 2021 Challenge Task 1a technical report* (2021), table 1; K. Koutini,
H. Eghbal-zadeh, M. Dorfer, G. Widmer, *The receptive field as a regularizer in deep convolutional neural networks
for acoustic scene classification* (2019), for the family it belongs to; J. Hu, L. Shen, G. Sun, *Squeeze-and-excitation
networks* (2018); S. Woo, J. Park, J.-Y. Lee, I. S. Kweon, *CBAM: convolutional block attention module* (2018).

The report's table leaves open how shortcuts change their channels and how the classifier looks; 1x1 convolutions
with batch normalization, and no biases anywhere, give its 83,572 trainable parameters. With attention
before each sum, a reduction to a sixteenth (its table 2) and one bias in each 7x7 convolution, the 86,516 and 87,011 of
its other two systems come out as well. The softmax of the published
network is part of the loss here, as in all networks of this folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from asc_kit.errors import SpecError
from asc_kit.records.fields import Size
from asc_kit.records.record import STRICT

from ..blocks import Normalization, convolve

_NORM = Normalization(epsilon=1e-5, momentum=0.9)

# for each block, the sizes of its two kernels, and whether a 2x2 pool follows
_BLOCKS = ((3, 1, True), (3, 3, True), (3, 1, False), (1, 1, False), (1, 1, False))
_REDUCTION = 16  # channels of a block for one inner channel of its attention
# smallest side from which the strided convolution and the two pools leave an element
_SMALLEST_SIDE = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Size of the network; the defaults are the report's."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    input_channels: Size = 32
    """Channels of the 5x5 convolution, stride 2, that the network begins with."""
    channels: tuple[Size, Size, Size, Size, Size] = (32, 32, 32, 64, 128)
    """Channels of the five blocks."""
    attention: Literal["none", "se", "cbam"] = "none"
    """Attention at the end of each block."""


def build(settings: Settings, input_shape: tuple[int, int, int], n_labels: int) -> Any:
    """Build the Keras model.

    Parameters
    ----------
    settings
        Size.
    input_shape
        (n_mels, frames, channels).
    n_labels
        Number of classes.

    Returns
    -------
    keras.Model
        float32 [batch, n_mels, frames, channels] in, logits [batch, n_labels] out.

    Raises
    ------
    SpecError
        If the pools leave nothing of the features.
    """
    if min(input_shape[:2]) < _SMALLEST_SIDE:
        raise SpecError(
            f"resnet11 needs features of {_SMALLEST_SIDE} mel bands and frames or more. "
            f"Received: {input_shape[0]} x {input_shape[1]}",
            hint="raise n_mels or clip_samples, or lower hop_length",
        )
    import keras

    features = x = keras.Input(input_shape, name="features")
    x = convolve(x, settings.input_channels, 5, "in", _NORM, strides=2)
    for number, (channels, (first, second, pool)) in enumerate(zip(settings.channels, _BLOCKS, strict=True), start=1):
        x = _block(x, channels, (first, second), settings.attention, f"b{number}")
        if pool:
            x = keras.layers.MaxPooling2D(2, name=f"b{number}_pool")(x)
    x = convolve(x, n_labels, 1, "classifier", _NORM, relu=False)
    return keras.Model(features, keras.layers.GlobalAveragePooling2D(name="logits")(x), name="resnet11")


def _block(x: Any, channels: int, sizes: tuple[int, int], attention: str, name: str) -> Any:
    """Two convolutions beside a shortcut, which is a 1x1 convolution where the channels change."""
    import keras

    y = convolve(x, channels, sizes[0], f"{name}_first", _NORM)
    y = convolve(y, channels, sizes[1], f"{name}_second", _NORM, relu=False)
    if attention == "se":
        y = _squeeze_and_excitation(y, f"{name}_se")
    elif attention == "cbam":
        y = _cbam(y, f"{name}_cbam")
    if x.shape[-1] != channels:
        x = convolve(x, channels, 1, f"{name}_shortcut", _NORM, relu=False)
    return keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=f"{name}_add")([y, x]))


def _squeeze_and_excitation(x: Any, name: str) -> Any:
    """Weigh each channel by a small network on the means of all channels: [batch, h, w, c] in and out."""
    import keras

    channels = x.shape[-1]
    y = keras.layers.GlobalAveragePooling2D(name=f"{name}_squeeze")(x)
    y = keras.layers.Dense(max(1, channels // _REDUCTION), "relu", use_bias=False, name=f"{name}_reduce")(y)
    y = keras.layers.Dense(channels, "sigmoid", use_bias=False, name=f"{name}_expand")(y)
    y = keras.layers.Reshape((1, 1, channels), name=f"{name}_reshape")(y)
    return keras.layers.Multiply(name=f"{name}_scale")([x, y])


def _cbam(x: Any, name: str) -> Any:
    """Weight the channels, then the places: [batch, h, w, c] in and out."""
    import keras

    channels = x.shape[-1]
    reduce = keras.layers.Conv2D(
        max(1, channels // _REDUCTION), 1, activation="relu", use_bias=False, name=f"{name}_reduce"
    )
    expand = keras.layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_expand")
    mean = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_channel_mean")(x)
    largest = keras.layers.GlobalMaxPooling2D(keepdims=True, name=f"{name}_channel_max")(x)
    both = keras.layers.Add(name=f"{name}_channel_add")([expand(reduce(mean)), expand(reduce(largest))])
    weight = keras.layers.Activation("sigmoid", name=f"{name}_channel_weight")(both)
    x = keras.layers.Multiply(name=f"{name}_channel_scale")([x, weight])
    maps = [keras.ops.mean(x, axis=-1, keepdims=True), keras.ops.max(x, axis=-1, keepdims=True)]
    both = keras.layers.Concatenate(name=f"{name}_place_maps")(maps)
    weight = keras.layers.Conv2D(1, 7, padding="same", activation="sigmoid", name=f"{name}_place_weight")(both)
    return keras.layers.Multiply(name=f"{name}_place_scale")([x, weight])
