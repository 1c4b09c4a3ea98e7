"""Read a .tflite file into a `Graph`: strict, and safe on damaged files."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from asc_kit.errors import ModelError
from asc_kit.text import tensor_name
from asc_kit.tflite.flatbuffer import buffer_bytes, read_checked
from asc_kit.tflite.identity import refuse_unsupported
from asc_kit.tflite.inputs import InputShape
from asc_kit.tflite.operator_codes import operator_name
from asc_kit.tflite.resolving import Resolved, resolve_shapes
from asc_kit.tflite.shape_values import FOLDED

from ..network.graph import DType, Graph, Operator, Quantization, Tensor
from ..operators import REGISTRY, OperatorView
from .ends import Wires, find_end

_DTYPES: dict[int, DType] = {2: "int32", 9: "int8"}
_END_DTYPES: dict[int, DType] = {0: "float32", 3: "uint8"}
_LARGEST_ELEMENTS = 1 << 28
_LARGEST_SHARING = 16
# five times as many as the longest recipe; planning compares many ways to cut a network
_MOST_OPERATORS = 512
# an int8 value times a scale stays a normal float32
_LEAST_SCALE, _LARGEST_SCALE = 1e-36, 1e36
_CONVERTERS = ("QUANTIZE", "DEQUANTIZE")
_FIXED_BATCH = "convert with a batch of 1, as keras.Input(shape, batch_size=1), which leaves this operator out; "
_NO_LOOPS = "a loop over time, as of an LSTM or GRU, is none of the engine's; "
_NO_STATE = "the engine keeps no state between inferences; "
_HINTS = {
    **dict.fromkeys(("SHAPE", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND"), _FIXED_BATCH),
    **dict.fromkeys(
        ("WHILE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM", "UNIDIRECTIONAL_SEQUENCE_RNN")
        + ("BIDIRECTIONAL_SEQUENCE_RNN", "LSTM", "RNN"),
        _NO_LOOPS,
    ),
    **dict.fromkeys(("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE"), _NO_STATE),
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


def _read(model: bytes, input_shapes: Sequence[InputShape]) -> Graph:
    import tflite

    root = tflite.Model.GetRootAs(model, 0)
    if root.SubgraphsLength() < 1:
        raise ModelError("the model has no subgraph", hint="supported: one")
    limit = len(model)
    # before anything else of a file: the operator is why an index, a type or another subgraph is strange
    _check_known(root, limit)
    subgraph = root.Subgraphs(0)
    n_tensors = _length(subgraph.TensorsLength(), limit)
    ends = [
        _indices(part, n_tensors) if length else ()
        for part, length in (
            (subgraph.InputsAsNumpy(), subgraph.InputsLength()),
            (subgraph.OutputsAsNumpy(), subgraph.OutputsLength()),
        )
    ]
    are_ends = {*ends[0], *ends[1]}
    n_operators = _length(subgraph.OperatorsLength(), limit)
    if n_operators > _MOST_OPERATORS:
        raise ModelError(f"the model has {n_operators} operators", hint=f"supported: up to {_MOST_OPERATORS}")
    all_wires = [_read_wires(root, subgraph.Operators(index), index, n_tensors) for index in range(n_operators)]
    if root.SubgraphsLength() != 1:
        raise ModelError(f"the model has {root.SubgraphsLength()} subgraphs", hint="supported: one")
    resolved = resolve_shapes(model, root, input_shapes)
    wires = [one for one in all_wires if one.index not in resolved.folded]
    refuse_unsupported(
        [one.op for one in wires], {*REGISTRY, *_CONVERTERS}, _first_computed(subgraph, wires, n_tensors), _HINTS
    )
    tensors = tuple(_read_tensor(model, root, index, index in are_ends, wires, resolved) for index in range(n_tensors))
    first, last = find_end("input", ends[0], tensors, wires), find_end("output", ends[1], tensors, wires)
    _check_sharing(tensors, wires, limit)
    graph = Graph(
        tensors=tensors,
        operators=tuple(
            _read_operator(subgraph.Operators(one.index), one, tensors)
            for one in wires
            if one.index not in (first.converter, last.converter)
        ),
        input=first.tensor,
        output=last.tensor,
        input_type=first.type,
        output_type=last.type,
    )
    _check_order(graph)
    return graph


def _check_known(root: Any, limit: int) -> None:
    """Check that there is a definition of every operator, in all subgraphs, from their codes alone.

    Those that may compute shapes, and those of types the engine does not have, are left to later checks.
    """
    n_codes = _length(root.OperatorCodesLength(), limit)
    known = [operator_name(root.OperatorCodes(index)) for index in range(n_codes)]
    names: list[str] = []
    for number in range(_length(root.SubgraphsLength(), limit)):
        subgraph = root.Subgraphs(number)
        for index in range(_length(subgraph.OperatorsLength(), limit)):
            code = subgraph.Operators(index).OpcodeIndex()
            if not 0 <= code < n_codes:
                raise ValueError(f"operator {index} has code {code} of {n_codes}")
            names.append(known[code])
    taken = {*REGISTRY, *_CONVERTERS, *FOLDED}
    if not all(name in taken for name in names):
        refuse_unsupported(names, {*REGISTRY, *_CONVERTERS}, _computed_by(root, names), _HINTS)


def _computed_by(root: Any, names: list[str]) -> str:
    """Say what the first operator of the main subgraph that is not taken computes."""
    index = next(index for index, name in enumerate(names) if name not in {*REGISTRY, *_CONVERTERS})
    subgraph = root.Subgraphs(0)
    if index >= subgraph.OperatorsLength() or not subgraph.Operators(index).OutputsLength():
        return "nothing"
    return _named(subgraph, int(subgraph.Operators(index).Outputs(0)))


def _first_computed(subgraph: Any, all_wires: list[Wires], n_tensors: int) -> str:
    for wires in all_wires:
        if wires.op not in REGISTRY and wires.op not in _CONVERTERS and wires.outputs:
            return _named(subgraph, wires.outputs[0])
    return "nothing"


def _named(subgraph: Any, tensor: int) -> str:
    """Return a tensor's index, name and shape, before it is read."""
    if not 0 <= tensor < subgraph.TensorsLength():
        return f"tensor {tensor}"
    table = subgraph.Tensors(tensor)
    name = tensor_name(table.Name())
    shape = "x".join(str(int(table.Shape(axis))) for axis in range(min(table.ShapeLength(), 8)))
    return f"tensor {tensor} '{name}' ({shape or 'scalar'})"


