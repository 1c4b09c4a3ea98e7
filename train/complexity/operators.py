"""What the challenges' rules count of each operator, in one record."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from .reader import FlatModel, FlatOperator, FlatTensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One operator where it stands."""

    network: FlatModel
    """The model."""
    operator: FlatOperator
    """The operator."""
    producers: Mapping[int, FlatOperator]
    """The operator that computes each tensor."""
    parameters: tuple[FlatTensor, ...]
    """The constants that it computes with."""

    @property
    def output(self) -> FlatTensor:
        """Its first output."""
        return self.network.tensors[self.operator.outputs[0]]

    @property
    def n_parameters(self) -> int:
        """Elements of its parameters."""
        return sum(tensor.n_elements for tensor in self.parameters)


Count = Callable[[Use], int]


def _none(_: Use) -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is counted of an operator."""

    parameters: Literal["weights", "operands", "none"] = "operands"
    """Which constants are parameters: those after the first input, of which there must be one; any; none."""
    macs: Count = _none
    """Multiply-accumulates by the rule of 2024."""
    macs_2022: Count = _none
    """Multiply-accumulates by the tool of 2022."""


def _each_position(use: Use) -> int:
    """Count all parameters, bias included, for each position of the output; of a dense layer, for each row."""
    channels = use.output.shape[-1] if use.output.shape else 1
    return use.n_parameters * (use.output.n_elements // max(1, channels))


def _each_parameter(use: Use) -> int:
    """Count a constant operand of a sum or product once for each element, as batch normalization is counted."""
    return use.n_parameters


def _each_output(use: Use) -> int:
    return use.output.n_elements


def _inputs_2022(use: Use) -> int:
    return use.network.tensors[use.operator.inputs[0]].n_elements


def _kernel_2022(use: Use) -> int:
    return use.output.n_elements * math.prod(use.parameters[0].shape[1:])


def _depthwise_2022(use: Use) -> int:
    return use.output.n_elements * math.prod(use.parameters[0].shape[1:3])


def _window_2022(use: Use) -> int:
    return use.output.n_elements * math.prod(use.operator.window)


def _dense_2022(use: Use) -> int:
    """Count, for each output, the last axis of what the layer takes, before it was reshaped."""
    index = use.operator.inputs[0]
    while index in use.producers and use.producers[index].op in _RESHAPES:
        index = use.producers[index].inputs[0]
    shape = use.network.tensors[index].shape
    return use.output.n_elements * (shape[-1] if shape else 1)


_RESHAPES = ("EXPAND_DIMS", "RESHAPE", "SQUEEZE")
# weights and biases are among the operands of these when a batch normalization was not folded
_ARITHMETIC = ("DIV", "MAXIMUM", "MINIMUM", "MUL", "PRELU", "SUB")
# nothing is counted but constants
_OTHERS = """
    ABS ARG_MAX ARG_MIN BATCH_TO_SPACE_ND BROADCAST_TO CAST CONCATENATION DEPTH_TO_SPACE ELU EXP FLOOR GATHER GELU
    HARD_SWISH L2_NORMALIZATION L2_POOL_2D LEAKY_RELU LOG LOGISTIC LOG_SOFTMAX MIRROR_PAD NEG PACK PAD POW QUANTIZE
    REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR ROUND RSQRT SHAPE
    SIGN SLICE SOFTMAX SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQRT SQUARE SQUARED_DIFFERENCE STRIDED_SLICE SUM
    TANH TILE TRANSPOSE UNPACK
    """.split()

RULES: dict[str, Rule] = {
    **dict.fromkeys((*_OTHERS, *_RESHAPES), Rule()),
    **dict.fromkeys(_ARITHMETIC, Rule(macs=_each_parameter)),
    "ADD": Rule(macs=_each_parameter, macs_2022=_each_output),
    "AVERAGE_POOL_2D": Rule(macs_2022=_window_2022),
    "CONV_2D": Rule(parameters="weights", macs=_each_position, macs_2022=_kernel_2022),
    "DEPTHWISE_CONV_2D": Rule(parameters="weights", macs=_each_position, macs_2022=_depthwise_2022),
    # a constant counts where it is used
    "DEQUANTIZE": Rule(parameters="none"),
    "FULLY_CONNECTED": Rule(parameters="weights", macs=_each_position, macs_2022=_dense_2022),
    "MAX_POOL_2D": Rule(macs_2022=_window_2022),
    "MEAN": Rule(macs_2022=_inputs_2022),
    # what a border is filled with is no parameter
    "PADV2": Rule(parameters="none"),
    # its parameters for each step
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Rule(parameters="weights", macs=_each_position, macs_2022=_each_position),
    # as of a convolution: its parameters for each position of the output
    "TRANSPOSE_CONV": Rule(parameters="weights", macs=_each_position, macs_2022=_kernel_2022),
}
"""By operator. A model with any other is refused."""
