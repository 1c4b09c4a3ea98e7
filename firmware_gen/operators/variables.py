"""READ_VARIABLE and ASSIGN_VARIABLE: what a network remembers."""

from __future__ import annotations

from ..network.graph import NoAttributes
from ..network.kernel_call import KernelCall
from ..network.strides import LOOPS
from .base import Node, OperatorDefinition, OperatorView
from .reshape import RESHAPES, Reshape


class ReadVariable(Reshape):
    """The bytes of a variable; the pass `alias_views` removes it."""

    op = "READ_VARIABLE"

    def read(self, view: OperatorView) -> NoAttributes:
        """Check its tensors, whose sizes the reader of variables has compared."""
        view.check_quantized(view.output)
        return NoAttributes()


class AssignVariable(OperatorDefinition[NoAttributes]):
    """A copy into a variable, which the pass `place_assignments` puts where nothing needs the old value any more."""

    op = "ASSIGN_VARIABLE"
    options = None

    def read(self, view: OperatorView) -> NoAttributes:
        """Never called."""
        raise RuntimeError("defect: the reader of variables leaves no ASSIGN_VARIABLE")

    def lower(self, node: Node[NoAttributes]) -> KernelCall:
        """Copy all bytes."""
        n = node.output.n_bytes
        ones = (1,) * (LOOPS - 1)
        return KernelCall(
            kernel="asc_strided_copy_s8",
            struct="asc_strided_copy_t",
            fields=(("start", 0), ("shape", (*ones, n)), ("stride", (*(0,) * (LOOPS - 1), 1))),
            inputs=(node.inputs[0].index,),
            overlap=(None,),
            macs=0,
        )


VIEWS = RESHAPES | {ReadVariable.op}
"""Operators whose output has the bytes of their input."""
