"""Read the operators, shapes and constants of a .tflite file, for complexity. Safe on damaged files.

The engine's own reader (`firmware_gen`) is stricter: it refuses whatever the engine cannot compute.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from asc_kit.errors import ModelError
from asc_kit.tflite.decoder import Decoder, StoredOperator, read_checked
from asc_kit.tflite.identity import refuse_unsupported
from asc_kit.tflite.inputs import InputShape
from asc_kit.tflite.operator_codes import STATE_OPERATORS
from asc_kit.tflite.resolving import Resolved, resolve_shapes

# bytes of an element, by TFLite's type
# a RESOURCE names a variable
_WIDTHS = {
    "FLOAT32": 4, "FLOAT16": 2, "INT32": 4, "UINT8": 1, "INT64": 8, "BOOL": 1, "INT16": 2, "INT8": 1,
    "RESOURCE": 0,
}  # fmt: skip
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
    """Index of the buffer with the values; several constants may share a buffer."""
    is_constant: bool
    """Whether it has values in the file."""
    n_nonzero: int
    """Number of elements that differ from the zero point of a constant; 0 for an activation."""

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
    """Its name in TFLite."""
    inputs: tuple[int, ...]
    """Tensor indices; -1 for an optional one that is absent."""
    outputs: tuple[int, ...]
    """Tensor indices, at least one."""
    window: tuple[int, int]
    """Rows and columns of a pool's window; (1, 1) for other operators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatModel:
    """A model of one graph."""

    tensors: tuple[FlatTensor, ...]
    """All tensors; the index of a tensor is its position."""
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
        If it is no TFLite model, is damaged, has operators that no rule names or tensors that cannot be counted, or
        leaves sizes free that are not given.
    """
    return read_checked(model, functools.partial(_read, counted=counted, input_shapes=input_shapes))


def _read(decoder: Decoder, counted: Collection[str], input_shapes: Sequence[InputShape]) -> FlatModel:
    _check_counted(decoder, counted)
    if any(
        graph.op(index) not in STATE_OPERATORS for graph in decoder.graphs[1:] for index in range(graph.n_operators)
    ):
        raise ModelError(f"the model has {decoder.n_graphs} graphs", hint="counted: models of one, and of its state")
    graph = decoder.graph
    # before the tensors: an unknown operator explains a tensor of another type
    operators = tuple(
        _operator(graph.operator(index), graph.n_tensors)
        for index in range(graph.n_operators)
        if graph.op(index) not in STATE_OPERATORS
    )
    resolved = resolve_shapes(decoder, input_shapes)
    # they only describe what an operator computes inside
    inner = {tensor for index in range(graph.n_operators) for tensor in graph.intermediates(index)}
    tensors = tuple(_tensor(decoder, index, resolved, is_inner=index in inner) for index in range(graph.n_tensors))
    _check_acyclic(operators)
    return FlatModel(tensors=tensors, operators=operators)


def _check_counted(decoder: Decoder, counted: Collection[str]) -> None:
    """Check that a rule counts every operator, before other checks complain about its tensors."""
    ops = [op for op in decoder.ops() if op not in STATE_OPERATORS]
    if not all(op in counted for op in ops):
        refuse_unsupported(
            ops, counted, decoder.first_computed({*counted, *STATE_OPERATORS}), {}, what="counted by any rule"
        )


def _check_acyclic(operators: tuple[FlatOperator, ...]) -> None:
    """Check that no operator reads its own output or a later operator's: walks along the graph must end."""
    producers = {index: operator.index for operator in operators for index in operator.outputs}
    for operator in operators:
        for index in operator.inputs:
            if producers.get(index, -1) >= operator.index:
                raise ValueError(f"operator {operator.index} {operator.op} reads tensor {index} before it is computed")


def _tensor(decoder: Decoder, index: int, resolved: Resolved, *, is_inner: bool) -> FlatTensor:
    stored = decoder.graph.tensor(index)
    shape = resolved.shapes.get(index, stored.shape)
    if stored.type not in _WIDTHS:
        raise ModelError(
            f"{stored.describe()} has elements of type {stored.type}",
            hint=f"counted: {', '.join(_WIDTHS).lower()}",
        )
    dtype, width = stored.type.lower(), _WIDTHS[stored.type]
    if stored.is_sparse:
        raise ModelError(f"{stored.describe()} is stored sparse", hint="counted: dense tensors")
    if any(size < 0 for size in shape) or math.prod(shape) > _LARGEST_ELEMENTS:
        raise ModelError(f"{stored.describe()} has the shape {shape}", hint="counted: static dimensions")
    values = decoder.constant(stored.buffer)
    if values is None and 0 in shape and not is_inner:
        raise ModelError(f"{stored.describe()} has the shape {shape}", hint="counted: positive dimensions")
    n_nonzero = 0
    if values is not None:
        if values.size != width * math.prod(shape):
            raise ValueError(f"tensor {index} of shape {shape} has {values.size} bytes")
        # weights that are quantized per channel have 0
        zero = stored.zero_points[0] if len(stored.zero_points) == 1 else 0
        n_nonzero = int(np.count_nonzero(values.view(np.dtype(dtype).newbyteorder("<")) != zero))
    return FlatTensor(
        index=index,
        name=stored.name,
        shape=shape,
        dtype=dtype,
        width=width,
        buffer=stored.buffer,
        is_constant=values is not None,
        n_nonzero=n_nonzero,
    )


def _operator(stored: StoredOperator, n_tensors: int) -> FlatOperator:
    # an optional input that is absent has index -1; the first never is
    if not stored.inputs or stored.inputs[0] == -1 or not stored.outputs:
        raise ValueError(
            f"operator {stored.index} {stored.op} has inputs {stored.inputs} and outputs {stored.outputs} of "
            f"{n_tensors} tensors"
        )
    pool = stored.options("Pool2DOptions")
    return FlatOperator(
        index=stored.index,
        op=stored.op,
        inputs=stored.inputs,
        outputs=stored.outputs,
        window=(int(pool.FilterHeight()), int(pool.FilterWidth())) if pool is not None else (1, 1),
    )
