"""Shared by ADD, SUB, MUL and PRELU: two operands, one of which may be constant, broadcast to one shape."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from ..network.graph import Activation, Tensor
from ..network.kernel_call import ConstantArray, FieldValue, KernelCall
from ..network.strides import LOOPS, Loops, broadcast_strides, merge
from .base import Node, OperatorView, RowWise

_SUPPORTED_SHAPES = f"NumPy's broadcasting that leaves at most {LOOPS} loops"


@dataclass(frozen=True, slots=True, kw_only=True)
class ElementwiseAttributes:
    """ADD, SUB and MUL."""

    activation: Activation


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernel:
    """A kernel of two operands with its constants."""

    name: str
    """The function."""
    struct: str
    """Type of its parameters."""
    fields: tuple[tuple[str, FieldValue], ...]
    """Its parameters, without the loops."""
    loops: bool = True
    """Whether it walks over its inputs in loops; otherwise both have the output's shape."""


class Elementwise(RowWise[ElementwiseAttributes]):
    """A function of two tensors, element by element."""

    def read(self, view: OperatorView) -> ElementwiseAttributes:
        """Read and check its attributes."""
        view.check_inputs(2, 2)
        for tensor in (*view.inputs, view.output):
            view.check_quantized(tensor)
        if all(tensor.data is not None for tensor in view.inputs):
            view.fail("both inputs are constant", "at most one constant input")
        if _loops(view.inputs, view.output) is None:
            listed = ", ".join(tensor.describe() for tensor in view.inputs)
            if _broadcast(view.inputs) == view.output.shape:
                view.fail(f"its inputs are broadcast along too many axes in turn: {listed}", _SUPPORTED_SHAPES)
            view.fail(f"its inputs' shapes do not lead to its output's: {listed}", _SUPPORTED_SHAPES)
        return ElementwiseAttributes(activation=self.read_activation(view))

    def read_activation(self, view: OperatorView) -> Activation:
        """Return the fused activation."""
        return view.read_activation()

    def lower(self, node: Node[ElementwiseAttributes]) -> KernelCall:
        """Prepare loops, operands and the kernel's constants."""
        loops = _loops(node.inputs, node.output)
        assert loops is not None
        kernel = self.choose(node)
        walk: tuple[tuple[str, FieldValue], ...] = (
            ("shape", loops.shape),
            ("stride_1", loops.strides[0]),
            ("stride_2", loops.strides[1]),
        )
        return KernelCall(
            kernel=kernel.name,
            struct=kernel.struct,
            fields=(*walk, *kernel.fields) if kernel.loops else kernel.fields,
            inputs=(_operand(node.inputs[0], 1), _operand(node.inputs[1], 2)),
            # elements of an input that is broadcast are read several times
            overlap=tuple(0 if tensor.n_elements == node.output.n_elements else None for tensor in node.inputs),
            macs=0,
        )

    def by_pixel(self, node: Node[ElementwiseAttributes]) -> bool:
        """Tell whether a constant operand, if there is one, is the same for all pixels."""
        return all(tensor.data is None or set(tensor.shape[:-1]) <= {1} for tensor in node.inputs)

    @abstractmethod
    def choose(self, node: Node[ElementwiseAttributes]) -> Kernel:
        """Choose the kernel."""


def _broadcast(inputs: tuple[Tensor, ...]) -> tuple[int, ...] | None:
    """Return the shape that inputs have together; None where they do not fit."""
    try:
        return np.broadcast_shapes(*(tensor.shape for tensor in inputs))
    except ValueError:
        return None


def _loops(inputs: tuple[Tensor, ...], output: Tensor) -> Loops | None:
    strides = [broadcast_strides(tensor.shape, output.shape) for tensor in inputs]
    largest = tuple(max(sizes) for sizes in zip(*(_pad_shape(tensor, output) for tensor in inputs), strict=True))
    if strides[0] is None or strides[1] is None or largest != output.shape:
        return None
    return merge(output.shape, strides[0], strides[1])


def _pad_shape(tensor: Tensor, output: Tensor) -> tuple[int, ...]:
    missing = max(len(output.shape) - len(tensor.shape), 0)
    return (1,) * missing + tensor.shape[: len(output.shape)]


def _operand(tensor: Tensor, number: int) -> int | ConstantArray:
    if tensor.data is None:
        return tensor.index
    return ConstantArray(
        suffix=f"operand_{number}",
        c_type="int8_t",
        values=np.ascontiguousarray(tensor.data).reshape(-1),
        comment=f"tensor {tensor.describe()}, scale {tensor.scale:.9g}, zero point {tensor.zero_point}",
    )
