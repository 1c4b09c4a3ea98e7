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
    """Within the block, trace layers in the form for TFLite's converter, not in the form that TensorFlow can run."""
    token = _for_conversion.set(True)
    try:
        yield
    finally:
        _for_conversion.reset(token)


@keras.saving.register_keras_serializable(package="asc_kit")
class BatchNormalization(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras's batch normalization of feature maps, trained with TensorFlow's fused operator: 2 to 4 times as fast.

    Keras computes means, squared differences and products in a pass over the map each, and their gradients likewise; on
    processors that takes half of a training step. Values, gradients and running statistics are Keras's, to float32
    (tests/pipeline/test_train_layers.py).
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize NHWC values by the batch's statistics in training, otherwise by the running statistics."""
        fits = len(inputs.shape) == 4 and inputs.dtype == tf.float32 and mask is None
        # only Keras's way adds up the statistics of several replicas
        if not (training and self.trainable and fits) or self.synchronized:
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta), epsilon=self.epsilon
        )
        # the operator's variance has n - 1 in its denominator, Keras's running one n
        n = tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
        for running, value in ((self.moving_mean, mean), (self.moving_variance, variance * ((n - 1.0) / n))):
            running.assign(running * self.momentum + value * (1.0 - self.momentum))
        return outputs


@keras.saving.register_keras_serializable(package="asc_kit")
class UnequalDepthwiseConv2D(keras.layers.Layer):  # type: ignore[misc]
    """A depthwise 3x3 convolution, padding ``same``, whose strides differ: (1, 2) or (2, 1).

    TensorFlow can run a depthwise convolution with equal strides only, and compute the gradient of a grouped
    convolution only if it was built with oneDNN. So the layer convolves with stride 1 and keeps the outputs that the
    strides would reach. Within `conversion_form` it is the operator itself, which TFLite has as DEPTHWISE_CONV_2D.
    """

    def __init__(self, strides: tuple[int, int], **base: Any) -> None:
        super().__init__(**base)
        self.strides = (int(strides[0]), int(strides[1]))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the kernel: height, width, channels, multiplier 1."""
        channels = input_shape[-1]
        # Glorot's rule for a depthwise kernel counts 9 inputs and 9 * channels outputs, as in Keras's layer.
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
        return _strided_shape(input_shape, self.strides)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "strides": self.strides}


@keras.saving.register_keras_serializable(package="asc_kit")
class PaddedAveragePooling2D(keras.layers.Layer):  # type: ignore[misc]
    """A 3x3 average pool, padding ``same``, that counts its padding: the sum over the window, always divided by 9.

    Keras and TFLite divide by the number of values without padding. The published CP-Mobile divides by 9, which
    makes its shortcut weaker along the edges, by a third (in corners by five ninths). Within `conversion_form` it is
    a depthwise convolution with 1/9 everywhere: TFLite has no pool that counts padding, and a pool followed by a
    multiplication would round twice.
    """

    def __init__(self, strides: tuple[int, int], **base: Any) -> None:
        super().__init__(**base)
        self.strides = (int(strides[0]), int(strides[1]))

    def call(self, inputs: Any) -> Any:
        """Average: NHWC in, NHWC out."""
        height, width, channels = inputs.shape[1:]
        if _for_conversion.get():
            kernel = tf.fill((3, 3, channels, 1), tf.constant(1.0 / 9.0, inputs.dtype))
            strides = [1, *self.strides, 1]
            return tf.raw_ops.DepthwiseConv2dNative(input=inputs, filter=kernel, strides=strides, padding="SAME")
        pads = [_same_padding(n, s) for n, s in zip((height, width), self.strides, strict=True)]
        padded = tf.pad(inputs, [(0, 0), *pads, (0, 0)])
        return tf.nn.avg_pool2d(padded, 3, self.strides, "VALID")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape after padding ``same``: each side divided by its stride, rounded up."""
        return _strided_shape(input_shape, self.strides)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "strides": self.strides}


