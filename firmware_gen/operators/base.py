"""What every operator of the generator is: it reads its attributes, and becomes a kernel call."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, NoReturn, TypeVar, cast

from asc_kit.errors import ModelError

from ..network.costs import Costs
from ..network.graph import Activation, Operator, Padding, Tensor
from ..network.kernel_call import KernelCall
from ..network.row_call import RowCall, Window

_ACTIVATIONS: dict[int, Activation] = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6"}
AttributesT = TypeVar("AttributesT")
"""What an operator's definition reads from the options, and its kernels are chosen by."""

_SAME, _VALID = 0, 1
LARGEST_STEP = (1 << 16) - 1
"""Of kernels, strides and dilations; asc_stream.h has 16 bits for each."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OperatorView:
    """An operator while it is read: its tensors, and its options as the flatbuffer has them."""

    index: int
    """Its index in the model."""
    op: str
    """TFLite's name."""
    inputs: tuple[Tensor, ...]
    """Its inputs."""
    outputs: tuple[Tensor, ...]
    """Its outputs, at least one."""
    options: Any
    """The flatbuffer's options table, or None."""

    @property
    def output(self) -> Tensor:
        """Its first output: of most operators the only one."""
        return self.outputs[0]

    def fail(self, problem: str, supported: str) -> NoReturn:
        """Raise the error of something that is not supported."""
        raise ModelError(
            f"operator {self.index} {self.op}, which computes tensor {self.output.describe()}: {problem}",
            hint=f"supported: {supported}",
        )

    def read_activation(self) -> Activation:
        """Return the fused activation."""
        code = int(self.options.FusedActivationFunction())
        if code not in _ACTIVATIONS:
            self.fail(f"fused activation {code}", "NONE, RELU, RELU6, RELU_N1_TO_1")
        return _ACTIVATIONS[code]

    def check_positive(self, **values: int) -> None:
        """Check that sizes of a window are from 1 to a size that no network reaches."""
        for name, value in values.items():
            if not 0 < value <= LARGEST_STEP:
                self.fail(f"{name} is {value}", f"positive values up to {LARGEST_STEP:,}")

    def read_padding(self, *, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> Padding:
        """Return the padding of a window over rows and columns, and check the output's rows and columns with it."""
        self.check_positive(
            kernel_h=kernel[0],
            kernel_w=kernel[1],
            stride_h=stride[0],
            stride_w=stride[1],
            dilation_h=dilation[0],
            dilation_w=dilation[1],
        )
        mode = int(self.options.Padding())
        if mode not in (_SAME, _VALID):
            self.fail(f"padding {mode}", "SAME, VALID")
        if len(self.inputs[0].shape) != 4 or len(self.output.shape) != 4:
            self.fail("its input and output must have four dimensions", "NHWC with batch 1")
        pads: list[tuple[int, int]] = []
        for axis in (0, 1):
            size, out_size = self.inputs[0].shape[1 + axis], self.output.shape[1 + axis]
            extent = (kernel[axis] - 1) * dilation[axis] + 1
            if mode == _SAME:
                expected = -(-size // stride[axis])
                total = max((expected - 1) * stride[axis] + extent - size, 0)
            else:
                expected, total = (size - extent) // stride[axis] + 1, 0
            if expected != out_size:
                self.fail(f"its output must have size {expected} along axis {1 + axis}. Received: {out_size}", "NHWC")
            pads.append((total // 2, total - total // 2))
        return Padding(top=pads[0][0], bottom=pads[0][1], left=pads[1][0], right=pads[1][1])

    def check_activations(self, count: int) -> None:
        """Check that the first `count` inputs and the outputs are activations: int8, with one scale, computed."""
        for tensor in (*self.inputs[:count], *self.outputs):
            self.check_activation(tensor)

    def check_activation(self, tensor: Tensor) -> None:
        """Check that a tensor is an activation: int8, quantized as a whole, computed by the network."""
        self.check_quantized(tensor)
        if tensor.data is not None:
            self.fail(f"tensor {tensor.describe()} is constant", "an input computed by the network")

    def check_quantized(self, tensor: Tensor) -> None:
        """Check that a tensor is int8 and quantized as a whole."""
        if tensor.dtype != "int8" or tensor.quantization is None or len(tensor.quantization.scales) != 1:
            self.fail(f"tensor {tensor.describe()} is not a quantized activation", "int8 with one scale")

    def read_indices(self, tensor: Tensor, name: str) -> list[int]:
        """Return the values of a constant of indices, such as axes."""
        if tensor.data is None or tensor.dtype != "int32":
            self.fail(f"{name} {tensor.describe()} are not constant int32", f"constant {name}")
        return [int(value) for value in tensor.data.reshape(-1)]

    def read_axis(self, value: int, rank: int) -> int:
        """Return an axis, counted from 0 up."""
        if not -rank <= value < rank:
            self.fail(f"axis {value} of {rank} dimensions", f"axes from {-rank} to {rank - 1}")
        return value % rank

    def check_batch(self) -> None:
        """Check that input and output have batch 1."""
        for tensor in (self.inputs[0], self.output):
            if not tensor.shape or tensor.shape[0] != 1:
                self.fail(f"tensor {tensor.describe()}", "a static batch of 1")

    def check_inputs(self, least: int, most: int) -> None:
        """Check the number of inputs."""
        if not least <= len(self.inputs) <= most:
            self.fail(f"it has {len(self.inputs)} inputs", f"{least} to {most}")

    def check_same_quantization(self, source: Tensor | None = None) -> None:
        """Check that the outputs have the scale and zero point of an input, the first unless another is given."""
        source = source or self.inputs[0]
        for output in self.outputs:
            if (source.scale, source.zero_point) != (output.scale, output.zero_point):
                self.fail("its input and its output are quantized differently", "one scale and zero point for both")

    def check_no_activation(self) -> None:
        """Check that there is no fused activation."""
        if self.read_activation() != "NONE":
            self.fail(f"fused activation {self.read_activation()}", "NONE")

    def check_probabilities(self) -> None:
        """Check that the output is quantized as TFLite wants probabilities."""
        if (self.output.scale, self.output.zero_point) != (1.0 / 256.0, -128):
            self.fail(
                f"its output has scale {self.output.scale:.9g} and zero point {self.output.zero_point}",
                "scale 1/256 and zero point -128",
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Node(Generic[AttributesT]):
    """An operator of a graph with its tensors, while its kernel is chosen."""

    operator: Operator
    """The operator."""
    inputs: tuple[Tensor, ...]
    """Its inputs."""
    output: Tensor
    """Its output."""
    scratch_bytes: int | None = None
    """Most scratch memory for its kernel, where that has a choice; None for what is usual."""
    rows_at_once: int = 1
    """Most rows of its output that a call may compute, where its kernel has a choice."""
    costs: Costs = Costs()
    """Of the part it runs on."""

    @property
    def attributes(self) -> AttributesT:
        """What the operator's definition read."""
        return cast(AttributesT, self.operator.attributes)

    def refuse_scales(self, supported: str) -> NoReturn:
        """Raise the error of scales that make the reference kernel itself overflow 32 bits."""
        scales = ", ".join(f"{tensor.scale:.3g}" for tensor in self.inputs if tensor.quantization is not None)
        raise ModelError(
            f"operator {self.operator.index} {self.operator.op}, which computes tensor {self.output.describe()}: "
            f"input scales {scales} and output scale {self.output.scale:.3g}",
            hint=f"supported: {supported}; convert with representative data",
        )


AnyNode = Node[Any]
"""A node of any operator."""


class OperatorDefinition(ABC, Generic[AttributesT]):
    """One operator of TFLite: reads and checks its attributes, and chooses kernels for whole tensors and for rows."""

    op: ClassVar[str]
    """TFLite's name."""
    options: ClassVar[str | None]
    """Name of its options table in the schema; None when it has none, or one that its tensors make redundant."""
    many_outputs: ClassVar[bool] = False
    """Whether it may have several outputs; `take_apart` must know such an operator."""

    may_leave_out: ClassVar[bool] = False
    """Whether its last inputs may be given as -1, which TFLite accepts of few operators."""

    def arrange(self, inputs: tuple[int, ...]) -> tuple[int, ...] | str:
        """Return the inputs that are there, in the order in which `read` takes them, or what of them is not supported.

        Parameters
        ----------
        inputs
            Tensor indices; -1 for what is left out.
        """
        return inputs

    @abstractmethod
    def read(self, view: OperatorView) -> AttributesT:
        """Read and check its attributes.

        Raises
        ------
        ModelError
            For anything that is not supported; names operator, tensor and what is supported.
        """

    @abstractmethod
    def lower(self, node: Node[AttributesT]) -> KernelCall | None:
        """Choose the kernel for whole tensors and prepare its constants; None if only rows can be computed."""

    def rows(self, node: Node[AttributesT]) -> RowCall | None:
        """Choose the kernel for one row of the output; None if only whole tensors can."""
        return None

    def by_pixel(self, node: Node[AttributesT]) -> bool:
        """Tell whether each pixel of the output depends on the same pixel of the inputs alone, in the same way.

        Then rows may be joined: the tensors can be computed as one long row.
        """
        return False


RANK = 4
"""Dimensions of tensors that have rows: [1, height, width, channels]."""


def has_rows(tensor: Tensor) -> bool:
    """Tell whether a tensor has rows."""
    return len(tensor.shape) == RANK and tensor.shape[0] == 1


def one_row(node: Node[AttributesT]) -> tuple[Node[AttributesT], tuple[Window, ...]] | None:
    """Return the node for one row of its output, and the row of each input it needs; None when it needs more rows.

    An input of one row serves all rows of the output.
    """
    if not has_rows(node.output):
        return None
    height = node.output.shape[1]
    windows: list[Window] = []
    inputs: list[Tensor] = []
    for tensor in node.inputs:
        if tensor.data is not None:
            if tensor.shape[-3:-2] not in ((), (1,)):
                return None
            inputs.append(tensor)
        elif not has_rows(tensor) or tensor.shape[1] not in (1, height):
            return None
        else:
            windows.append(Window(stride=1 if tensor.shape[1] == height else 0))
            inputs.append(_row_of(tensor))
    return replace(node, inputs=tuple(inputs), output=_row_of(node.output)), tuple(windows)


def longer_rows(node: Node[AttributesT], least: int) -> Node[AttributesT] | None:
    """Return a node whose tensors have fewer and longer rows; None when their shapes forbid it.

    Parameters
    ----------
    node
        A node that goes by pixels.
    least
        Columns that a row should have at least. As many rows are joined as this takes, a divisor of their number.
    """
    if not has_rows(node.output):
        return None
    _, height, width, _ = node.output.shape
    for tensor in node.inputs:
        if tensor.data is None and (not has_rows(tensor) or tensor.shape[1:3] != (height, width)):
            return None
    count = next(n for n in range(1, height + 1) if height % n == 0 and (n * width >= least or n == height))
    inputs = tuple(tensor if tensor.data is not None else _join_rows(tensor, count) for tensor in node.inputs)
    return replace(node, inputs=inputs, output=_join_rows(node.output, count), rows_at_once=1)


def _join_rows(tensor: Tensor, count: int) -> Tensor:
    _, height, width, channels = tensor.shape
    return replace(tensor, shape=(1, height // count, width * count, channels))


def _row_of(tensor: Tensor) -> Tensor:
    return replace(tensor, shape=(1, 1, *tensor.shape[2:]))


class RowWise(OperatorDefinition[AttributesT]):
    """An operator that computes each row of its output from the same row of its inputs."""

    @abstractmethod
    def lower(self, node: Node[AttributesT]) -> KernelCall:
        """Choose the kernel and prepare its constants."""

    def rows(self, node: Node[AttributesT]) -> RowCall | None:
        """Return the kernel for whole tensors, for tensors of one row."""
        split = one_row(node)
        if split is None:
            return None
        row, windows = split
        return RowCall(call=self.lower(row), windows=windows, takes_rows=False)
