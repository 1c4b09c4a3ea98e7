"""The operators the generator knows: one module each, listed here and nowhere else."""

from __future__ import annotations

from .add import Add
from .base import Node, OperatorDefinition, OperatorView
from .conv_2d import Conv2D
from .depthwise_conv_2d import DepthwiseConv2D
from .fully_connected import FullyConnected
from .logistic import Logistic
from .mean import Mean
from .pad import Pad
from .pool_2d import AveragePool2D, MaxPool2D
from .reshape import Reshape
from .softmax import Softmax

__all__ = ["REGISTRY", "Node", "OperatorDefinition", "OperatorView"]

_DEFINITIONS: tuple[OperatorDefinition, ...] = (
    Add(),
    AveragePool2D(),
    Conv2D(),
    DepthwiseConv2D(),
    FullyConnected(),
    Logistic(),
    MaxPool2D(),
    Mean(),
    Pad(),
    Reshape(),
    Softmax(),
)

REGISTRY: dict[str, OperatorDefinition] = {definition.op: definition for definition in _DEFINITIONS}
