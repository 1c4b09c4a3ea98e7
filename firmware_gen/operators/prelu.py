"""PRELU: equation (19) of docs/quantization.md, of negative inputs and the factors of their channels."""

from __future__ import annotations

import numpy as np

from ..arithmetic.scales import quantize_multiplier
from ..network.graph import Activation
from .base import AnyNode, OperatorView
from .elementwise import Elementwise, Kernel

_LARGEST_SHIFTS = (22, 15)  # a difference of 8 bits, and a product of 16 bits, stay below 2**31


class Prelu(Elementwise):
    """x from 0 up, alpha x below, with an alpha for each channel."""

    op = "PRELU"
    options = None

    def read_activation(self, view: OperatorView) -> Activation:
        """Check that alpha alone is broadcast, and that nothing can overflow; there is no fused activation."""
        if view.inputs[0].shape != view.output.shape:
            view.fail(f"its input {view.inputs[0].describe()} has another shape than its output", "one shape")
        shifts = [shift for _, shift in _scales(view.inputs[0].scale, view.inputs[1].scale, view.output.scale)]
        if any(shift > largest for shift, largest in zip(shifts, _LARGEST_SHIFTS, strict=True)):
            view.fail("a product can exceed 32 bits", "output scales that are not near 0")
        return "NONE"

    def choose(self, node: AnyNode) -> Kernel:
        """Prepare the kernel's constants."""
        source, alpha = node.inputs
        output = node.output
        positive, negative = _scales(source.scale, alpha.scale, output.scale)
        return Kernel(
            name="asc_prelu_s8",
            struct="asc_prelu_t",
            fields=(
                ("zero_point_1", source.zero_point),
                ("multiplier_1", positive[0]),
                ("shift_1", positive[1]),
                ("zero_point_2", alpha.zero_point),
                ("multiplier_2", negative[0]),
                ("shift_2", negative[1]),
                ("zero_point", output.zero_point),
            ),
        )


def _scales(source: float, alpha: float, output: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return multiplier and exponent from 0 up and below; TFLite takes both scales in float32."""
    with np.errstate(over="ignore", under="ignore"):  # quantize_multiplier refuses infinity
        positive = np.float32(source) / np.float32(output)
        negative = np.float32(source) * np.float32(alpha) / np.float32(output)
    return quantize_multiplier(float(positive)), quantize_multiplier(float(negative))
