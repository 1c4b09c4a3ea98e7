"""What a converted model holds: counts of operators, and the proof that all of it is integer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from asc_kit.errors import ModelError
from asc_kit.text import tensor_name

_ALLOWED = {"INT8", "INT32"}


def operator_counts(model: bytes) -> dict[str, int]:
    """Count the operators of a flatbuffer by their TFLite names."""
    return dict(sorted(Counter(name for name, _ in _operators(model)).items()))


def check_integer(model: bytes) -> None:
    """Make sure that every value between operators is int8 and every constant int8 or int32.

    Raises
    ------
    ModelError
        Naming the first operator and tensor that are not, or when there is more than one graph.
    """
    import tflite

    flatbuffer = _read(model)
    if flatbuffer.SubgraphsLength() != 1:
        raise ModelError(f"expected a model of one graph. Received: {flatbuffer.SubgraphsLength()} graphs")
    graph = flatbuffer.Subgraphs(0)
    kinds = {value: name for name, value in vars(tflite.TensorType).items() if isinstance(value, int)}
    for name, operator in _operators(model):
        ends = [*_indices(operator.InputsAsNumpy()), *_indices(operator.OutputsAsNumpy())]
        for index in ends:
            tensor = graph.Tensors(index)
            kind = kinds[tensor.Type()]
            constant = flatbuffer.Buffers(tensor.Buffer()).DataLength() > 0
            if kind not in _ALLOWED or (kind != "INT8" and not constant):
                raise ModelError(
                    f"operator {name} is not integer: its tensor {tensor_name(tensor.Name())} is {kind.lower()}, "
                    f"expected int8",
                    hint="this layer has no int8 form in TFLite: replace it in the model",
                )


def _read(model: bytes) -> Any:
    import tflite

    return tflite.Model.GetRootAs(model, 0)


def _operators(model: bytes) -> Iterator[tuple[str, Any]]:
    import tflite

    flatbuffer = _read(model)
    graph = flatbuffer.Subgraphs(0)
    for position in range(graph.OperatorsLength()):
        operator = graph.Operators(position)
        code = flatbuffer.OperatorCodes(operator.OpcodeIndex())
        # old files have the code in a byte-sized field, newer ones in a wide one
        yield tflite.opcode2name(max(code.BuiltinCode(), code.DeprecatedBuiltinCode())), operator


def _indices(array: Any) -> list[int]:
    # -1 stands for an optional input that is not there
    return [int(index) for index in array if index >= 0]
