"""The operators the generator knows: one module each, listed here and nowhere else."""

from __future__ import annotations

from .add import Add, Sub
from .base import Node, OperatorDefinition, OperatorView
from .concatenation import Concatenation
from .conv_2d import Conv2D
from .depthwise_conv_2d import DepthwiseConv2D
from .fully_connected import FullyConnected
from .lookup import HardSwish, LeakyRelu, Logistic, Quantize, Relu, Relu0To1, Relu6, ReluN1To1, Tanh
from .mul import Mul
from .pad import Pad
from .pool_2d import AveragePool2D, MaxPool2D
from .prelu import Prelu
from .reduce import Mean, ReduceMax, Sum
from .reshape import ExpandDims, Reshape, Squeeze
from .softmax import Softmax
from .strided_copy import Slice, Split, SplitV, StridedSlice, Transpose

__all__ = ["REGISTRY", "Node", "OperatorDefinition", "OperatorView"]

_DEFINITIONS: tuple[OperatorDefinition, ...] = (
    Add(),
    AveragePool2D(),
    Concatenation(),
    Conv2D(),
    DepthwiseConv2D(),
    ExpandDims(),
    FullyConnected(),
    HardSwish(),
    LeakyRelu(),
    Logistic(),
    MaxPool2D(),
    Mean(),
    Mul(),
    Pad(),
    Prelu(),
    Quantize(),
    ReduceMax(),
    Relu(),
    Relu0To1(),
    Relu6(),
    ReluN1To1(),
    Reshape(),
    Slice(),
    Softmax(),
    Split(),
    SplitV(),
    Squeeze(),
    StridedSlice(),
    Sub(),
    Sum(),
    Tanh(),
    Transpose(),
)

REGISTRY: dict[str, OperatorDefinition] = {definition.op: definition for definition in _DEFINITIONS}
