"""PAD."""

from __future__ import annotations

from dataclasses import dataclass

from ..network.kernel_call import KernelCall
from .base import Node, OperatorDefinition, OperatorView

_RANK = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PadAttributes:
    """PAD."""

    before: tuple[int, ...]
    """Elements added before each axis."""
    after: tuple[int, ...]
    """Elements added after each axis."""


class Pad(OperatorDefinition[PadAttributes]):
    """Zero points around a tensor."""

    op = "PAD"
    options = None

    def read(self, view: OperatorView) -> PadAttributes:
        """Read and check its attributes."""
        view.check_inputs(2, 2)
        view.check_activations(1)
        view.check_same_quantization()
        source, amounts = view.inputs
        rank = len(source.shape)
        if not 1 <= rank <= _RANK:
            view.fail(f"an input of {rank} dimensions", f"1 to {_RANK} dimensions")
        if amounts.data is None or amounts.dtype != "int32" or amounts.shape != (rank, 2):
            view.fail(f"paddings {amounts.describe()} are not constant int32", f"constant paddings [{rank}, 2]")
        pairs = [(int(before), int(after)) for before, after in amounts.data]
        expected = tuple(before + size + after for size, (before, after) in zip(source.shape, pairs, strict=True))
        if any(before < 0 or after < 0 for before, after in pairs) or view.output.shape != expected:
            view.fail(f"paddings {pairs} do not lead from its input to its output", "paddings from 0 up")
        return PadAttributes(before=tuple(pair[0] for pair in pairs), after=tuple(pair[1] for pair in pairs))

    def lower(self, node: Node[PadAttributes]) -> KernelCall:
        """Prepare the kernel's constants."""
        attributes = node.attributes
        source, output = node.inputs[0], node.output
        missing = _RANK - len(source.shape)
        return KernelCall(
            kernel="asc_pad_s8",
            struct="asc_pad_t",
            fields=(
                ("in_shape", (1,) * missing + source.shape),
                ("before", (0,) * missing + attributes.before),
                ("after", (0,) * missing + attributes.after),
                ("value", output.zero_point),
            ),
            inputs=(source.index,),
            overlap=(None,),
            macs=0,
        )
