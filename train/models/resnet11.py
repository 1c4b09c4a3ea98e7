"""ResNet11: five residual blocks whose receptive field stays small, as entered in DCASE 2021 Task 1a.

Sources: J. Zhang, S. Li, B. Zhu, *DCASE 2021 Challenge Task 1a technical report* (2021), table 1; K. Koutini,
H. Eghbal-zadeh, M. Dorfer, G. Widmer, *The receptive field as a regularizer in deep convolutional neural networks
for acoustic scene classification* (2019), for the family it belongs to.

The report's table leaves open how shortcuts change their channels and how the classifier looks; 1x1 convolutions
with batch normalization, and no biases anywhere, give its 83,572 trainable parameters. The softmax of the published
network is part of the loss here, as in all networks of this folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from asc_kit.errors import SpecError
from asc_kit.records import STRICT

Size = Annotated[int, Field(ge=1)]

_BN_EPSILON = 1e-5
_BN_MOMENTUM = 0.9  # of the running statistics; 0.1 in PyTorch's notation

# of each block: sizes of its two kernels, and whether a 2x2 pool follows
_BLOCKS = ((3, 1, True), (3, 3, True), (3, 1, False), (1, 1, False), (1, 1, False))
# sides that the strided convolution and the two pools leave at least one element of
_SMALLEST_SIDE = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Size of the network; the defaults are the report's."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    input_channels: Size = 32
    """Channels of the 5x5 convolution, stride 2, that the network begins with."""
    channels: tuple[Size, Size, Size, Size, Size] = (32, 32, 32, 64, 128)
    """Channels of the five blocks."""


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
        When the pools leave nothing of the features.
    """
    if min(input_shape[:2]) < _SMALLEST_SIDE:
        raise SpecError(
            f"resnet11 needs features of {_SMALLEST_SIDE} mel bands and frames or more. "
            f"Received: {input_shape[0]} x {input_shape[1]}",
            hint="raise n_mels or clip_samples, or lower hop_length",
        )
    import keras

    features = x = keras.Input(input_shape, name="features")
    x = _convolution(x, settings.input_channels, 5, 2, "in")
    for number, (channels, (first, second, pool)) in enumerate(zip(settings.channels, _BLOCKS, strict=True), start=1):
        x = _block(x, channels, (first, second), f"b{number}")
        if pool:
            x = keras.layers.MaxPooling2D(2, name=f"b{number}_pool")(x)
    x = _convolution(x, n_labels, 1, 1, "classifier", relu=False)
    return keras.Model(features, keras.layers.GlobalAveragePooling2D(name="logits")(x), name="resnet11")


def _block(x: Any, channels: int, sizes: tuple[int, int], name: str) -> Any:
    """Two convolutions beside a shortcut, which is a 1x1 convolution where the channels change."""
    import keras

    y = _convolution(x, channels, sizes[0], 1, f"{name}_first")
    y = _convolution(y, channels, sizes[1], 1, f"{name}_second", relu=False)
    if x.shape[-1] != channels:
        x = _convolution(x, channels, 1, 1, f"{name}_shortcut", relu=False)
    return keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=f"{name}_add")([y, x]))


def _convolution(x: Any, channels: int, size: int, stride: int, name: str, relu: bool = True) -> Any:
    import keras

    x = keras.layers.Conv2D(channels, size, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = keras.layers.BatchNormalization(epsilon=_BN_EPSILON, momentum=_BN_MOMENTUM, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x) if relu else x
