"""MUL of rows and factors that channels or columns have: asc_mul_row_dsp.c, equation (19) of docs/quantization.md."""

from __future__ import annotations

import numpy as np

from ...arithmetic.requantization_search import Sums, find_requantization
from ...arithmetic.scales import activation_range, channel_scales
from ...network.graph import Tensor
from ...network.kernel_call import FieldValue, KernelCall
from ...network.row_call import RowCall, Window
from ...operators.base import AnyNode, Node, has_rows
from ...operators.elementwise import ElementwiseAttributes
from ...operators.mul import product_scale

_PRESCALE, _SHIFT = 8, 12
_INT8 = (-128, 127)


def product_row(node: AnyNode) -> RowCall | None:
    """Return the kernel of one row; None for two tensors of one shape, constants, or when no constants are found."""
    output = node.output
    if not has_rows(output) or any(tensor.data is not None or not has_rows(tensor) for tensor in node.inputs):
        return None
    first_is_row = node.inputs[0].shape == output.shape
    row, factors = node.inputs if first_is_row else node.inputs[::-1]
    _, _, columns, channels = output.shape
    runs = _runs(row, factors)
    constants = _constants(node)
    if row.shape != output.shape or runs is None or constants is None:
        return None
    call = KernelCall(
        kernel="asc_mul_row_dsp",
        struct="asc_mul_row_dsp_t",
        fields=(
            ("second_is_row", int(not first_is_row)),
            *runs,
            ("zero_point_row", row.zero_point),
            ("zero_point_factor", factors.zero_point),
            *constants,
        ),
        inputs=(node.inputs[0].index, node.inputs[1].index),
        overlap=(None, None),
        macs=0,
    )
    height = output.shape[1]
    windows = tuple(Window(stride=int(tensor.shape[1] == height)) for tensor in node.inputs)
    return RowCall(call=call, windows=windows, takes_rows=False)


def _runs(row: Tensor, factors: Tensor) -> tuple[tuple[str, FieldValue], ...] | None:
    """Return the runs of a row that share a factor; None where no elements do."""
    _, height, columns, channels = row.shape
    if factors.shape[1] not in (1, height):
        return None
    if factors.shape[2:] == (1, channels):
        return (("runs", channels), ("length", columns), ("run_step", 1), ("element_step", channels))
    if factors.shape[2:] == (columns, 1):
        return (("runs", columns), ("length", channels), ("run_step", channels), ("element_step", 1))
    return None


def _constants(node: Node[ElementwiseAttributes]) -> tuple[tuple[str, FieldValue], ...] | None:
    """Search the constants of (15'') over all products of int8 values less their zero points."""
    attributes = node.attributes
    output = node.output
    output_range = activation_range(attributes.activation, output)
    scale = product_scale(node)
    if output_range != _INT8 or not np.isfinite(scale):
        return None
    ends = [np.array([-128, 127], np.int64) - tensor.zero_point for tensor in node.inputs]
    products = np.outer(*ends)
    sums = Sums(
        low=np.array([products.min()]),
        high=np.array([products.max()]),
        scales=channel_scales([scale]),
        zero_point=output.zero_point,
        output_range=output_range,
    )
    constants = find_requantization(sums, prescale=_PRESCALE, shift=_SHIFT)
    if constants is None:
        return None
    return tuple((name, int(getattr(constants, name)[0])) for name in ("addend", "multiplier", "rounding", "negative"))
