"""Requantization as the portable kernels do it: equations (13) to (15') of docs/quantization.md."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..network.kernel_call import ConstantArray, Requantize
from .scales import ChannelScales


def is_narrow(
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


def prepare_requantize(
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
    narrow = is_narrow(
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
