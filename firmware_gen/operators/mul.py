"""MUL: equation (19) of docs/quantization.md."""

from __future__ import annotations

import numpy as np

from asc_kit.errors import ModelError

from ..arithmetic.portable import is_narrow
from ..arithmetic.scales import ChannelScales, activation_range, quantize_multiplier
from ..network.kernel_call import FieldValue
from .base import AnyNode, Node
from .elementwise import Elementwise, ElementwiseAttributes, Kernel

_LARGEST_SHIFT = 15  # a product of 16 bits stays below 2**31
_LARGEST_PRODUCT = 255 * 255


class Mul(Elementwise):
    """Product of two tensors."""

    op = "MUL"
    options = "MulOptions"

    def choose(self, node: Node[ElementwiseAttributes]) -> Kernel:
        """Choose the kernel: the narrow requantization where it is exact, else the general one."""
        attributes = node.attributes
        first, second = node.inputs
        output = node.output
        multiplier, shift = quantize_multiplier(product_scale(node))
        if shift > _LARGEST_SHIFT:
            raise ModelError(
                f"operator {node.operator.index} MUL, which computes tensor {output.describe()}: a product can "
                "exceed 32 bits",
                hint="quantize the model with representative data; the output's scale is near 0",
            )
        zero_points: tuple[tuple[str, FieldValue], ...] = (
            ("zero_point_1", first.zero_point),
            ("zero_point_2", second.zero_point),
        )
        low, high = activation_range(attributes.activation, output)
        scales = ChannelScales(multiplier=np.array([multiplier]), shift=np.array([shift]))
        narrow = is_narrow(
            scales=scales,
            largest_accumulator=np.array([_LARGEST_PRODUCT]),
            zero_point=output.zero_point,
            output_range=(low, high),
        )
        if narrow:
            return Kernel(
                name="asc_mul_narrow_s8",
                struct="asc_mul_narrow_t",
                fields=(
                    *zero_points,
                    ("multiplier", multiplier),
                    ("right_shift_less_1", -1 - shift),
                    ("offset", 2 * output.zero_point + 1),
                ),
            )
        return Kernel(
            name="asc_mul_s8",
            struct="asc_mul_t",
            fields=(
                *zero_points,
                ("multiplier", multiplier),
                ("shift", shift),
                ("zero_point", output.zero_point),
                ("min", low),
                ("max", high),
            ),
        )


def product_scale(node: AnyNode) -> float:
    """Return the scale from products of two inputs to the output, which TFLite takes in float32; it may be infinite."""
    first, second = node.inputs
    with np.errstate(over="ignore"):
        return float(np.float32(first.scale) * np.float32(second.scale) / np.float32(node.output.scale))
