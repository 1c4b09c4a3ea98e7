"""The shapes of a model's inputs: stored, or free and then given by the user.

A .tflite file stores a tensor's shape and, if sizes are free, a signature with -1 in their places, where the shape has
1. A reader of the shape alone would make a network for a single pixel of a model for images of any size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from asc_kit.errors import ModelError, SpecError

FREE = -1
"""Value of a free size in a signature."""
_LARGEST_ELEMENTS = 1 << 28
_HINT = "give the shape with --input-shape"


@dataclass(frozen=True, slots=True, kw_only=True)
class InputShape:
    """The shape that a user gives an input."""

    name: str | None
    """Name of the input; None where the model has only one."""
    sizes: tuple[int, ...]
    """All of its sizes, the batch's first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInput:
    """An input of a model, as stored in the file."""

    index: int
    """Index of the tensor."""
    name: str
    """Name of the tensor."""
    sizes: tuple[int, ...]
    """The stored shape."""
    signature: tuple[int, ...]
    """The stored signature, FREE in places; the shape where there is none."""

    def describe(self) -> str:
        """Return name, index and signature, for messages."""
        return f"'{self.name}' (tensor {self.index}, {write_shape(self.signature)})"


def write_shape(sizes: Sequence[int]) -> str:
    """Write a shape for people: 1,49,10,1; a free size is a question mark."""
    return ",".join("?" if size == FREE else str(size) for size in sizes) or "scalar"


def parse_input_shape(text: str) -> InputShape:
    """Read ``[NAME=]1,49,10,1``; a name may have equals signs of its own.

    Raises
    ------
    SpecError
        If the sizes are not positive whole numbers.
    """
    name, equals, sizes = text.rpartition("=")
    parts = [part.strip() for part in sizes.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) <= 9 and int(part) > 0 for part in parts):
        raise SpecError(
            f"expected positive sizes with commas between them. Received: {text}",
            hint="write it as 1,49,10,1 or NAME=1,49,10,1, the batch first",
        )
    return InputShape(name=name if equals else None, sizes=tuple(int(part) for part in parts))


def signature_of(sizes: Sequence[int], signature: Sequence[int]) -> tuple[int, ...]:
    """Return a tensor's signature; its shape where the file has none.

    Raises
    ------
    ValueError
        When the two are of different ranks, or a size is neither the shape's nor free: the file is damaged.
    """
    if not len(signature):
        return tuple(sizes)
    if len(signature) != len(sizes) or any(own not in (FREE, size) for own, size in zip(signature, sizes, strict=True)):
        raise ValueError(f"a tensor of shape {write_shape(sizes)} has the signature {write_shape(signature)}")
    return tuple(int(size) for size in signature)


def fixed_input_shapes(inputs: Sequence[ModelInput], given: Sequence[InputShape]) -> dict[int, tuple[int, ...]]:
    """Return the shape of each input, by index of its tensor.

    A free batch, which is the first size, is the stored one (1, as converters write it) unless another is given.

    Raises
    ------
    ModelError
        When another size is free and not given, or a shape that is given does not fit; names input and axes.
    """
    wanted = {_find(inputs, shape).index: shape.sizes for shape in given}
    if len(wanted) != len(given):
        raise ModelError("two shapes are given for one input", hint="give --input-shape once for each input")
    unresolved = [
        (model_input, [axis for axis, size in enumerate(model_input.signature) if size == FREE and axis > 0])
        for model_input in inputs
        if model_input.index not in wanted
    ]
    if any(axes for _, axes in unresolved):
        listed = "; ".join(
            f"input {model_input.describe()}: {'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"
            for model_input, axes in unresolved
            if axes
        )
        raise ModelError(f"the model leaves sizes of its input free. {listed}", hint=_example(inputs, unresolved))
    for model_input in inputs:
        if model_input.index in wanted:
            _check_fits(model_input, wanted[model_input.index])
    return {
        model_input.index: wanted.get(model_input.index, tuple(max(size, 1) for size in model_input.sizes))
        for model_input in inputs
    }


def _example(inputs: Sequence[ModelInput], unresolved: list[tuple[ModelInput, list[int]]]) -> str:
    model_input = next(model_input for model_input, axes in unresolved if axes)
    sizes = ",".join("1" if axis == 0 and size == FREE else "N" if size == FREE else str(size)
                     for axis, size in enumerate(model_input.signature))  # fmt: skip
    return f"{_HINT} {f'{model_input.name}=' if len(inputs) > 1 else ''}{sizes}, with numbers in place of each N"


def _find(inputs: Sequence[ModelInput], shape: InputShape) -> ModelInput:
    named = [model_input for model_input in inputs if shape.name in (None, model_input.name)]
    if len(named) != 1:
        listed = ", ".join(model_input.describe() for model_input in inputs)
        received = f"{shape.name}={write_shape(shape.sizes)}" if shape.name is not None else write_shape(shape.sizes)
        raise ModelError(
            f"the shape {received} is that of {'no' if not named else 'more than one'} input. The model's: {listed}",
            hint="name the input: --input-shape NAME=1,49,10,1",
        )
    return named[0]


def _check_fits(model_input: ModelInput, sizes: tuple[int, ...]) -> None:
    fits = len(sizes) == len(model_input.signature) and all(
        own in (FREE, size) for own, size in zip(model_input.signature, sizes, strict=True)
    )
    if not fits or math.prod(sizes) > _LARGEST_ELEMENTS:
        raise ModelError(
            f"input {model_input.describe()} cannot have the shape {write_shape(sizes)}",
            hint=f"sizes shown as ? are free, the others fixed; up to {_LARGEST_ELEMENTS:,} elements in all",
        )
