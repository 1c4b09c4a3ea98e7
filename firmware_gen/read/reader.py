"""Read a .tflite file into a `Graph`: strict, and safe on damaged files."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from asc_kit.errors import ModelError
from asc_kit.tflite.decoder import Decoder, StoredOperator, StoredTensor, read_checked
from asc_kit.tflite.identity import refuse_unsupported
from asc_kit.tflite.inputs import InputShape
from asc_kit.tflite.operator_codes import STATE_OPERATORS
from asc_kit.tflite.resolving import Resolved, resolve_shapes
from asc_kit.tflite.shape_values import FOLDED

from ..network.graph import DType, Graph, GraphEnd, Operator, Quantization, Tensor
from ..operators import REGISTRY, OperatorView
from .ends import Wires, find_ends
from .float_functions import fold_float_functions
from .recurrent import recurrent_states, recurrent_variables
from .variables import read_state

_SCHEMA_VERSION = 3
_DTYPES: dict[str, DType] = {"INT32": "int32", "INT8": "int8"}
_STATE_DTYPES: dict[str, DType] = {"INT16": "int16"}
_END_DTYPES: dict[str, DType] = {"FLOAT32": "float32", "UINT8": "uint8"}
_LARGEST_ELEMENTS = 1 << 28
_LARGEST_SHARING = 16
# five times as many as the longest recipe; planning compares many ways to cut a network
_MOST_OPERATORS = 512
# an int8 value times a scale stays a normal float32
_LEAST_SCALE, _LARGEST_SCALE = 1e-36, 1e36
_KNOWN = frozenset({*REGISTRY, *STATE_OPERATORS, "QUANTIZE", "DEQUANTIZE"})
_FIXED_BATCH = "convert with a batch of 1, as keras.Input(shape, batch_size=1), which leaves this operator out; "
_NO_LOOPS = "a loop over time, as of an LSTM or GRU, is none of the engine's; "
_HINTS = {
    **dict.fromkeys(("SHAPE", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"), _FIXED_BATCH),
    **dict.fromkeys(
        ("WHILE", "BIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN")
        + ("BIDIRECTIONAL_SEQUENCE_RNN", "LSTM", "RNN"),
        _NO_LOOPS,
    ),
}


def read_model(model: bytes, input_shapes: Sequence[InputShape] = ()) -> Graph:
    """Read a model.

    Parameters
    ----------
    model
        The flatbuffer.
    input_shapes
        Shapes of inputs that the file leaves free.

    Returns
    -------
    Graph
        Tensors and operators, checked.

    Raises
    ------
    ModelError
        When the file is damaged, holds an operator, type or attribute that is not supported, or leaves sizes free
        that are not given.
    """
    return read_checked(model, functools.partial(_read, input_shapes=input_shapes))


def _read(decoder: Decoder, input_shapes: Sequence[InputShape]) -> Graph:
    if decoder.version != _SCHEMA_VERSION:
        raise ModelError(
            f"the model is of schema version {decoder.version}",
            hint=f"supported: version {_SCHEMA_VERSION}, which is all that TFLite reads; convert the model again",
        )
    if decoder.n_graphs < 1:
        raise ModelError("the model has no subgraph", hint="supported: one")
    # first of all: an unsupported operator explains strange indices, types and subgraphs
    _check_known(decoder)
    stored = decoder.graph
    are_ends = {*stored.inputs, *stored.outputs}
    if stored.n_operators > _MOST_OPERATORS:
        raise ModelError(f"the model has {stored.n_operators} operators", hint=f"supported: up to {_MOST_OPERATORS}")
    operators = [stored.operator(index) for index in range(stored.n_operators)]
    resolved = resolve_shapes(decoder, input_shapes)
    wires = [_wires(operator) for operator in operators if operator.index not in resolved.folded]
    _refuse_others(decoder, wires)
    all_wires, wires = wires, fold_float_functions(decoder, wires)
    folded = _used(all_wires) - _used(wires) - are_ends
    state = read_state(decoder, operators, wires)
    wires = state.wires
    recurrent = recurrent_states(decoder, wires)
    folded |= recurrent.unused
    tensors = tuple(
        _read_tensor(decoder, stored.tensor(index), index in are_ends, wires, resolved, recurrent.tensors)
        if index not in state.handles | folded
        else Tensor(index=index, name=stored.tensor(index).name, shape=(), dtype="int32", quantization=None, data=None)
        for index in range(stored.n_tensors)
    )
    tensors += state.tensors
    variables = (*state.variables, *recurrent_variables(recurrent, tensors))
    first = find_ends("input", stored.inputs, tensors, wires)
    last = find_ends("output", stored.outputs, tensors, wires)
    converters = {end.converter for end in (*first, *last)}
    _check_sharing(tensors, wires, len(decoder.model))
    graph = Graph(
        tensors=tensors,
        operators=tuple(
            _read_operator(operators[entry.index], entry, tensors) for entry in wires if entry.index not in converters
        ),
        inputs=tuple(GraphEnd(tensor=end.tensor, type=end.type, name=end.name) for end in first),
        outputs=tuple(GraphEnd(tensor=end.tensor, type=end.type, name=end.name) for end in last),
        variables=variables,
    )
    _check_order(graph)
    return graph


def _used(all_wires: list[Wires]) -> set[int]:
    return {index for wires in all_wires for index in (*wires.inputs, *wires.outputs)}


def _check_known(decoder: Decoder) -> None:
    """Check, by the codes alone, that every operator in all subgraphs has a definition.

    Later checks treat operators that may compute shapes, and types that the engine does not support.
    """
    ops = decoder.ops()
    if not all(op in {*_KNOWN, *FOLDED} for op in ops):
        refuse_unsupported(ops, _KNOWN, decoder.first_computed(_KNOWN), _HINTS)


def _refuse_others(decoder: Decoder, all_wires: list[Wires]) -> None:
    """Refuse operators that may compute shapes but compute something else here."""
    others = [wires for wires in all_wires if wires.op not in _KNOWN]
    if others:
        computed = decoder.graph.computed(others[0].index)
        refuse_unsupported([wires.op for wires in all_wires], _KNOWN, computed, _HINTS)


def _role(index: int, all_wires: list[Wires]) -> str:
    """Say which operator computes or reads a tensor."""
    for words, users in (
        ("computed by", [wires for wires in all_wires if index in wires.outputs]),
        ("taken by", [wires for wires in all_wires if index in wires.inputs]),
    ):
        if users:
            return f", {words} operator {users[0].index} {users[0].op},"
    return ""


def _read_tensor(
    decoder: Decoder,
    stored: StoredTensor,
    is_end: bool,
    all_wires: list[Wires],
    resolved: Resolved,
    recurrent: frozenset[int],
) -> Tensor:
    index, name = stored.index, stored.name
    shape = resolved.shapes.get(index, stored.shape)
    if index in resolved.values:
        value = resolved.values[index].astype(np.int32)
        value.setflags(write=False)
        return Tensor(index=index, name=name, shape=value.shape, dtype="int32", quantization=None, data=value)
    dtypes = _DTYPES | _END_DTYPES if is_end else _DTYPES | _STATE_DTYPES if index in recurrent else _DTYPES
    if stored.type not in dtypes:
        raise ModelError(
            f"{stored.describe()}{_role(index, all_wires)} has type {stored.type}",
            hint="supported: int8 for activations and weights, int32 for biases and indices, float32 and uint8 for the "
            "model's ends; convert as full int8, with representative data",
        )
    if (stored.is_variable and index not in recurrent) or stored.is_sparse:
        raise ModelError(f"{stored.describe()} is variable or sparse", hint="supported: dense tensors")
    if any(size <= 0 for size in shape) or math.prod(shape) > _LARGEST_ELEMENTS:
        raise ModelError(f"{stored.describe()} has the shape {shape}", hint="supported: static positive dimensions")
    dtype = dtypes[stored.type]
    data = None
    # a view: any number of tensors may share these bytes
    raw = decoder.constant(stored.buffer)
    if raw is not None:
        data = raw.view(np.dtype(dtype).newbyteorder("<")).reshape(shape)
        data.setflags(write=False)
    return Tensor(
        index=index,
        name=name,
        shape=shape,
        dtype=dtype,
        quantization=_read_quantization(stored, dtype),
        data=data,
    )


def _read_quantization(stored: StoredTensor, dtype: DType) -> Quantization | None:
    if not stored.scales or dtype == "float32":
        return None
    scales, zero_points, where = stored.scales, stored.zero_points, stored.describe()
    if len(zero_points) != len(scales):
        raise ModelError(
            f"{where} has {len(scales)} scales and {len(zero_points)} zero points",
            hint="supported: as many zero points as scales, which is all that TFLite takes",
        )
    if stored.has_other_quantization:
        raise ModelError(
            f"{where} is quantized by blocks or axes", hint="supported: one scale, or one for each channel"
        )
    rank = len(stored.shape)
    # the field says nothing of a bias of one dimension; all else with an axis that is not there TFLite refuses
    axis = 0 if (dtype, rank) == ("int32", 1) else stored.axis
    if rank and not 0 <= axis < rank:
        raise ModelError(
            f"{where} is quantized along axis {axis} (quantized_dimension) and has {rank} dimensions",
            hint=f"supported: axes from 0 to {rank - 1}",
        )
    if rank and len(scales) not in (1, stored.shape[axis]):
        raise ModelError(
            f"{where} has {len(scales)} scales along axis {axis}, whose size is {stored.shape[axis]}",
            hint=f"supported: one scale, or {stored.shape[axis]} along axis {axis}",
        )
    if not all(_LEAST_SCALE <= scale <= _LARGEST_SCALE for scale in scales):
        raise ModelError(
            f"{where} has a scale that is not positive, or beyond all use: {min(scales)} to {max(scales)}",
            hint=f"supported: scales from {_LEAST_SCALE} to {_LARGEST_SCALE}",
        )
    low, high = (0, 255) if dtype == "uint8" else (-128, 127)
    if not all(low <= value <= high for value in zero_points):
        raise ModelError(f"{where} has a zero point outside of its type", hint=f"supported: {low} to {high}")
    return Quantization(scales=scales, zero_points=zero_points, axis=stored.axis)


def _wires(operator: StoredOperator) -> Wires:
    # an optional input that is absent has index -1
    n_inputs = len(operator.inputs)
    while n_inputs and operator.inputs[n_inputs - 1] == -1:
        n_inputs -= 1
    return Wires(index=operator.index, op=operator.op, inputs=operator.inputs[:n_inputs], outputs=operator.outputs)


def _read_operator(stored: StoredOperator, wires: Wires, tensors: tuple[Tensor, ...]) -> Operator:
    index, op, inputs, outputs = wires.index, wires.op, wires.inputs, wires.outputs
    if op not in REGISTRY:
        computed = tensors[outputs[0]].describe() if outputs else "nothing"
        raise ModelError(
            f"operator {index} {op}, which computes tensor {computed}, is not supported",
            hint="supported: QUANTIZE and DEQUANTIZE of the model's inputs and outputs",
        )
    definition = REGISTRY[op]
    arranged = definition.arrange(inputs)
    if isinstance(arranged, str):
        raise ModelError(
            f"operator {index} {op}, which computes tensor {tensors[outputs[0]].describe()}, has {arranged}",
            hint="supported: none",
        )
    inputs = arranged
    if -1 in inputs:
        raise ModelError(
            f"operator {index} {op} has no input {inputs.index(-1)}, but later ones",
            hint="supported: optional inputs left out at the end, as a bias is",
        )
    if len(stored.inputs) != len(wires.inputs) and not definition.may_leave_out:
        raise ModelError(
            f"operator {index} {op} has no input {len(inputs)}: the file has -1 in its place",
            hint="supported: a list of inputs that ends before it; TFLite refuses the file too",
        )
    if not outputs or (len(outputs) > 1 and not definition.many_outputs):
        supported = "one or more" if definition.many_outputs else "one"
        raise ModelError(f"operator {index} {op} has {len(outputs)} outputs", hint=f"supported: {supported}")
    view = OperatorView(
        index=index,
        op=op,
        inputs=tuple(tensors[i] for i in inputs),
        outputs=tuple(tensors[i] for i in outputs),
        options=_read_options(stored, definition.options),
    )
    return Operator(index=index, op=op, inputs=inputs, outputs=outputs, attributes=definition.read(view))


def _read_options(stored: StoredOperator, expected: str | None) -> Any:
    where = f"operator {stored.index} {stored.op}"
    if stored.has_other_options:
        raise ModelError(f"{where} has options of another kind", hint=f"supported: {expected or 'none'}")
    if expected is None:
        return None
    options = stored.options(expected)
    if options is None:
        kind = stored.options_kind
        has = "no options" if kind in ("NONE", expected) else f"options of kind {kind}"
        raise ModelError(f"{where} has {has}", hint=f"supported: {expected}")
    return options


def _check_sharing(tensors: tuple[Tensor, ...], all_wires: list[Wires], limit: int) -> None:
    """Check that no constant is used so often that the generated arrays, one for each use, outgrow the file by far."""
    used = [tensors[index].data for wires in all_wires for index in wires.inputs if index != -1]
    total = sum(data.nbytes for data in used if data is not None)
    if total > _LARGEST_SHARING * limit:
        raise ModelError(
            f"the operators use {total:,} bytes of constants, the model has {limit:,} bytes in all",
            hint=f"supported: constants shared by up to {_LARGEST_SHARING} operators",
        )


def _check_order(graph: Graph) -> None:
    """Check that every activation is computed once, before it is used."""
    computed = set(graph.given)
    if not graph.operators:
        raise ModelError("the model has no operators", hint="supported: at least one")
    for operator in graph.operators:
        for index in operator.inputs:
            if graph.tensors[index].data is None and index not in computed:
                raise ModelError(
                    f"operator {operator.index} {operator.op} uses tensor {graph.tensors[index].describe()} "
                    "before it is computed"
                )
        for index in operator.outputs:
            if index in computed or graph.tensors[index].data is not None:
                raise ModelError(
                    f"operator {operator.index} {operator.op} computes tensor "
                    f"{graph.tensors[index].describe()}, which has a value already"
                )
            computed.add(index)
    for index in [end.tensor for end in graph.outputs]:
        if index not in computed:
            raise ModelError(f"the model's output {graph.tensors[index].describe()} is never computed")
    for variable in graph.variables:
        if variable.value is not None and variable.value not in computed:
            raise ModelError(
                f"variable {graph.tensors[variable.tensor].describe()} gets a value that is never computed: "
                f"{graph.tensors[variable.value].describe()}"
            )
