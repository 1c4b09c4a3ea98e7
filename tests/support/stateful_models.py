"""Small models with variables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from int8_models import ModelBuilder

SCALE, ZERO_POINT = 0.1, 3
SHAPE = (1, 1, 2, 3)


def _read(builder: ModelBuilder, handle: int) -> int:
    value = builder.activation(SHAPE, SCALE, ZERO_POINT)
    builder.operator("READ_VARIABLE", [handle], value, "ReadVariableOptions")
    return value


def swapping() -> bytes:
    """Two variables that change places in each inference, of which the first also takes in the input."""
    builder = ModelBuilder()
    source = builder.activation(SHAPE, SCALE, ZERO_POINT)
    one = builder.variable(np.arange(6).reshape(SHAPE).astype(np.int8), SCALE, ZERO_POINT)
    two = builder.variable(np.full(SHAPE, -7, np.int8), SCALE, ZERO_POINT)
    of_one, of_two = _read(builder, one), _read(builder, two)
    total = builder.activation(SHAPE, SCALE, ZERO_POINT)
    builder.operator("ADD", [source, of_one], total, "AddOptions", fusedActivationFunction=0)
    builder.operator("ASSIGN_VARIABLE", [one, of_two], [], "AssignVariableOptions")
    builder.operator("ASSIGN_VARIABLE", [two, of_one], [], "AssignVariableOptions")
    again = _read(builder, one)
    last = builder.activation(SHAPE, SCALE, ZERO_POINT)
    builder.operator("MAXIMUM", [total, again], last, "MaximumMinimumOptions")
    return builder.finish(source, [of_one, last])


def remembering(change: Callable[[ModelBuilder], None] = lambda builder: None) -> bytes:
    """A variable that holds the last sum with the input; `change` spoils the model."""
    builder = ModelBuilder()
    source = builder.activation(SHAPE, SCALE, ZERO_POINT)
    handle = builder.variable(np.full(SHAPE, 5, np.int8), SCALE, ZERO_POINT)
    total = builder.activation(SHAPE, SCALE, ZERO_POINT)
    builder.operator("ADD", [source, _read(builder, handle)], total, "AddOptions", fusedActivationFunction=0)
    builder.operator("ASSIGN_VARIABLE", [handle, total], [], "AssignVariableOptions")
    change(builder)
    return builder.finish(source, total)
