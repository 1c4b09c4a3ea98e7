"""Layers that Keras lacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras
import tensorflow as tf

_for_conversion = ContextVar("_for_conversion", default=False)


@contextmanager
def conversion_form() -> Iterator[None]:
    """Within the block, layers are traced as TFLite's converter wants them, not as TensorFlow can run them."""
    token = _for_conversion.set(True)
    try:
        yield
    finally:
        _for_conversion.reset(token)


@keras.saving.register_keras_serializable(package="asc_kit")
class UnequalDepthwiseConv2D(keras.layers.Layer):  # type: ignore[misc]
    """A depthwise 3x3 convolution, padding ``same``, whose strides differ: (1, 2) or (2, 1).

    TensorFlow can run a depthwise convolution with equal strides only, and the gradient of a grouped one only where
    it was built with oneDNN. So the layer convolves with stride 1 and keeps the outputs that the strides would
    reach. Within `conversion_form` it is the operator itself, which TFLite has as DEPTHWISE_CONV_2D.
    """

    def __init__(self, strides: tuple[int, int], **base: Any) -> None:
        super().__init__(**base)
        self.strides = (int(strides[0]), int(strides[1]))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the kernel: height, width, channels, multiplier 1."""
        channels = input_shape[-1]
        # Glorot's rule for a depthwise kernel counts 9 inputs and 9 * channels outputs, as Keras does for its own.
        limit = (6.0 / (9 + 9 * channels)) ** 0.5 if channels else 0.0
        self.kernel = self.add_weight(
            name="kernel",
            shape=(3, 3, channels, 1),
            initializer=keras.initializers.RandomUniform(-limit, limit),
        )

    def call(self, inputs: Any) -> Any:
        """Convolve: NHWC in, NHWC out."""
        if _for_conversion.get():
            strides = [1, *self.strides, 1]
            return tf.raw_ops.DepthwiseConv2dNative(input=inputs, filter=self.kernel, strides=strides, padding="SAME")
        outputs = tf.nn.depthwise_conv2d(inputs, self.kernel, (1, 1, 1, 1), "SAME")
        # SAME pads an even side, stride 2, after its end only: the first window is then centred on element 1
        firsts = [1 if s == 2 and n % 2 == 0 else 0 for n, s in zip(inputs.shape[1:3], self.strides, strict=True)]
        return outputs[:, firsts[0] :: self.strides[0], firsts[1] :: self.strides[1]]

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape after padding ``same``: each side divided by its stride, rounded up."""
        batch, height, width, channels = input_shape
        sides = [None if n is None else -(-n // s) for n, s in zip((height, width), self.strides, strict=True)]
        return (batch, *sides, channels)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "strides": self.strides}
