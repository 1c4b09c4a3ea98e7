"""A network between training and its int8 form: TFLite's operators, with constants as real numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightAxes:
    """The channel axes of an operator's weights."""

    output: int
    """Axis of the output's channels."""
    input: int
    """Axis of the input's channels."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quantization:
    """real = scale * (q - zero_point), for the whole tensor or for each index along one axis."""

    scales: NDArray[np.float32]
    """One scale, or one per channel."""
    zero_points: NDArray[np.int32]
    """As many zero points."""
    axis: int
    """The axis of the channels; meaningless for one scale."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tensor:
    """A tensor: an activation, or a constant."""

    index: int
    """Its index in the flatbuffer; tensors that reading added come after all others."""
    name: str
    """Its name in the flatbuffer: usually the name of its layer."""
    shape: tuple[int, ...]
    """Dimensions, the batch of 1 included."""
    data: NDArray[Any] | None = None
    """A constant: float32, the real values, or int32 for axes and shapes. None for an activation."""
    quantization: Quantization | None = None
    """Its stored quantization in an int8 network."""

    @property
    def inner(self) -> tuple[int, ...]:
        """Return the shape for one example: a leading batch of 1 is left out."""
        return self.shape[1:] if self.shape[:1] == (1,) else self.shape


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Operator:
    """One operator."""

    index: int
    """Its place in the order of execution."""
    op: str
    """TFLite's name."""
    inputs: tuple[int, ...]
    """Tensor indices, constants among them; -1 for an optional one that is absent."""
    outputs: tuple[int, ...]
    """Tensor indices."""
    options: Any
    """The flatbuffer's own table of its attributes; None where it has none."""
    activation: int
    """Code of the activation function that is fused with it; 0 for none."""
    weight_axes: WeightAxes | None
    """Axes of the weights, if it has weights; its inputs are then values, weights and biases."""

    @property
    def has_weights(self) -> bool:
        """Whether it has weights and biases."""
        return self.weight_axes is not None

    @property
    def output(self) -> int:
        """The first output."""
        return self.outputs[0]

    @property
    def weights(self) -> int:
        """Index of the weights' tensor; only for operators with weights."""
        return self.inputs[1]

    @property
    def axes(self) -> WeightAxes:
        """The axes of the weights; only for operators with weights."""
        assert self.weight_axes is not None, self.op
        return self.weight_axes

    @property
    def bias(self) -> int:
        """Index of the biases' tensor; only for operators with weights, each of which has its own."""
        return self.inputs[2]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """A network of one input and one output, operators in an order that can be executed."""

    tensors: tuple[Tensor, ...]
    """A tensor's index is its place."""
    operators: tuple[Operator, ...]
    """In order of execution."""
    input: int
    """Tensor index."""
    output: int
    """Tensor index."""
    flatbuffer: bytes
    """The flatbuffer that it was read from; constants may have been replaced since."""

    @property
    def weighted(self) -> tuple[Operator, ...]:
        """Return the operators that have weights."""
        return tuple(operator for operator in self.operators if operator.has_weights)

    @property
    def activations(self) -> tuple[int, ...]:
        """Return the tensors that are not constant, in the order they come to be."""
        return (self.input, *(index for operator in self.operators for index in operator.outputs))

    def constant(self, index: int) -> NDArray[Any]:
        """Return the value of a constant."""
        data = self.tensors[index].data
        assert data is not None, self.tensors[index].name
        return data

    def is_constant(self, index: int) -> bool:
        """Whether a tensor is a constant."""
        return self.tensors[index].data is not None

    def producer(self, index: int) -> Operator | None:
        """Return the operator that gives a tensor; None for the network's input and constants."""
        return next((operator for operator in self.operators if index in operator.outputs), None)

    def consumers(self, index: int) -> tuple[Operator, ...]:
        """Return the operators that take a tensor."""
        return tuple(operator for operator in self.operators if index in operator.inputs)

    def last_use(self) -> dict[int, int]:
        """Return the index of the last operator that takes each activation."""
        return {index: operator.index for operator in self.operators for index in operator.inputs}

    def with_constants(self, replaced: Mapping[int, NDArray[Any]]) -> Network:
        """Return the same network with other values in some constants."""
        return replace(
            self,
            tensors=tuple(
                replace(tensor, data=np.asarray(replaced[tensor.index], np.float32))
                if tensor.index in replaced
                else tensor
                for tensor in self.tensors
            ),
        )

    def layer_name(self, operator: Operator) -> str:
        """Return a short name for people: the layer's, from TensorFlow's names of weights and outputs."""
        names = [self.tensors[operator.output].name]
        if operator.has_weights:
            # the last part is the convolution's own, before what was folded into it
            names.insert(0, self.tensors[operator.weights].name.split(";")[-1])
        for name in names:
            parts = [part for part in name.split(";")[0].split("/") if part]
            if len(parts) > 1:
                # network/layer/operation, or network/operation; Keras counts the uses of a layer from 1
                return parts[1].removesuffix("_1")
        return f"{operator.op.lower()}_{operator.index}"


def logits_of(network: Network) -> int:
    """Return the tensor before a last LOGISTIC or SOFTMAX, reshaped or not; the output where there is none."""
    last = network.producer(network.output)
    while last is not None and last.op in ("EXPAND_DIMS", "RESHAPE", "SQUEEZE"):
        last = network.producer(last.inputs[0])
    return last.inputs[0] if last is not None and last.op in ("LOGISTIC", "SOFTMAX") else network.output
