"""MUL: equation (19) of docs/quantization.md."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from .definition import Definition, Requantize, Scales
from .elementwise import elementwise
from .rounding import Multiplier


def _round(scales: Scales) -> Requantize:
    first, second = np.float32(scales.of(0)), np.float32(scales.of(1))
    # the kernel has this factor in float32
    multiplier = Multiplier.of(float(first * second / np.float32(scales.output))).to(scales.dtype)
    per_step = 1.0 / (float(first) * float(second))
    return lambda value, _: multiplier.scaled(tf.cast(tf.round(value * per_step), scales.dtype))


DEFINITIONS = (Definition(op="MUL", int8_version=2, compute=elementwise(lambda a, b: a * b), rounding=_round),)
