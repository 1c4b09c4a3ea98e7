"""Run a .tflite model on this machine with LiteRT or tflite-runtime, whichever is installed."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import ModelError, ToolError
from asc_kit.process.native_output import hidden_stderr
from asc_kit.quantization import TensorInfo
from asc_kit.tflite.bias_axes import with_bias_axes
from asc_kit.tflite.inputs import InputShape, ModelInput, fixed_input_shapes, signature_of
from asc_kit.tflite.operator_codes import SUM, operator_codes
from asc_kit.tflite.references import reference_of_model
from asc_kit.tflite.signed_sum import with_signed_sums

_CPU_INFO = Path("/proc/cpuinfo")

Kernels = Literal["reference", "fast"]


class Int8Model:
    """An int8 model ready to run.

    Parameters
    ----------
    model
        The flatbuffer.
    kernels
        ``reference``: TFLite's reference kernels, bit for bit what a board computes. ``fast``: the runtime's
        default kernels, which may differ by a few steps. SUM is computed on signed bytes by both.
    input_shapes
        Sizes that the model leaves free.

    Raises
    ------
    ModelError
        If the runtime cannot run it, if it has anything but one int8 input and one int8 output, or if it leaves sizes
        free that are not given.
    """

    def __init__(self, model: bytes, kernels: Kernels = "reference", input_shapes: Sequence[InputShape] = ()) -> None:
        self._interpreter, self.runtime = _prepare(model, kernels, input_shapes)
        self.reference = reference_of_model(model)
        """The kernels that the reference follows, for people."""
        self.input_details, self.output_details = _ends(self._interpreter, np.dtype(np.int8))

    def run(self, quantized_input: NDArray[np.int8]) -> NDArray[np.int8]:
        """Run one inference: int8 of the input's shape in, int8 of the output's shape out."""
        return np.array(_invoke(self._interpreter, self.input_details, self.output_details, quantized_input), np.int8)


class ReferenceModel:
    """Any int8 model in TFLite's reference kernels, int8 in and out whatever the file's ends are.

    Parameters
    ----------
    model
        The flatbuffer.
    inputs, outputs
        The network's int8 tensors, in the file's order.
    input_shapes
        Sizes that the model leaves free.

    Raises
    ------
    ModelError
        When the runtime cannot run it.
    """

    def __init__(
        self,
        model: bytes,
        inputs: Sequence[TensorInfo],
        outputs: Sequence[TensorInfo],
        input_shapes: Sequence[InputShape] = (),
    ) -> None:
        self._model, self._input_shapes = with_bias_axes(model), input_shapes
        self._inputs, self._outputs = inputs, outputs
        self.reset()

    def reset(self) -> None:
        """Forget all earlier inputs: no runtime runs the first values of variables again in an interpreter."""
        self._interpreter, self.runtime = _prepare(self._model, "reference", self._input_shapes)
        self._sources = self._interpreter.get_input_details()
        self._targets = self._interpreter.get_output_details()

    def run(self, quantized: NDArray[np.int8]) -> NDArray[np.int8]:
        """Run one inference.

        Parameters
        ----------
        quantized
            All inputs one after the other, int8, of one dimension.

        Returns
        -------
        int8, of one dimension
            All outputs one after the other.
        """
        begin = 0
        for details, tensor in zip(self._sources, self._inputs, strict=True):
            values = quantized[begin : begin + tensor.n_elements]
            given = _to_end(values, tensor, np.dtype(details["dtype"]))
            self._interpreter.set_tensor(details["index"], given.reshape(details["shape"]))
            begin += tensor.n_elements
        self._interpreter.invoke()
        got = [
            _from_end(np.asarray(self._interpreter.get_tensor(details["index"])), tensor).reshape(-1)
            for details, tensor in zip(self._targets, self._outputs, strict=True)
        ]
        return np.concatenate(got)


def _to_end(values: NDArray[np.int8], tensor: TensorInfo, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return what a file's end says of int8 values: float32 numbers that QUANTIZE makes the same values of."""
    wide = values.astype(np.int32)
    if dtype == np.float32:
        return np.float32(tensor.scale) * (wide - tensor.zero_point).astype(np.float32)
    return (wide + 128).astype(np.uint8) if dtype == np.uint8 else values


def _from_end(values: NDArray[Any], tensor: TensorInfo) -> NDArray[np.int8]:
    """Return the int8 values of what a file's end says."""
    if values.dtype == np.float32:
        return np.asarray(np.rint(values / np.float32(tensor.scale)) + tensor.zero_point).astype(np.int8)
    return (values.astype(np.int32) - 128).astype(np.int8) if values.dtype == np.uint8 else values.astype(np.int8)


