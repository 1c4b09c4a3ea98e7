"""Decode a .tflite file: operators, tensors, constants and options, each checked against the file before use.

Only this module knows the tables of the schema. The engine, export and `complexity` each build a graph of their own on
it, and refuse what they cannot do. Files are not trusted: `read_checked` turns any failure of a reader into one error.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError
from asc_kit.text import tensor_name

from .identity import check_identifier
from .operator_codes import operator_names

T = TypeVar("T")

# what decoding raises on offsets that lead nowhere
_DAMAGE = (struct.error, LookupError, ValueError, TypeError, AttributeError, ArithmeticError, MemoryError)

_CUSTOM_QUANTIZATION = 1


def read_checked(model: bytes, read: Callable[[Decoder], T]) -> T:
    """Return the result of `read` on a model.

    Raises
    ------
    ModelError
        When it is no flatbuffer of TensorFlow Lite, or a damaged one; or what `read` itself says of it.
    """
    check_identifier(model)
    try:
        return read(Decoder(model))
    except _DAMAGE as failure:
        raise ModelError(
            f"the TensorFlow Lite model is damaged: {type(failure).__name__}: {failure}",
            hint="export or convert it again",
        ) from failure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredTensor:
    """A tensor as stored in the file."""

    index: int
    """Its index in the graph."""
    name: str
    """Its name, printable."""
    shape: tuple[int, ...]
    """Its shape: 1 where a size is free."""
    signature: tuple[int, ...]
    """Its shape with -1 where a size is free; empty where the file has none."""
    type: str
    """Type of its elements, as the schema names it: INT8, FLOAT32; a number where the schema has no name."""
    buffer: int
    """Index of the buffer with its values, for `Decoder.constant`."""
    is_variable: bool
    """Whether it keeps its values between inferences."""
    is_sparse: bool
    """Whether its values are stored sparse."""
    table: Any
    """Its table in the schema."""

    @property
    def scales(self) -> tuple[float, ...]:
        """One, one per channel, or none: real = scale * (q - zero_point)."""
        return self._quantization("Scale")

    @property
    def zero_points(self) -> tuple[int, ...]:
        """Zero points as stored: often one for many scales, or none."""
        return self._quantization("ZeroPoint")

    @property
    def axis(self) -> int:
        """The axis of the channels; meaningless for one scale."""
        table = self.table.Quantization()
        return int(table.QuantizedDimension()) if table is not None else 0

    @property
    def has_other_quantization(self) -> bool:
        """Whether its scales are for blocks, or along several axes; later versions of the schema have both."""
        table = self.table.Quantization()
        return table is not None and int(table.DetailsType()) > _CUSTOM_QUANTIZATION

    def _quantization(self, field: str) -> tuple[Any, ...]:
        table = self.table.Quantization()
        return _vector(table, field) if table is not None else ()

    def describe(self) -> str:
        """Return index and name, for messages."""
        return f"tensor {self.index} '{self.name}'"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredOperator:
    """An operator as stored in the file."""

    index: int
    """Its index in the graph."""
    op: str
    """TFLite's name, as `operator_names` gives it."""
    inputs: tuple[int, ...]
    """Tensor indices; -1 for an optional one that is absent."""
    outputs: tuple[int, ...]
    """Tensor indices."""
    table: Any
    """Its table in the schema."""

    @property
    def options_kind(self) -> str:
        """Name of the table with its options, as `Conv2DOptions`; NONE, or the number of one that is not known."""
        code = int(self.table.BuiltinOptionsType())
        return _names_in("BuiltinOptions").get(code, str(code))

    @property
    def has_other_options(self) -> bool:
        """Whether it has options of a custom operator, or of the schema's second kind."""
        return bool(self.table.CustomOptionsLength() or self.table.BuiltinOptions2Type())

    def options(self, kind: str) -> Any:
        """Return its options, a table of the schema; None where it has none of this kind."""
        import tflite

        union, table = self.table.BuiltinOptions(), getattr(tflite, kind, None)
        if union is None or table is None or self.options_kind != kind:
            return None
        _check_table(union.Bytes, union.Pos)
        options = table()
        options.Init(union.Bytes, union.Pos)
        return options


