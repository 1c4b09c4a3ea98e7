"""CONCATENATION: equation (22) of docs/quantization.md."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..network.kernel_call import ConstantArray, KernelCall
from ..network.row_call import RowCall
from .base import Node, OperatorView, RowWise

_FIRST_AXIS_IN_ROW = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ConcatenationAttributes:
    """CONCATENATION."""

    axis: int
    """From 0 up."""


class Concatenation(RowWise[ConcatenationAttributes]):
    """Tensors joined along one axis."""

    op = "CONCATENATION"
    options = "ConcatenationOptions"

    def read(self, view: OperatorView) -> ConcatenationAttributes:
        """Read and check its attributes."""
        view.check_inputs(1, 255)
        view.check_activations(len(view.inputs))
        view.check_no_activation()
        for tensor in view.inputs:
            view.check_same_quantization(tensor)
        output = view.output.shape
        axis = view.read_axis(int(view.options.Axis()), len(output))
        along = sum(tensor.shape[axis] for tensor in view.inputs if len(tensor.shape) == len(output))
        rest = {(*tensor.shape[:axis], *tensor.shape[axis + 1 :]) for tensor in (*view.inputs, view.output)}
        if along != output[axis] or len(rest) != 1:
            listed = ", ".join(tensor.describe() for tensor in view.inputs)
            view.fail(f"its inputs do not lead to its output along axis {axis}: {listed}", "equal sizes elsewhere")
        return ConcatenationAttributes(axis=axis)

    def lower(self, node: Node[ConcatenationAttributes]) -> KernelCall:
        """Prepare the kernel's constants: how many bytes of each input come in turn."""
        attributes = node.attributes
        lengths = [math.prod(tensor.shape[attributes.axis :]) for tensor in node.inputs]
        comment = f"bytes of each input in turn, int32 [{len(lengths)}]"
        array = ConstantArray(suffix="lengths", c_type="int32_t", values=np.array(lengths, np.int32), comment=comment)
        return KernelCall(
            kernel="asc_concatenation_s8",
            struct="asc_concatenation_t",
            fields=(
                ("lengths", array),
                ("n_inputs", len(lengths)),
                ("turns", math.prod(node.output.shape[: attributes.axis])),
            ),
            inputs=tuple(tensor.index for tensor in node.inputs),
            overlap=(None,) * len(node.inputs),
            macs=0,
            gather_inputs=True,
        )

    def rows(self, node: Node[ConcatenationAttributes]) -> RowCall | None:
        """Join tensors row by row, unless they are joined along the rows."""
        attributes = node.attributes
        return RowWise.rows(self, node) if attributes.axis >= _FIRST_AXIS_IN_ROW else None
