"""SOFTMAX."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ..affine import Affine
from .definition import Call, Definition, round_once

_SCALE = 1 / 256  # of probabilities in [0, 1)


def _softmax(call: Call) -> list[Any]:
    return [tf.nn.softmax(call.options.Beta() * call.x)]


DEFINITIONS = (
    Definition(
        op="SOFTMAX",
        int8_version=2,
        compute=_softmax,
        rounding=round_once,
        fixed_output=Affine(scale=_SCALE, zero_point=-128),
    ),
)
