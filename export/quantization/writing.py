"""Write the int8 flatbuffer of a network whose scales are known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network.affine import Affine, constant_affine
from ..network.graph import Network, Operator
from ..network.operators import OPERATORS, unsupported
from .scheme import quantized_constant, quantized_weights, weight_scales


def int8_flatbuffer(network: Network, scheme: Mapping[int, Affine]) -> bytes:
    """Return the flatbuffer of TensorFlow Lite that computes a network in int8, int8 in and out.

    Operators, their order and their attributes are those of the float flatbuffer that the network was read from.
    Weights: int8 per output channel, equation (4) of docs/quantization.md. Biases: int32 in steps of input scale times
    weight scale, equation (6); an operator without biases gets some only if they are not 0. Other constants: int8,
    one scale each.

    Parameters
    ----------
    network
        The network with its final constants.
    scheme
        Scale and zero point of every activation.

    Raises
    ------
    ModelError
        When an operator has no int8 form.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(network.flatbuffer)
    writer = _Writer(schema, model)
    for index, affine in scheme.items():
        writer.set_quantization(index, schema.TensorType.INT8, [affine.scale], [affine.zero_point])
    for operator in network.operators:
        if operator.op not in OPERATORS:
            raise unsupported(network, operator, f"operator {operator.op}")
        record = writer.graph.operators[operator.index]
        if operator.has_weights:
            weights, bias = _weights_and_bias(network, operator, scheme)
            given = [int(index) for index in record.inputs]
            record.inputs = [given[0], writer.put(given[1], network.tensors[operator.weights].name, *weights)]
            own = given[2] if len(given) > 2 else -1
            if own < 0 and not bias[0].any():
                record.inputs += given[2:]  # challenges count every parameter, also those that are 0
            else:
                record.inputs.append(writer.put(own, network.tensors[operator.bias].name, *bias))
        else:
            record.inputs = [writer.put_plain(network, int(index)) for index in record.inputs]
        code = model.operatorCodes[record.opcodeIndex]
        code.version = max(code.version, OPERATORS[operator.op].int8_version)
    writer.drop_unused_buffers()
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


_Constant = tuple[NDArray[Any], NDArray[np.float32], int, int]
"""Values, scales, zero point, axis of the scales."""


def _weights_and_bias(
    network: Network, operator: Operator, scheme: Mapping[int, Affine]
) -> tuple[_Constant, _Constant]:
    scales, axis = weight_scales(network, operator, scheme), operator.axes.output
    weights = quantized_weights(network.constant(operator.weights), scales, axis)
    # the kernels take the product of the two float32 scales in float64: equation (12)
    steps = np.float64(np.float32(scheme[operator.inputs[0]].scale)) * scales.astype(np.float64)
    bias = np.rint(network.constant(operator.bias).astype(np.float64) / steps).astype(np.int32)
    return (weights, scales, 0, axis), (bias, steps.astype(np.float32), 0, 0)


class _Writer:
    """A flatbuffer while it is written: constants take the place of the float ones."""

    def __init__(self, schema: Any, model: Any) -> None:
        self.schema, self.model, self.graph = schema, model, model.subgraphs[0]
        self._written: dict[int, list[tuple[bytes, bytes, int]]] = {}

    def set_quantization(self, index: int, kind: int, scales: Any, zero_points: Any, axis: int = 0) -> None:
        record = self.schema.QuantizationParametersT()
        record.scale = [float(np.float32(scale)) for scale in scales]
        record.zeroPoint = [int(zero_point) for zero_point in zero_points]
        record.quantizedDimension = axis
        self.graph.tensors[index].type = kind
        self.graph.tensors[index].quantization = record

    def put(
        self, index: int, name: str, values: NDArray[Any], scales: NDArray[np.float32], zero_point: int, axis: int
    ) -> int:
        """Write a constant in place of tensor `index`, -1 for none; gives the constant's index.

        Operators may share a float tensor and differ in their scales: the first takes its place, others a new one.
        """
        content = (values.tobytes(), scales.tobytes())
        forms = self._written.setdefault(index, []) if index >= 0 else []
        for *known, place in forms:
            if tuple(known) == content:
                return place
        if index < 0 or forms:
            tensor = self.schema.TensorT()
            tensor.hasRank = True
            self.graph.tensors.append(tensor)
            place = len(self.graph.tensors) - 1
        else:
            place = index
        tensor = self.graph.tensors[place]
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(content[0], np.uint8)
        self.model.buffers.append(buffer)
        tensor.shape, tensor.name, tensor.buffer = list(values.shape), name.encode(), len(self.model.buffers) - 1
        kind = self.schema.TensorType.INT8 if values.dtype == np.int8 else self.schema.TensorType.INT32
        self.set_quantization(place, kind, scales, np.full(len(scales), zero_point), axis)
        forms.append((*content, place))
        return place

    def put_plain(self, network: Network, index: int) -> int:
        """Write a constant operand with one scale; other tensors stay."""
        if index < 0 or not network.is_constant(index) or network.constant(index).dtype != np.float32:
            return index
        affine, steps = constant_affine(network.constant(index)), quantized_constant(network.constant(index))
        return self.put(
            index, network.tensors[index].name, steps, np.array([affine.scale], np.float32), affine.zero_point, 0
        )

    def drop_unused_buffers(self) -> None:
        """Leave out buffers that no tensor and no metadata uses any more: the float constants."""
        metadata = self.model.metadata or []
        used = sorted({0, *(item.buffer for item in (*self.graph.tensors, *metadata))})
        place = {old: new for new, old in enumerate(used)}
        self.model.buffers = [self.model.buffers[old] for old in used]
        for item in (*self.graph.tensors, *metadata):
            item.buffer = place[item.buffer]
