"""MUL."""

from __future__ import annotations

import numpy as np

from asc_kit.errors import ModelError

from ..graph import ElementwiseAttributes
from ..quantize import activation_range, quantize_multiplier
from .base import Node
from .elementwise import Elementwise, Kernel

_LARGEST_SHIFT = 15  # a product of 16 bits stays below 2**31


class Mul(Elementwise):
    """Product of two tensors."""

    op = "MUL"
    options = "MulOptions"

    def choose(self, node: Node) -> Kernel:
        """Prepare the kernel's constants."""
        attributes = node.operator.attributes
        assert isinstance(attributes, ElementwiseAttributes)
        first, second = node.inputs
        output = node.output
        # TFLite takes this scale in float32
        scale = np.float32(first.scale) * np.float32(second.scale) / np.float32(output.scale)
        multiplier, shift = quantize_multiplier(float(scale))
        if shift > _LARGEST_SHIFT:
            raise ModelError(
                f"operator {node.operator.index} MUL, which computes tensor {output.describe()}: a product can "
                "exceed 32 bits",
                hint="quantize the model with representative data; the output's scale is near 0",
            )
        low, high = activation_range(attributes.activation, output)
        return Kernel(
            name="asc_mul_s8",
            struct="asc_mul_t",
            fields=(
                ("zero_point_1", first.zero_point),
                ("zero_point_2", second.zero_point),
                ("multiplier", multiplier),
                ("shift", shift),
                ("zero_point", output.zero_point),
                ("min", low),
                ("max", high),
            ),
        )
