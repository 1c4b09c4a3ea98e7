"""LOGISTIC."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ..graph import Attributes, NoAttributes
from ..kernel_call import ConstantArray, KernelCall
from .base import Node, OperatorDefinition, OperatorView


class Logistic(OperatorDefinition):
    """1 / (1 + exp(-x)) of each element."""

    op = "LOGISTIC"
    options = None

    def read(self, view: OperatorView) -> Attributes:
        """Check its tensors."""
        view.count(1, 1)
        view.activations(1)
        view.probabilities()
        if view.inputs[0].shape != view.output.shape:
            view.fail("its input and output have different shapes", "one shape")
        return NoAttributes()

    def lower(self, node: Node) -> KernelCall:
        """Prepare the kernel's table: the function rounded to 1/256, ties up."""
        source, output = node.inputs[0], node.output
        real = source.scale * (np.arange(-128, 128) - source.zero_point)
        table = np.clip(np.floor(256.0 * expit(real) + 0.5) - 128, -128, 127).astype(np.int8)
        comment = "LOGISTIC of input + 128, [256], scale 1/256, zero point -128"
        return KernelCall(
            kernel="asc_lookup_s8",
            struct="asc_lookup_t",
            fields=(
                ("table", ConstantArray(suffix="table", c_type="int8_t", values=table, comment=comment)),
                ("n", output.n_elements),
            ),
            inputs=(source.index,),
            overlap=(0,),
            macs=0,
        )
