"""ADD and SUB: equations (17) and (18) of docs/quantization.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..arithmetic.scales import activation_range, quantize_multiplier, scale_wide
from ..network.kernel_call import FieldValue
from .base import Node
from .elementwise import Elementwise, ElementwiseAttributes, Kernel

LEFT_SHIFT = 20
"""TFLite's, of int8 inputs before they are scaled."""
_LARGEST_SHIFT = 20  # 8 bits and these are below 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class SumConstants:
    """TFLite's constants of one ADD; of a SUB with the second multiplier negated."""

    zero_points: tuple[int, int]
    """Of the inputs."""
    scales: tuple[tuple[int, int], tuple[int, int]]
    """Multiplier and exponent of each input."""
    zero_point: int
    """Of the output."""
    scale: tuple[int, int]
    """Multiplier and exponent of the sum."""
    range: tuple[int, int]
    """Least and largest output."""


class _Sum(Elementwise):
    """Sum of two tensors, the second with a sign."""

    sign: ClassVar[int]

    def choose(self, node: Node[ElementwiseAttributes]) -> Kernel:
        """Choose the kernel: TFLite's three scalings, or one multiplication per input.

        The latter for equal shapes, where it is exact.
        """
        first, second = node.inputs
        output = node.output
        constants = sum_constants(node, self.sign)
        if first.n_elements == second.n_elements == output.n_elements:
            linear = _linear_form(constants, first.scale / output.scale, self.sign * second.scale / output.scale)
            if linear is not None:
                fields = (("n", output.n_elements), *linear)
                return Kernel(name="asc_add_linear_s8", struct="asc_add_linear_t", fields=fields, loops=False)
        return Kernel(
            name="asc_add_s8",
            struct="asc_add_t",
            fields=(
                ("zero_point_1", constants.zero_points[0]),
                ("multiplier_1", constants.scales[0][0]),
                ("shift_1", constants.scales[0][1]),
                ("zero_point_2", constants.zero_points[1]),
                ("multiplier_2", constants.scales[1][0]),
                ("shift_2", constants.scales[1][1]),
                ("zero_point", constants.zero_point),
                ("multiplier", constants.scale[0]),
                ("shift", constants.scale[1]),
                ("min", constants.range[0]),
                ("max", constants.range[1]),
            ),
        )


class Add(_Sum):
    """Sum of two tensors."""

    op = "ADD"
    options = "AddOptions"
    sign = 1


class Sub(_Sum):
    """Difference of two tensors."""

    op = "SUB"
    options = "SubOptions"
    sign = -1


def sum_constants(node: Node[ElementwiseAttributes], sign: int) -> SumConstants:
    """Prepare TFLite's constants of an ADD, sign 1, or a SUB, sign -1."""
    attributes = node.attributes
    first, second = node.inputs
    output = node.output
    twice_largest = 2.0 * max(first.scale, second.scale)
    sum_scale = twice_largest / ((1 << LEFT_SHIFT) * output.scale)
    if sum_scale >= 1.0:
        node.refuse_scales(f"an output's scale above 2^{1 - LEFT_SHIFT} of its larger input's, as in TFLite")
    second_multiplier, second_shift = quantize_multiplier(second.scale / twice_largest)
    return SumConstants(
        zero_points=(first.zero_point, second.zero_point),
        scales=(quantize_multiplier(first.scale / twice_largest), (sign * second_multiplier, second_shift)),
        zero_point=output.zero_point,
        scale=quantize_multiplier(sum_scale),
        range=activation_range(attributes.activation, output),
    )


def exact_sums(constants: SumConstants) -> NDArray[np.int64]:
    """Return TFLite's output before the clamp for all pairs of inputs, shape [256, 256]."""
    q = np.arange(-128, 128, dtype=np.int64)
    terms = [
        scale_wide((q - zero_point) << LEFT_SHIFT, *scale)
        for zero_point, scale in zip(constants.zero_points, constants.scales, strict=True)
    ]
    return scale_wide(terms[0][:, None] + terms[1][None, :], *constants.scale) + constants.zero_point


@cache  # the planner asks again for every amount of scratch memory that it tries
def _linear_form(constants: SumConstants, ratio_1: float, ratio_2: float) -> tuple[tuple[str, FieldValue], ...] | None:
    """Search for (f1 * x1 + f2 * x2 + constant) >> 32, equal to TFLite's output for all 65,536 pairs.

    For given factors every pair bounds the constant from below and from above, except where the output is clamped;
    any constant between the bounds is exact. Inputs are scaled by 2**shift, so that the factors have 31 bits.
    """
    low, high = constants.range
    shift = max(math.frexp(max(ratio_1, abs(ratio_2)))[1] + 1, 0)
    if (low, high) != (-128, 127) or shift > _LARGEST_SHIFT:
        return None
    exact = np.clip(exact_sums(constants), low, high)
    q = np.arange(-128, 128, dtype=np.int64)
    factor_1, factor_2 = round(ratio_1 * (1 << 32 - shift)), round(ratio_2 * (1 << 32 - shift))
    sums = (factor_1 * q[:, None] + factor_2 * q[None, :]) << shift
    # as much of both bounds as there is: a constant that is 0.5 in the output's unit is near the middle
    half = 1 << 31
    lower = int(np.max((exact << 32) - sums, where=exact > low, initial=half - (1 << 40)))
    upper = int(np.min((exact + 1 << 32) - sums, where=exact < high, initial=half + (1 << 40)))
    constant = (lower + upper) // 2
    if lower >= upper or not np.array_equal(np.clip((sums + constant) >> 32, low, high), exact):
        return None
    return (("factor_1", factor_1), ("factor_2", factor_2), ("shift", shift), ("constant", constant))
