"""MUL for Helium: equation (19) of docs/quantization.md."""

from __future__ import annotations

from ...arithmetic.scales import activation_range, quantize_multiplier
from ...network.graph import Tensor
from ...network.kernel_call import KernelCall
from ...network.row_call import RowCall, Window
from ...operators.base import Node
from ...operators.elementwise import ElementwiseAttributes
from ...operators.mul import product_scale


def mul(node: Node[ElementwiseAttributes]) -> RowCall | None:
    """Return the kernel of one row, or None: constants, other broadcasting, activations that clip, scales above 1/2.

    One input has the output's shape; the other has it too, or [1, 1, 1, channels], or [1, height, width, 1].
    """
    attributes = node.attributes
    output = node.output
    first, second = node.inputs
    if first.shape != output.shape:
        first, second = second, first
    if first.data is not None or second.data is not None or first.shape != output.shape:
        return None
    walk = _walk(second, output)
    multiplier, shift = quantize_multiplier(product_scale(node))
    clips = activation_range(attributes.activation, output) != (-128, 127)
    if walk is None or clips or multiplier == 0 or shift > -1:
        return None
    columns, channels, second_pixel, second_channel = walk
    call = KernelCall(
        kernel="asc_mul_mve",
        struct="asc_mul_mve_t",
        fields=(
            ("columns", columns),
            ("channels", channels),
            ("second_pixel", second_pixel),
            ("second_channel", second_channel),
            ("offset_1", -first.zero_point),
            ("offset_2", -second.zero_point),
            ("multiplier", multiplier),
            ("shift", shift),
            ("zero_point", output.zero_point),
        ),
        inputs=(first.index, second.index),
        overlap=(0, 0 if second.shape == output.shape else None),
        macs=0,
    )
    one_row = second.shape[1] == 1 < output.shape[1]
    return RowCall(call=call, windows=(Window(), Window(stride=0 if one_row else 1)), takes_rows=False)


def _walk(second: Tensor, output: Tensor) -> tuple[int, int, int, int] | None:
    """Return columns, channels, and the steps of the second input through a row; None where there is no such walk."""
    _, height, width, channels = output.shape
    if second.shape == output.shape:
        return 1, width * channels, 0, 1
    if second.shape == (1, 1, 1, channels):
        return width, channels, 0, 1
    if second.shape == (1, height, width, 1):
        return width, channels, 1, 0
    return None
