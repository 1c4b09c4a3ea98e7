"""SOFTMAX: equation (24) of docs/quantization.md."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..arithmetic.fixed_point import exponential_q31, high_multiply
from ..arithmetic.scales import quantize_multiplier
from ..network.kernel_call import ConstantArray, KernelCall
from .base import Node, OperatorDefinition, OperatorView

_INTEGER_BITS = 5  # TFLite's, of the scaled distance from the maximum: Q5.26


@dataclass(frozen=True, slots=True, kw_only=True)
class SoftmaxAttributes:
    """SOFTMAX."""

    beta: float


class Softmax(OperatorDefinition[SoftmaxAttributes]):
    """exp(beta x) of each element over the sum of its row."""

    op = "SOFTMAX"
    options = "SoftmaxOptions"

    def read(self, view: OperatorView) -> SoftmaxAttributes:
        """Read and check its attributes."""
        view.check_inputs(1, 1)
        view.check_activations(1)
        view.check_probabilities()
        shape = view.inputs[0].shape
        if shape != view.output.shape or not shape:
            view.fail(f"shapes {shape} and {view.output.shape}", "one shape of at least one dimension")
        beta = float(view.options.Beta())
        if not (math.isfinite(beta) and beta * view.inputs[0].scale > 2.0 ** (_INTEGER_BITS - 31)):
            view.fail(
                f"beta {beta} with an input of scale {view.inputs[0].scale:.3g}",
                f"a product of both above 2^{_INTEGER_BITS - 31}; convert with representative data",
            )
        return SoftmaxAttributes(beta=beta)

    def lower(self, node: Node[SoftmaxAttributes]) -> KernelCall:
        """Prepare the kernel's table: exponentials of the distances 0 to 255 from the row's maximum.

        A distance beyond TFLite's radius counts as minus infinity.
        """
        attributes = node.attributes
        source = node.inputs[0]
        scale = min(attributes.beta * source.scale * (1 << (31 - _INTEGER_BITS)), (1 << 31) - 1.0)
        multiplier, shift = quantize_multiplier(scale)
        radius = math.floor(((1 << _INTEGER_BITS) - 1) * (1 << (31 - _INTEGER_BITS)) / (1 << shift))
        table = np.zeros(256, np.int32)
        for distance in range(min(255, radius) + 1):
            table[distance] = exponential_q31(high_multiply(-distance << shift, multiplier))
        comment = f"exp(-{attributes.beta:.9g} * {source.scale:.9g} * distance), Q0.31, [256]"
        return KernelCall(
            kernel="asc_softmax_s8",
            struct="asc_softmax_t",
            fields=(
                (
                    "exponentials",
                    ConstantArray(suffix="exponentials", c_type="int32_t", values=table, comment=comment),
                ),
                ("rows", source.n_elements // source.shape[-1]),
                ("columns", source.shape[-1]),
            ),
            inputs=(source.index,),
            overlap=(0,),
            macs=0,
        )
