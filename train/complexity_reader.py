"""Read what complexity needs of a .tflite file: operators, shapes, constants. Safe on damaged files.

The engine's own reader (`firmware_gen`) is stricter: it refuses whatever the engine cannot compute.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from asc_kit.errors import ModelError
from asc_kit.flatbuffer import read_checked

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


def read_flatbuffer(model: bytes) -> FlatModel:
    """Read a model.

    Raises
    ------
    ModelError
        When it is no TFLite model, is damaged, or has tensors that cannot be counted.
    """
    return read_checked(model, _read)


def _read(model: bytes) -> FlatModel:
    import tflite

    root = tflite.Model.GetRootAs(model, 0)
    if root.SubgraphsLength() != 1:
        raise ModelError(f"the model has {root.SubgraphsLength()} graphs", hint="counted: models of one")
    graph = root.Subgraphs(0)
    names = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
    n_tensors, n_operators = (_length(n, len(model)) for n in (graph.TensorsLength(), graph.OperatorsLength()))
    tensors = tuple(_read_tensor(root, graph.Tensors(index), index) for index in range(n_tensors))
    operators = tuple(
        _read_operator(root, graph.Operators(index), index, names, n_tensors) for index in range(n_operators)
    )
    _check_order(operators)
    return FlatModel(tensors=tensors, operators=operators)


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


def _read_tensor(root: Any, table: Any, index: int) -> FlatTensor:
    name = (table.Name() or b"").decode("utf-8", errors="replace")
    shape = () if table.ShapeLength() == 0 else tuple(int(size) for size in table.ShapeAsNumpy())
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
    if not 0 <= buffer < root.BuffersLength():
        raise ValueError(f"tensor {index} is in buffer {buffer} of {root.BuffersLength()}")
    is_constant = buffer > 0 and root.Buffers(buffer).DataLength() > 0
    n_nonzero = 0
    if is_constant:
        raw = root.Buffers(buffer).DataAsNumpy().tobytes()
        if len(raw) != width * math.prod(shape):
            raise ValueError(f"tensor {index} of shape {shape} has {len(raw)} bytes")
        values = np.frombuffer(raw, np.dtype(dtype).newbyteorder("<"))
        n_nonzero = int(np.count_nonzero(values != _zero_point(table.Quantization())))
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


def _read_operator(root: Any, table: Any, index: int, names: dict[int, str], n_tensors: int) -> FlatOperator:
    import tflite

    if not 0 <= table.OpcodeIndex() < root.OperatorCodesLength():
        raise ValueError(f"operator {index} has code {table.OpcodeIndex()} of {root.OperatorCodesLength()}")
    opcode = root.OperatorCodes(table.OpcodeIndex())
    # models of before schema 3a have the code in the older, narrower field only
    code = max(int(opcode.BuiltinCode()), int(opcode.DeprecatedBuiltinCode()))
    op = names.get(code, str(code))
    if op == "CUSTOM":
        op = f"CUSTOM {(opcode.CustomCode() or b'').decode('utf-8', errors='replace')!r}"
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
