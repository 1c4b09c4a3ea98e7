"""Biases whose `quantized_dimension` names an axis that they lack: TFLite refuses them, though it ignores the field.

A vector has one axis, so its scales can lie along no other. Some converters leave the axis of the weights there.
"""

from __future__ import annotations

import functools
import struct

from .decoder import Decoder, read_checked

_FIELD = 16
"""Place of `quantized_dimension` in the vtable of QuantizationParameters."""


def with_bias_axes(model: bytes) -> bytes:
    """Return the model with 0 in that field of int32 vectors; the same bytes where it is 0 already.

    Raises
    ------
    ModelError
        When the file is no model, or damaged.
    """
    return read_checked(model, functools.partial(_cleared, model))


def _cleared(model: bytes, decoder: Decoder) -> bytes:
    changed = bytearray(model)
    for graph in decoder.graphs:
        for tensor in map(graph.tensor, range(graph.n_tensors)):
            table = tensor.table.Quantization()
            if table is None or tensor.type != "INT32" or len(tensor.shape) != 1 or tensor.axis == 0:
                continue
            struct.pack_into("<i", changed, table._tab.Pos + table._tab.Offset(_FIELD), 0)
    return bytes(changed)
