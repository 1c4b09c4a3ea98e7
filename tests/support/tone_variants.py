"""The float16 and dynamic-range forms of the tone bundle's network, written field by field, without TensorFlow."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tone_bundle import LABELS, real_weights

from asc_kit.bundle import Bundle, Variant, VariantName
from asc_kit.records.record import sha256_file, write_bytes, write_json

_TYPES = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.float16): schema.TensorType.FLOAT16,
    np.dtype(np.int8): schema.TensorType.INT8,
}
_VERSIONS = {"DEQUANTIZE": 3, "FULLY_CONNECTED": 4, "LOGISTIC": 1}


def add_variants(folder: Path, models: dict[VariantName, bytes]) -> Bundle:
    """Put variants into a bundle that was written before, and open it."""
    bundle = Bundle.open(folder)
    variants = []
    for name, model in models.items():
        path = folder / f"model_{name}.tflite"
        write_bytes(path, model)
        variants.append(
            Variant(
                name=name,
                filename=path.name,
                sha256=sha256_file(path),
                n_bytes=len(model),
                evaluation=bundle.manifest.provenance.metrics_int8,
            )
        )
    write_json(folder / "bundle.json", replace(bundle.manifest, variants=tuple(variants)))
    return Bundle.open(folder)


def variant_model(bundle: Bundle, name: VariantName, input_shape: tuple[int, ...] | None = None) -> bytes:
    """Return a form of the bundle's network, of another input if one is given."""
    shape = bundle.manifest.input.shape if input_shape is None else input_shape
    weights, biases = real_weights(shape, bundle.manifest.task)
    graph = _Graph()
    features = graph.tensor("features", shape, np.float32)
    if name == "float16":
        stored = graph.constant("weights", weights.astype(np.float16))
        kernel = graph.tensor("weights in float32", weights.shape, np.float32)
        graph.operator("DEQUANTIZE", [stored], kernel)
    else:
        scale = float(np.abs(weights).max()) / 127
        kernel = graph.constant("weights", np.rint(weights / scale).astype(np.int8), scale)
    logits = graph.tensor("logits", (1, len(LABELS)), np.float32)
    graph.operator(
        "FULLY_CONNECTED", [features, kernel, graph.constant("biases", biases.astype(np.float32))], logits,
        "FullyConnectedOptions",
    )  # fmt: skip
    if bundle.manifest.task == "single_label":
        return graph.finish(features, logits)
    sigmoid = graph.tensor("sigmoid", (1, len(LABELS)), np.float32)
    graph.operator("LOGISTIC", [logits], sigmoid)
    return graph.finish(features, sigmoid)


class _Graph:
    def __init__(self) -> None:
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.buffers = [schema.BufferT()]
        self._model.operatorCodes = []
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._model.subgraphs = [self._graph]

    def tensor(self, name: str, shape: Sequence[int], dtype: Any, buffer: int = 0, scale: float | None = None) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer, tensor.name = list(shape), _TYPES[np.dtype(dtype)], buffer, name
        if scale is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def constant(self, name: str, values: np.ndarray, scale: float | None = None) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self.tensor(name, values.shape, values.dtype, len(self._model.buffers) - 1, scale)

    def operator(self, kind: str, inputs: list[int], output: int, options: str | None = None) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
        code.version = _VERSIONS[kind]
        self._model.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        if options is not None:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            operator.builtinOptions = getattr(schema, f"{options}T")()
        self._graph.operators.append(operator)

    def finish(self, source: int, target: int) -> bytes:
        self._graph.inputs, self._graph.outputs = [source], [target]
        builder = flatbuffers.Builder(1 << 14)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
