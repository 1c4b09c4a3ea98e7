"""The proof that a converted model is integer throughout."""

from __future__ import annotations

from asc_kit.errors import ModelError
from asc_kit.tflite.decoder import Decoder, read_checked

_ALLOWED = {"INT8", "INT32"}


def check_integer(model: bytes) -> None:
    """Make sure that every value between operators is int8 and every constant int8 or int32.

    Raises
    ------
    ModelError
        Naming the first operator and tensor that are not, or when there is more than one graph.
    """
    read_checked(model, _check_integer)


def _check_integer(decoder: Decoder) -> None:
    if decoder.n_graphs != 1:
        raise ModelError(f"expected a model of one graph. Received: {decoder.n_graphs} graphs")
    graph = decoder.graph
    for operator in map(graph.operator, range(graph.n_operators)):
        # -1 stands for an optional input that is not there
        for tensor in (graph.tensor(index) for index in (*operator.inputs, *operator.outputs) if index != -1):
            is_constant = decoder.constant(tensor.buffer) is not None
            if tensor.type not in _ALLOWED or (tensor.type != "INT8" and not is_constant):
                raise ModelError(
                    f"operator {operator.op} is not integer: its tensor {tensor.name} is {tensor.type.lower()}, "
                    f"expected int8",
                    hint="this layer has no int8 form in TFLite: replace it in the model",
                )