class FloatModel:
    """A model with float32 at both ends, ready to run, with any type of weights and the runtime's default kernels.

    Not bit-exact to anything: the kernels, and with them the last digits, depend on the runtime and the processor.

    Parameters
    ----------
    model
        The flatbuffer.
    input_shape
        Required shape of the input, batch of 1 first.
    n_outputs
        Required number of outputs.

    Raises
    ------
    ModelError
        If the runtime cannot run it, or if its ends differ.
    """

    def __init__(self, model: bytes, *, input_shape: tuple[int, ...], n_outputs: int) -> None:
        self._interpreter, self.runtime = _prepare(model, "fast")
        self._input, self._output = _ends(self._interpreter, np.dtype(np.float32))
        shapes = tuple(tuple(int(n) for n in details["shape"]) for details in (self._input, self._output))
        expected = (input_shape, (1, n_outputs))
        if shapes != expected:
            raise ModelError(
                f"expected a model that takes {expected[0]} and gives {expected[1]}. "
                f"Received: one that takes {shapes[0]} and gives {shapes[1]}"
            )

    def run(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run one inference: float32 of the input's shape in, float32 [1, n_outputs] out."""
        return np.array(_invoke(self._interpreter, self._input, self._output, features), np.float32)


def _prepare(model: bytes, kernels: Kernels, input_shapes: Sequence[InputShape] = ()) -> tuple[Any, str]:
    """Return an interpreter ready to run, and the name of its runtime."""
    module, runtime = _import_runtime()
    kinds = module.OpResolverType
    # XNNPACK, which AUTO brings, cannot prepare every model that the plain optimized kernels can: not CBAM's
    fast = [kinds.AUTO, kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES]
    resolvers = [kinds.BUILTIN_REF] if kernels == "reference" else fast
    with hidden_stderr():  # the runtimes say which delegate they made, once per interpreter
        for resolver in resolvers:
            try:
                return _allocated(module, resolver, model, input_shapes), runtime
            except (RuntimeError, ValueError) as failure:
                reason = failure
        raise ModelError(f"{runtime} cannot run this model: {reason}") from reason


def _allocated(module: Any, resolver: Any, model: bytes, input_shapes: Sequence[InputShape]) -> Any:
    """Return an interpreter whose tensors have their shapes and memory, and whose sums are signed."""
    interpreter = module.Interpreter(model_content=model, experimental_op_resolver_type=resolver, num_threads=1)
    _fix_shapes(interpreter, input_shapes)
    interpreter.allocate_tensors()
    if SUM not in operator_codes(model):
        return interpreter
    interpreter.invoke()  # some operators have no shape until they run
    shapes = {
        details["index"]: tuple(int(size) for size in details["shape"]) for details in interpreter.get_tensor_details()
    }
    interpreter = module.Interpreter(
        model_content=with_signed_sums(model, shapes), experimental_op_resolver_type=resolver, num_threads=1
    )
    _fix_shapes(interpreter, input_shapes)
    interpreter.allocate_tensors()
    return interpreter


def _fix_shapes(interpreter: Any, input_shapes: Sequence[InputShape]) -> None:
    """Resize the inputs whose sizes are free; refuse free sizes that are not given."""
    inputs = []
    for details in interpreter.get_input_details():
        sizes = tuple(int(size) for size in details["shape"])
        signature = signature_of(sizes, [int(size) for size in details.get("shape_signature", ())])
        inputs.append(ModelInput(index=details["index"], name=details["name"], sizes=sizes, signature=signature))
    for index, wanted in fixed_input_shapes(inputs, input_shapes).items():
        if next(entry.sizes for entry in inputs if entry.index == index) != wanted:
            interpreter.resize_tensor_input(index, wanted)


def _ends(interpreter: Any, dtype: np.dtype[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the details of the only input and the only output, which must have the given type."""
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    for details in (inputs, outputs):
        if len(details) != 1 or details[0]["dtype"] != dtype:
            kinds = ", ".join(f"{d['name']}: {np.dtype(d['dtype']).name}" for d in details)
            raise ModelError(f"expected one {dtype.name} input and one {dtype.name} output. Received: {kinds}")
    return inputs[0], outputs[0]


def _invoke(interpreter: Any, source: dict[str, Any], target: dict[str, Any], values: NDArray[Any]) -> Any:
    interpreter.set_tensor(source["index"], values)
    interpreter.invoke()
    return interpreter.get_tensor(target["index"])


def _import_runtime() -> tuple[Any, str]:
    if not _CPU_INFO.exists() and sys.platform == "linux" and platform.machine().startswith(("aarch64", "arm")):
        # LiteRT reads the processor there, and ends the process with a segmentation fault
        raise ToolError(
            f"{_CPU_INFO} is missing, and LiteRT cannot run without it",
            hint="mount /proc: in a chroot, mount -t proc proc /proc; a container has it unless it is hidden",
        )
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
