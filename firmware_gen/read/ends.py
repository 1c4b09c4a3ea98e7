"""Inputs and outputs of a model file: int8, or float32 or uint8 converted by one QUANTIZE or DEQUANTIZE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from asc_kit.errors import ModelError

from ..arithmetic.scales import quantize_multiplier, scale_wide
from ..network.graph import EndType, Tensor

END_TYPES: tuple[EndType, ...] = get_args(EndType)
MOST_ENDS = 16
"""Most inputs, and most outputs."""
_UINT8_OFFSET = 128
_MOST_SHIFT = 8  # beyond it one step of the source is 128 of the target


@dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """An operator of the file, before its options are read."""

    index: int
    """Its index in the model."""
    op: str
    """TFLite's name."""
    inputs: tuple[int, ...]
    """Tensor indices; -1 for an absent optional input before others."""
    outputs: tuple[int, ...]
    """Tensor indices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """An input or an output."""

    tensor: int
    """Index of the network's int8 tensor."""
    type: EndType
    """Type of the file's end."""
    name: str
    """Name of the file's end."""
    converter: int | None
    """Index of the converting operator, which is not part of the network."""


def find_ends(
    what: Literal["input", "output"], ends: Sequence[int], tensors: Sequence[Tensor], all_wires: Sequence[Wires]
) -> list[End]:
    """Find the network's int8 inputs or outputs.

    Raises
    ------
    ModelError
        When there are none or too many, one is given twice, or one is of another type and not converted by one operator
        that keeps its values.
    """
    if not 1 <= len(ends) <= MOST_ENDS or (what == "input" and len(set(ends)) != len(ends)):
        listed = ", ".join(tensors[index].describe() for index in ends[: MOST_ENDS + 1]) or "none"
        raise ModelError(
            f"the model has {len(ends)} {what}s: {listed}", hint=f"supported: 1 to {MOST_ENDS} different {what}s"
        )
    return [_find_end(what, end, tensors, all_wires) for end in ends]


def _find_end(what: Literal["input", "output"], end: int, tensors: Sequence[Tensor], all_wires: Sequence[Wires]) -> End:
    if tensors[end].dtype not in END_TYPES or tensors[end].data is not None:
        problem = "is constant" if tensors[end].data is not None else "has a type that is not supported"
        raise ModelError(
            f"the model's {what} {tensors[end].describe()} {problem}",
            hint=f"supported: int8 {what}s, and those of float32 or uint8 that are quantized or dequantized at once",
        )
    tensor = tensors[end]
    if tensor.dtype == "int8":
        return End(tensor=end, type="int8", name=tensor.name, converter=None)
    users = [wires for wires in all_wires if end in (*wires.inputs, *wires.outputs)]
    if len(users) != 1 or users[0].op not in _converters(what, tensor):
        listed = ", ".join(f"{wires.index} {wires.op}" for wires in users) or "none"
        raise ModelError(
            f"the model's {what} {tensor.describe()} must be converted by one operator of "
            f"{', '.join(_converters(what, tensor))}. Received: {listed}",
            hint="convert the model with int8 activations; its ends may be int8, uint8 or float32",
        )
    wires = users[0]
    inner = wires.outputs if what == "input" else wires.inputs
    if len(wires.inputs) != 1 or len(wires.outputs) != 1 or not _is_network_end(what, tensors[inner[0]], tensor):
        listed = ", ".join(_described(tensors[index]) for index in inner)
        raise ModelError(
            f"operator {wires.index} {wires.op} leads from or to the model's {what} {_described(tensor)}: {listed}",
            hint="supported: an int8 tensor of the same shape with one scale; of uint8 one whose 256 values are the "
            f"end's less {_UINT8_OFFSET}, as with the same scale and a zero point {_UINT8_OFFSET} higher",
        )
    assert tensor.dtype in ("float32", "uint8")
    return End(tensor=inner[0], type=tensor.dtype, name=tensor.name, converter=wires.index)


def _converters(what: str, tensor: Tensor) -> tuple[str, ...]:
    return ("DEQUANTIZE",) if (what, tensor.dtype) == ("output", "float32") else ("QUANTIZE",)


def _described(tensor: Tensor) -> str:
    """Return a tensor with its scale, in as many digits as tell two float32 numbers apart."""
    quantization = tensor.quantization
    if quantization is None or len(quantization.scales) != 1:
        return tensor.describe()
    return f"{tensor.describe()} with scale {tensor.scale:.9g} and zero point {tensor.zero_point}"


def _is_network_end(what: Literal["input", "output"], inner: Tensor, end: Tensor) -> bool:
    """Tell whether an int8 tensor says what an end does, byte by byte or as a number each."""
    one_scale = inner.quantization is not None and len(inner.quantization.scales) == 1
    if inner.dtype != "int8" or inner.data is not None or inner.shape != end.shape or not one_scale:
        return False
    if end.dtype == "float32":
        return True
    if end.quantization is None or len(end.quantization.scales) != 1:
        return False
    return _flips_the_sign_bit(end, inner) if what == "input" else _flips_the_sign_bit(inner, end)


def _flips_the_sign_bit(source: Tensor, target: Tensor) -> bool:
    """Tell whether QUANTIZE between uint8 and int8 moves each of the 256 values by 128, and does no more.

    Scales that differ in their last bits often do.
    """
    multiplier, shift = quantize_multiplier(source.scale / target.scale)
    if shift > _MOST_SHIFT:
        return False
    least_source, least_target = (0, -_UINT8_OFFSET) if source.dtype == "uint8" else (-_UINT8_OFFSET, 0)
    steps = np.arange(256, dtype=np.int64)
    values = scale_wide(steps + least_source - source.zero_point, multiplier, shift) + target.zero_point
    return np.array_equal(np.clip(values - least_target, 0, 255), steps)
