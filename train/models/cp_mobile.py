"""CP-Mobile, simplified as in the DCASE 2024 Task 1 baseline: inverted residual blocks on log-mel features.

Sources: F. Schmid, T. Morocutti, S. Masoudian, K. Koutini, G. Widmer, *CP-JKU submission to DCASE23: efficient
acoustic scene classification with CP-Mobile* (2023); layer table of the DCASE 2024 Task 1 baseline.

Padding is TensorFlow's ``same``. The published system pads symmetrically; on the mel axis, where strides of 2 meet
even sizes, ``same`` shifts the sampling grid by one band. With mirrored bands and mirrored kernels the network
computes exactly the published form (tests/pipeline/test_cp_mobile_published.py, to 1e-5), so the family of functions
is the same, as are all shapes and counts, and the converted graph needs no PAD operators. On the time axis (odd
sizes) the two are equal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from asc_kit.records.fields import Name
from asc_kit.records.record import STRICT

from ..blocks import Normalization, convolve, normalize

Stride = Annotated[int, Field(ge=1, le=2)]

_NORM = Normalization(epsilon=1e-5, momentum=0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Size of the network; the defaults are the baseline's."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    base_channels: Annotated[int, Field(ge=8, le=512)] = 32
    """Channels of the first stage."""
    channel_multiplier: Annotated[float, Field(gt=0, le=64)] = 1.8
    """Factor of the channels from stage to stage; all channels are multiples of 8."""
    expansion: Annotated[float, Field(gt=0, le=64)] = 2.1
    """Factor from a block's input channels to its inner channels."""
    blocks: Annotated[tuple[Annotated[int, Field(ge=1, le=1000)], ...], Field(max_length=100)] = (3, 2, 1)
    """Blocks per stage."""
    count_padding: bool = True
    """Whether the average on a strided shortcut counts the padding (divisor 9, as published)."""
    strides: Annotated[dict[Name, tuple[Stride, Stride]], Field(max_length=1000)] | None = None
    """Strides (mel, time) of blocks b1, b2 …; None for the baseline's: b3 (1, 2), b4 (2, 1); 1 elsewhere."""


_BASELINE_STRIDES = {"b3": (1, 2), "b4": (2, 1)}


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
        float32 [batch, n_mels, frames, channels] in, logits [batch, n_labels] out. Layers are named by the rows of the
        baseline's table: ``in_c0_conv``, ``b1_expand_bn`` …
    """
    import keras

    strides = settings.strides if settings.strides is not None else _BASELINE_STRIDES
    channels = [_multiple_of_8(settings.base_channels)]
    channels += [
        _multiple_of_8(settings.base_channels * settings.channel_multiplier**i) for i in range(len(settings.blocks))
    ]

    features = x = keras.Input(input_shape, name="features")
    x = convolve(x, channels[0] // 4, 3, "in_c0", _NORM, strides=2)
    x = convolve(x, channels[0], 3, "in_c1", _NORM, strides=2)
    number = 0
    for stage, n_blocks in enumerate(settings.blocks):
        for _ in range(n_blocks):
            number += 1
            name = f"b{number}"
            x = _block(x, channels[stage + 1], settings, strides.get(name, (1, 1)), name)
    x = keras.layers.Conv2D(n_labels, 1, use_bias=False, name="classifier_conv")(x)
    x = normalize(x, "classifier", _NORM, relu=False)
    logits = keras.layers.GlobalAveragePooling2D(name="logits")(x)
    return keras.Model(features, logits, name="cp_mobile")


def _block(x: Any, channels: int, settings: Settings, strides: tuple[int, int], name: str) -> Any:
    """Expand 1x1, depthwise 3x3, project 1x1; a shortcut if the channels stay, averaged if it strides."""
    import keras

    shortcut = x
    y = convolve(x, _multiple_of_8(x.shape[-1] * settings.expansion), 1, f"{name}_expand", _NORM)
    y = _depthwise(y, strides, f"{name}_depthwise")
    y = convolve(y, channels, 1, f"{name}_project", _NORM, relu=False)
    if shortcut.shape[-1] == channels:
        if strides != (1, 1):
            shortcut = _average(shortcut, strides, settings.count_padding, f"{name}_average")
        y = keras.layers.Add(name=f"{name}_add")([y, shortcut])
    return keras.layers.ReLU(name=f"{name}_relu")(y)


def _average(x: Any, strides: tuple[int, int], count_padding: bool, name: str) -> Any:
    import keras

    from ..layers import PaddedAveragePooling2D

    if count_padding:
        return PaddedAveragePooling2D(strides, name=name)(x)
    return keras.layers.AveragePooling2D(3, strides, padding="same", name=name)(x)


def _depthwise(x: Any, strides: tuple[int, int], name: str) -> Any:
    import keras

    if strides[0] == strides[1]:
        layer = keras.layers.DepthwiseConv2D(3, strides, padding="same", use_bias=False, name=f"{name}_conv")
    else:
        from ..layers import UnequalDepthwiseConv2D

        layer = UnequalDepthwiseConv2D(strides, name=f"{name}_conv")
    return normalize(layer(x), name, _NORM)


def _multiple_of_8(channels: float) -> int:
    """Round to the nearest multiple of 8, at least 8, but never down by more than 10 %."""
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded
