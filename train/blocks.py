"""Layers that most networks repeat: a convolution, batch normalization, a ReLU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Normalization:
    """Settings of batch normalization."""

    epsilon: float
    """Constant added to the variance."""
    momentum: float
    """Share of the running statistics that a training step keeps; 1 less PyTorch's momentum."""


def convolve(
    x: Any,
    channels: int,
    size: int,
    name: str,
    norm: Normalization | None,
    *,
    strides: int | tuple[int, int] = 1,
    bias: bool = False,
    initializer: Any = "glorot_uniform",
    relu: bool = True,
) -> Any:
    """Convolve with a square kernel, pad to the same size, normalize.

    Parameters
    ----------
    x
        Feature map, [batch, height, width, channels].
    channels, size
        Channels of the output; side of the kernel.
    name
        Layers are named ``NAME_conv``, ``NAME_bn`` and ``NAME_relu``.
    norm
        Batch normalization; None for none.
    strides, bias, initializer As in Keras's Conv2D. relu
        Whether a ReLU follows.

    Returns
    -------
    keras.KerasTensor
        [batch, height, width, channels], sides divided by the strides.
    """
    import keras

    layer = keras.layers.Conv2D(
        channels, size, strides, padding="same", use_bias=bias, kernel_initializer=initializer, name=f"{name}_conv"
    )
    return normalize(layer(x), name, norm, relu=relu)


def normalize(x: Any, name: str, norm: Normalization | None, *, relu: bool = True) -> Any:
    """Normalize a feature map over the batch where `norm` is given, then apply a ReLU where `relu` says so."""
    import keras

    from .layers import BatchNormalization

    if norm is not None:
        x = BatchNormalization(epsilon=norm.epsilon, momentum=norm.momentum, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x) if relu else x
