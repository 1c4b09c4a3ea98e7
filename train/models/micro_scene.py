"""Our network for microcontrollers: few plain convolutions on a coarse spectrogram, a head that knows bands.

A 5x5 convolution with stride 2, then residual blocks of one or two 3x3 convolutions and 1x1 convolutions, as in
`resnet11`, but with most channels where the feature map is small, because a layer costs its channels squared times its
places. The end averages over time and over parts of the frequency range, whose number is a setting; each part has its
place in the classifier's input. Scenes differ in the frequencies at which there is sound, and the mean over all places
of the published networks has lost those. Telling every band apart is best for the smallest network, low from high for
the larger ones; figures are in docs/recipes.md.

All operators are those that int8 engines do best: convolution, addition, maximum and average pool, a dense layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, Field

from asc_kit.errors import SpecError
from asc_kit.records.fields import Size
from asc_kit.records.record import STRICT

from ..blocks import Normalization, convolve

KernelSize = Annotated[int, Field(ge=1, le=7)]

_NORM = Normalization(epsilon=1e-5, momentum=0.9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One residual block."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    channels: Size
    """Output channels."""
    kernel_sizes: tuple[KernelSize, KernelSize] = (3, 1)
    """Height and width of its two kernels."""
    pool: bool = False
    """Whether a 2x2 maximum pool follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Size of the network; the defaults are those of recipe micro_1m."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    input_channels: Size = 8
    """Channels of the convolution that the network begins with."""
    input_kernel_size: KernelSize = 5
    """Height and width of its kernel; its stride is 2."""
    blocks: Annotated[tuple[Block, ...], Field(min_length=1, max_length=100)] = (
        Block(channels=8, pool=True),
        Block(channels=16, pool=True),
        Block(channels=32),
        Block(channels=48, kernel_sizes=(1, 1)),
    )
    """The blocks, in order."""
    classifier_bands: Annotated[int, Field(ge=0, le=1 << 12)] = 0
    """Number of parts of the mel bands that the classifier separates; 0 for all bands that the pools leave."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of values that training drops before the classifier."""


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
        If the pools leave nothing of the features, or bands that `classifier_bands` does not divide.
    """
    pools = sum(block.pool for block in settings.blocks)
    # the smallest side from which a stride of 2 (rounded up) and the pools (rounded down) leave an element
    smallest = 2 * 2**pools - 1
    if min(input_shape[:2]) < smallest:
        raise SpecError(
            f"micro_scene with {pools} pools needs features of {smallest} mel bands and frames or more. "
            f"Received: {input_shape[0]} x {input_shape[1]}",
            hint="raise n_mels or clip_samples, lower hop_length, or take pools out of the blocks",
        )
    import keras

    features = keras.Input(input_shape, name="features")
    x = convolve(features, settings.input_channels, settings.input_kernel_size, "in", _NORM, strides=2)
    for number, block in enumerate(settings.blocks, start=1):
        x = _block(x, block, f"b{number}")
    parts = settings.classifier_bands or x.shape[1]
    if x.shape[1] % parts:
        raise SpecError(
            f"micro_scene: {x.shape[1]} bands after the pools cannot be told apart in {parts} parts",
            hint=f"set classifier_bands to a divisor of {x.shape[1]}, or to 0 for all of them",
        )
    x = keras.layers.AveragePooling2D((x.shape[1] // parts, x.shape[2]), name="mean")(x)
    x = keras.layers.Flatten(name="bands")(x)
    x = keras.layers.Dropout(settings.dropout, name="dropout")(x)
    return keras.Model(features, keras.layers.Dense(n_labels, name="logits")(x), name="micro_scene")


def _block(x: Any, block: Block, name: str) -> Any:
    """Two convolutions beside a shortcut, which is a 1x1 convolution where the channels change; then the pool."""
    import keras

    first, second = block.kernel_sizes
    y = convolve(x, block.channels, first, f"{name}_first", _NORM)
    y = convolve(y, block.channels, second, f"{name}_second", _NORM, relu=False)
    if x.shape[-1] != block.channels:
        x = convolve(x, block.channels, 1, f"{name}_shortcut", _NORM, relu=False)
    x = keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=f"{name}_add")([y, x]))
    return keras.layers.MaxPooling2D(2, name=f"{name}_pool")(x) if block.pool else x
