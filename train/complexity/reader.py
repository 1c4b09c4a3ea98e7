"""Read what complexity needs of a .tflite file: operators, shapes, constants. Safe on damaged files.

The engine's own reader (`firmware_gen`) is stricter: it refuses whatever the engine cannot compute.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from asc_kit.errors import ModelError
from asc_kit.text import tensor_name
from asc_kit.tflite.flatbuffer import buffer_bytes, read_checked
from asc_kit.tflite.identity import refuse_unsupported
from asc_kit.tflite.inputs import InputShape
from asc_kit.tflite.operator_codes import operator_name
from asc_kit.tflite.resolving import Resolved, resolve_shapes

# name and bytes of TFLite's element types
_DTYPES = {0: ("float32", 4), 1: ("float16", 2), 2: ("int32", 4), 3: ("uint8", 1), 4: ("int64", 8), 6: ("bool", 1)} | {
    7: ("int16", 2),
    9: ("int8", 1),
}
_LARGEST_ELEMENTS = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatTensor:
    """A tensor: an activation or a constant."""

    index: int
    """Its index in the model."""
    name: str
    """Its name in the model."""
    shape: tuple[int, ...]
    """Dimensions."""
    dtype: str
    """Element type."""
    width: int
    """Bytes of an element."""
    buffer: int
    """Where the values are; several constants may share one."""
    is_constant: bool
    """Whether it has values in the file."""
    n_nonzero: int
    """Of a constant, the elements that are not its zero point; 0 for an activation."""

    @property
    def n_elements(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def n_bytes(self) -> int:
        """Size in bytes."""
        return self.width * self.n_elements

    def describe(self) -> str:
        """Return index and name, for messages."""
        return f"{self.index} '{self.name}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatOperator:
    """One operator."""

    index: int
    """Its index in the model."""
    op: str
    """TFLite's name."""
    inputs: tuple[int, ...]
    """Tensor indices; -1 for an optional one that is absent."""
    outputs: tuple[int, ...]
    """Tensor indices, at least one."""
    window: tuple[int, int]
    """Rows and columns that a pool takes; (1, 1) for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatModel:
    """A model of one graph."""

    tensors: tuple[FlatTensor, ...]
    """A tensor's index is its place."""
    operators: tuple[FlatOperator, ...]
    """In order of execution."""


def read_flatbuffer(model: bytes, counted: Collection[str], input_shapes: Sequence[InputShape] = ()) -> FlatModel:
    """Read a model.

    Parameters
    ----------
    model
        The flatbuffer.
    counted
        Names of the operators that a rule counts; a model with others is refused.
    input_shapes
        Shapes of inputs that the file leaves free.

    Raises
    ------
    ModelError
        When it is no TFLite model, is damaged, has operators that no rule names or tensors that cannot be counted, or
        leaves sizes free that are not given.
    """
    return read_checked(model, functools.partial(_read, counted=counted, input_shapes=input_shapes))


def _read(model: bytes, counted: Collection[str], input_shapes: Sequence[InputShape]) -> FlatModel:
    import tflite

    root = tflite.Model.GetRootAs(model, 0)
    _check_counted(root, len(model), counted)
    if root.SubgraphsLength() != 1:
        raise ModelError(f"the model has {root.SubgraphsLength()} graphs", hint="counted: models of one")
    graph = root.Subgraphs(0)
    n_tensors, n_operators = (_length(n, len(model)) for n in (graph.TensorsLength(), graph.OperatorsLength()))
    # before the tensors: the operator is why one of another type is there
    operators = tuple(_read_operator(root, graph.Operators(index), index, n_tensors) for index in range(n_operators))
    resolved = resolve_shapes(model, root, input_shapes)
    tensors = tuple(_read_tensor(model, root, index, resolved) for index in range(n_tensors))
    _check_order(operators)
    return FlatModel(tensors=tensors, operators=operators)


def _check_counted(root: Any, limit: int, counted: Collection[str]) -> None:
    """Check that a rule counts every operator, before anything of it is found strange."""
    names, first = [], "nothing"
    for number in range(_length(root.SubgraphsLength(), limit)):
        graph = root.Subgraphs(number)
        for index in range(_length(graph.OperatorsLength(), limit)):
            table = graph.Operators(index)
            if not 0 <= table.OpcodeIndex() < root.OperatorCodesLength():
                raise ValueError(f"operator {index} has code {table.OpcodeIndex()} of {root.OperatorCodesLength()}")
            names.append(operator_name(root.OperatorCodes(table.OpcodeIndex())))
            tensor = int(table.Outputs(0)) if table.OutputsLength() else -1
            if names[-1] not in counted and first == "nothing" and 0 <= tensor < graph.TensorsLength():
                name = tensor_name(graph.Tensors(tensor).Name())
                first = f"tensor {tensor} '{name}'"
    refuse_unsupported(names, counted, first, {}, what="counted by any rule")


