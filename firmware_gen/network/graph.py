"""The network as the generator sees it: tensors and operators, frozen and checked by the reader."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError

DType = Literal["int8", "int16", "int32", "float32", "uint8"]
"""float32 and uint8 occur only at the model file's ends, int16 only in variables; no operator of a graph computes
them."""
EndType = Literal["int8", "float32", "uint8"]
Activation = Literal["NONE", "RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """real = scale * (q - zero_point), for the whole tensor or for each index along one axis."""

    scales: tuple[float, ...]
    """One scale, or one per channel; float32 values."""
    zero_points: tuple[int, ...]
    """Zero points, as many as scales."""
    axis: int
    """The axis of the channels; meaningless for one scale."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tensor:
    """A tensor of the network: an activation, or a constant."""

    index: int
    """Its index in the model."""
    name: str
    """Its name in the model."""
    shape: tuple[int, ...]
    """Dimensions."""
    dtype: DType
    """Element type."""
    quantization: Quantization | None
    """None for indices and shapes."""
    data: NDArray[Any] | None
    """Values of a constant, in its shape; None for an activation."""

    @property
    def n_elements(self) -> int:
        """Number of elements; for activations, which are int8, also of bytes."""
        return math.prod(self.shape)

    @property
    def n_bytes(self) -> int:
        """Bytes in the arena."""
        return self.n_elements * (2 if self.dtype == "int16" else 1)

    @property
    def scale(self) -> float:
        """Scale of a tensor quantized as a whole."""
        return self._whole().scales[0]

    @property
    def zero_point(self) -> int:
        """Zero point of a tensor quantized as a whole."""
        return self._whole().zero_points[0]

    def _whole(self) -> Quantization:
        if self.quantization is None or len(self.quantization.scales) != 1:
            raise ModelError(f"tensor {self.describe()} must be quantized as a whole, with one scale")
        return self.quantization

    def describe(self) -> str:
        """Return index, name, type and shape, for messages and comments."""
        return f"{self.index} '{self.name}' ({self.dtype} {self.describe_shape()})"

    def describe_shape(self) -> str:
        """Return the shape in words, such as 1x40x51x1."""
        return "x".join(str(size) for size in self.shape) or "scalar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """Rows and columns of padding around an input."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAttributes:
    """LOGISTIC, RESHAPE and others, which need no attributes beside their tensors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator of the network."""

    index: int
    """Its index in the model."""
    op: str
    """TFLite's name."""
    inputs: tuple[int, ...]
    """Tensor indices, also of constants; absent optional inputs are left out at the end."""
    outputs: tuple[int, ...]
    """Tensor indices; one after the pass `take_apart`."""
    attributes: object
    """What the operator's options say, as its definition read them."""

    @property
    def output(self) -> int:
        """The only output."""
        (output,) = self.outputs
        return output


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """A tensor whose bytes are part of another tensor."""

    tensor: int
    """Its index."""
    of: int
    """Index of the other, which may be an alias itself."""
    offset: int
    """Where it begins in the other, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEnd:
    """An input or an output of the network."""

    tensor: int
    """Index of its int8 tensor."""
    type: EndType = "int8"
    """Type of the model file's end; the conversion to or from int8 is no operator of the graph."""
    name: str
    """Name of the model file's end."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Variable:
    """What the network remembers from one inference to the next."""

    tensor: int
    """Index of the tensor with its value; no operator computes it."""
    value: int | None
    """Index of the tensor that becomes its value at the end of an inference; None where it stays, or where an operator
    changes it in place."""
    initial: NDArray[np.int8]
    """Its bytes before the first inference."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graph:
    """A network of int8 tensors; its operators are in an order that can be executed."""

    tensors: tuple[Tensor, ...]
    """All tensors; a tensor's index is its place."""
    operators: tuple[Operator, ...]
    """In order of execution."""
    inputs: tuple[GraphEnd, ...]
    """At least one, in the file's order."""
    outputs: tuple[GraphEnd, ...]
    """At least one, in the file's order."""
    variables: tuple[Variable, ...] = ()
    """What outlives an inference."""
    aliases: tuple[Alias, ...] = ()
    """Tensors that need no memory of their own."""

    @property
    def input(self) -> int:
        """Tensor index of the first input."""
        return self.inputs[0].tensor

    @property
    def output(self) -> int:
        """Tensor index of the first output."""
        return self.outputs[0].tensor

    @property
    def given(self) -> frozenset[int]:
        """Tensors that have a value before the first operator: inputs and variables."""
        return frozenset((*(end.tensor for end in self.inputs), *(variable.tensor for variable in self.variables)))

    @property
    def kept(self) -> frozenset[int]:
        """Tensors that are needed after the last operator: outputs and variables."""
        return frozenset((*(end.tensor for end in self.outputs), *(variable.tensor for variable in self.variables)))

    def storage(self, tensor: int) -> int:
        """Return the tensor that holds the bytes of `tensor`: itself, or the one it is an alias of."""
        return self._resolve(tensor)[0]

    def offset_in_storage(self, tensor: int) -> int:
        """Return where a tensor begins in its storage, in bytes."""
        return self._resolve(tensor)[1]

    def _resolve(self, tensor: int) -> tuple[int, int]:
        aliases = {alias.tensor: alias for alias in self.aliases}
        offset = 0
        while tensor in aliases:
            offset += aliases[tensor].offset
            tensor = aliases[tensor].of
        return tensor, offset

    def activations(self, operator: Operator) -> tuple[int, ...]:
        """Return the inputs of an operator that are not constant."""
        return tuple(index for index in operator.inputs if self.tensors[index].data is None)
