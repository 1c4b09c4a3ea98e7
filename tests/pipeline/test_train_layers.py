"""Layers that Keras lacks, against arithmetic written out here: the form that trains and the one that converts."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from asc_kit.train.layers import (
    BatchNormalization,
    PaddedAveragePooling2D,
    PlusConv2D,
    UnequalDepthwiseConv2D,
    conversion_form,
)

SIDES = [(8, 9), (7, 6), (5, 5), (4, 4)]
# 3 x 3 at most, and sides of one or two: smaller than the window's reach of 5
SMALL_SIDES = [(2, 8), (1, 3), (3, 1)]


def padded_windows(x: np.ndarray, strides: tuple[int, int]) -> np.ndarray:
    """Return all 3x3 windows by TensorFlow's rule for padding ``same``: [batch, h', w', channels, 3, 3]."""
    _, *sides, _ = x.shape
    outs = [-(-n // s) for n, s in zip(sides, strides, strict=True)]
    pads = [max((o - 1) * s + 3 - n, 0) for n, s, o in zip(sides, strides, outs, strict=True)]
    padded = np.pad(x, [(0, 0), *((p // 2, p - p // 2) for p in pads), (0, 0)])
    views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return views[:, :: strides[0], :: strides[1]]


def plus(x: np.ndarray, layer: PlusConv2D) -> np.ndarray:
    """Deep space separable convolution, one tap at a time, in float64."""
    channel, rows, columns = (np.asarray(weight, np.float64) for weight in (layer.channel, layer.rows, layer.columns))
    size = len(channel)
    u = sum(x[..., i::size] * channel[i] for i in range(size))
    y = np.zeros_like(u)
    _, height, width, _ = u.shape
    for tap, step in enumerate((-2, 0, 2)):
        for h in range(height):
            if 0 <= h + step < height:
                y[:, h] += rows[tap] * u[:, h + step]
        for w in range(width):
            if 0 <= w + step < width:
                y[:, :, w] += columns[tap] * u[:, :, w + step]
    return y


def as_converted(layer: Any, x: np.ndarray) -> np.ndarray:
    """Run a layer through TFLite's converter and reference kernels, in float32."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    @tf.function(input_signature=[tf.TensorSpec(x.shape, tf.float32)])
    def serve(features: Any) -> Any:
        with conversion_form():
            return layer(features)

    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    flatbuffer = tf.lite.TFLiteConverter.from_concrete_functions([frozen]).convert()
    interpreter = Interpreter(
        model_content=flatbuffer, experimental_op_resolver_type=OpResolverType.BUILTIN_REF, num_threads=1
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    result: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return result


def sample(sides: tuple[int, int], channels: int, batch: int = 2) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(batch, *sides, channels)).astype(np.float32)


def norm_pair(channels: int) -> list[Any]:
    """Return our batch normalization and Keras's, with the same weights, none of them as they begin."""
    rng = np.random.default_rng(3)
    weights = [rng.uniform(0.5, 2, channels) for _ in range(4)]
    layers = [kind(epsilon=1e-3, momentum=0.9) for kind in (BatchNormalization, keras.layers.BatchNormalization)]
    for layer in layers:
        layer.build((None, None, None, channels))
        layer.set_weights(weights)
    return layers


@pytest.mark.parametrize("shape", [(4, 7, 5, 3), (1, 2, 1, 3)])
def test_batch_normalization_is_that_of_keras(shape: tuple[int, ...]) -> None:
    x = tf.constant(np.random.default_rng(0).normal(2, 3, size=shape).astype(np.float32))
    weight = tf.constant(np.random.default_rng(1).normal(size=shape).astype(np.float32))
    results = []
    for layer in norm_pair(3):
        with tf.GradientTape() as tape:
            tape.watch(x)
            outputs = layer(x, training=True)
            loss = tf.reduce_sum(outputs * weight)
        gradients = tape.gradient(loss, [x, layer.gamma, layer.beta])
        running = [layer.moving_mean, layer.moving_variance]
        results.append([np.asarray(value) for value in (outputs, *gradients, *running, layer(x, training=False))])
    assert np.abs(results[0][-3] - 1).max() > 0.1, "the running statistics have moved"
    for ours, theirs in zip(*results, strict=True):
        assert np.abs(ours - theirs).max() < 1e-5 * max(1, np.abs(theirs).max())


def test_batch_normalization_that_is_frozen_stays() -> None:
    layer, _ = norm_pair(3)
    layer.trainable = False
    before = [np.array(weight) for weight in layer.weights]
    x = sample((4, 4), 3)
    assert np.array_equal(np.asarray(layer(x, training=True)), np.asarray(layer(x, training=False)))
    for weight, value in zip(layer.weights, before, strict=True):
        assert np.array_equal(weight, value)


@pytest.mark.parametrize("strides", [(1, 2), (2, 1)])
@pytest.mark.parametrize("sides", SIDES)
def test_unequal_strides(strides: tuple[int, int], sides: tuple[int, int]) -> None:
    x, layer = sample(sides, 3), UnequalDepthwiseConv2D(strides)
    actual = np.asarray(layer(x))
    expected = np.einsum("bhwcij,ijc->bhwc", padded_windows(x, strides), np.asarray(layer.kernel)[..., 0])
    assert layer.compute_output_shape(x.shape) == expected.shape
    assert np.abs(actual - expected).max() < 1e-6


def test_unequal_strides_have_a_gradient() -> None:
    layer = UnequalDepthwiseConv2D((1, 2))
    x = tf.random.stateless_normal((2, 6, 6, 4), (1, 2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x) ** 2)
    for gradient in tape.gradient(loss, [x, layer.kernel]):
        assert float(tf.reduce_max(tf.abs(gradient))) > 0


@pytest.mark.parametrize("strides", [(1, 2), (2, 1), (2, 2)])
@pytest.mark.parametrize("sides", SIDES)
def test_an_average_that_counts_padding(strides: tuple[int, int], sides: tuple[int, int]) -> None:
    x, layer = sample(sides, 3), PaddedAveragePooling2D(strides)
    expected = padded_windows(x, strides).sum((-1, -2)) / 9
    assert layer.compute_output_shape(x.shape) == expected.shape
    assert layer.weights == []
    assert np.abs(np.asarray(layer(x)) - expected).max() < 1e-6


def test_the_form_of_the_average_for_the_converter() -> None:
    x, layer = sample((8, 9), 3, batch=1), PaddedAveragePooling2D((1, 2))
    assert np.abs(as_converted(layer, x) - np.asarray(layer(x))).max() < 1e-6


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("sides", [*SIDES, *SMALL_SIDES])
def test_plus_is_three_convolutions(halves: bool, sides: tuple[int, int]) -> None:
    x, layer = sample(sides, 6), PlusConv2D(halves)
    actual = np.asarray(layer(x))
    expected = plus(x.astype(np.float64), layer)
    assert layer.compute_output_shape(x.shape) == expected.shape == actual.shape
    assert np.abs(actual - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("sides", [(6, 8), (5, 7)])
def test_gradients_of_plus(halves: bool, sides: tuple[int, int]) -> None:
    x, layer = tf.constant(sample(sides, 6)), PlusConv2D(halves)
    weight = tf.constant(np.random.default_rng(1).normal(size=layer(x).shape).astype(np.float32))
    variables = [layer.channel, layer.rows, layer.columns]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        loss = tf.reduce_sum(layer(x) * weight)
        # the published three layers, as TensorFlow has them: slow, but with gradients of their own
        size = layer.channel.shape[0]
        u = sum(x[..., i::size] * layer.channel[i] for i in range(size))
        kernels = [
            (tf.reshape(taps, (*shape, layer.outputs, 1)), shape)
            for taps, shape in ((layer.rows, (3, 1)), (layer.columns, (1, 3)))
        ]
        spread = [
            tf.nn.depthwise_conv2d(u, kernel, (1, 1, 1, 1), "SAME", dilations=[2 if n == 3 else 1 for n in shape])
            for kernel, shape in kernels
        ]
        expected_loss = tf.reduce_sum((spread[0] + spread[1]) * weight)
    actual = tape.gradient(loss, [x, *variables])
    expected = tape.gradient(expected_loss, [x, *variables])
    for one, other in zip(actual, expected, strict=True):
        assert np.abs(other).max() > 0.1
        assert np.abs(np.asarray(one) - np.asarray(other)).max() < 1e-5 * np.abs(other).max()


@pytest.mark.parametrize("halves", [False, True])
@pytest.mark.parametrize("sides", [(6, 8), (5, 7), (1, 3)])
def test_the_form_of_plus_for_the_converter(halves: bool, sides: tuple[int, int]) -> None:
    x, layer = sample(sides, 6, batch=1), PlusConv2D(halves)
    expected = np.asarray(layer(x))
    assert np.abs(as_converted(layer, x) - expected).max() < 1e-5 * np.abs(expected).max()


def test_plus_refuses_an_odd_channel() -> None:
    with pytest.raises(ValueError, match="even for pairs. Received: 5"):
        PlusConv2D(True).build((None, 4, 4, 5))


@pytest.mark.parametrize(
    "layer", [BatchNormalization(), PlusConv2D(True), PaddedAveragePooling2D((2, 1)), UnequalDepthwiseConv2D((1, 2))]
)
def test_layers_survive_saving(layer: Any, tmp_path: Path) -> None:
    features = keras.Input((6, 5, 4))
    model = keras.Model(features, layer(features))
    model.save(tmp_path / "model.keras")
    x = sample((6, 5), 4)
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert np.array_equal(np.asarray(loaded(x)), np.asarray(model(x)))