def _role(index: int, all_wires: list[Wires]) -> str:
    """Say which operator computes or takes a tensor."""
    for words, found in (
        ("computed by", [wires for wires in all_wires if index in wires.outputs]),
        ("taken by", [wires for wires in all_wires if index in wires.inputs]),
    ):
        if found:
            return f", {words} operator {found[0].index} {found[0].op},"
    return ""


def _length(value: int, limit: int) -> int:
    if not 0 <= value <= limit:
        raise ValueError(f"a vector of {value} elements in a file of {limit} bytes")
    return value


def _indices(values: Any, n_tensors: int) -> tuple[int, ...]:
    indices = tuple(int(value) for value in values)
    for index in indices:
        if not 0 <= index < n_tensors:
            raise ValueError(f"tensor index {index} of {n_tensors} tensors")
    return indices


def _read_tensor(
    model: bytes, root: Any, index: int, is_end: bool, all_wires: list[Wires], resolved: Resolved
) -> Tensor:
    table = root.Subgraphs(0).Tensors(index)
    name = tensor_name(table.Name())
    stored = () if table.ShapeLength() == 0 else tuple(int(size) for size in table.ShapeAsNumpy())
    shape = resolved.shapes.get(index, stored)
    if index in resolved.values:
        value = resolved.values[index].astype(np.int32)
        value.setflags(write=False)
        return Tensor(index=index, name=name, shape=value.shape, dtype="int32", quantization=None, data=value)
    code = int(table.Type())
    dtypes = _DTYPES | _END_DTYPES if is_end else _DTYPES
    if code not in dtypes:
        import tflite

        names = {value: key for key, value in vars(tflite.TensorType).items() if isinstance(value, int)}
        raise ModelError(
            f"tensor {index} '{name}'{_role(index, all_wires)} has type {names.get(code, code)}",
            hint="supported: int8 for activations and weights, int32 for biases and indices, float32 and uint8 for the "
            "model's ends; convert as full int8, with representative data",
        )
    if table.IsVariable() or table.Sparsity() is not None:
        raise ModelError(f"tensor {index} '{name}' is variable or sparse", hint="supported: dense tensors")
    if any(size <= 0 for size in shape) or math.prod(shape) > _LARGEST_ELEMENTS:
        raise ModelError(f"tensor {index} '{name}' has the shape {shape}", hint="supported: static positive dimensions")
    dtype = dtypes[code]
    data = None
    # a view: tensors beyond number may have the same bytes
    raw = buffer_bytes(model, root, int(table.Buffer()))
    if raw is not None:
        data = raw.view(np.dtype(dtype).newbyteorder("<")).reshape(shape)
        data.setflags(write=False)
    return Tensor(
        index=index,
        name=name,
        shape=shape,
        dtype=dtype,
        quantization=_read_quantization(table.Quantization(), dtype, f"tensor {index} '{name}'"),
        data=data,
    )


