"""CONCATENATION."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from .definition import Call, Definition, UnsupportedError, pass_on


def _concatenation(call: Call) -> list[Any]:
    if any(call.network.is_constant(index) for index in call.operator.inputs):
        raise UnsupportedError("CONCATENATION of a constant")
    return call.outputs(tf.concat(list(call.inputs), call.axis(call.options.Axis())))


DEFINITIONS = (
    Definition(op="CONCATENATION", int8_version=2, compute=_concatenation, rounding=pass_on, shared_scale=True),
)
