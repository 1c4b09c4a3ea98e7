"""ADD and SUB for Helium: equations (17) and (18) of docs/quantization.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from ...network.kernel_call import FieldValue, KernelCall
from ...network.row_call import RowCall, Window
from ...operators.add import LEFT_SHIFT, SumConstants, exact_sums, sum_constants
from ...operators.base import AnyNode

_LARGEST_SHIFT = 24  # of the linear form: 16, and 8 of 16-bit lanes
_SHIFTS_TRIED = 3
_REACH = 6  # how far from the nearest whole numbers factors are tried
_FAR = 1 << 40
_INT8 = (-128, 127)


def sum_chooser(sign: int) -> Callable[[AnyNode], RowCall | None]:
    """Return the chooser of ADD, sign 1, or SUB, sign -1: for two computed tensors of the output's shape."""

    def choose(node: AnyNode) -> RowCall | None:
        output = node.output
        if any(tensor.data is not None or tensor.shape != output.shape for tensor in node.inputs):
            return None
        constants = sum_constants(node, sign)
        general = _general_form(constants)
        if general is None or constants.range != _INT8:
            return None
        first, second = (tensor.scale / output.scale for tensor in node.inputs)
        linear = _linear_form(np.clip(exact_sums(constants), *_INT8), first, sign * second)
        fields = general if linear is None else linear
        n = output.shape[2] * output.shape[3]
        call = KernelCall(
            kernel="asc_add_mve" if linear is None else "asc_add_linear_mve",
            struct="asc_add_mve_t" if linear is None else "asc_add_linear_mve_t",
            fields=(("n", n), *fields),
            inputs=(node.inputs[0].index, node.inputs[1].index),
            overlap=(0, 0),
            macs=0,
        )
        return RowCall(call=call, windows=(Window(), Window()), takes_rows=False)

    return choose


def _general_form(constants: SumConstants) -> tuple[tuple[str, FieldValue], ...] | None:
    """Return the parameters of asc_add_mve, TFLite's constants with right shifts of at least 1; None for others."""
    (first, second), scale = (_with_right_shift(factor) for factor in constants.scales), constants.scale
    if scale[0] == 0 or scale[1] > -1 or first[0] == 0 or second[0] == 0:
        return None
    return (
        ("offset_1", -constants.zero_points[0] << LEFT_SHIFT),
        ("multiplier_1", first[0]),
        ("shift_1", first[1]),
        ("offset_2", -constants.zero_points[1] << LEFT_SHIFT),
        ("multiplier_2", second[0]),
        ("shift_2", second[1]),
        ("multiplier", scale[0]),
        ("shift", scale[1]),
        ("zero_point", constants.zero_point),
    )


def _with_right_shift(factor: tuple[int, int]) -> tuple[int, int]:
    """Return a factor up to a half with a right shift of at least 1, where it is not 0.

    Exactly a half, 2^30 without a shift, becomes 2^31 - 1 and another bit: that gives the same for the multiples of
    2^20 below 2^29 that there are, since a - a / 2^31 rounds to a.
    """
    multiplier, shift = factor
    return (int(math.copysign((1 << 31) - 1, multiplier)), -1) if multiplier and shift == 0 else factor


def _linear_form(
    outputs: NDArray[np.int64], ratio_1: float, ratio_2: float
) -> tuple[tuple[str, FieldValue], ...] | None:
    """Search for (f1 * x1 + f2 * x2 + constant) >> shift in 32 bits, equal to the outputs of all 65,536 pairs.

    For given factors every pair bounds the constant from below and from above, except where the output is clamped;
    any constant between the bounds is exact.
    """
    q = np.arange(-128, 128, dtype=np.int64)
    inside_low, inside_high = outputs > -128, outputs < 127
    # inputs times factors and the constant stay below 2^31
    largest = 31 - math.ceil(math.log2(256 * (ratio_1 + abs(ratio_2)) + 512))
    for shift in range(min(largest, _LARGEST_SHIFT), max(largest - _SHIFTS_TRIED, 16), -1):
        for near_1, near_2 in _neighbours():
            factor_1, factor_2 = round(ratio_1 * 2**shift) + near_1, round(ratio_2 * 2**shift) + near_2
            sums = factor_1 * q[:, None] + factor_2 * q[None, :]
            lower = int(np.max((outputs << shift) - sums, where=inside_low, initial=-_FAR))
            upper = int(np.min((outputs + 1 << shift) - sums, where=inside_high, initial=_FAR))
            if lower >= upper:
                continue
            constant = min(max((lower + upper) // 2, -(1 << 30)), 1 << 30)
            same = np.array_equal(np.clip(sums + constant >> shift, -128, 127), outputs)
            if same and int(np.abs(sums).max()) + abs(constant) < 1 << 31:
                return (
                    ("factor_1", factor_1),
                    ("factor_2", factor_2),
                    ("constant", constant - (1 << 15)),
                    ("shift", 16 - shift),
                )
    return None


def _neighbours() -> Iterator[tuple[int, int]]:
    """Yield small distances, the nearest first."""
    for reach in range(_REACH + 1):
        for first in range(-reach, reach + 1):
            seconds = range(-reach, reach + 1) if abs(first) == reach else (-reach, reach)
            for second in sorted(set(seconds)):
                yield first, second
