"""The shape of every tensor of a model, once those of its inputs are fixed.

Where a file leaves sizes free, the stored shapes of all later tensors are for sizes of 1. The shapes that hold are
found as the interpreter finds them: from the inputs on, operator by operator. What cannot be found is refused, by name.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from asc_kit.errors import ModelError
from asc_kit.text import tensor_name
from asc_kit.tflite.flatbuffer import buffer_bytes

from .inputs import FREE, InputShape, ModelInput, fixed_input_shapes, shown, signature_of
from .operator_codes import operator_name
from .shape_rules import OPTIONAL, OPTIONS, RULES, Shape, Step, UnknownShapeError
from .shape_values import Values, value_of

_LARGEST_ELEMENTS = 1 << 40
_LONGEST_CONSTANT = 1 << 16
_INTEGERS = {2: "<i4", 4: "<i8"}
# what a rule raises on options and indices that no converter writes; the readers name these better
_STRANGE = (UnknownShapeError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What of a model is not as stored."""

    shapes: dict[int, Shape] = field(default_factory=dict)
    """Shapes that differ from the stored ones, by tensor."""
    values: dict[int, Values] = field(default_factory=dict)
    """Tensors that hold shapes, or what is computed from them, by tensor: constants now."""
    folded: frozenset[int] = frozenset()
    """Operators that compute nothing else: they are none of the network's any more."""


def resolve_shapes(model: bytes, root: Any, given: Sequence[InputShape] = ()) -> Resolved:
    """Find the shapes of a model's tensors.

    Parameters
    ----------
    model
        The flatbuffer.
    root
        Its root table, of which the first subgraph is the network.
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
    return _Resolver(model, root, given).resolve()


class _Resolver:
    def __init__(self, model: bytes, root: Any, given: Sequence[InputShape]) -> None:
        self.model, self.root, self.graph, self.given = model, root, root.Subgraphs(0), given
        for count in (self.graph.TensorsLength(), self.graph.OperatorsLength()):
            if not 0 <= count <= len(model):
                raise ValueError(f"a vector of {count} elements in a file of {len(model)} bytes")
        self.stored: list[Shape] = []
        self.signatures: list[Shape] = []
        for index in range(self.graph.TensorsLength()):
            table = self.graph.Tensors(index)
            sizes = tuple(int(size) for size in table.ShapeAsNumpy()) if table.ShapeLength() else ()
            signature = table.ShapeSignatureAsNumpy() if table.ShapeSignatureLength() else ()
            self.stored.append(sizes)
            # shapes of no sense are left to the readers, which name the tensor
            is_free = not sizes or min(sizes) >= 0
            self.signatures.append(signature_of(sizes, signature) if is_free else sizes)
        self.shapes = list(self.stored)
        self.values: dict[int, Values] = {}
        self.changed: set[int] = set()

    def resolve(self) -> Resolved:
        inputs = self._inputs()
        for index, shape in fixed_input_shapes(inputs, self.given).items():
            self._set(index, shape)
        names = [
            operator_name(self.root.OperatorCodes(self.graph.Operators(index).OpcodeIndex()))
            for index in range(self.graph.OperatorsLength())
        ]
        if not self.changed and "SHAPE" not in names and not any(FREE in signature for signature in self.signatures):
            return Resolved()
        folded = set()
        for index, name in enumerate(names):
            outputs = self._step(index, name)
            if outputs and all(output in self.values for output in outputs):
                folded.add(index)
        return Resolved(
            shapes={index: self.shapes[index] for index in self.changed}, values=self.values, folded=frozenset(folded)
        )

    def _inputs(self) -> list[ModelInput]:
        indices = self.graph.InputsAsNumpy() if self.graph.InputsLength() else ()
        return [
            ModelInput(
                index=int(index),
                name=self._name(int(index)),
                sizes=self.stored[int(index)],
                signature=self.signatures[int(index)],
            )
            for index in self._checked(indices)
        ]

    def _name(self, index: int) -> str:
        return tensor_name(self.graph.Tensors(index).Name())

    def _checked(self, indices: Any) -> list[int]:
        found = [int(index) for index in indices]
        for index in found:
            if not 0 <= index < len(self.stored):
                raise ValueError(f"tensor index {index} of {len(self.stored)} tensors")
        return found

    def _set(self, index: int, shape: Shape) -> None:
        if shape != self.stored[index]:
            self.shapes[index] = shape
            self.changed.add(index)

    def _step(self, index: int, name: str) -> list[int]:
        """Find the shapes of one operator's outputs, and their values where they follow from shapes."""
        table = self.graph.Operators(index)
        inputs = [int(value) for value in table.InputsAsNumpy()] if table.InputsLength() else []
        self._checked(value for value in inputs if value != -1)
        outputs = self._checked(table.OutputsAsNumpy()) if table.OutputsLength() else []
        try:
            step = Step(
                op=name,
                shapes=tuple(self.shapes[value] if value != -1 else None for value in inputs),
                values=tuple(self._value(value) for value in inputs),
                n_outputs=len(outputs),
                options=self._options(table, name),
            )
            if name not in RULES:
                raise UnknownShapeError("this kit knows no rule for its output's shape")
            shapes = RULES[name](step)
            self._check_sizes(shapes)
        except _STRANGE as failure:
            if any(value in self.changed for value in inputs) or any(self._is_free(value) for value in outputs):
                self._refuse(index, name, inputs, outputs, failure)
            return outputs
        for output, shape in zip(outputs, shapes, strict=False):
            if any(value in self.changed for value in inputs) or FREE in self.signatures[output]:
                self._set(output, shape)
            if shape == self.shapes[output] and int(self.graph.Tensors(output).Type()) in _INTEGERS:
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
                raise UnknownShapeError(f"its output would have the shape {shown(shape)}")

    def _is_free(self, tensor: int) -> bool:
        """Whether a size other than the batch's is free."""
        return FREE in self.signatures[tensor][1:]

    def _refuse(self, index: int, name: str, inputs: list[int], outputs: list[int], failure: Exception) -> None:
        taken = ", ".join(shown(self.shapes[value]) for value in inputs if value != -1)
        computed = f"tensor {outputs[0]} '{self._name(outputs[0])}'" if outputs else "nothing"
        raise ModelError(
            f"operator {index} {name}, which computes {computed}, has an output of unknown shape with inputs of "
            f"{taken}: {failure}",
            hint="give another --input-shape, or convert the model with fixed sizes",
        )

    def _value(self, index: int) -> Values | None:
        """Return a tensor's whole numbers, constant or found."""
        if index == -1:
            return None
        if index in self.values:
            return self.values[index]
        table = self.graph.Tensors(index)
        dtype = _INTEGERS.get(int(table.Type()))
        if dtype is None or math.prod(self.stored[index]) > _LONGEST_CONSTANT:
            return None
        raw = buffer_bytes(self.model, self.root, int(table.Buffer()))
        return None if raw is None else raw.view(dtype).reshape(self.stored[index]).astype(np.int64)

    def _options(self, table: Any, name: str) -> Any:
        import tflite

        kind = OPTIONS.get(name)
        if kind is None:
            return None
        union = table.BuiltinOptions()
        if union is None or int(table.BuiltinOptionsType()) != getattr(tflite.BuiltinOptions, kind):
            if name in OPTIONAL:
                return None
            raise UnknownShapeError(f"it has no {kind}")
        options = getattr(tflite, kind)()
        options.Init(union.Bytes, union.Pos)
        return options