def _read_quantization(table: Any, dtype: DType, where: str) -> Quantization | None:
    if table is None or table.ScaleLength() == 0 or dtype == "float32":
        return None
    scales = tuple(float(scale) for scale in table.ScaleAsNumpy())
    zero_points = (0,) * len(scales)
    if table.ZeroPointLength():
        zero_points = tuple(int(value) for value in table.ZeroPointAsNumpy())
    if len(zero_points) == 1:
        zero_points *= len(scales)
    if len(zero_points) != len(scales):
        raise ModelError(f"{where} has {len(scales)} scales and {len(zero_points)} zero points")
    if not all(_LEAST_SCALE <= scale <= _LARGEST_SCALE for scale in scales):
        raise ModelError(
            f"{where} has a scale that is not positive, or beyond all use: {min(scales)} to {max(scales)}",
            hint=f"supported: scales from {_LEAST_SCALE} to {_LARGEST_SCALE}",
        )
    low, high = (0, 255) if dtype == "uint8" else (-128, 127)
    if not all(low <= value <= high for value in zero_points):
        raise ModelError(f"{where} has a zero point outside of its type", hint=f"supported: {low} to {high}")
    return Quantization(scales=scales, zero_points=zero_points, axis=int(table.QuantizedDimension()))


def _read_wires(root: Any, table: Any, index: int, n_tensors: int) -> Wires:
    op = operator_name(root.OperatorCodes(table.OpcodeIndex()))
    # an optional input that is absent has index -1
    listed = [int(value) for value in table.InputsAsNumpy()] if table.InputsLength() else []
    while listed and listed[-1] == -1:
        listed.pop()
    _indices([value for value in listed if value != -1], n_tensors)
    outputs = _indices(table.OutputsAsNumpy(), n_tensors) if table.OutputsLength() else ()
    return Wires(index=index, op=op, inputs=tuple(listed), outputs=outputs)


def _read_operator(table: Any, wires: Wires, tensors: tuple[Tensor, ...]) -> Operator:
    index, op, inputs, outputs = wires.index, wires.op, wires.inputs, wires.outputs
    if op not in REGISTRY:
        computed = tensors[outputs[0]].describe() if outputs else "nothing"
        raise ModelError(
            f"operator {index} {op}, which computes tensor {computed}, is not supported",
            hint="supported: QUANTIZE and DEQUANTIZE of the model's input and output",
        )
    definition = REGISTRY[op]
    if -1 in inputs:
        raise ModelError(
            f"operator {index} {op} has no input {inputs.index(-1)}, but later ones",
            hint="supported: optional inputs left out at the end, as a bias is",
        )
    if not outputs or (len(outputs) > 1 and not definition.many_outputs):
        supported = "one or more" if definition.many_outputs else "one"
        raise ModelError(f"operator {index} {op} has {len(outputs)} outputs", hint=f"supported: {supported}")
    view = OperatorView(
        index=index,
        op=op,
        inputs=tuple(tensors[i] for i in inputs),
        outputs=tuple(tensors[i] for i in outputs),
        options=_read_options(table, definition.options, f"operator {index} {op}"),
    )
    return Operator(index=index, op=op, inputs=inputs, outputs=outputs, attributes=definition.read(view))


def _read_options(table: Any, expected: str | None, where: str) -> Any:
    import tflite

    if table.CustomOptionsLength() or table.BuiltinOptions2Type():
        raise ModelError(f"{where} has options of another kind", hint=f"supported: {expected or 'none'}")
    if expected is None:
        return None
    union = table.BuiltinOptions()
    kind = int(table.BuiltinOptionsType())
    if union is None or kind != getattr(tflite.BuiltinOptions, expected):
        raise ModelError(f"{where} has options of kind {kind}", hint=f"supported: {expected}")
    options = getattr(tflite, expected)()
    options.Init(union.Bytes, union.Pos)
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
    computed = {graph.input}
    if not graph.operators:
        raise ModelError("the model has no operators", hint="supported: at least one")
    if graph.tensors[graph.input].data is not None:
        raise ModelError(f"the model's input {graph.tensors[graph.input].describe()} is constant")
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
    if graph.output not in computed:
        raise ModelError(f"the model's output {graph.tensors[graph.output].describe()} is never computed")
