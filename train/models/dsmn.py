"""DSMN: deep space separable distillation with two tasks, as entered in DCASE 2023 Task 1 (models 1 to 4).

Five blocks. Each passes its input through three plus-shaped convolutions (`PlusConv2D`), the third with half of the
channels, and adds earlier stages beside them by 1x1 convolutions; then it weighs the channels (ECA), mixes them and
pools. A block that *splits* processes the lower half of the mel bands and adds the upper half, so that the bands halve;
other blocks keep all bands and concatenate. The classifier sees the means of blocks 2 to 5. A second head learns the
coarse classes indoor, outdoor and transport; deployment leaves it out.

Sources: K. Wang, Y. Wu, Y. Li, *Low-complexity acoustic scene classification using deep space separable distillation
module and multi-label learning*, DCASE 2023 Task 1 (2023), with the code published beside it; Q. Wang et al., *ECA-Net:
efficient channel attention for deep convolutional neural networks* (2020).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from asc_kit.errors import SpecError
from asc_kit.records.fields import MAX_LABELS, Size
from asc_kit.records.record import STRICT

from ..blocks import Normalization, normalize

EvenSize = Annotated[int, Field(ge=2, le=1 << 16, multiple_of=2)]

_NORM = Normalization(epsilon=1e-5, momentum=0.9)
_ECA_SIZE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Size of the network; the defaults are model 1's."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    stem_channels: EvenSize = 16
    """Channels of the 1x1 convolution that the network begins with."""
    channels: tuple[EvenSize, EvenSize, EvenSize, EvenSize, EvenSize] = (24, 32, 64, 64, 64)
    """Output channels of the five blocks."""
    split: tuple[bool, bool, bool, bool, bool] = (True, True, True, True, True)
    """Which blocks split the mel bands."""
    dense_units: Size = 100
    """Width of the layer before the classifier."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Share of its values that training drops."""
    coarse_outputs: Annotated[int, Field(ge=0, le=MAX_LABELS)] = 3
    """Outputs of the head that learns the coarse classes; 0 for a network without it."""


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
        float32 [batch, frames, n_mels, channels] in; out logits [batch, n_labels] and, only for training, logits
        ``coarse`` [batch, coarse_outputs].

    Raises
    ------
    SpecError
        If the blocks leave nothing of the features, or if a block has an odd number of bands to split.
    """
    _check_sides(settings, input_shape)
    import keras

    features = keras.Input(input_shape, name="features")
    x = keras.layers.Conv2D(settings.stem_channels, 1, name="stem_conv")(features)
    means = []
    for number, (channels, split) in enumerate(zip(settings.channels, settings.split, strict=True), start=1):
        x = _block(x, channels, split, f"b{number}")
        if number > 1:
            means.append(keras.layers.GlobalAveragePooling2D(name=f"b{number}_mean")(x))
    x = keras.layers.Concatenate(name="means")(means)
    x = keras.layers.Dense(settings.dense_units, "relu", name="dense")(x)
    x = keras.layers.Dropout(settings.dropout, name="dropout")(x)
    outputs = [keras.layers.Dense(n_labels, name="logits")(x)]
    if settings.coarse_outputs:
        outputs.append(keras.layers.Dense(settings.coarse_outputs, name="coarse")(x))
    return keras.Model(features, outputs if len(outputs) > 1 else outputs[0], name="dsmn")


def _check_sides(settings: Settings, input_shape: tuple[int, int, int]) -> None:
    frames, bands = input_shape[:2]
    for number, split in enumerate(settings.split, start=1):
        if split and bands % 2:
            raise SpecError(
                f"dsmn: block {number} has {bands} mel bands to split in two. Received: {input_shape[1]} bands",
                hint="set n_mels to a multiple of 32",
            )
        frames, bands = frames // 2, bands // 2
    if not frames or not bands:
        raise SpecError(
            f"dsmn needs features of 32 frames and 32 mel bands or more. Received: {input_shape[0]} x {input_shape[1]}",
            hint="raise n_mels or clip_samples, or lower hop_length",
        )


def _block(x: Any, channels: int, split: bool, name: str) -> Any:
    import keras

    inputs = x.shape[-1]
    lower = x
    if split:
        lower, upper = keras.ops.split(x, 2, axis=2)
    first = _plus(lower, False, f"{name}_plus1")
    third = _plus(_plus(first, False, f"{name}_plus2"), True, f"{name}_plus3")
    # beside the distilled half: all of the input, and the upper bands or the output of the first convolution
    from_input = keras.layers.Conv2D(inputs // 2, 1, name=f"{name}_input_conv")(lower)
    from_other = keras.layers.Conv2D(inputs // 2, 1, name=f"{name}_other_conv")(upper if split else first)
    if split:
        y = keras.layers.Add(name=f"{name}_bands_add")([from_input, from_other])
        y = keras.layers.Add(name=f"{name}_add")([y, third])
    else:
        y = keras.layers.Concatenate(name=f"{name}_join")([from_input, from_other, third])
    y = _channel_attention(y, f"{name}_eca")
    y = normalize(keras.layers.Conv2D(channels, 1, name=f"{name}_mix_conv")(y), f"{name}_mix", _NORM)
    return keras.layers.AveragePooling2D((2, 1) if split else 2, name=f"{name}_pool")(y)


def _plus(x: Any, halves: bool, name: str) -> Any:
    from ..layers import PlusConv2D

    return normalize(PlusConv2D(halves, name=f"{name}_conv")(x), name, _NORM)


def _channel_attention(x: Any, name: str) -> Any:
    """Weigh each channel by a convolution over the channels' means: [batch, h, w, c] in and out."""
    import keras

    channels = x.shape[-1]
    y = keras.layers.GlobalAveragePooling2D(name=f"{name}_mean")(x)
    y = keras.layers.Reshape((channels, 1), name=f"{name}_line")(y)
    y = keras.layers.Conv1D(1, _ECA_SIZE, padding="same", use_bias=False, activation="sigmoid", name=f"{name}_conv")(y)
    y = keras.layers.Reshape((1, 1, channels), name=f"{name}_weights")(y)
    return keras.layers.Multiply(name=f"{name}_scale")([x, y])