def _check_order(operators: tuple[FlatOperator, ...]) -> None:
    """Check that no operator reads what itself or a later one computes: walks along the graph must end."""
    producers = {index: operator.index for operator in operators for index in operator.outputs}
    for operator in operators:
        for index in operator.inputs:
            if producers.get(index, -1) >= operator.index:
                raise ValueError(f"operator {operator.index} {operator.op} reads tensor {index} before it is computed")


def _length(value: int, limit: int) -> int:
    if not 0 <= value <= limit:
        raise ValueError(f"a vector of {value} elements in a file of {limit} bytes")
    return value


def _read_tensor(model: bytes, root: Any, index: int, resolved: Resolved) -> FlatTensor:
    table = root.Subgraphs(0).Tensors(index)
    name = tensor_name(table.Name())
    stored = () if table.ShapeLength() == 0 else tuple(int(size) for size in table.ShapeAsNumpy())
    shape = resolved.shapes.get(index, stored)
    if int(table.Type()) not in _DTYPES:
        raise ModelError(
            f"tensor {index} '{name}' has elements of type {table.Type()}",
            hint=f"counted: {', '.join(dtype for dtype, _ in _DTYPES.values())}",
        )
    dtype, width = _DTYPES[int(table.Type())]
    if table.Sparsity() is not None:
        raise ModelError(f"tensor {index} '{name}' is stored sparse", hint="counted: dense tensors")
    if any(size < 0 for size in shape) or math.prod(shape) > _LARGEST_ELEMENTS:
        raise ModelError(f"tensor {index} '{name}' has the shape {shape}", hint="counted: static dimensions")
    buffer = int(table.Buffer())
    values = buffer_bytes(model, root, buffer)
    is_constant = values is not None
    if not is_constant and 0 in shape:
        raise ModelError(f"tensor {index} '{name}' has the shape {shape}", hint="counted: positive dimensions")
    n_nonzero = 0
    if values is not None:
        raw = values.tobytes()
        if len(raw) != width * math.prod(shape):
            raise ValueError(f"tensor {index} of shape {shape} has {len(raw)} bytes")
        numbers = np.frombuffer(raw, np.dtype(dtype).newbyteorder("<"))
        n_nonzero = int(np.count_nonzero(numbers != _zero_point(table.Quantization())))
    return FlatTensor(
        index=index,
        name=name,
        shape=shape,
        dtype=dtype,
        width=width,
        buffer=buffer,
        is_constant=is_constant,
        n_nonzero=n_nonzero,
    )


def _zero_point(quantization: Any) -> int:
    """Return what stands for zero in a tensor; weights that are quantized per channel have 0."""
    if quantization is None or quantization.ZeroPointLength() != 1:
        return 0
    return int(quantization.ZeroPoint(0))


def _read_operator(root: Any, table: Any, index: int, n_tensors: int) -> FlatOperator:
    import tflite

    if not 0 <= table.OpcodeIndex() < root.OperatorCodesLength():
        raise ValueError(f"operator {index} has code {table.OpcodeIndex()} of {root.OperatorCodesLength()}")
    op = operator_name(root.OperatorCodes(table.OpcodeIndex()))
    inputs = tuple(int(value) for value in table.InputsAsNumpy()) if table.InputsLength() else ()
    outputs = tuple(int(value) for value in table.OutputsAsNumpy()) if table.OutputsLength() else ()
    # an optional input that is absent has index -1; the first never is
    present = (*inputs[:1], *(value for value in inputs[1:] if value != -1), *outputs)
    if not inputs or not outputs or not all(0 <= value < n_tensors for value in present):
        raise ValueError(f"operator {index} has inputs {inputs} and outputs {outputs} of {n_tensors} tensors")
    window = (1, 1)
    union = table.BuiltinOptions()
    if union is not None and int(table.BuiltinOptionsType()) == tflite.BuiltinOptions.Pool2DOptions:
        options = tflite.Pool2DOptions()
        options.Init(union.Bytes, union.Pos)
        window = (int(options.FilterHeight()), int(options.FilterWidth()))
    return FlatOperator(index=index, op=op, inputs=inputs, outputs=outputs, window=window)
