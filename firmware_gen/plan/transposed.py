"""The pass that makes a transposed convolution a convolution of its input with zeros in between.

An element of the input adds its product with the kernel to a window of the output. Seen from the output, each element
takes the products of a window of the input with the kernel turned around, where the input has stride - 1 zeros after
each row and column. The sums are the same, and so is their requantization. One PAD writes the zeros: with the input as
[height, 1, width, channels], rows are added after the second axis, and columns after the last.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..network.graph import Graph, NoAttributes, Operator, Padding, Tensor
from ..network.strides import row_major
from ..operators.conv_2d import Conv2DAttributes
from ..operators.pad import PadAttributes
from ..operators.strided_copy import StridedCopyAttributes
from ..operators.transpose_conv import TransposeConvAttributes


def plain_transposed_convolutions(graph: Graph) -> Graph:
    """Replace each TRANSPOSE_CONV by RESHAPE, PAD, RESHAPE, where needed a slice, and CONV_2D."""
    tensors = list(graph.tensors)
    operators: list[Operator] = []
    for operator in graph.operators:
        if isinstance(operator.attributes, TransposeConvAttributes):
            operators += _plain(operator, operator.attributes, tensors)
        else:
            operators.append(operator)
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))


def _plain(operator: Operator, attributes: TransposeConvAttributes, tensors: list[Tensor]) -> list[Operator]:
    weights, source = (tensors[index] for index in operator.inputs[1:3])
    bias, output = operator.inputs[3:], tensors[operator.output]
    _, height, width, channels = source.shape
    strides = (attributes.stride_h, attributes.stride_w)
    steps: list[Operator] = []

    def add(op: str, taken: Tensor, shape: tuple[int, ...], how: object) -> Tensor:
        made = replace(source, index=len(tensors), shape=shape)
        tensors.append(made)
        steps.append(replace(operator, op=op, inputs=(taken.index,), outputs=(made.index,), attributes=how))
        return made

    current = source
    if strides != (1, 1):
        rows = add("RESHAPE", source, (height, 1, width, channels), NoAttributes())
        more = (0, strides[0] - 1, 0, (strides[1] - 1) * channels)
        shape = (height, strides[0], width, strides[1] * channels)
        padded = add("PAD", rows, shape, PadAttributes(before=(0, 0, 0, 0), after=more))
        current = add("RESHAPE", padded, (1, height * strides[0], width * strides[1], channels), NoAttributes())
    kernel = weights.shape[1:3]
    top, left = kernel[0] - 1 - attributes.top, kernel[1] - 1 - attributes.left
    # what the window reaches beyond the input, or does not reach of the zeros after its last row and column
    bottom, right = (
        output.shape[1 + axis] + kernel[axis] - 1 - current.shape[1 + axis] - before
        for axis, before in enumerate((top, left))
    )
    if bottom < 0 or right < 0:
        shape = (1, current.shape[1] + min(bottom, 0), current.shape[2] + min(right, 0), channels)
        part = StridedCopyAttributes(start=0, shape=shape, strides=row_major(current.shape))
        current = add("STRIDED_SLICE", current, shape, part)
    assert weights.data is not None
    turned = replace(weights, index=len(tensors), data=np.ascontiguousarray(weights.data[:, ::-1, ::-1]))
    tensors.append(turned)
    convolution = Conv2DAttributes(
        stride_h=1,
        stride_w=1,
        dilation_h=1,
        dilation_w=1,
        padding=Padding(top=top, bottom=max(bottom, 0), left=left, right=max(right, 0)),
        activation="NONE",
    )
    inputs = (current.index, turned.index, *bias)
    return [*steps, replace(operator, op="CONV_2D", inputs=inputs, attributes=convolution)]
