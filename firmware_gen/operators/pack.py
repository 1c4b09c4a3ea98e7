"""PACK and UNPACK: tensors stacked along a new axis, and a tensor's slices along one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..network.strides import LOOPS, merge, row_major
from .base import OperatorView
from .concatenation import Concatenation, ConcatenationAttributes
from .strided_copy import StridedCopy


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackAttributes:
    """UNPACK; `take_apart` makes a StridedCopyAttributes of each output."""

    axis: int
    """From 0 up."""


class Pack(Concatenation):
    """Tensors of one shape along a new axis; their bytes lie as a concatenation along the axis after it would."""

    op = "PACK"
    options = "PackOptions"

    def read(self, view: OperatorView) -> ConcatenationAttributes:
        """Read and check its attributes."""
        view.check_inputs(1, 255)
        view.check_activations(len(view.inputs))
        for tensor in view.inputs:
            view.check_same_quantization(tensor)
        output, n = view.output.shape, len(view.inputs)
        axis = view.read_axis(int(view.options.Axis()), len(output))
        rest = (*output[:axis], *output[axis + 1 :])
        shapes = {tensor.shape for tensor in view.inputs}
        if int(view.options.ValuesCount()) != n or output[axis] != n or shapes != {rest}:
            listed = ", ".join(tensor.describe() for tensor in view.inputs)
            view.fail(f"its inputs do not stack to its output along axis {axis}: {listed}", "inputs of one shape")
        return ConcatenationAttributes(axis=axis)


class Unpack(StridedCopy):
    """Slices of a tensor along an axis, as several outputs; the pass `take_apart` makes one operator of each."""

    op = "UNPACK"
    options = "UnpackOptions"
    many_outputs = True

    def read(self, view: OperatorView) -> Any:
        """Read and check its attributes."""
        view.check_inputs(1, 1)
        view.check_activations(1)
        view.check_same_quantization()
        shape, n = view.inputs[0].shape, len(view.outputs)
        axis = view.read_axis(int(view.options.Axis()), len(shape))
        rest = (*shape[:axis], *shape[axis + 1 :])
        if int(view.options.Num()) != n or shape[axis] != n or {tensor.shape for tensor in view.outputs} != {rest}:
            view.fail(f"{n} outputs are not the slices of {view.inputs[0].describe()} along axis {axis}", "all slices")
        strides = row_major(shape)
        if not rest or merge(rest, (*strides[:axis], *strides[axis + 1 :])) is None:
            view.fail(f"a slice of {view.inputs[0].describe()}", f"1 dimension or more, in at most {LOOPS} loops")
        return UnpackAttributes(axis=axis)
