"""ADD and SUB for Helium: equations (17) and (18) of docs/quantization.md."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...graph import ElementwiseAttributes
from ...kernel_call import FieldValue, KernelCall
from ...operators.base import Node
from ...quantize import activation_range, quantize_multiplier, scale_wide
from ...row_call import RowCall, Window

_LEFT_SHIFT = 20  # TFLite's, for int8
_LARGEST_SHIFT = 24  # of the linear form: 16, and 8 of 16-bit lanes
_SHIFTS_TRIED = 3
_REACH = 6  # how far from the nearest whole numbers factors are tried
_FAR = 1 << 40


def sum_chooser(sign: int) -> Callable[[Node], RowCall | None]:
    """Return the chooser of ADD, sign 1, or SUB, sign -1: for two computed tensors of the output's shape."""

    def choose(node: Node) -> RowCall | None:
        attributes = node.operator.attributes
        assert isinstance(attributes, ElementwiseAttributes)
        output = node.output
        if any(tensor.data is not None or tensor.shape != output.shape for tensor in node.inputs):
            return None
        if activation_range(attributes.activation, output) != (-128, 127):
            return None
        exact = _constants(node, sign)
        if exact is None:
            return None
        first, second = (tensor.scale / output.scale for tensor in node.inputs)
        linear = _linear_form(exact, first, sign * second)
        fields = exact.fields if linear is None else linear
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Constants:
    """TFLite's constants, all right shifts at least 1."""

    zero_points: tuple[int, int]
    scales: tuple[tuple[int, int], tuple[int, int]]
    """(multiplier, shift); of a SUB the second multiplier is negative."""
    scale: tuple[int, int]
    zero_point: int

    @property
    def fields(self) -> tuple[tuple[str, FieldValue], ...]:
        """Parameters of asc_add_mve."""
        (first, second), (zero_1, zero_2) = self.scales, self.zero_points
        return (
            ("offset_1", -zero_1 << _LEFT_SHIFT),
            ("multiplier_1", first[0]),
            ("shift_1", first[1]),
            ("offset_2", -zero_2 << _LEFT_SHIFT),
            ("multiplier_2", second[0]),
            ("shift_2", second[1]),
            ("multiplier", self.scale[0]),
            ("shift", self.scale[1]),
            ("zero_point", self.zero_point),
        )

    def outputs(self) -> NDArray[np.int64]:
        """Return the output for all pairs of inputs, shape [256, 256]."""
        q = np.arange(-128, 128, dtype=np.int64)
        terms = [
            scale_wide((q - zero_point) << _LEFT_SHIFT, *scale)
            for zero_point, scale in zip(self.zero_points, self.scales, strict=True)
        ]
        return np.clip(scale_wide(terms[0][:, None] + terms[1][None, :], *self.scale) + self.zero_point, -128, 127)


def _constants(node: Node, sign: int) -> _Constants | None:
    """Prepare the constants of (17) and (18); None where the sum needs a left shift."""
    first, second = node.inputs
    twice_largest = 2.0 * max(first.scale, second.scale)
    scales = []
    for factor, tensor in ((1, first), (sign, second)):
        multiplier, shift = quantize_multiplier(tensor.scale / twice_largest)
        if shift == 0:
            # exactly a half: 2^31 - 1 and another bit, which gives the same for the multiples of 2^20 below 2^29 that
            # there are, since a - a / 2^31 rounds to a
            multiplier, shift = (1 << 31) - 1, -1
        scales.append((factor * multiplier, shift))
    scale = quantize_multiplier(twice_largest / ((1 << _LEFT_SHIFT) * node.output.scale))
    if scale[0] == 0 or scale[1] > -1 or scales[0][0] == 0 or scales[1][0] == 0:
        return None
    return _Constants(
        zero_points=(first.zero_point, second.zero_point),
        scales=(scales[0], scales[1]),
        scale=scale,
        zero_point=node.output.zero_point,
    )


def _linear_form(exact: _Constants, ratio_1: float, ratio_2: float) -> tuple[tuple[str, FieldValue], ...] | None:
    """Search for (f1 * x1 + f2 * x2 + constant) >> shift in 32 bits, equal to the output for all 65,536 pairs.

    For given factors every pair bounds the constant from below and from above, except where the output is clamped;
    any constant between the bounds is exact.
    """
    outputs = exact.outputs()
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
