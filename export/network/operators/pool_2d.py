"""AVERAGE_POOL_2D and MAX_POOL_2D."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from .definition import Call, Definition, Requantize, Scales, pass_all_channels, pass_on
from .windows import padding_of


def _pool(function: Callable[..., Any]) -> Callable[[Call], list[Any]]:
    """Return the computation of a pool by a function of ``tf.nn``."""

    def compute_it(call: Call) -> list[Any]:
        o = call.options
        window, strides = (o.FilterHeight(), o.FilterWidth()), (o.StrideH(), o.StrideW())
        return [function(call.x, window, strides, padding_of(o))]

    return compute_it


def _round_averages(scales: Scales) -> Requantize:
    """Return the rounding of a pool's averages: equation (20)."""
    options, affine = scales.operator.options, scales.scheme[scales.operator.output]
    # half of what lies between a tie and the next average of a window, more than float32 is off
    nudge = 1.0 / (4 * options.FilterHeight() * options.FilterWidth())

    def requantize(value: Any, _inputs: Sequence[Any]) -> Any:
        average = value / affine.scale + affine.zero_point
        return tf.round(average + nudge * tf.sign(average)) - affine.zero_point

    return requantize


DEFINITIONS = (
    Definition(
        op="AVERAGE_POOL_2D",
        int8_version=2,
        compute=_pool(tf.nn.avg_pool2d),
        rounding=_round_averages,
        shared_scale=True,
        passes_channels=pass_all_channels,
    ),
    Definition(
        op="MAX_POOL_2D",
        int8_version=2,
        compute=_pool(tf.nn.max_pool2d),
        rounding=pass_on,
        shared_scale=True,
        passes_channels=pass_all_channels,
    ),
)