class Decoder:
    """A model, decoded table by table.

    Its methods raise one of the errors that `read_checked` knows when a count, an index or an offset leads out of the
    file.

    Parameters
    ----------
    model
        The flatbuffer.
    """

    def __init__(self, model: bytes) -> None:
        import tflite

        self.model = model
        self._root = tflite.Model.GetRootAs(model, 0)
        self.version: int = self._root.Version()
        """Version of the schema."""
        self.n_graphs: int = self.length(self._root.SubgraphsLength())
        """Graphs of the file; the network is the first."""

    @functools.cached_property
    def graph(self) -> StoredGraph:
        """The first graph, which is the network."""
        if not self.n_graphs:
            raise ValueError("it has no graph")
        return self.graphs[0]

    @functools.cached_property
    def codes(self) -> tuple[str, ...]:
        """Names of the operators that the file lists, by their place in its list."""
        return operator_names(self.model)

    @functools.cached_property
    def graphs(self) -> tuple[StoredGraph, ...]:
        """All graphs; the first is the network."""
        return tuple(StoredGraph(self, self._root.Subgraphs(number)) for number in range(self.n_graphs))

    def ops(self) -> list[str]:
        """Return the name of each operator, of all graphs, from their codes alone: all else may be damaged."""
        return [graph.op(index) for graph in self.graphs for index in range(graph.n_operators)]

    def first_computed(self, known: Container[str]) -> str:
        """Describe the output of the first unknown operator, for messages; ``nothing`` if all are known."""
        for graph in self.graphs:
            for index in range(graph.n_operators):
                if graph.op(index) not in known:
                    return graph.computed(index)
        return "nothing"

    def length(self, count: int) -> int:
        """Return a vector's length, which the file must have room for."""
        if not 0 <= count <= len(self.model):
            raise ValueError(f"a vector of {count} elements in a file of {len(self.model)} bytes")
        return count

    def constant(self, index: int) -> NDArray[np.uint8] | None:
        """Return the bytes of a buffer, a view; None for one that is empty, as activations have.

        Large models have them behind the flatbuffer, at an offset from the beginning of the file.

        Raises
        ------
        ValueError
            When there is no such buffer, or the file ends before it does.
        """
        if not 0 <= index < self._root.BuffersLength():
            raise ValueError(f"buffer {index} of {self._root.BuffersLength()}")
        if index == 0:  # empty by definition
            return None
        buffer = self._root.Buffers(index)
        if buffer.Offset() > 1:  # 0 and 1 are what writers leave in a field that they do not use
            begin, size = int(buffer.Offset()), int(buffer.Size())
            if begin + size > len(self.model):
                raise ValueError(f"buffer {index} of {size} bytes at {begin} in a file of {len(self.model)} bytes")
            return np.frombuffer(self.model, np.uint8, size, begin) if size else None
        return np.asarray(buffer.DataAsNumpy()) if buffer.DataLength() > 0 else None


