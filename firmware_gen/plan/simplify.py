"""Passes over the graph: each returns a new graph that computes the same bytes with less work."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..network.graph import Alias, Graph, Operator, Padding
from ..network.strides import merge, row_major
from ..operators.conv_2d import Conv2DAttributes
from ..operators.depthwise_conv_2d import DepthwiseConv2DAttributes
from ..operators.pack import UnpackAttributes
from ..operators.pad import PadAttributes
from ..operators.strided_copy import SplitAttributes, StridedCopyAttributes
from ..operators.variables import VIEWS
from ..operators.weights import ConvolutionAttributes
from .arena import ALIGNMENT
from .assignments import place_assignments
from .transposed import plain_transposed_convolutions


def simplify(graph: Graph) -> Graph:
    """Run all passes."""
    return place_assignments(
        plain_convolutions(fold_pad(alias_views(plain_transposed_convolutions(drop_unused(take_apart(graph))))))
    )


def take_apart(graph: Graph) -> Graph:
    """Replace an operator of several outputs by one operator per output."""
    operators: list[Operator] = []
    for operator in graph.operators:
        if isinstance(operator.attributes, SplitAttributes):
            operators += _parts(graph, operator, operator.attributes)
        elif isinstance(operator.attributes, UnpackAttributes):
            operators += _slices(graph, operator, operator.attributes)
        else:
            operators.append(operator)
    return replace(graph, operators=tuple(operators))


def _parts(graph: Graph, split: Operator, attributes: SplitAttributes) -> list[Operator]:
    (source,) = graph.activations(split)
    strides = row_major(graph.tensors[source].shape)
    parts, start = [], 0
    for index in split.outputs:
        shape = graph.tensors[index].shape
        copy = StridedCopyAttributes(start=start, shape=shape, strides=strides)
        parts.append(replace(split, inputs=(source,), outputs=(index,), attributes=copy))
        start += shape[attributes.axis] * strides[attributes.axis]
    return parts


def _slices(graph: Graph, unpack: Operator, attributes: UnpackAttributes) -> list[Operator]:
    strides = row_major(graph.tensors[unpack.inputs[0]].shape)
    rest = (*strides[: attributes.axis], *strides[attributes.axis + 1 :])
    slices = []
    for number, index in enumerate(unpack.outputs):
        start, shape = number * strides[attributes.axis], graph.tensors[index].shape
        copy = StridedCopyAttributes(start=start, shape=shape, strides=rest)
        slices.append(replace(unpack, outputs=(index,), attributes=copy))
    return slices


def drop_unused(graph: Graph) -> Graph:
    """Remove operators that neither outputs nor variables depend on."""
    needed = set(graph.kept | _values(graph))
    kept: list[Operator] = []
    for operator in reversed(graph.operators):
        if operator.output in needed:
            needed |= set(operator.inputs)
            kept.append(operator)
    return replace(graph, operators=tuple(reversed(kept)))


def _values(graph: Graph) -> frozenset[int]:
    """Return the tensors that variables get their values from."""
    return frozenset(variable.value for variable in graph.variables if variable.value is not None)


def alias_views(graph: Graph) -> Graph:
    """Remove operators whose output is a contiguous piece of their input."""
    aliases = list(graph.aliases)
    operators: list[Operator] = []
    for operator in graph.operators:
        offset = _view_offset(operator)
        if offset is None:
            operators.append(operator)
        else:
            aliases.append(Alias(tensor=operator.output, of=operator.inputs[0], offset=offset))
    return replace(graph, operators=tuple(operators), aliases=tuple(aliases))


def _view_offset(operator: Operator) -> int | None:
    if operator.op in VIEWS:
        return 0
    attributes = operator.attributes
    if not isinstance(attributes, StridedCopyAttributes) or attributes.start % ALIGNMENT != 0:
        return None
    loops = merge(attributes.shape, attributes.strides)
    assert loops is not None
    *outer, _ = loops.shape
    in_order = all(size == 1 for size in outer) and loops.strides[0][-1] in (0, 1)
    return attributes.start if in_order else None


def fold_pad(graph: Graph) -> Graph:
    """Fold PAD over rows and columns into the only convolution that uses it.

    PAD fills with the zero point, and so do the convolutions' own borders.
    """
    folded = {
        pad.output: (pad.inputs[0], pad.attributes)
        for pad in graph.operators
        if isinstance(pad.attributes, PadAttributes) and _is_foldable(graph, pad.output, pad.attributes)
    }
    operators: list[Operator] = []
    for operator in graph.operators:
        if operator.output in folded:
            continue
        own = operator.attributes
        if isinstance(own, ConvolutionAttributes) and operator.inputs[0] in folded:
            source, pad = folded[operator.inputs[0]]
            inputs = (source, *operator.inputs[1:])
            operator = replace(operator, inputs=inputs, attributes=replace(own, padding=_with(own.padding, pad)))
        operators.append(operator)
    return replace(graph, operators=tuple(operators))


def _is_foldable(graph: Graph, padded: int, attributes: PadAttributes) -> bool:
    users = [operator for operator in graph.operators if padded in operator.inputs]
    aliased = any(padded in (alias.tensor, alias.of) for alias in graph.aliases)
    if len(users) != 1 or padded in graph.kept | _values(graph) or aliased:
        return False
    (user,) = users
    spatial = len(attributes.before) == 4 and all(
        attributes.before[axis] == attributes.after[axis] == 0 for axis in (0, 3)
    )
    return isinstance(user.attributes, ConvolutionAttributes) and spatial and user.inputs[0] == padded


def _with(padding: Padding, pad: PadAttributes) -> Padding:
    return Padding(
        top=padding.top + pad.before[1],
        bottom=padding.bottom + pad.after[1],
        left=padding.left + pad.before[2],
        right=padding.right + pad.after[2],
    )


def plain_convolutions(graph: Graph) -> Graph:
    """Replace depthwise convolutions of one input channel by equal plain convolutions."""
    tensors = list(graph.tensors)
    operators: list[Operator] = []
    for operator in graph.operators:
        attributes = operator.attributes
        # of a single channel there are good depthwise kernels
        if (
            not isinstance(attributes, DepthwiseConv2DAttributes)
            or attributes.multiplier == 1
            or tensors[operator.inputs[0]].shape[-1] != 1
        ):
            operators.append(operator)
            continue
        source, weights, *bias = operator.inputs
        old = tensors[weights]
        # [1, h, w, channels] as [channels, h, w, 1]
        assert old.data is not None and old.quantization is not None
        data = np.ascontiguousarray(old.data.transpose(3, 1, 2, 0))
        turned = replace(
            old, index=len(tensors), shape=data.shape, data=data, quantization=replace(old.quantization, axis=0)
        )
        tensors.append(turned)
        plain = Conv2DAttributes(
            stride_h=attributes.stride_h,
            stride_w=attributes.stride_w,
            dilation_h=attributes.dilation_h,
            dilation_w=attributes.dilation_w,
            padding=attributes.padding,
            activation=attributes.activation,
        )
        operators.append(replace(operator, op="CONV_2D", inputs=(source, turned.index, *bias), attributes=plain))
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators))
