"""FULLY_CONNECTED."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ..graph import WeightAxes
from .definition import Call, Definition, Requantize, Scales, UnsupportedError
from .rounding import requantize_sums


def _fully_connected(call: Call) -> list[Any]:
    x, weights, bias = call.inputs
    if not call.options.KeepNumDims() and call.shape(0)[0] != 1 and len(call.shape(0)) > 1:
        raise UnsupportedError("a matrix product whose rows are not examples")
    rows = tf.reshape(x, (-1, weights.shape[1]))
    return call.outputs(tf.matmul(rows, weights, transpose_b=True) + bias)


def _round(scales: Scales) -> Requantize:
    steps = tf.cast(scales.weights, tf.float64) * scales.of(0)
    if steps.shape == (1,):
        steps = tf.cast(tf.cast(steps, tf.float32), tf.float64)  # one scale for all weights: the kernel has it so
    activation = scales.operator.activation
    return requantize_sums(steps, scales.output, scales.dtype, activation=activation, once=True)


DEFINITIONS = (
    Definition(
        op="FULLY_CONNECTED",
        int8_version=4,
        compute=_fully_connected,
        rounding=_round,
        weight_axes=WeightAxes(output=0, input=1),
    ),
)
