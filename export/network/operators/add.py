"""ADD and SUB: equations (17) and (18) of docs/quantization.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from .definition import Call, Definition, Requantize, Rounding, Scales
from .elementwise import elementwise
from .rounding import RELU, RELU6, Multiplier, steps_of_six

_BITS = 20  # after the point, of the addends
# Addends are read in parts of a step: int8 values are whole in spite of float32, real ones stay nearly what they are.
_PARTS = 1024.0


def _addends(compute: Callable[[Call], list[Any]]) -> Rounding:
    """Return the rounding of sums or differences, whichever `compute` computes."""

    def rounding(scales: Scales) -> Requantize | None:
        if not scales.exact:
            return None
        operator, to = scales.operator, scales.output
        steps = [scales.of(position) for position in range(len(operator.inputs))]
        twice = 2.0 * max(steps)
        addends = [Multiplier.of(step / twice) for step in steps]
        total = Multiplier.of(twice / (2.0**_BITS * to))

        def requantize(_value: Any, inputs: Sequence[Any]) -> Any:
            shifted = []
            for value, step, multiplier in zip(inputs, steps, addends, strict=True):
                parts = tf.round(value * (_PARTS / step)) * (2.0**_BITS / _PARTS)
                shifted.append(multiplier.scaled(tf.cast(parts, tf.float64)))
            rounded = total.scaled(compute(Call(scales.network, operator, shifted))[0])
            if operator.activation in (RELU, RELU6):
                rounded = tf.maximum(rounded, 0.0)
            return tf.minimum(rounded, steps_of_six(to)) if operator.activation == RELU6 else rounded

        return requantize

    return rounding


_add = elementwise(lambda a, b: a + b)
_sub = elementwise(lambda a, b: a - b)

DEFINITIONS = (
    Definition(op="ADD", int8_version=2, compute=_add, rounding=_addends(_add)),
    Definition(op="SUB", int8_version=3, compute=_sub, rounding=_addends(_sub)),
)
