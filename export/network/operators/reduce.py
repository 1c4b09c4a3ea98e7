"""MEAN and REDUCE_MAX."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ..graph import Network, Operator
from .definition import Call, Definition, Requantize, Scales, pass_on
from .rounding import Multiplier


def _reduce(function: Callable[..., Any]) -> Callable[[Call], list[Any]]:
    def compute_it(call: Call) -> list[Any]:
        rank = len(call.shape(0))
        axes = [axis % rank for axis in call.constant(1)]
        batch = call.shape(0)[0] == 1
        # a batch of 1 may be reduced without any effect
        kept = [call.axis(axis) for axis in axes if not (batch and axis == 0)]
        return call.outputs(function(call.x, axis=kept, keepdims=True) if kept else call.x)

    return compute_it


def _mean(x: Any, axis: list[int], keepdims: bool) -> Any:
    """Return means along axes, one after the other: sums of few numbers, of which float32 loses less."""
    for number in axis:
        x = tf.reduce_mean(x, axis=number, keepdims=keepdims)
    return x


def _round_means(scales: Scales) -> Requantize:
    """Return the rounding of means: equation (21)."""
    tensors, operator = scales.network.tensors, scales.operator
    source, target = tensors[operator.inputs[0]], tensors[operator.output]
    count, scale = math.prod(source.shape) // math.prod(target.shape), scales.of(0)
    multiplier = Multiplier.of_mean(scale / scales.output, count).to(scales.dtype)
    return lambda value, _: multiplier.scaled(tf.cast(tf.round(value * (count / scale)), scales.dtype))


def _leaves_channels(network: Network, operator: Operator) -> bool:
    """Tell whether the last axis, the channels, is not reduced."""
    rank = len(network.tensors[operator.inputs[0]].shape)
    return rank - 1 not in (int(axis) % rank for axis in network.constant(operator.inputs[1]).flat)


DEFINITIONS = (
    Definition(
        op="MEAN",
        int8_version=2,
        compute=_reduce(_mean),
        rounding=_round_means,
        passes_channels=_leaves_channels,
    ),
    Definition(op="REDUCE_MAX", int8_version=2, compute=_reduce(tf.reduce_max), rounding=pass_on, shared_scale=True),
)
