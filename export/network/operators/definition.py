"""The definition of an operator in export: its computation in float, and its rounding in int8."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from ..affine import Affine, constant_affine
from ..graph import Network, Operator, WeightAxes


class UnsupportedError(Exception):
    """An operator is used in a way that cannot be quantized; says how."""


class Call:
    """One operator with its values."""

    def __init__(self, network: Network, operator: Operator, inputs: Sequence[Any]) -> None:
        self.network, self.operator, self.inputs = network, operator, inputs
        self.options = operator.options
        self.x: Any = next((value for value in inputs if value is not None), None)

    def constant(self, position: int) -> list[int]:
        """Return a constant input of whole numbers, in a row."""
        if not self.network.is_constant(self.operator.inputs[position]):
            raise UnsupportedError(f"a computed input {position}")
        return [int(n) for n in np.ravel(self.network.constant(self.operator.inputs[position]))]

    def shape(self, position: int) -> tuple[int, ...]:
        """Return the shape of an input's tensor, its batch included."""
        return self.network.tensors[self.operator.inputs[position]].shape

    def axis(self, axis: int, position: int = 0) -> int:
        """Return the axis of the batched value for an axis of the flatbuffer's tensor; the batch itself is refused."""
        shape = self.shape(position)
        axis = axis % len(shape)
        if shape[0] != 1:
            return axis + 1
        if axis == 0:
            raise UnsupportedError("work along the batch")
        return axis

    def outputs(self, *values: Any) -> list[Any]:
        """Give values the shapes that the flatbuffer says."""
        tensors = [self.network.tensors[index] for index in self.operator.outputs]
        return [tf.reshape(value, (-1, *tensor.inner)) for value, tensor in zip(values, tensors, strict=True)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scales:
    """One operator with the scales around it, for its rounding."""

    network: Network
    """Shapes and constants."""
    operator: Operator
    """The operator."""
    scheme: Mapping[int, Affine]
    """Scale and zero point of every activation."""
    weights: Any
    """Scales of its weights, one for all or one per channel; None for an operator without weights."""
    exact: bool
    """Whether to round in float64 where the kernels' bits need it; float32 takes half the work."""

    @property
    def dtype(self) -> Any:
        """The type to round in."""
        return tf.float64 if self.exact else tf.float32

    @property
    def output(self) -> float:
        """The scale of the output."""
        return self.scheme[self.operator.output].scale

    def of(self, position: int) -> float:
        """Return the scale of an input, an activation or a constant operand."""
        index = self.operator.inputs[position]
        if not self.network.is_constant(index):
            return self.scheme[index].scale
        stored = self.network.tensors[index].quantization
        return float(stored.scales[0]) if stored is not None else constant_affine(self.network.constant(index)).scale


Requantize = Callable[[Any, Sequence[Any]], Any]
"""From an operator's real output and inputs to the steps of its output above real 0: whole numbers, not yet clamped."""

Rounding = Callable[[Scales], Requantize | None]
"""How an operator's kernel rounds, given its scales; None where it rounds the real output once, equation (5)."""


def round_once(_: Scales) -> None:
    """Round the real output to the nearest step, exactly as a lookup table or nearly as the kernel does."""


def pass_on(_: Scales) -> None:
    """Round nothing: each output is one of the inputs."""


def pass_all_channels(_network: Network, _operator: Operator) -> bool:
    """Return that channels are passed on, each by itself."""
    return True


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Definition:
    """One operator."""

    op: str
    """TFLite's name."""
    int8_version: int
    """The first version of the operator that takes int8."""
    compute: Callable[[Call], list[Any]]
    """Its computation, without the fused activation function; raises `UnsupportedError`."""
    rounding: Rounding
    """How its int8 kernel rounds."""
    shared_scale: bool = False
    """Whether TFLite wants one quantization for all inputs and outputs."""
    fixed_output: Affine | None = None
    """The quantization that TFLite prescribes for its output."""
    weight_axes: WeightAxes | None = None
    """Axes of the weights, if its second and third input are weights and biases."""
    passes_channels: Callable[[Network, Operator], bool] | None = None
    """Whether it passes channels on, each by itself, and commutes with factors per channel; None for one that never
    does."""

    def __post_init__(self) -> None:
        if self.rounding is pass_on and not self.shared_scale:
            raise ValueError(f"{self.op} passes values on, and its output has another scale")
