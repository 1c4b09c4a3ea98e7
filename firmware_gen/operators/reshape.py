"""RESHAPE, SQUEEZE and EXPAND_DIMS."""

from __future__ import annotations

from ..network.graph import NoAttributes
from ..network.kernel_call import KernelCall
from .base import Node, OperatorDefinition, OperatorView


class Reshape(OperatorDefinition[NoAttributes]):
    """The same bytes in another shape; the pass `alias_views` removes it."""

    op = "RESHAPE"
    options = None

    def read(self, view: OperatorView) -> NoAttributes:
        """Check its tensors: the output's shape is static, so neither options nor the shape input say more."""
        view.check_inputs(1, 2)
        view.check_activations(1)
        view.check_same_quantization()
        if view.inputs[0].n_elements != view.output.n_elements:
            view.fail(f"its input {view.inputs[0].describe()} has another number of elements", "equal sizes")
        if len(view.inputs) == 2 and view.inputs[1].data is None:
            view.fail("its shape is computed by the network", "a static shape; convert with a static batch of 1")
        return NoAttributes()

    def lower(self, node: Node[NoAttributes]) -> KernelCall:
        """Never called."""
        raise RuntimeError(f"defect: {self.op} is still in the graph after alias_views")


class Squeeze(Reshape):
    """RESHAPE that drops axes of size 1."""

    op = "SQUEEZE"


class ExpandDims(Reshape):
    """RESHAPE that adds an axis of size 1."""

    op = "EXPAND_DIMS"


RESHAPES = frozenset(definition.op for definition in (Reshape, Squeeze, ExpandDims))
