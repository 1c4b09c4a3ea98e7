"""Shared by operators on two tensors: either may be a constant, or repeat along axes of the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from .definition import Call, UnsupportedError


def elementwise(function: Callable[[Any, Any], Any]) -> Callable[[Call], list[Any]]:
    """Return the computation of an operator that is a function of two tensors, element by element."""

    def compute_it(call: Call) -> list[Any]:
        rank = len(call.network.tensors[call.operator.output].inner)
        values = []
        for index, value in zip(call.operator.inputs, call.inputs, strict=True):
            if call.network.is_constant(index):
                if len(value.shape) > rank and value.shape[0] != 1:
                    raise UnsupportedError("a constant that differs along the batch")
                values.append(value)
            else:
                inner = call.network.tensors[index].inner
                values.append(tf.reshape(value, (-1, *[1] * (rank - len(inner)), *inner)))
        return call.outputs(function(*values))

    return compute_it
