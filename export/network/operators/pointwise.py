"""Functions of one element."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from ..affine import Affine
from .definition import Call, Definition, Requantize, Rounding, Scales, round_once
from .rounding import RELU, RELU6, requantize_sums


def _pointwise(function: Callable[[Any], Any]) -> Callable[[Call], list[Any]]:
    return lambda call: [function(call.x)]


def _leaky_relu(call: Call) -> list[Any]:
    return [tf.nn.leaky_relu(call.x, call.options.Alpha())]


def _clip(activation: int) -> Rounding:
    """Return the rounding of RELU and RELU6: the input is a sum of one."""

    def rounding(scales: Scales) -> Requantize:
        steps = tf.constant([scales.of(0)], tf.float64)
        return requantize_sums(steps, scales.output, scales.dtype, activation=activation)

    return rounding


def _round_logistic(scales: Scales) -> Requantize | None:
    """Return the rounding of probabilities: equation (23), in float32 as the kernel does."""

    def requantize(_value: Any, inputs: Sequence[Any]) -> Any:
        exponential = tf.cast(tf.exp(-tf.cast(inputs[0], tf.float64)), tf.float32)
        return tf.floor(256.0 / (1.0 + exponential) + 0.5)

    return requantize if scales.exact else None


DEFINITIONS = (
    Definition(
        op="HARD_SWISH",
        int8_version=1,
        compute=_pointwise(lambda x: x * tf.nn.relu6(x + 3.0) / 6.0),
        rounding=round_once,
    ),
    Definition(op="LEAKY_RELU", int8_version=2, compute=_leaky_relu, rounding=round_once),
    Definition(
        op="LOGISTIC",
        int8_version=2,
        compute=_pointwise(tf.sigmoid),
        rounding=_round_logistic,
        # probabilities in [0, 1)
        fixed_output=Affine(scale=1 / 256, zero_point=-128),
    ),
    Definition(op="RELU", int8_version=2, compute=_pointwise(tf.nn.relu), rounding=_clip(RELU)),
    Definition(op="RELU6", int8_version=2, compute=_pointwise(tf.nn.relu6), rounding=_clip(RELU6)),
    Definition(
        op="TANH",
        int8_version=2,
        compute=_pointwise(tf.tanh),
        rounding=round_once,
        # values in [-1, 1)
        fixed_output=Affine(scale=1 / 128, zero_point=0),
    ),
)