class StoredGraph:
    """One graph of a model.

    Parameters
    ----------
    decoder
        The model.
    table
        The graph's table in the schema.
    """

    def __init__(self, decoder: Decoder, table: Any) -> None:
        self._decoder, self._table = decoder, table
        self._tensors: dict[int, StoredTensor] = {}
        self.n_operators: int = decoder.length(table.OperatorsLength())
        """Number of operators."""

    @functools.cached_property
    def n_tensors(self) -> int:
        """Number of tensors."""
        return self._decoder.length(self._table.TensorsLength())

    @functools.cached_property
    def inputs(self) -> tuple[int, ...]:
        """Tensor indices of its inputs."""
        return self._checked(_vector(self._table, "Inputs"), "the model's inputs have")

    @functools.cached_property
    def outputs(self) -> tuple[int, ...]:
        """Tensor indices of its outputs."""
        return self._checked(_vector(self._table, "Outputs"), "the model's outputs have")

    def op(self, index: int) -> str:
        """Return an operator's name from its code alone."""
        code, codes = int(self._table.Operators(index).OpcodeIndex()), self._decoder.codes
        if not 0 <= code < len(codes):
            raise ValueError(f"operator {index} has code {code} of {len(codes)}")
        return codes[code]

    def operator(self, index: int) -> StoredOperator:
        """Return an operator; all of its tensors exist."""
        table, op = self._table.Operators(index), self.op(index)
        inputs, outputs = _vector(table, "Inputs"), _vector(table, "Outputs")
        self._checked([value for value in (*inputs, *outputs) if value != -1], f"operator {index} {op} has")
        if -1 in outputs:
            raise ValueError(f"operator {index} {op} has an output that is left out")
        return StoredOperator(index=index, op=op, inputs=inputs, outputs=outputs, table=table)

    def intermediates(self, index: int) -> tuple[int, ...]:
        """Return the tensors that describe what an operator computes inside, as an LSTM has them."""
        found = _vector(self._table.Operators(index), "Intermediates")
        return self._checked((value for value in found if value != -1), f"operator {index} has")

    def computed(self, index: int) -> str:
        """Describe the first output of an operator, for messages; its tensors need not exist."""
        table = self._table.Operators(index)
        if not table.OutputsLength():
            return "nothing"
        tensor = int(table.Outputs(0))
        if not 0 <= tensor < self.n_tensors:
            return f"tensor {tensor}"
        shape = "x".join(map(str, self.tensor(tensor).shape[:8]))
        return f"{self.tensor(tensor).describe()} ({shape or 'scalar'})"

    def tensor(self, index: int) -> StoredTensor:
        """Return a tensor."""
        if index not in self._tensors:
            self._checked([index], "a reader asked for")
            self._tensors[index] = _tensor(self._table.Tensors(index), index)
        return self._tensors[index]

    def _checked(self, indices: Iterable[int], where: str) -> tuple[int, ...]:
        indices = tuple(indices)
        for index in indices:
            if not 0 <= index < self.n_tensors:
                raise ValueError(f"{where} tensor index {index} of {self.n_tensors} tensors")
        return indices


def _tensor(table: Any, index: int) -> StoredTensor:
    code = int(table.Type())
    return StoredTensor(
        index=index,
        name=tensor_name(table.Name()),
        shape=_vector(table, "Shape"),
        signature=_vector(table, "ShapeSignature"),
        type=_names_in("TensorType").get(code, str(code)),
        buffer=int(table.Buffer()),
        is_variable=bool(table.IsVariable()),
        is_sparse=table.Sparsity() is not None,
        table=table,
    )


def _check_table(model: bytes, at: int) -> None:
    """Check that a table and the numbers in it lie within the file: they may be read when no damage is expected."""
    vtable = at - struct.unpack_from("<i", model, at)[0]
    if vtable < 0:
        raise ValueError(f"a table at {at} is described at {vtable}")
    n_bytes, table_bytes = struct.unpack_from("<HH", model, vtable)
    fields = struct.unpack_from(f"<{max(n_bytes // 2 - 2, 0)}H", model, vtable + 4)
    if at + table_bytes > len(model) or any(offset >= table_bytes for offset in fields if offset):
        raise ValueError(f"a table of {table_bytes} bytes at {at} in a file of {len(model)} bytes has fields outside")


def _vector(table: Any, field: str) -> tuple[Any, ...]:
    """Return a vector of numbers; empty where the table leaves it out."""
    if not getattr(table, f"{field}Length")():
        return ()
    return tuple(getattr(table, f"{field}AsNumpy")().tolist())


@functools.cache
def _names_in(enum: str) -> dict[int, str]:
    """Return the names of one of the schema's enumerations, by code."""
    import tflite

    return {code: name for name, code in vars(getattr(tflite, enum)).items() if isinstance(code, int)}
