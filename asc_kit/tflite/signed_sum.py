"""A SUM of int8 values that the reference kernels of TFLite compute rightly.

BUILTIN_REF reads the int8 input of SUM as unsigned bytes, so each negative value adds 256 too much. TFLite's
optimized kernels, XNNPACK and TFLite Micro read int8. The engine follows Micro, so the host needs a reference that does
too.

A SUM is a convolution with ones. Kept axes first and reduced ones last, the input is an image of K rows and R columns;
a kernel of 1 x R ones of scale 1 gives K sums, and the requantization of CONV_2D is Micro's of SUM:

**Formula**: y = clamp(zero_out + S(sum(q - zero_in); scale_in / scale_out)), S as equations (13) and (14) of
docs/quantization.md.
**Error**: bit-exact; `tests/unit/test_signed_sum.py` compares with that formula in Python's integers.
**Source**: `QuantizedMeanOrSum` of TFLite, as TFLite Micro instantiates it for int8.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from asc_kit.errors import ModelError, ToolError

from .operator_codes import SUM, code_of

_CONV_2D, _RESHAPE, _TRANSPOSE = ("CONV_2D", 3), ("RESHAPE", 1), ("TRANSPOSE", 2)
"""Operators with the versions of their int8 forms."""


def with_signed_sums(model: bytes, shapes: Mapping[int, tuple[int, ...]]) -> bytes:
    """Return the model with every SUM of int8 as a convolution with ones; the same bytes if there is no SUM.

    Parameters
    ----------
    model
        The flatbuffer, of one subgraph.
    shapes
        Shape of each tensor, by index, as in the interpreter: a resized input may have changed stored shapes.

    Raises
    ------
    ModelError
        When the axes of a SUM are computed by the network.
    ToolError
        When LiteRT, whose schema this needs, is not installed.
    """
    try:
        import flatbuffers
        from ai_edge_litert import schema_py_generated as schema
    except ImportError as missing:
        raise ToolError(
            f"the model has a SUM, which needs LiteRT and flatbuffers to be computed rightly: {missing}",
            hint="pip install ai-edge-litert flatbuffers; on 32-bit Arm replace SUM by MEAN in the model",
        ) from None
    root = schema.ModelT.InitFromPackedBuf(bytearray(model), 0)
    for buffer in root.buffers:
        if buffer.offset > 1:  # behind the flatbuffer, which is about to change its length
            buffer.data = np.frombuffer(model, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0
    writer = _Writer(root, schema)
    changed = False
    operators = []
    for operator in writer.graph.operators:
        source = writer.graph.tensors[int(operator.inputs[0])] if len(operator.inputs) else None
        if writer.code(operator) != SUM or source is None or source.type != schema.TensorType.INT8:
            operators.append(operator)
            continue
        changed = True
        operators += writer.convolution(operator, shapes)
    if not changed:
        return model
    writer.graph.operators = operators
    builder = flatbuffers.Builder(len(model) + 4096)
    builder.Finish(root.Pack(builder), b"TFL3")
    return bytes(builder.Output())


class _Writer:
    """Adds tensors and operators to a model's only subgraph."""

    def __init__(self, root: Any, schema: Any) -> None:
        self.root, self.schema, self.graph = root, schema, root.subgraphs[0]

    def code(self, operator: Any) -> int:
        code = self.root.operatorCodes[operator.opcodeIndex]
        return code_of(int(code.builtinCode), int(code.deprecatedBuiltinCode))

    def convolution(self, operator: Any, shapes: Mapping[int, tuple[int, ...]]) -> list[Any]:
        source, axes_tensor = (int(index) for index in operator.inputs[:2])
        output = int(operator.outputs[0])
        shape = shapes[source]
        raw = self.root.buffers[self.graph.tensors[axes_tensor].buffer].data
        if raw is None or not len(raw):
            raise ModelError(
                f"SUM, which computes tensor {output}, has axes that the network computes", hint="supported: constants"
            )
        reduced = sorted({int(axis) % max(len(shape), 1) for axis in np.frombuffer(bytes(raw), "<i4")})
        order = [axis for axis in range(len(shape)) if axis not in reduced] + reduced
        count = math.prod(shape[axis] for axis in reduced)
        kept = math.prod(shape) // max(count, 1)
        operators: list[Any] = []
        quantization = self.graph.tensors[source].quantization
        if order != sorted(order):
            moved = self._tensor(tuple(shape[axis] for axis in order), quantization)
            operators.append(self._operator(_TRANSPOSE, [source, self._indices(order)], moved))
            source = moved
        image = self._tensor((1, kept, count, 1), quantization)
        operators.append(self._reshape(source, image))
        sums = self._tensor((1, kept, 1, 1), self.graph.tensors[output].quantization)
        options = self.schema.Conv2DOptionsT()
        options.padding = self.schema.Padding.VALID
        options.strideH = options.strideW = options.dilationHFactor = options.dilationWFactor = 1
        operators.append(
            self._operator(
                _CONV_2D, [image, self._ones(count), self._no_bias(quantization)], sums, "Conv2DOptions", options
            )
        )
        operators.append(self._reshape(sums, output, shapes[output]))
        return operators

    def _reshape(self, source: int, target: int, shape: tuple[int, ...] | None = None) -> Any:
        wanted = list(shape if shape is not None else self.graph.tensors[target].shape)
        options = self.schema.ReshapeOptionsT()
        options.newShape = wanted
        return self._operator(_RESHAPE, [source, self._indices(wanted)], target, "ReshapeOptions", options)

    def _operator(
        self, kind: tuple[str, int], inputs: list[int], output: int, options_type: str = "NONE", options: Any = None
    ) -> Any:
        code = self.schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(self.schema.BuiltinOperator, kind[0])
        code.version = kind[1]
        self.root.operatorCodes.append(code)
        operator = self.schema.OperatorT()
        operator.opcodeIndex = len(self.root.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        operator.builtinOptionsType = getattr(self.schema.BuiltinOptions, options_type)
        operator.builtinOptions = options
        return operator

    def _tensor(self, shape: tuple[int, ...], quantization: Any) -> int:
        tensor = self.schema.TensorT()
        tensor.shape, tensor.type, tensor.quantization = list(shape), self.schema.TensorType.INT8, quantization
        tensor.buffer, tensor.name = 0, f"signed_sum_{len(self.graph.tensors)}"
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def _ones(self, count: int) -> int:
        quantization = self.schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = [1.0], [0]
        index = self._tensor((1, 1, count, 1), quantization)
        return self._constant(index, np.ones(count, np.int8))

    def _no_bias(self, source: Any) -> int:
        """Return a bias of 0, which the kernel demands; its scale is the input's times the scale of the ones."""
        quantization = self.schema.QuantizationParametersT()
        quantization.scale, quantization.zeroPoint = list(source.scale), [0]
        index = self._tensor((1,), quantization)
        self.graph.tensors[index].type = self.schema.TensorType.INT32
        return self._constant(index, np.zeros(1, "<i4"))

    def _indices(self, values: list[int]) -> int:
        index = self._tensor((len(values),), None)
        self.graph.tensors[index].type = self.schema.TensorType.INT32
        return self._constant(index, np.array(values, "<i4"))

    def _constant(self, tensor: int, values: Any) -> int:
        buffer = self.schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self.root.buffers.append(buffer)
        self.graph.tensors[tensor].buffer = len(self.root.buffers) - 1
        return tensor
