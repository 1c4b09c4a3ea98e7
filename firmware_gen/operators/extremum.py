"""MAXIMUM and MINIMUM: of two tensors in one scale, so the larger byte is the larger number."""

from __future__ import annotations

from typing import ClassVar

from ..network.graph import Activation
from .base import Node, OperatorView
from .elementwise import Elementwise, ElementwiseAttributes, Kernel


class _Extremum(Elementwise):
    """One of two elements; TFLite's kernel compares bytes, whatever their scales are."""

    options = None
    kernel: ClassVar[str]

    def read_activation(self, view: OperatorView) -> Activation:
        """Check that the inputs and the output share a quantization; there is no fused activation."""
        for tensor in view.inputs:
            view.check_same_quantization(tensor)
        return "NONE"

    def choose(self, node: Node[ElementwiseAttributes]) -> Kernel:
        """Return the kernel, which has no constants."""
        return Kernel(name=self.kernel, struct="asc_extremum_t", fields=())


class Maximum(_Extremum):
    """The larger of two elements."""

    op = "MAXIMUM"
    kernel = "asc_maximum_s8"


class Minimum(_Extremum):
    """The smaller of two elements."""

    op = "MINIMUM"
    kernel = "asc_minimum_s8"
