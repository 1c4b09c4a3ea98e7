"""State of a model file: variables, what they hold at first, and what an inference leaves in them.

A file names a variable by VAR_HANDLE, takes its value by READ_VARIABLE and gives it another by ASSIGN_VARIABLE.
CALL_ONCE runs a second subgraph before the first inference, which assigns the initial values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError
from asc_kit.text import tensor_name
from asc_kit.tflite.decoder import Decoder, StoredGraph, StoredOperator, StoredTensor
from asc_kit.tflite.operator_codes import STATE_OPERATORS

from ..network.graph import Quantization, Tensor, Variable
from .ends import Wires

_Key = tuple[bytes, bytes]
"""Container and shared name, by which the subgraphs of a file name a variable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The variables of a file, and its operators without those that handle them."""

    wires: list[Wires]
    """READ_VARIABLE takes the tensor whose value it gives: that of a variable, or one that was assigned before."""
    tensors: tuple[Tensor, ...] = ()
    """Tensors that hold the variables; their indices follow those of the file."""
    variables: tuple[Variable, ...] = ()
    """What is read of an earlier inference."""
    handles: frozenset[int] = frozenset()
    """Tensors of the file that name variables."""


@dataclass(slots=True, kw_only=True)
class _Reading:
    """The main subgraph while its operators are followed."""

    initial: dict[_Key, StoredTensor]
    handles: dict[int, _Key] = field(default_factory=dict)
    own: dict[_Key, int] = field(default_factory=dict)
    """Tensor that holds a variable between inferences."""
    current: dict[_Key, int] = field(default_factory=dict)
    """Tensor that has a variable's value now."""


def read_state(decoder: Decoder, operators: Sequence[StoredOperator], all_wires: Sequence[Wires]) -> State:
    """Read the variables of a model.

    Parameters
    ----------
    decoder
        The model.
    operators
        All operators of its first subgraph.
    all_wires
        Those that are not folded.

    Raises
    ------
    ModelError
        When the file has other subgraphs than CALL_ONCE runs, or a variable is used in a way that is not supported.
    """
    first, graphs = _initial_graphs(decoder, operators)
    others = set(range(1, decoder.n_graphs)) - graphs
    if others:
        raise ModelError(
            f"the model has {decoder.n_graphs} subgraphs", hint="supported: one, and one more that CALL_ONCE runs"
        )
    reading = _Reading(initial=_initial_values(decoder, graphs))
    stored, wires = decoder.graph, []
    for entry in all_wires:
        if entry.op not in STATE_OPERATORS:
            wires.append(entry)
        elif entry.op == "VAR_HANDLE":
            reading.handles[entry.outputs[0]] = _key(operators[entry.index])
        elif entry.op != "CALL_ONCE":
            if entry.index < first:
                _fail(entry, "it comes before CALL_ONCE", "CALL_ONCE before all that handles variables")
            key = _key_of(entry, reading.handles)
            if entry.op == "ASSIGN_VARIABLE":
                value = entry.inputs[1]
                if decoder.constant(stored.tensor(value).buffer) is not None:
                    _fail(entry, f"it assigns a constant, {stored.tensor(value).describe()}", "values of the network")
                _check_size(entry, reading, key, stored.tensor(value))
                reading.current[key] = value
                continue
            if key not in reading.current:
                if key not in reading.initial:
                    _fail(entry, "nothing assigns the variable's first value", "variables that CALL_ONCE assigns")
                reading.own[key] = reading.current[key] = stored.n_tensors + len(reading.own)
            _check_size(entry, reading, key, stored.tensor(entry.outputs[0]))
            wires.append(replace(entry, inputs=(reading.current[key],)))
    tensors = tuple(_tensor(reading.initial[key], index) for key, index in reading.own.items())
    variables = tuple(
        Variable(
            tensor=index,
            value=reading.current[key] if reading.current[key] != index else None,
            initial=_bytes(decoder, reading.initial[key]),
        )
        for key, index in reading.own.items()
    )
    return State(wires=wires, tensors=tensors, variables=variables, handles=frozenset(reading.handles))


