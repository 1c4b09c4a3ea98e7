"""The pass that gives variables their new values, as copies among the operators."""

from __future__ import annotations

from dataclasses import replace

from ..network.graph import Graph, NoAttributes, Operator, Tensor

_ASSIGN = "ASSIGN_VARIABLE"


def place_assignments(graph: Graph) -> Graph:
    """Add a copy for every variable that gets another value.

    A copy comes as soon as the value is computed and nothing needs the old one, which frees the value's memory. Where a
    value or an output lies in a variable itself, it is copied out before the first assignment, and all come last.
    """
    if not graph.variables:
        return graph
    tensors = list(graph.tensors)
    held = {variable.tensor for variable in graph.variables}
    assigned = {variable.tensor for variable in graph.variables if variable.value is not None}
    saved: list[Operator] = []

    def save(tensor: int) -> int:
        """Copy a tensor that lies in a variable, and return the copy."""
        copy = replace(tensors[tensor], index=len(tensors))
        tensors.append(copy)
        saved.append(_assignment(tensor, copy))
        return copy.index

    outputs = tuple(
        replace(end, tensor=save(end.tensor)) if graph.storage(end.tensor) in assigned else end for end in graph.outputs
    )
    pairs: list[tuple[int, int]] = []
    for variable in graph.variables:
        value = variable.value
        if value is None or (graph.storage(value), graph.offset_in_storage(value)) == (variable.tensor, 0):
            continue
        pairs.append((save(value) if graph.storage(value) in held else value, variable.tensor))
    operators = list(graph.operators)
    if saved:
        operators += [*saved, *(_assignment(value, tensors[target]) for value, target in pairs)]
    else:
        for value, target in pairs:
            operators.insert(_place(graph, operators, value, target), _assignment(value, tensors[target]))
    variables = tuple(replace(variable, value=None) for variable in graph.variables)
    return replace(graph, tensors=tuple(tensors), operators=tuple(operators), outputs=outputs, variables=variables)


def _assignment(value: int, target: Tensor) -> Operator:
    return Operator(index=target.index, op=_ASSIGN, inputs=(value,), outputs=(target.index,), attributes=NoAttributes())


def _place(graph: Graph, operators: list[Operator], value: int, variable: int) -> int:
    """Return the position after all operators that use a variable, and after that which computes its value."""
    source = graph.storage(value)
    return 1 + max(
        (
            position
            for position, operator in enumerate(operators)
            if operator.output == source or variable in {graph.storage(index) for index in operator.inputs}
        ),
        default=-1,
    )
