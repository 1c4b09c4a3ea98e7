"""One layer with weights and a bias, and one thing changed in its file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from int8_models import ModelBuilder

Change = Callable[[ModelBuilder], None]
INPUT, WEIGHTS, BIAS, OUTPUT = range(4)
_OPTIONS = {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}


def layer(op: str, *, n_scales: int = 4, change: Change = lambda builder: None) -> bytes:
    """A layer of four channels with a bias, and one change."""
    builder = ModelBuilder()
    shape = (1, 4) if op == "FULLY_CONNECTED" else (1, 3, 3, 4)
    size = {"FULLY_CONNECTED": (4, 4), "CONV_2D": (4, 1, 1, 4), "DEPTHWISE_CONV_2D": (1, 1, 1, 4)}[op]
    scales = np.full(n_scales, 0.01)
    tensors = [
        builder.activation(shape, 0.05, 3),
        builder.constant(np.ones(size, np.int8), scales, axis=3 if op == "DEPTHWISE_CONV_2D" else 0),
        builder.constant(np.ones(4, np.int32), 0.05 * scales),
    ]
    output = builder.activation(shape, 0.05, 3)
    name = {"FULLY_CONNECTED": "FullyConnected", "CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D"}[op]
    more = {"depthMultiplier": 1} if op == "DEPTHWISE_CONV_2D" else {}
    options = {} if op == "FULLY_CONNECTED" else _OPTIONS | more
    builder.operator(op, tensors, output, f"{name}Options", **options)
    change(builder)
    return builder.finish(INPUT, OUTPUT)


def quantization(tensor: int, field: str, value: object) -> Change:
    return lambda builder: setattr(builder.graph.tensors[tensor].quantization, field, value)
