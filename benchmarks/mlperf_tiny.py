"""Networks with the shapes of MLPerf Tiny's image, person and anomaly models, to be given random weights.

Layers as in the benchmark's reference models (version 1.1): the real files have other weights, and the same work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

NETWORKS = {"mlperf_image": 12_501_632, "mlperf_person": 7_489_664, "mlperf_anomaly": 264_192}
"""Names, and multiply-accumulates of convolutions and dense layers."""


def build(name: str) -> Any:
    """Return a Keras model with initial weights."""
    makers: dict[str, Callable[[], Any]] = {
        "mlperf_image": _resnet_8,
        "mlperf_person": _mobilenet_v1,
        "mlperf_anomaly": _autoencoder,
    }
    return makers[name]()


def _normalized(x: Any, *, relu: bool = True) -> Any:
    from keras import layers

    x = layers.BatchNormalization()(x)
    return layers.ReLU()(x) if relu else x


def _resnet_8() -> Any:
    """Return ResNet-8 on 32 x 32 x 3, ten classes."""
    import keras
    from keras import layers

    def convolution(x: Any, filters: int, size: int, stride: int) -> Any:
        return layers.Conv2D(filters, size, strides=stride, padding="same")(x)

    source = keras.Input((32, 32, 3))
    x = _normalized(convolution(source, 16, 3, 1))
    for filters, stride in ((16, 1), (32, 2), (64, 2)):
        y = _normalized(convolution(x, filters, 3, stride))
        y = _normalized(convolution(y, filters, 3, 1), relu=False)
        shortcut = x if stride == 1 else convolution(x, filters, 1, stride)
        x = layers.ReLU()(layers.Add()([shortcut, y]))
    x = layers.Flatten()(layers.AveragePooling2D(8)(x))
    return keras.Model(source, layers.Dense(10, activation="softmax")(x))


def _mobilenet_v1() -> Any:
    """Return MobileNet v1 of width 0.25 on 96 x 96 x 3, two classes."""
    import keras
    from keras import layers

    source = keras.Input((96, 96, 3))
    x = _normalized(layers.Conv2D(8, 3, strides=2, padding="same")(source))
    for filters, stride in (
        *((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2)),
        *[(128, 1)] * 5,
        *((256, 2), (256, 1)),
    ):
        x = _normalized(layers.DepthwiseConv2D(3, strides=stride, padding="same")(x))
        x = _normalized(layers.Conv2D(filters, 1, padding="same")(x))
    x = layers.Flatten()(layers.AveragePooling2D(3)(x))
    return keras.Model(source, layers.Dense(2, activation="softmax")(x))


def _autoencoder() -> Any:
    """Return the autoencoder of 640 features."""
    import keras
    from keras import layers

    source = x = keras.Input((640,))
    for units in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        x = _normalized(layers.Dense(units)(x))
    return keras.Model(source, layers.Dense(640)(x))
