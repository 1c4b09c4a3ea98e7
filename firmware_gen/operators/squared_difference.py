"""SQUARED_DIFFERENCE: equation (18') of docs/quantization.md."""

from __future__ import annotations

from ..arithmetic.scales import quantize_multiplier
from ..network.graph import Activation
from .base import Node, OperatorView
from .elementwise import Elementwise, ElementwiseAttributes, Kernel

_LEFT_SHIFT = 7
"""TFLite's, of int8 inputs before they are scaled."""


class SquaredDifference(Elementwise):
    """Square of the difference of two tensors."""

    op = "SQUARED_DIFFERENCE"
    options = None

    def read_activation(self, view: OperatorView) -> Activation:
        """Check the scales; there is no fused activation."""
        _, _, output = _scales(view.inputs[0].scale, view.inputs[1].scale, view.output.scale)
        if output >= 1.0:
            view.fail(
                f"its output's scale {view.output.scale:.3g} is {output:.3g} times too small for its inputs'",
                f"an output's scale above {output * view.output.scale:.3g}; TFLite takes no other",
            )
        return "NONE"

    def choose(self, node: Node[ElementwiseAttributes]) -> Kernel:
        """Prepare TFLite's three scalings."""
        first, second = node.inputs
        pairs = [quantize_multiplier(scale) for scale in _scales(first.scale, second.scale, node.output.scale)]
        return Kernel(
            name="asc_squared_difference_s8",
            struct="asc_add_t",
            fields=(
                ("zero_point_1", first.zero_point),
                ("multiplier_1", pairs[0][0]),
                ("shift_1", pairs[0][1]),
                ("zero_point_2", second.zero_point),
                ("multiplier_2", pairs[1][0]),
                ("shift_2", pairs[1][1]),
                ("zero_point", node.output.zero_point),
                ("multiplier", pairs[2][0]),
                ("shift", pairs[2][1]),
                ("min", -128),
                ("max", 127),
            ),
        )


def _scales(first: float, second: float, output: float) -> tuple[float, float, float]:
    """Return what the inputs and the square are multiplied by."""
    twice = 2 * max(first, second)
    return first / twice, second / twice, twice * twice / ((1 << 2 * _LEFT_SHIFT) * output)
