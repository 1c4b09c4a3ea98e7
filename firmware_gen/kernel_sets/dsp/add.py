"""ADD and SUB of two computed tensors of one shape: asc_add_dsp.S."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from ...network.kernel_call import FieldValue, KernelCall
from ...network.row_call import RowCall, Window
from ...operators.add import SumConstants, exact_sums, sum_constants
from ...operators.base import AnyNode

_SHIFT = 20  # at the end
_DROPPED = 8  # bits of each product
_REACH = 2  # how far from the nearest whole numbers factors are tried
_INT8 = (-128, 127)


def sum_chooser(sign: int) -> Callable[[AnyNode], RowCall | None]:
    """Return the chooser of ADD, sign 1, or SUB, sign -1."""

    def choose(node: AnyNode) -> RowCall | None:
        output = node.output
        if any(tensor.data is not None or tensor.shape != output.shape for tensor in node.inputs):
            return None
        first, second = (tensor.scale / output.scale for tensor in node.inputs)
        fields = _linear_form(sum_constants(node, sign), sign, first, second)
        if fields is None:
            return None
        call = KernelCall(
            kernel="asc_add_dsp",
            struct="asc_add_dsp_t",
            fields=(("n", output.shape[2] * output.shape[3]), *fields),
            inputs=(node.inputs[0].index, node.inputs[1].index),
            overlap=(0, 0),
            macs=0,
        )
        return RowCall(call=call, windows=(Window(), Window()), takes_rows=False)

    return choose


@cache  # the planner asks again for every amount of scratch memory that it tries
def _linear_form(
    constants: SumConstants, sign: int, ratio_1: float, ratio_2: float
) -> tuple[tuple[str, FieldValue], ...] | None:
    """Search constants of the kernel's formula, equal to TFLite's output for all 65,536 pairs of inputs.

    For given factors every pair bounds the constant from below and from above, except where the output is clamped;
    any constant between the bounds is exact.
    """
    if constants.range != _INT8:
        return None
    exact = np.clip(exact_sums(constants), *_INT8)
    q = np.arange(-128, 128, dtype=np.int64)
    ideal = [ratio * 2.0 ** (_SHIFT + _DROPPED) for ratio in (ratio_1, ratio_2)]
    if max(ideal) >= (1 << 31) - _REACH:
        return None
    far = 1 << 40
    steps = range(-_REACH, _REACH + 1)
    for step_1, step_2 in sorted(((i, j) for i in steps for j in steps), key=lambda pair: abs(pair[0]) + abs(pair[1])):
        factors = round(ideal[0]) + step_1, sign * (round(ideal[1]) + step_2)
        sums = (factors[0] * q[:, None] >> _DROPPED) + (factors[1] * q[None, :] >> _DROPPED)
        lower = int(np.max((exact << _SHIFT) - sums, where=exact > _INT8[0], initial=-far))
        upper = int(np.min((exact + 1 << _SHIFT) - sums, where=exact < _INT8[1], initial=far))
        constant = min(max((lower + upper) // 2, -(1 << 30)), 1 << 30)
        same = np.array_equal(np.clip(sums + constant >> _SHIFT, *_INT8), exact)
        if same and int(np.abs(sums).max()) + abs(constant) < 1 << 31:
            return (("factor_1", factors[0]), ("factor_2", factors[1]), ("constant", constant))
    return None
