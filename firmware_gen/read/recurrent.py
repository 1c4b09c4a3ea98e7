"""State of recurrent operators: tensors that a file marks as variable, which an operator changes in place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError
from asc_kit.tflite.decoder import Decoder

from ..network.graph import Tensor, Variable
from ..operators.lstm import CELL, HIDDEN, Lstm
from .ends import Wires

_HIDDEN_INTERMEDIATE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrentStates:
    """State of all recurrent operators."""

    tensors: frozenset[int]
    """Tensors that hold it."""
    unused: frozenset[int]
    """Tensors that only describe what an operator computes inside."""


def recurrent_states(decoder: Decoder, all_wires: Sequence[Wires]) -> RecurrentStates:
    """Find the state of a model's LSTMs.

    Raises
    ------
    ModelError
        When one has no state of its own, or another quantization inside than its output's.
    """
    found: Counter[int] = Counter()
    unused: set[int] = set()
    for wires in all_wires:
        if wires.op != Lstm.op:
            continue
        where = f"operator {wires.index} {wires.op}"
        states = [wires.inputs[position] for position in (HIDDEN, CELL) if position < len(wires.inputs)]
        if len(states) != 2 or any(index == -1 or not decoder.graph.tensor(index).is_variable for index in states):
            raise ModelError(f"{where} has no variables for its hidden state and its cell", hint="convert it again")
        found.update(states)
        inner = decoder.graph.intermediates(wires.index)
        unused.update(inner)
        if len(inner) > _HIDDEN_INTERMEDIATE and wires.outputs:
            hidden, output = decoder.graph.tensor(inner[_HIDDEN_INTERMEDIATE]), decoder.graph.tensor(wires.outputs[0])
            if (hidden.scales, hidden.zero_points) == (output.scales, output.zero_points):
                continue
        raise ModelError(
            f"{where} says nothing of its hidden values, or quantizes them otherwise than its output",
            hint="supported: the intermediate tensors that TensorFlow's converter writes for int8",
        )
    used = Counter(index for wires in all_wires for index in wires.inputs)
    shared = [index for index in found if used[index] > 1 or index in decoder.graph.outputs]
    if shared:
        raise ModelError(
            f"{decoder.graph.tensor(shared[0]).describe()} is the state of more than one operator",
            hint="convert it again",
        )
    return RecurrentStates(tensors=frozenset(found), unused=frozenset(unused) - set(used))


def recurrent_variables(states: RecurrentStates, tensors: Sequence[Tensor]) -> tuple[Variable, ...]:
    """Return the state as variables, whose first value is 0."""
    return tuple(Variable(tensor=index, value=None, initial=_zeros(tensors[index])) for index in sorted(states.tensors))


def _zeros(tensor: Tensor) -> NDArray[np.int8]:
    """Return the bytes of real zeros, as TFLite fills variables: the zero point of int8, 0 of int16."""
    return np.full(tensor.n_bytes, tensor.zero_point if tensor.dtype == "int8" else 0, np.int8)
