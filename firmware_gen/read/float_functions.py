"""Functions between a DEQUANTIZE and a QUANTIZE: of an int8 tensor they are functions of 256 values.

A converter leaves an operator in float32 where TFLite has no int8 kernel for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from asc_kit.errors import ModelError
from asc_kit.tflite.decoder import Decoder

from .ends import Wires

_FUNCTIONS = frozenset({"NEG"})


def fold_float_functions(decoder: Decoder, all_wires: Sequence[Wires]) -> list[Wires]:
    """Return the operators with DEQUANTIZE, a function and QUANTIZE as one, from int8 to int8.

    Raises
    ------
    ModelError
        When such a function takes int8 itself: TFLite then computes with the bytes, whatever numbers they stand for.
    """
    graph = decoder.graph
    producers = {index: wires for wires in all_wires for index in wires.outputs}
    uses = Counter(index for wires in all_wires for index in wires.inputs)
    uses.update(graph.outputs)
    consumers = {index: wires for wires in all_wires for index in wires.inputs}
    joined: dict[int, Wires] = {}
    gone: set[int] = set()
    for wires in all_wires:
        if wires.op not in _FUNCTIONS or (len(wires.inputs), len(wires.outputs)) != (1, 1):
            continue
        (source,), (target,) = wires.inputs, wires.outputs
        if graph.tensor(source).type == "INT8":
            raise ModelError(
                f"operator {wires.index} {wires.op}, which computes {graph.tensor(target).describe()}, takes int8, of "
                "which TFLite ignores the zero point",
                hint=f"supported: {wires.op} in float32 between a DEQUANTIZE and a QUANTIZE",
            )
        before, after = producers.get(source), consumers.get(target)
        if before is None or after is None or (before.op, after.op, uses[target]) != ("DEQUANTIZE", "QUANTIZE", 1):
            continue
        if any(graph.tensor(index).type != "INT8" for index in (*before.inputs, *after.outputs)):
            continue
        joined[wires.index] = replace(wires, inputs=before.inputs, outputs=after.outputs)
        gone.add(after.index)
        uses[source] -= 1
        if uses[source] == 0:
            gone.add(before.index)
    return [joined.get(wires.index, wires) for wires in all_wires if wires.index not in gone]
