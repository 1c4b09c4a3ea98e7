"""Run an int8 .tflite model on this machine with LiteRT or tflite-runtime, whichever is installed."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError, ToolError
from asc_kit.native_output import hidden_stderr

Kernels = Literal["reference", "fast"]


class Int8Model:
    """An int8 model ready to run.

    Parameters
    ----------
    model
        The flatbuffer.
    kernels
        ``reference``: TFLite's reference kernels, bit for bit what a board computes. ``fast``: the runtime's
        default kernels, which may differ by a few steps.
    """

    def __init__(self, model: bytes, kernels: Kernels = "reference") -> None:
        with hidden_stderr():  # the runtimes say which delegate they made, once per interpreter
            self._load(model, kernels)

    def _load(self, model: bytes, kernels: Kernels) -> None:
        interpreter_module, self.runtime = _import_runtime()
        resolvers = interpreter_module.OpResolverType
        resolver = resolvers.BUILTIN_REF if kernels == "reference" else resolvers.AUTO
        try:
            self._interpreter: Any = interpreter_module.Interpreter(
                model_content=model, experimental_op_resolver_type=resolver, num_threads=1
            )
            self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as failure:
            raise ModelError(f"{self.runtime} cannot run this model: {failure}") from failure
        inputs, outputs = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        for details in (inputs, outputs):
            if len(details) != 1 or details[0]["dtype"] != np.int8:
                kinds = ", ".join(f"{d['name']}: {np.dtype(d['dtype']).name}" for d in details)
                raise ModelError(f"expected one int8 input and one int8 output. Received: {kinds}")
        self.input_details: dict[str, Any] = inputs[0]
        self.output_details: dict[str, Any] = outputs[0]

    def run(self, quantized_input: NDArray[np.int8]) -> NDArray[np.int8]:
        """Run one inference: int8 of the input's shape in, int8 of the output's shape out."""
        self._interpreter.set_tensor(self.input_details["index"], quantized_input)
        self._interpreter.invoke()
        return np.array(self._interpreter.get_tensor(self.output_details["index"]), np.int8)


def _import_runtime() -> tuple[Any, str]:
    try:
        from ai_edge_litert import interpreter

        return interpreter, "LiteRT"
    except ImportError:
        pass
    try:
        from tflite_runtime import interpreter

        return interpreter, "tflite-runtime"
    except ImportError:
        raise ToolError(
            "neither LiteRT nor tflite-runtime is installed",
            hint="pip install 'asc-kit[pi]' or 'asc-kit[device]'",
        ) from None
