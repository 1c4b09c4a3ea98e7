"""The network as the generator sees it: tensors and operators, frozen and checked by the reader."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

from asc_kit.errors import ModelError

DType = Literal["int8", "int32"]
Activation = Literal["NONE", "RELU", "RELU6"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantization:
    """real = scale * (q - zero_point), for the whole tensor or for each index along one axis."""

    scales: tuple[float, ...]
    """One scale, or one per channel; float32 values."""
    zero_points: tuple[int, ...]
    """As many zero points."""
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
        shape = "x".join(str(size) for size in self.shape) or "scalar"
        return f"{self.index} '{self.name}' ({self.dtype} {shape})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """Rows and columns around an input that do not exist in it."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv2DAttributes:
    """CONV_2D."""

    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    padding: Padding
    activation: Activation


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthwiseConv2DAttributes:
    """DEPTHWISE_CONV_2D."""

    multiplier: int
    stride_h: int
    stride_w: int
    dilation_h: int
    dilation_w: int
    padding: Padding
    activation: Activation


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyConnectedAttributes:
    """FULLY_CONNECTED."""

    activation: Activation


@dataclass(frozen=True, slots=True, kw_only=True)
class AddAttributes:
    """ADD."""

    activation: Activation


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool2DAttributes:
    """AVERAGE_POOL_2D and MAX_POOL_2D."""

    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    padding: Padding
    activation: Activation


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanAttributes:
    """MEAN."""

    axes: tuple[int, ...]
    """Axes that are averaged, ascending and neighbouring."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PadAttributes:
    """PAD."""

    before: tuple[int, ...]
    """Elements added before each axis."""
    after: tuple[int, ...]
    """Elements added after each axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftmaxAttributes:
    """SOFTMAX."""

    beta: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAttributes:
    """LOGISTIC, RESHAPE: their tensors say it all."""


Attributes = (
    Conv2DAttributes
    | DepthwiseConv2DAttributes
    | FullyConnectedAttributes
    | AddAttributes
    | Pool2DAttributes
    | MeanAttributes
    | PadAttributes
    | SoftmaxAttributes
    | NoAttributes
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator of the network."""

    index: int
    """Its index in the model."""
    op: str
    """TFLite's name."""
    inputs: tuple[int, ...]
    """Tensor indices; constants among them; optional inputs that are absent are left out at the end."""
    output: int
    """Tensor index."""
    attributes: Attributes
    """What the operator's options say."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graph:
    """A network with one int8 input and one int8 output, operators in an order that can be executed."""

    tensors: tuple[Tensor, ...]
    """All tensors; a tensor's index is its place."""
    operators: tuple[Operator, ...]
    """In order of execution."""
    input: int
    """Tensor index."""
    output: int
    """Tensor index."""
    aliases: tuple[tuple[int, int], ...] = ()
    """Pairs (tensor, other): the first has the bytes of the second, in another shape."""

    def storage(self, tensor: int) -> int:
        """Return the tensor that has the bytes of `tensor`: itself, or what it is an alias of."""
        aliases = dict(self.aliases)
        while tensor in aliases:
            tensor = aliases[tensor]
        return tensor

    def activations(self, operator: Operator) -> tuple[int, ...]:
        """Return the inputs of an operator that are not constant."""
        return tuple(index for index in operator.inputs if self.tensors[index].data is None)
