"""Read a flatbuffer of TensorFlow Lite into a `Network`."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError
from asc_kit.text import tensor_name
from asc_kit.tflite.identity import check_identifier
from asc_kit.tflite.operator_codes import name_of
from asc_kit.tflite.resolving import Resolved, resolve_shapes

from .graph import WEIGHTED, Network, Operator, Quantization, Tensor

# What reading bytes at random raises, with the record that the generated reader makes of them.
_DAMAGE = (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError, struct.error)


def read_network(flatbuffer: bytes) -> Network:
    """Read a flatbuffer, float or int8; constants become real numbers.

    Every operator with weights gets biases of its own: the converter lets operators share them, or leaves them out.

    Raises
    ------
    ModelError
        When it is damaged, has several graphs, inputs or outputs, weights that are computed, or a constant that is
        not a number.
    """
    import tflite
    from ai_edge_litert import schema_py_generated as schema

    check_identifier(flatbuffer)
    try:
        # refuses sizes left free; the record below has the stored shapes
        resolved = resolve_shapes(flatbuffer, tflite.Model.GetRootAs(flatbuffer, 0))
        model = schema.ModelT.InitFromPackedBuf(flatbuffer)
        if len(model.subgraphs) != 1:
            raise ModelError(f"expected a model of one graph. Received: {len(model.subgraphs)} graphs")
        graph = model.subgraphs[0]
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise ModelError(
                f"expected one input and one output. Received: {len(graph.inputs)} and {len(graph.outputs)}"
            )
        tensors = [_tensor(flatbuffer, model, schema, index, resolved) for index in range(len(graph.tensors))]
        operators = [_operator(model, index, operator) for index, operator in enumerate(graph.operators)]
        ends = int(graph.inputs[0]), int(graph.outputs[0])
        _check_order(tensors, operators, *ends)
        operators = _own_biases(tensors, operators)
    except _DAMAGE as failure:
        raise ModelError(f"this is no whole flatbuffer of TensorFlow Lite: {failure}") from failure
    network = Network(
        tensors=tuple(tensors), operators=tuple(operators), input=ends[0], output=ends[1], flatbuffer=flatbuffer
    )
    _check_weights(network)
    _check_finite(network)
    return network


def _tensor(flatbuffer: bytes, model: Any, schema: Any, index: int, resolved: Resolved) -> Tensor:
    tensor = model.subgraphs[0].tensors[index]
    dtypes = {
        schema.TensorType.FLOAT32: np.float32,
        schema.TensorType.INT8: np.int8,
        schema.TensorType.INT32: np.int32,
    }
    stored = tuple(int(n) for n in tensor.shape) if tensor.shape is not None else ()
    shape = resolved.shapes.get(index, stored)
    name = tensor_name(tensor.name)
    quantization = _quantization(tensor.quantization)
    if tensor.sparsity is not None:
        raise ModelError(f"tensor {name} is stored sparse", hint="supported: dense tensors")
    buffer = model.buffers[tensor.buffer]
    # weights of large models lie behind the flatbuffer
    raw = flatbuffer[buffer.offset : buffer.offset + buffer.size] if buffer.offset > 1 else buffer.data
    data: NDArray[Any] | None = None
    if raw is not None and len(raw):
        if tensor.type not in dtypes:
            raise ModelError(f"constant {name} is neither float32 nor int8 nor int32")
        values = np.frombuffer(bytes(raw), dtypes[tensor.type]).reshape(shape)
        data = values if quantization is None else _real(values, quantization)
    return Tensor(index=index, name=name, shape=shape, data=data, quantization=quantization)


def _quantization(record: Any) -> Quantization | None:
    if record is None or record.scale is None or len(record.scale) == 0:
        return None
    zero_points = record.zeroPoint if record.zeroPoint is not None else np.zeros(len(record.scale))
    return Quantization(
        scales=np.asarray(record.scale, np.float32),
        zero_points=np.asarray(zero_points, np.int32),
        axis=int(record.quantizedDimension),
    )


def _real(values: NDArray[Any], quantization: Quantization) -> NDArray[np.float32]:
    """Return what stored integers stand for: equation (1) of docs/quantization.md."""
    along = [1] * values.ndim
    if len(quantization.scales) > 1:
        along[quantization.axis] = -1
    else:
        along = [1] * max(values.ndim, 1)
    scales, zero_points = (part.reshape(along) for part in (quantization.scales, quantization.zero_points))
    real = (values.astype(np.float64) - zero_points) * scales.astype(np.float64)
    with np.errstate(over="ignore"):  # what is not finite then is refused with its layer
        return np.asarray(real.reshape(values.shape), np.float32)


def _operator(model: Any, index: int, operator: Any) -> Operator:
    code = model.operatorCodes[operator.opcodeIndex]
    return Operator(
        index=index,
        op=name_of(code.builtinCode, code.deprecatedBuiltinCode, code.customCode),
        inputs=tuple(int(tensor) for tensor in operator.inputs) if operator.inputs is not None else (),
        outputs=tuple(int(tensor) for tensor in operator.outputs) if operator.outputs is not None else (),
        options=operator.builtinOptions,
    )


def _check_order(tensors: list[Tensor], operators: list[Operator], first: int, last: int) -> None:
    """Make sure that tensors exist and are computed once, before they are used, and constants never."""
    known = {first, -1} | {tensor.index for tensor in tensors if tensor.data is not None}
    for operator in operators:
        for index in operator.inputs:
            if index not in known:
                raise ValueError(f"operator {operator.index} uses tensor {index} before there is one")
        for index in operator.outputs:
            if index in known or not 0 <= index < len(tensors):
                raise ValueError(f"operator {operator.index} cannot give tensor {index}")
            known.add(index)
    if last not in known or last < 0 or not 0 <= first < len(tensors):
        raise ValueError(f"tensor {last}, the output, is never computed")


def _own_biases(tensors: list[Tensor], operators: list[Operator]) -> list[Operator]:
    """Give every operator with weights a tensor of biases that no other operator has; `tensors` grows."""
    result = []
    for operator in operators:
        if operator.op not in WEIGHTED or tensors[operator.weights].data is None:
            result.append(operator)
            continue
        weights = tensors[operator.weights]
        channels = weights.shape[WEIGHTED[operator.op]]
        given = tensors[operator.inputs[2]] if len(operator.inputs) > 2 and operator.inputs[2] >= 0 else None
        own = Tensor(
            index=len(tensors),
            name=given.name if given is not None else f"{weights.name}/bias",
            shape=(channels,),
            data=given.data if given is not None else np.zeros(channels, np.float32),
            quantization=given.quantization if given is not None else None,
        )
        tensors.append(own)
        result.append(
            Operator(
                index=operator.index,
                op=operator.op,
                inputs=(operator.inputs[0], operator.weights, own.index),
                outputs=operator.outputs,
                options=operator.options,
            )
        )
    return result


def _check_weights(network: Network) -> None:
    for operator in network.weighted:
        if not all(index < 0 or network.is_constant(index) for index in operator.inputs[1:]):
            raise ModelError(
                f"layer {network.layer_name(operator)} ({operator.op}) cannot be quantized: its weights or biases are "
                "computed, and int8 has them as constants",
                hint="replace it in the model, a product of two activations by a layer with weights",
            )


def _check_finite(network: Network) -> None:
    for operator in network.operators:
        for index in operator.inputs:
            data = network.tensors[index].data if index >= 0 else None
            if data is not None and data.dtype == np.float32 and not np.isfinite(data).all():
                broken = int(data.size - np.isfinite(data).sum())
                raise ModelError(
                    f"layer {network.layer_name(operator)} ({operator.op}): {broken} of {data.size} values of "
                    f"{network.tensors[index].name} are not finite",
                    hint="the training diverged: train again with a lower learning rate",
                )
