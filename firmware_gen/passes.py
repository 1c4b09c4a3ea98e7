"""Passes over the graph: each returns a new graph that computes the same bytes with less work."""

from __future__ import annotations

from dataclasses import replace

from .graph import (
    Conv2DAttributes,
    DepthwiseConv2DAttributes,
    Graph,
    Operator,
    PadAttributes,
    Padding,
)


def optimize(graph: Graph) -> Graph:
    """Run all passes."""
    return fold_pad(alias_reshape(graph))


def alias_reshape(graph: Graph) -> Graph:
    """Remove RESHAPE: its output has its input's bytes."""
    aliases = [(operator.output, operator.inputs[0]) for operator in graph.operators if operator.op == "RESHAPE"]
    operators = tuple(operator for operator in graph.operators if operator.op != "RESHAPE")
    return replace(graph, operators=operators, aliases=(*graph.aliases, *aliases))


def fold_pad(graph: Graph) -> Graph:
    """Fold PAD over rows and columns into the convolution that alone uses it.

    PAD fills with the zero point, and so do the convolutions' own borders.
    """
    folded: dict[int, Operator] = {}
    for pad in graph.operators:
        if pad.op == "PAD":
            convolution = _foldable(graph, pad)
            if convolution is not None:
                folded[pad.output] = pad
    operators: list[Operator] = []
    for operator in graph.operators:
        if operator.output in folded:
            continue
        inner = folded.get(operator.inputs[0]) if operator.inputs else None
        operators.append(operator if inner is None else _with_padding(operator, inner))
    return replace(graph, operators=tuple(operators))


def _foldable(graph: Graph, pad: Operator) -> Operator | None:
    attributes = pad.attributes
    assert isinstance(attributes, PadAttributes)
    users = [operator for operator in graph.operators if pad.output in operator.inputs]
    aliased = any(pad.output in pair for pair in graph.aliases)
    if len(users) != 1 or pad.output == graph.output or aliased:
        return None
    user = users[0]
    if not isinstance(user.attributes, Conv2DAttributes | DepthwiseConv2DAttributes):
        return None
    spatial = len(attributes.before) == 4 and all(
        attributes.before[axis] == attributes.after[axis] == 0 for axis in (0, 3)
    )
    return user if spatial and user.inputs[0] == pad.output else None


def _with_padding(operator: Operator, pad: Operator) -> Operator:
    own, outer = operator.attributes, pad.attributes
    assert isinstance(own, Conv2DAttributes | DepthwiseConv2DAttributes) and isinstance(outer, PadAttributes)
    padding = Padding(
        top=own.padding.top + outer.before[1],
        bottom=own.padding.bottom + outer.after[1],
        left=own.padding.left + outer.before[2],
        right=own.padding.right + outer.after[2],
    )
    return replace(operator, inputs=(pad.inputs[0], *operator.inputs[1:]), attributes=replace(own, padding=padding))
