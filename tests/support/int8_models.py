"""Build int8 flatbuffers operator by operator, for the reference kernels and for the generator alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}
_TYPES = {
    np.dtype(np.int8): schema.TensorType.INT8,
    np.dtype(np.int16): schema.TensorType.INT16,
    np.dtype(np.int32): schema.TensorType.INT32,
}
# of the operators' int8 forms with what the tests use; 2 for all others
_VERSIONS = {
    "ASSIGN_VARIABLE": 1,
    "CALL_ONCE": 1,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "DEPTH_TO_SPACE": 1,
    "EXPAND_DIMS": 1,
    "FULLY_CONNECTED": 4,
    "HARD_SWISH": 1,
    "LOG": 2,
    "NEG": 1,
    "PRELU": 1,
    "READ_VARIABLE": 1,
    "RELU_0_TO_1": 1,
    "RELU_N1_TO_1": 1,
    "RESHAPE": 1,
    "SHAPE": 1,
    "SPACE_TO_DEPTH": 2,
    "SQUEEZE": 1,
    "TRANSPOSE_CONV": 3,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 1,
    "VAR_HANDLE": 1,
}


@dataclass
class ModelBuilder:
    """Tensors and operators of one subgraph; `finish` gives the flatbuffer."""

    model: Any = field(default_factory=schema.ModelT)

    def __post_init__(self) -> None:
        empty = schema.BufferT()
        self.model.version = 3
        self.model.buffers = [empty]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors = []
        self.graph.operators = []
        self.graph.name = b"main"
        self.model.subgraphs = [self.graph]
        self._variables = 0

    def _tensor(self, shape: Any, dtype: Any, name: str, quantization: Any, buffer: int) -> int:
        tensor = schema.TensorT()
        tensor.shape = list(shape)
        tensor.type = _TYPES[np.dtype(dtype)]
        tensor.name = name.encode()
        tensor.buffer = buffer
        tensor.quantization = quantization
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    @staticmethod
    def _quantization(scales: Any, zero_points: Any, axis: int = 0) -> Any:
        quantization = schema.QuantizationParametersT()
        quantization.scale = [float(np.float32(value)) for value in np.atleast_1d(scales)]
        quantization.zeroPoint = [int(value) for value in np.atleast_1d(zero_points)]
        quantization.quantizedDimension = axis
        return quantization

    def activation(self, shape: Any, scale: float, zero_point: int) -> int:
        name = f"activation_{len(self.graph.tensors)}"
        return self._tensor(shape, np.int8, name, self._quantization(scale, zero_point), 0)

    def real(self, shape: Any) -> int:
        """A float32 tensor."""
        index = self._tensor(shape, np.int32, f"real_{len(self.graph.tensors)}", None, 0)
        self.graph.tensors[index].type = schema.TensorType.FLOAT32
        return index

    def constant(self, values: np.ndarray, scales: Any = None, axis: int = 0, zero_point: int = 0) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        quantization = None
        if scales is not None:
            quantization = self._quantization(scales, np.full(np.size(scales), zero_point), axis)
        name = f"constant_{len(self.graph.tensors)}"
        return self._tensor(values.shape, values.dtype, name, quantization, len(self.model.buffers) - 1)

    def operator(
        self, op: str, inputs: list[int], output: int | list[int], options: str | None = None, **values: Any
    ) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, op)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = _VERSIONS.get(op, 2)
        self.model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes) - 1
        operator.inputs = inputs
        operator.outputs = [output] if isinstance(output, int) else output
        if options is not None:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            operator.builtinOptions = getattr(schema, f"{options}T")()
            for name, value in values.items():
                assert hasattr(operator.builtinOptions, name), name
                setattr(operator.builtinOptions, name, value)
        self.graph.operators.append(operator)

    def variable(self, initial: np.ndarray, scale: float, zero_point: int) -> int:
        """A variable's handle; CALL_ONCE and the subgraph that it runs come with the first one."""
        main = self.graph
        if len(self.model.subgraphs) == 1:
            once = schema.SubGraphT()
            once.tensors, once.operators, once.inputs, once.outputs, once.name = [], [], [], [], b"once"
            self.model.subgraphs.append(once)
            self.operator("CALL_ONCE", [], [], "CallOnceOptions", initSubgraphIndex=1)
        self._variables += 1
        self.graph = self.model.subgraphs[1]
        self.operator("ASSIGN_VARIABLE", [self._handle(), self.constant(initial, scale, zero_point=zero_point)], [])
        self.graph = main
        return self._handle()

    def _handle(self) -> int:
        handle = self._tensor((), np.int32, f"handle_{len(self.graph.tensors)}", None, 0)
        self.graph.tensors[handle].type = schema.TensorType.RESOURCE
        name = f"variable_{self._variables}".encode()
        self.operator("VAR_HANDLE", [], handle, "VarHandleOptions", container=b"", sharedName=name)
        return handle

    def state(self, n: int, scale: float, zero_point: int, dtype: Any = np.int8) -> int:
        """A variable tensor of a recurrent operator."""
        name = f"state_{len(self.graph.tensors)}"
        index = self._tensor((1, n), dtype, name, self._quantization(scale, zero_point), 0)
        self.graph.tensors[index].isVariable = True
        return index

    def finish(self, model_inputs: int | list[int], model_outputs: int | list[int]) -> bytes:
        self.graph.inputs = [model_inputs] if isinstance(model_inputs, int) else model_inputs
        self.graph.outputs = [model_outputs] if isinstance(model_outputs, int) else model_outputs
        builder = flatbuffers.Builder(1 << 16)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
