"""Models that leave sizes free: made from whole ones, whose shapes are then the truth."""

from __future__ import annotations

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from int8_models import ModelBuilder

CONV = {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}


def packed(root: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(1 << 12)
    builder.Finish(root.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def freed(model: bytes) -> tuple[bytes, dict[int, tuple[int, ...]]]:
    """Leave every size of every activation free, stored as 1; return the shapes that were there, by tensor."""
    root = schema.ModelT.InitFromPackedBuf(bytearray(model), 0)
    shapes = {}
    operators = root.subgraphs[0].operators
    inner = {int(index) for one in operators if one.intermediates is not None for index in one.intermediates}
    for index, tensor in enumerate(root.subgraphs[0].tensors):
        sizes = [int(size) for size in tensor.shape] if tensor.shape is not None else []
        if tensor.buffer and root.buffers[tensor.buffer].data is not None:
            continue
        if tensor.isVariable or index in inner:  # their sizes are the weights'
            continue
        shapes[index] = tuple(sizes)
        tensor.shape, tensor.shapeSignature = [1] * len(sizes), [-1] * len(sizes)
    return packed(root), shapes


def image_classifier(height: int = 1, width: int = 1, name: str = "image") -> bytes:
    """Two convolutions, a mean, a dense layer, SOFTMAX: for images of any size when the sizes are 1."""
    rng = np.random.default_rng(5)
    builder = ModelBuilder()
    is_free = (height, width) == (1, 1)

    def activation(shape: tuple[int, ...], scale: float = 0.1, zero_point: int = 3) -> int:
        index = builder.activation(shape, scale, zero_point)
        if is_free and len(shape) == 4:
            builder.graph.tensors[index].shapeSignature = [1, -1, -1, shape[3]]
        return index

    def weights(*shape: int) -> list[int]:
        values = rng.integers(-127, 128, shape).astype(np.int8)
        return [builder.constant(values, 0.01), builder.constant(np.arange(shape[0], dtype=np.int32), 0.001)]

    source = activation((1, height, width, 1))
    builder.graph.tensors[source].name = name.encode()
    first = activation((1, height, width, 6))
    builder.operator("CONV_2D", [source, *weights(6, 3, 3, 1)], first, "Conv2DOptions", **CONV)
    halves = (1, -(-height // 2), -(-width // 2), 6)
    second = activation(halves)
    options = {**CONV, "strideH": 2, "strideW": 2}
    builder.operator("CONV_2D", [first, *weights(6, 3, 3, 6)], second, "Conv2DOptions", **options)
    mean, logits = activation((1, 6)), activation((1, 4))
    axes = builder.constant(np.array([1, 2], np.int32))
    builder.operator("MEAN", [second, axes], mean, "ReducerOptions", keepDims=False)
    builder.operator("FULLY_CONNECTED", [mean, *weights(4, 6)], logits, "FullyConnectedOptions")
    output = activation((1, 4), 1 / 256, -128)
    builder.operator("SOFTMAX", [logits], output, "SoftmaxOptions", beta=1.0)
    return builder.finish(source, output)


def free_batch() -> bytes:
    """A reshape to a shape that the network computes: SHAPE, STRIDED_SLICE, PACK, as Keras' Flatten is converted."""
    builder = ModelBuilder()
    source = builder.activation((1, 3, 4), 0.1, 0)
    flat, output = builder.activation((1, 12), 0.1, 0), builder.activation((1, 12), 1 / 256, -128)
    for tensor, signature in ((source, [-1, 3, 4]), (flat, [-1, 12]), (output, [-1, 12])):
        builder.graph.tensors[tensor].shapeSignature = signature
    ends = [builder.constant(np.array([value], np.int32)) for value in (0, 1, 1)]
    size = builder.constant(np.array(12, np.int32))
    computed = []
    for shape in ((3,), (), (2,)):
        tensor = builder.activation(shape, 0.1, 0)
        builder.graph.tensors[tensor].type = schema.TensorType.INT32
        builder.graph.tensors[tensor].quantization = None
        computed.append(tensor)
    builder.operator("SHAPE", [source], computed[0], "ShapeOptions", outType=schema.TensorType.INT32)
    builder.operator("STRIDED_SLICE", [computed[0], *ends], computed[1], "StridedSliceOptions", shrinkAxisMask=1)
    builder.operator("PACK", [computed[1], size], computed[2], "PackOptions", valuesCount=2, axis=0)
    builder.operator("RESHAPE", [source, computed[2]], flat)
    builder.operator("LOGISTIC", [flat], output)
    return builder.finish(source, output)
