"""Read a .tflite file into a `Graph`: strict, and safe on damaged files."""

from __future__ import annotations

import math
from typing import Any, TypeVar

import numpy as np

from asc_kit.errors import ModelError
from asc_kit.flatbuffer import read_checked

from .graph import DType, Graph, Operator, Quantization, Tensor
from .operators import REGISTRY, OperatorView

_DTYPES: dict[int, DType] = {2: "int32", 9: "int8"}
_LARGEST_ELEMENTS = 1 << 28
T = TypeVar("T")


def read_model(model: bytes) -> Graph:
    """Read a model.

    Parameters
    ----------
    model
        The flatbuffer.

    Returns
    -------
    Graph
        Tensors and operators, checked.

    Raises
    ------
    ModelError
        When the file is damaged, or holds an operator, type or attribute that is not supported.
    """
    return read_checked(model, _read)


def _read(model: bytes) -> Graph:
    import tflite

    root = tflite.Model.GetRootAs(model, 0)
    if root.SubgraphsLength() != 1:
        raise ModelError(f"the model has {root.SubgraphsLength()} subgraphs", hint="supported: one")
    subgraph = root.Subgraphs(0)
    limit = len(model)
    n_tensors = _length(subgraph.TensorsLength(), limit)
    tensors = tuple(_read_tensor(root, subgraph.Tensors(index), index) for index in range(n_tensors))
    names = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
    operators: list[Operator] = []
    for index in range(_length(subgraph.OperatorsLength(), limit)):
        operators.append(_read_operator(root, subgraph.Operators(index), index, tensors, names))
    ends = [_indices(subgraph.InputsAsNumpy(), tensors), _indices(subgraph.OutputsAsNumpy(), tensors)]
    for what, end in zip(("input", "output"), ends, strict=True):
        if len(end) != 1 or tensors[end[0]].dtype != "int8":
            listed = ", ".join(tensors[index].describe() for index in end)
            raise ModelError(f"the model has {len(end)} {what}s: {listed}", hint=f"supported: one int8 {what}")
    graph = Graph(tensors=tensors, operators=tuple(operators), input=ends[0][0], output=ends[1][0])
    _check_order(graph)
    return graph


def _length(value: int, limit: int) -> int:
    if not 0 <= value <= limit:
        raise ValueError(f"a vector of {value} elements in a file of {limit} bytes")
    return value


def _indices(values: Any, tensors: tuple[Tensor, ...]) -> tuple[int, ...]:
    indices = tuple(int(value) for value in np.atleast_1d(values)) if not isinstance(values, int) else ()
    for index in indices:
        if not 0 <= index < len(tensors):
            raise ValueError(f"tensor index {index} of {len(tensors)} tensors")
    return indices


def _read_tensor(root: Any, table: Any, index: int) -> Tensor:
    name = (table.Name() or b"").decode("utf-8", errors="replace")
    shape = () if table.ShapeLength() == 0 else tuple(int(size) for size in table.ShapeAsNumpy())
    code = int(table.Type())
    if code not in _DTYPES:
        import tflite

        names = {value: key for key, value in vars(tflite.TensorType).items() if isinstance(value, int)}
        raise ModelError(
            f"tensor {index} '{name}' has type {names.get(code, code)}",
            hint="supported: int8 for activations and weights, int32 for biases and indices; export as full int8",
        )
    if table.IsVariable() or table.Sparsity() is not None:
        raise ModelError(f"tensor {index} '{name}' is variable or sparse", hint="supported: dense tensors")
    if any(size <= 0 for size in shape) or math.prod(shape) > _LARGEST_ELEMENTS:
        raise ModelError(f"tensor {index} '{name}' has the shape {shape}", hint="supported: static positive dimensions")
    dtype = _DTYPES[code]
    data = None
    buffer = int(table.Buffer())
    if not 0 <= buffer < root.BuffersLength():
        raise ValueError(f"tensor {index} is in buffer {buffer} of {root.BuffersLength()}")
    if buffer > 0 and root.Buffers(buffer).DataLength() > 0:
        raw = root.Buffers(buffer).DataAsNumpy().tobytes()
        # a copy of its own: the arrays must not depend on the file's bytes
        data = np.frombuffer(raw, np.dtype(dtype).newbyteorder("<")).astype(dtype).reshape(shape)
        data.setflags(write=False)
    return Tensor(
        index=index,
        name=name,
        shape=shape,
        dtype=dtype,
        quantization=_read_quantization(table.Quantization(), f"tensor {index} '{name}'"),
        data=data,
    )


def _read_quantization(table: Any, where: str) -> Quantization | None:
    if table is None or table.ScaleLength() == 0:
        return None
    scales = tuple(float(scale) for scale in table.ScaleAsNumpy())
    zero_points = (0,) * len(scales)
    if table.ZeroPointLength():
        zero_points = tuple(int(value) for value in table.ZeroPointAsNumpy())
    if len(zero_points) == 1:
        zero_points *= len(scales)
    if len(zero_points) != len(scales):
        raise ModelError(f"{where} has {len(scales)} scales and {len(zero_points)} zero points")
    if not all(math.isfinite(scale) and scale > 0 for scale in scales):
        raise ModelError(f"{where} has a scale that is not positive", hint="supported: finite scales above 0")
    if not all(-128 <= value <= 127 for value in zero_points):
        raise ModelError(f"{where} has a zero point outside of int8", hint="supported: -128 to 127")
    return Quantization(scales=scales, zero_points=zero_points, axis=int(table.QuantizedDimension()))


def _read_operator(root: Any, table: Any, index: int, tensors: tuple[Tensor, ...], names: dict[int, str]) -> Operator:
    if not 0 <= table.OpcodeIndex() < root.OperatorCodesLength():
        raise ValueError(f"operator {index} has code {table.OpcodeIndex()} of {root.OperatorCodesLength()}")
    opcode = root.OperatorCodes(table.OpcodeIndex())
    # models of before schema 3a have the code in the older, narrower field only
    code = max(int(opcode.BuiltinCode()), int(opcode.DeprecatedBuiltinCode()))
    op = names.get(code, str(code))
    if op == "CUSTOM":
        op = f"CUSTOM {(opcode.CustomCode() or b'').decode('utf-8', errors='replace')!r}"
    # an optional input that is absent has index -1; only the last, the bias, can be
    listed = [int(value) for value in table.InputsAsNumpy()] if table.InputsLength() else []
    while listed and listed[-1] == -1:
        listed.pop()
    inputs = _indices(np.array(listed, np.int64), tensors)
    outputs = _indices(table.OutputsAsNumpy(), tensors) if table.OutputsLength() else ()
    if op not in REGISTRY:
        computed = tensors[outputs[0]].describe() if outputs else "nothing"
        raise ModelError(
            f"operator {index} {op}, which computes tensor {computed}, is not supported",
            hint=f"supported: {', '.join(sorted(REGISTRY))}",
        )
    definition = REGISTRY[op]
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