def _initial_graphs(decoder: Decoder, operators: Sequence[StoredOperator]) -> tuple[int, set[int]]:
    """Return the position of the last CALL_ONCE, and the subgraphs that are run once."""
    graphs, last = set(), -1
    for operator in operators:
        if operator.op == "CALL_ONCE":
            options = operator.options("CallOnceOptions")
            graph = int(options.InitSubgraphIndex()) if options is not None else 0
            if not 0 < graph < decoder.n_graphs:
                raise ValueError(f"operator {operator.index} CALL_ONCE runs subgraph {graph} of {decoder.n_graphs}")
            graphs.add(graph)
            last = operator.index
    return last, graphs


def _initial_values(decoder: Decoder, graphs: set[int]) -> dict[_Key, StoredTensor]:
    """Return the constants that the subgraphs of CALL_ONCE assign."""
    initial: dict[_Key, StoredTensor] = {}
    for number in sorted(graphs):
        graph, handles = decoder.graphs[number], {}
        for operator in map(graph.operator, range(graph.n_operators)):
            if operator.op == "VAR_HANDLE":
                handles[operator.outputs[0]] = _key(operator)
            elif operator.op == "ASSIGN_VARIABLE":
                entry = Wires(index=operator.index, op=operator.op, inputs=operator.inputs, outputs=operator.outputs)
                initial[_key_of(entry, handles)] = _constant(decoder, graph, operator)
            else:
                raise ModelError(
                    f"subgraph {number}, which CALL_ONCE runs, has operator {operator.index} {operator.op}",
                    hint="supported: VAR_HANDLE, and ASSIGN_VARIABLE of constants",
                )
    return initial


def _constant(decoder: Decoder, graph: StoredGraph, operator: StoredOperator) -> StoredTensor:
    tensor = graph.tensor(operator.inputs[1])
    if tensor.type != "INT8" or decoder.constant(tensor.buffer) is None:
        raise ModelError(
            f"operator {operator.index} ASSIGN_VARIABLE of a subgraph that CALL_ONCE runs assigns {tensor.describe()} "
            f"of type {tensor.type}",
            hint="supported: int8 constants",
        )
    return tensor


def _key(operator: StoredOperator) -> _Key:
    options = operator.options("VarHandleOptions")
    if options is None or len(operator.outputs) != 1:
        raise ValueError(f"operator {operator.index} VAR_HANDLE names no variable")
    return bytes(options.Container() or b""), bytes(options.SharedName() or b"")


def _key_of(entry: Wires, handles: dict[int, _Key]) -> _Key:
    n_inputs, n_outputs = (2, 0) if entry.op == "ASSIGN_VARIABLE" else (1, 1)
    if (len(entry.inputs), len(entry.outputs)) != (n_inputs, n_outputs) or entry.inputs[0] not in handles:
        _fail(entry, "it takes no variable that VAR_HANDLE names before", "variables of VAR_HANDLE")
    return handles[entry.inputs[0]]


def _check_size(entry: Wires, reading: _Reading, key: _Key, tensor: StoredTensor) -> None:
    initial = reading.initial.get(key)
    if tensor.type != "INT8" or (initial is not None and np.prod(initial.shape) != np.prod(tensor.shape)):
        holds = f"; the variable holds {initial.shape}" if initial is not None else ""
        _fail(entry, f"{tensor.describe()} is {tensor.type} of shape {tensor.shape}{holds}", "int8 of one size")


def _fail(entry: Wires, problem: str, supported: str) -> None:
    raise ModelError(f"operator {entry.index} {entry.op}: {problem}", hint=f"supported: {supported}")


def _tensor(stored: StoredTensor, index: int) -> Tensor:
    """Return the tensor of a variable."""
    scales, zero_points = stored.scales, stored.zero_points
    quantization = (
        Quantization(scales=scales, zero_points=zero_points, axis=0) if len(scales) == len(zero_points) == 1 else None
    )
    name = tensor_name(f"variable {stored.name}".encode())
    return Tensor(index=index, name=name, shape=stored.shape, dtype="int8", quantization=quantization, data=None)


def _bytes(decoder: Decoder, stored: StoredTensor) -> NDArray[np.int8]:
    raw = decoder.constant(stored.buffer)
    assert raw is not None
    if raw.size != np.prod(stored.shape):
        raise ValueError(f"{stored.describe()} has {raw.size} bytes, and shape {stored.shape}")
    return raw.view(np.int8)
