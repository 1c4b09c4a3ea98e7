"""The shape of every tensor of a model, once those of its inputs are fixed.

If a file leaves sizes free, the stored shapes of all later tensors are for sizes of 1. The true shapes follow from the
inputs, operator by operator, as in the interpreter. A shape that does not follow is refused, by the operator's name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asc_kit.errors import ModelError

from .decoder import Decoder, StoredOperator
from .inputs import FREE, InputShape, ModelInput, fixed_input_shapes, signature_of, write_shape
from .shape_rules import OPTIONAL, OPTIONS, RULES, Shape, Step, UnknownShapeError
from .shape_values import Values, value_of

_LARGEST_ELEMENTS = 1 << 40
_LONGEST_CONSTANT = 1 << 16
_COMPUTE_SHAPES = {"GATHER", "PACK", "SHAPE"}
_INTEGERS = {"INT32": "<i4", "INT64": "<i8"}
# what a rule raises on options and indices that no converter writes; the readers name these better
_STRANGE = (UnknownShapeError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Differences of a model from its file."""

    shapes: dict[int, Shape] = field(default_factory=dict)
    """Shapes that differ from the stored ones, by tensor."""
    values: dict[int, Values] = field(default_factory=dict)
    """Values of tensors that hold shapes or results from shapes, by tensor: now constants."""
    folded: frozenset[int] = frozenset()
    """Operators that compute only such values: they leave the network."""


def resolve_shapes(decoder: Decoder, given: Sequence[InputShape] = ()) -> Resolved:
    """Find the shapes of a model's tensors.

    Parameters
    ----------
    decoder
        The model, of which the first graph is the network.
    given
        Shapes of inputs that the file leaves free.

    Raises
    ------
    ModelError
        When a size that is no batch's is free and not given, a shape given does not fit, or a later shape depends on
        more than shapes; names input or operator.
    ValueError, IndexError, struct.error
        When the file is damaged.
    """
    return _Resolver(decoder, given).resolve()


class _Resolver:
    def __init__(self, decoder: Decoder, given: Sequence[InputShape]) -> None:
        self.decoder, self.graph, self.given = decoder, decoder.graph, given
        self.stored: list[Shape] = []
        self.signatures: list[Shape] = []
        for tensor in map(self.graph.tensor, range(self.graph.n_tensors)):
            self.stored.append(tensor.shape)
            # shapes of no sense are left to the readers, which name the tensor
            is_free = not tensor.shape or min(tensor.shape) >= 0
            self.signatures.append(signature_of(tensor.shape, tensor.signature) if is_free else tensor.shape)
        self.shapes = list(self.stored)
        self.values: dict[int, Values] = {}
        self.changed: set[int] = set()

    def resolve(self) -> Resolved:
        inputs = self._inputs()
        for index, shape in fixed_input_shapes(inputs, self.given).items():
            self._set(index, shape)
        names = [self.graph.op(index) for index in range(self.graph.n_operators)]
        is_free = any(FREE in signature for signature in self.signatures)
        if not (self.changed or is_free or _COMPUTE_SHAPES & set(names)):
            return Resolved()
        folded = set()
        for operator in map(self.graph.operator, range(self.graph.n_operators)):
            outputs = self._step(operator)
            if outputs and all(output in self.values for output in outputs):
                folded.add(operator.index)
        return Resolved(
            shapes={index: self.shapes[index] for index in self.changed}, values=self.values, folded=frozenset(folded)
        )

    def _inputs(self) -> list[ModelInput]:
        return [
            ModelInput(
                index=index,
                name=self.graph.tensor(index).name,
                sizes=self.stored[index],
                signature=self.signatures[index],
            )
            for index in self.graph.inputs
        ]

    def _set(self, index: int, shape: Shape) -> None:
        if shape != self.stored[index]:
            self.shapes[index] = shape
            self.changed.add(index)

    def _step(self, operator: StoredOperator) -> tuple[int, ...]:
        """Find the shapes of an operator's outputs, and their values if they follow from shapes."""
        inputs, outputs, name = operator.inputs, operator.outputs, operator.op
        try:
            step = Step(
                op=name,
                shapes=tuple(self.shapes[value] if value != -1 else None for value in inputs),
                values=tuple(self._value(value) for value in inputs),
                n_outputs=len(outputs),
                options=_options(operator),
            )
            if name not in RULES:
                raise UnknownShapeError("this kit knows no rule for its output's shape")
            shapes = RULES[name](step)
            self._check_sizes(shapes)
        except _STRANGE as failure:
            if any(value in self.changed for value in inputs) or any(self._is_free(value) for value in outputs):
                self._refuse(operator, failure)
            return outputs
        for output, shape in zip(outputs, shapes, strict=False):
            if any(value in self.changed for value in inputs) or FREE in self.signatures[output]:
                self._set(output, shape)
            if shape == self.shapes[output] and self.graph.tensor(output).type in _INTEGERS:
                self._fold(output, step, shape)
        return outputs

    def _fold(self, output: int, step: Step, shape: Shape) -> None:
        try:
            value = value_of(step, shape)
        except _STRANGE:
            return  # then it stays an operator, and whoever needs its value says so
        if value is not None:
            self.values[output] = value

    @staticmethod
    def _check_sizes(shapes: list[Shape]) -> None:
        for shape in shapes:
            if any(size < 1 for size in shape) or math.prod(shape) > _LARGEST_ELEMENTS:
                raise UnknownShapeError(f"its output would have the shape {write_shape(shape)}")

    def _is_free(self, tensor: int) -> bool:
        """Tell whether a size other than the batch's is free."""
        return FREE in self.signatures[tensor][1:]

    def _refuse(self, operator: StoredOperator, failure: Exception) -> None:
        taken = ", ".join(write_shape(self.shapes[value]) for value in operator.inputs if value != -1)
        computed = self.graph.tensor(operator.outputs[0]).describe() if operator.outputs else "nothing"
        raise ModelError(
            f"operator {operator.index} {operator.op}, which computes {computed}, has an output of unknown shape with "
            f"inputs of {taken}: {failure}",
            hint="give another --input-shape, or convert the model with fixed sizes",
        )

    def _value(self, index: int) -> Values | None:
        """Return a tensor's whole numbers, constant or computed from shapes."""
        if index == -1:
            return None
        if index in self.values:
            return self.values[index]
        tensor = self.graph.tensor(index)
        dtype = _INTEGERS.get(tensor.type)
        if dtype is None or math.prod(tensor.shape) > _LONGEST_CONSTANT:
            return None
        raw = self.decoder.constant(tensor.buffer)
        return None if raw is None else raw.view(dtype).reshape(tensor.shape).astype(np.int64)


def _options(operator: StoredOperator) -> Any:
    kind = OPTIONS.get(operator.op)
    options = operator.options(kind) if kind is not None else None
    if kind is not None and options is None and operator.op not in OPTIONAL:
        raise UnknownShapeError(f"it has no {kind}")
    return options
