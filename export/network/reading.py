"""Read a flatbuffer of TensorFlow Lite into a `Network`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError
from asc_kit.tflite.decoder import Decoder, StoredOperator, StoredTensor, read_checked
from asc_kit.tflite.resolving import Resolved, resolve_shapes

from .graph import Network, Operator, Quantization, Tensor
from .operators import OPERATORS

_DTYPES: dict[str, type[np.generic]] = {"FLOAT32": np.float32, "INT8": np.int8, "INT32": np.int32}


def read_network(flatbuffer: bytes) -> Network:
    """Read a flatbuffer, float or int8; constants become real numbers.

    Every operator with weights gets biases of its own: the converter lets operators share them, or leaves them out.

    Raises
    ------
    ModelError
        When it is damaged, has several graphs, inputs or outputs, weights that are computed, or a constant that is
        not a number.
    """
    network = read_checked(flatbuffer, _read)
    _check_weights(network)
    _check_finite(network)
    return network


def _read(decoder: Decoder) -> Network:
    resolved = resolve_shapes(decoder)  # refuses sizes left free
    if decoder.n_graphs != 1:
        raise ModelError(f"expected a model of one graph. Received: {decoder.n_graphs} graphs")
    graph = decoder.graph
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelError(f"expected one input and one output. Received: {len(graph.inputs)} and {len(graph.outputs)}")
    tensors = [_tensor(decoder, graph.tensor(index), resolved) for index in range(graph.n_tensors)]
    operators = [_operator(graph.operator(index)) for index in range(graph.n_operators)]
    ends = graph.inputs[0], graph.outputs[0]
    _check_order(tensors, operators, *ends)
    return Network(
        operators=tuple(_own_biases(tensors, operators)),  # more tensors
        tensors=tuple(tensors),
        input=ends[0],
        output=ends[1],
        flatbuffer=decoder.model,
    )


def _tensor(decoder: Decoder, stored: StoredTensor, resolved: Resolved) -> Tensor:
    shape = resolved.shapes.get(stored.index, stored.shape)
    quantization = _quantization(stored)
    if stored.is_sparse:
        raise ModelError(f"tensor {stored.name} is stored sparse", hint="supported: dense tensors")
    raw = decoder.constant(stored.buffer)
    data: NDArray[Any] | None = None
    if raw is not None:
        if stored.type not in _DTYPES:
            raise ModelError(f"constant {stored.name} is neither float32 nor int8 nor int32")
        values = raw.view(_DTYPES[stored.type]).reshape(shape)
        data = values if quantization is None else _real(values, quantization)
    return Tensor(index=stored.index, name=stored.name, shape=shape, data=data, quantization=quantization)


def _quantization(stored: StoredTensor) -> Quantization | None:
    if not stored.scales:
        return None
    return Quantization(
        scales=np.asarray(stored.scales, np.float32),
        zero_points=np.asarray(stored.zero_points or np.zeros(len(stored.scales)), np.int32),
        axis=stored.axis,
    )


def _real(values: NDArray[Any], quantization: Quantization) -> NDArray[np.float32]:
    """Return the real values of stored integers: equation (1) of docs/quantization.md."""
    along = [1] * values.ndim
    if len(quantization.scales) > 1:
        along[quantization.axis] = -1
    else:
        along = [1] * max(values.ndim, 1)
    scales, zero_points = (part.reshape(along) for part in (quantization.scales, quantization.zero_points))
    real = (values.astype(np.float64) - zero_points) * scales.astype(np.float64)
    with np.errstate(over="ignore"):  # what is not finite then is refused with its layer
        return np.asarray(real.reshape(values.shape), np.float32)


def _operator(stored: StoredOperator) -> Operator:
    options = stored.options(stored.options_kind)
    return Operator(
        index=stored.index,
        op=stored.op,
        inputs=stored.inputs,
        outputs=stored.outputs,
        options=options,
        weight_axes=OPERATORS[stored.op].weight_axes if stored.op in OPERATORS else None,
        activation=int(options.FusedActivationFunction()) if hasattr(options, "FusedActivationFunction") else 0,
    )


def _check_order(tensors: list[Tensor], operators: list[Operator], first: int, last: int) -> None:
    """Make sure that tensors exist and are computed once, before they are used, and constants never."""
    known = {first, -1} | {tensor.index for tensor in tensors if tensor.data is not None}
    for operator in operators:
        for index in operator.inputs:
            if index not in known:
                raise ValueError(f"operator {operator.index} uses tensor {index} before it is computed")
        for index in operator.outputs:
            if index in known or not 0 <= index < len(tensors):
                raise ValueError(
                    f"operator {operator.index} computes tensor {index}, which has a value already or does not exist"
                )
            known.add(index)
    if last not in known or last < 0 or not 0 <= first < len(tensors):
        raise ValueError(f"tensor {last}, the output, is never computed")


def _own_biases(tensors: list[Tensor], operators: list[Operator]) -> list[Operator]:
    """Give every operator with weights a tensor of biases that no other operator has; `tensors` grows."""
    result = []
    for operator in operators:
        if not operator.has_weights or tensors[operator.weights].data is None:
            result.append(operator)
            continue
        weights = tensors[operator.weights]
        channels = weights.shape[operator.axes.output]
        given = tensors[operator.inputs[2]] if len(operator.inputs) > 2 and operator.inputs[2] >= 0 else None
        own = Tensor(
            index=len(tensors),
            name=given.name if given is not None else f"{weights.name}/bias",
            shape=(channels,),
            data=given.data if given is not None else np.zeros(channels, np.float32),
            quantization=given.quantization if given is not None else None,
        )
        tensors.append(own)
        result.append(replace(operator, inputs=(operator.inputs[0], operator.weights, own.index)))
    return result


def _check_weights(network: Network) -> None:
    for operator in network.weighted:
        if not all(index < 0 or network.is_constant(index) for index in operator.inputs[1:]):
            raise ModelError(
                f"layer {network.layer_name(operator)} ({operator.op}) cannot be quantized: its weights or biases are "
                "computed, and int8 needs constants",
                hint="replace it in the model; a product of two activations, for example, by a layer with weights",
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
