"""Build float flatbuffers operator by operator, as `int8_models` builds int8 ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from int8_models import ModelBuilder

_TYPES = {np.dtype(np.float32): schema.TensorType.FLOAT32, np.dtype(np.int32): schema.TensorType.INT32}


class FloatBuilder(ModelBuilder):
    """Tensors and operators of one subgraph; `finish` gives the flatbuffer."""

    def tensor(self, shape: Any, name: str | None = None) -> int:
        """Add an activation."""
        return self._float(shape, np.dtype(np.float32), name or f"activation_{len(self.graph.tensors)}", 0)

    def values(self, values: Any, name: str | None = None) -> int:
        """Add a constant, int32 where the values are whole numbers, else float32."""
        array = np.asarray(values)
        array = array.astype(np.int32 if array.dtype.kind == "i" else np.float32)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        name = name or f"constant_{len(self.graph.tensors)}"
        return self._float(array.shape, array.dtype, name, len(self.model.buffers) - 1)

    def _float(self, shape: Any, dtype: np.dtype[Any], name: str, buffer: int) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.name, tensor.buffer = list(shape), _TYPES[dtype], name.encode(), buffer
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(
        self, op: str, inputs: list[int], output: int | list[int], options: str | None = None, **values: Any
    ) -> None:
        """Add an operator, in its first version."""
        super().operator(op, inputs, output, options, **values)
        self.model.operatorCodes[-1].version = 1

    def one(self, op: str, inputs: list[int], shape: Any, options: str | None = None, **values: Any) -> int:
        """Add an operator and the tensor it gives; return the latter."""
        output = self.tensor(shape)
        self.operator(op, inputs, output, options, **values)
        return output
