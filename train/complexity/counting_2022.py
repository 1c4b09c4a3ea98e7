"""Multiply-accumulates of a Keras network by the tool of DCASE 2022, which counted networks converted to TFLite.

Formula: a convolution takes its weights, without biases, times the height and width of its output; a pool the
elements it reads, once per window; a mean the elements it reads; a sum its elements, once per addition; a dense layer
its outputs times the last axis of its input. Other layers take nothing: conversion folds batch normalization.
The converter of that year dropped the RESHAPE between feature map and dense layer. So the tool saw a map of (2, 1, 32)
where the dense layer of the baseline reads 64 values, and counted 32 of them. Its published total, 29,234,920, includes
that error; so does this count, which ignores reshapes before a dense layer. Source: the table published with the
baseline of DCASE 2022 Task 1, and the counting rules of its tool, NeSsi.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

_TAPS = 9
"""Weights of a 3x3 window."""


def macs_of_2022(node: Any) -> int:
    """Count one use of a layer or operation in a functional Keras model: a node of it."""
    import keras

    from ..layers import PaddedAveragePooling2D, PlusConv2D, UnequalDepthwiseConv2D

    layer = node.operation
    read, written = _elements(node.input_tensors[0]), _elements(node.output_tensors[0])
    if isinstance(layer, (keras.layers.DepthwiseConv2D, UnequalDepthwiseConv2D)):
        return written * _product(layer.kernel.shape[:2])
    if isinstance(layer, (keras.layers.Conv1D, keras.layers.Conv2D)):
        return written * _product(layer.kernel.shape[:-1])
    if isinstance(layer, PlusConv2D):
        # when converted, it is a depthwise 3x3 convolution, preceded by a 1x1 convolution for pairs of channels
        return written * (_TAPS + (2 if layer.halves else 0))
    if isinstance(layer, (keras.layers.AveragePooling2D, keras.layers.MaxPooling2D)):
        return written * _product(layer.pool_size)
    if isinstance(layer, PaddedAveragePooling2D):
        return written * _TAPS
    # an operation that is no layer has no public class
    if isinstance(layer, keras.layers.GlobalAveragePooling2D) or type(layer).__name__ == "Mean":
        return read
    if isinstance(layer, keras.layers.Add):
        return written * (len(node.input_tensors) - 1)
    if isinstance(layer, keras.layers.Dense):
        return written * int(_before_reshape(node.input_tensors[0]).shape[-1])
    return 0


def _elements(tensor: Any) -> int:
    return _product(tensor.shape[1:])


def _product(sizes: Iterable[Any]) -> int:
    return math.prod(int(size) for size in sizes)


def _before_reshape(tensor: Any) -> Any:
    """Return the tensor that this tensor merely reshapes."""
    import keras

    only_shape = (keras.layers.Flatten, keras.layers.Reshape, keras.layers.Dropout)
    history = tensor._keras_history
    while isinstance(history.operation, only_shape):
        tensor = history.operation._inbound_nodes[history.node_index].input_tensors[0]
        history = tensor._keras_history
    return tensor
