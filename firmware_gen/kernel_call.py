"""A kernel call as data: what an operator becomes once a kernel is chosen and its constants are prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .quantize import ChannelScales


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConstantArray:
    """A const array of the generated C."""

    suffix: str
    """What it is, for its name: weights, bias, ..."""
    c_type: str
    """Element type in C."""
    values: NDArray[Any]
    """The elements, in memory order."""
    comment: str
    """Tensor, dtype, shape, layout and quantization."""

    @property
    def n_bytes(self) -> int:
        """Size in bytes."""
        return self.values.nbytes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Requantize:
    """Value of an asc_requantize_t."""

    bias: ConstantArray
    multiplier: ConstantArray
    shift: ConstantArray
    offset: int
    min: int
    max: int
    wide: bool


FieldValue = int | tuple[int, ...] | ConstantArray | Requantize


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelCall:
    """One step of the network."""

    kernel: str
    """Name of the C function, and of its file."""
    struct: str
    """Type of its parameters."""
    fields: tuple[tuple[str, FieldValue], ...]
    """Its parameters, in any order."""
    inputs: tuple[int | ConstantArray, ...]
    """Tensors it reads, in the order of its arguments; constants are passed from flash."""
    overlap: tuple[int | None, ...]
    """For each input: how many bytes the output must at least begin before it when both share memory and the
    input is not needed afterwards; None when they must be apart."""
    macs: int
    """Multiply-accumulates."""
    gather_inputs: bool = False
    """Whether it takes its inputs as one array of pointers."""
    scratch_bytes: int | None = None
    """Size of the scratch memory it takes as last argument; None when it takes none."""
    cycles: float | None = None
    """Estimated cycles of one call behind a slow flash, for the planner to compare; None where no more is known than
    that it costs something to call it and to read its constants."""

    @property
    def arrays(self) -> tuple[ConstantArray, ...]:
        """The const arrays it needs."""
        found = [value for value in self.inputs if isinstance(value, ConstantArray)]
        for _, value in self.fields:
            if isinstance(value, ConstantArray):
                found.append(value)
            elif isinstance(value, Requantize):
                found += [value.bias, value.multiplier, value.shift]
        return tuple(found)


def narrow_requantize(
    *,
    scales: ChannelScales,
    largest_accumulator: NDArray[np.int64],
    zero_point: int,
    output_range: tuple[int, int],
) -> bool:
    """Tell whether asc_requantize_narrow is exact for every channel: see its header for the conditions.

    Formula: equation (15') of docs/quantization.md.
    """
    right = -scales.shift
    offset = np.abs(2 * zero_point + 1) << np.clip(right - 1, 0, 30)
    fits = (largest_accumulator < 1 << 30) & (largest_accumulator + offset < 1 << 31)
    return bool(np.all((right >= 1) & (right <= 22) & fits)) and output_range == (-128, 127)


def requantize(
    *,
    bias: NDArray[np.int64],
    scales: ChannelScales,
    largest_accumulator: NDArray[np.int64],
    zero_point: int,
    output_range: tuple[int, int],
    comment: str,
    groups: int = 1,
) -> Requantize:
    """Prepare the requantization of an operator's channels, each group padded to a multiple of 4 channels.

    Formula: equations (13) to (15) of docs/quantization.md.
    """
    # a scale of zero gives zero with any shift
    shift = np.where(scales.multiplier == 0, -1, scales.shift)
    scales = ChannelScales(multiplier=scales.multiplier, shift=shift)
    narrow = narrow_requantize(
        scales=scales,
        largest_accumulator=largest_accumulator,
        zero_point=zero_point,
        output_range=output_range,
    )

    def array(suffix: str, c_type: str, values: NDArray[np.int64], meaning: str) -> ConstantArray:
        per_group = values.reshape(groups, -1)
        padded = np.pad(per_group, ((0, 0), (0, -per_group.shape[1] % 4))).reshape(-1)
        dtype = np.dtype(c_type.removesuffix("_t"))
        return ConstantArray(
            suffix=suffix, c_type=c_type, values=padded.astype(dtype), comment=f"{meaning}, {dtype} {comment}"
        )

    return Requantize(
        bias=array("bias", "int32_t", bias, "bias with the input offset folded in"),
        multiplier=array("multiplier", "int32_t", scales.multiplier, "multiplier"),
        shift=array("shift", "int8_t", -1 - shift if narrow else shift, "right shift less 1" if narrow else "exponent"),
        offset=2 * zero_point + 1 if narrow else zero_point,
        min=output_range[0],
        max=output_range[1],
        wide=not narrow,
    )