def _same_padding(side: int, stride: int) -> tuple[int, int]:
    """Return how many zeros padding ``same`` puts before and after a side, for windows of 3."""
    total = max((-(-side // stride) - 1) * stride + 3 - side, 0)
    return total // 2, total - total // 2


def _strided_shape(shape: tuple[int | None, ...], strides: tuple[int, int]) -> tuple[int | None, ...]:
    batch, height, width, channels = shape
    sides = [None if n is None else -(-n // s) for n, s in zip((height, width), strides, strict=True)]
    return (batch, *sides, channels)


@keras.saving.register_keras_serializable(package="asc_kit")
class PlusConv2D(keras.layers.Layer):  # type: ignore[misc]
    """The convolution of deep space separable distillation: weigh each channel, then spread it along both axes.

    A 1x1 convolution of each channel, or of each pair of channels into one; then, added up, a depthwise 3x1 and a
    depthwise 1x3 convolution, dilation 2, padding ``same``, none with a bias.

    Formula: with u the weighed channel, a the taps along the rows and b those along the columns,
    y[h, w] = sum over i in -1, 0, 1 of a[i] u[h + 2 i, w] + b[i] u[h, w + 2 i]. That is one depthwise 3x3 convolution
    whose kernel is zero but for a plus. The weight of a single channel is part of that kernel too.

    Within `conversion_form` it is that depthwise convolution (after a grouped 1x1 one for pairs), so that batch
    normalization after it folds into its kernel. Dilation and groups are slow in TensorFlow on processors or have no
    gradient: in training, rows 2 h and 2 h + 1 stand side by side as one row, and columns 2 w and 2 w + 1 in
    one another's channels, both without moving a value; then a dilation of 2 is one of 1. Error: 1e-5 of the largest
    value, outputs and gradients (tests/pipeline/test_train_layers.py).
    Source: K. Wang, Y. Wu, Y. Li, DCASE 2023 Task 1 (2023), figures 2 and 3, and the code published with it.
    """

    def __init__(self, halves: bool = False, **base: Any) -> None:
        super().__init__(**base)
        self.halves = halves
        """Whether two channels become one."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights: channel [inputs per output, outputs], rows and columns [3, outputs]."""
        inputs = input_shape[-1]
        if inputs is None or (self.halves and inputs % 2):
            raise ValueError(f"{self.name} needs a known number of channels, even for pairs. Received: {inputs}")
        group = 2 if self.halves else 1
        self.outputs = inputs // group
        # the bounds are those of the published code's framework: 1 / sqrt(inputs of an output)
        for name, taps in (("channel", group), ("rows", 3), ("columns", 3)):
            uniform = keras.initializers.RandomUniform(-(taps**-0.5), taps**-0.5)
            setattr(self, name, self.add_weight(name=name, shape=(taps, self.outputs), initializer=uniform))

    def call(self, inputs: Any) -> Any:
        """Convolve: NHWC in, NHWC out."""
        if _for_conversion.get():
            return self._as_converted(inputs)
        if self.halves:
            # channels 2 g and 2 g + 1 make channel g: in column g of the matrix only those two rows are not zero
            own = tf.repeat(tf.eye(self.outputs, dtype=inputs.dtype), 2, axis=0)
            weights = tf.reshape(tf.transpose(self.channel), (-1, 1))
            inputs = tf.matmul(inputs, own * weights)
            return _spread(inputs, tf.convert_to_tensor(self.rows), tf.convert_to_tensor(self.columns))
        return _spread(inputs, self.rows * self.channel, self.columns * self.channel)

    def _as_converted(self, inputs: Any) -> Any:
        rows, columns = tf.convert_to_tensor(self.rows), tf.convert_to_tensor(self.columns)
        none = tf.zeros_like(rows[0])
        taps = [none, rows[0], none, columns[0], rows[1] + columns[1], columns[2], none, rows[2], none]
        kernel = tf.reshape(tf.stack(taps), (3, 3, self.outputs, 1))
        if self.halves:
            grouped = tf.reshape(self.channel, (1, 1, 2, self.outputs))
            inputs = tf.raw_ops.Conv2D(input=inputs, filter=grouped, strides=[1, 1, 1, 1], padding="SAME")
        else:
            kernel = kernel * tf.reshape(self.channel, (1, 1, self.outputs, 1))
        return tf.raw_ops.DepthwiseConv2dNative(
            input=inputs, filter=kernel, strides=[1, 1, 1, 1], dilations=[1, 2, 2, 1], padding="SAME"
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the input's shape, with half of the channels for pairs."""
        channels = input_shape[-1]
        return (*input_shape[:-1], channels // 2 if self.halves and channels else channels)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**super().get_config(), "halves": self.halves}


def _spread(u: Any, rows: Any, columns: Any) -> Any:
    """Convolve along the rows' axis and along the columns', dilation 2: [batch, h, w, c], taps [3, c]."""
    height, width, channels = u.shape[1:]
    odd_height, odd_width = height % 2, width % 2
    if odd_height or odd_width:
        u = tf.pad(u, [[0, 0], [0, odd_height], [0, odd_width], [0, 0]])
    h, w = height + odd_height, width + odd_width
    ones = (1, 1, 1, 1)
    by_row = tf.reshape(u, (-1, h // 2, 2 * w, channels))
    by_row = tf.nn.depthwise_conv2d(by_row, tf.reshape(rows, (3, 1, channels, 1)), ones, "SAME")
    by_column = tf.reshape(u, (-1, h, w // 2, 2 * channels))
    both = tf.reshape(tf.concat([columns, columns], 1), (1, 3, 2 * channels, 1))
    by_column = tf.nn.depthwise_conv2d(by_column, both, ones, "SAME")
    y = tf.reshape(by_row, (-1, h, w, channels)) + tf.reshape(by_column, (-1, h, w, channels))
    return y[:, :height, :width] if odd_height or odd_width else y
