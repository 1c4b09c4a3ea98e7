"""MEAN."""

from __future__ import annotations

import math

from ..graph import Attributes, MeanAttributes
from ..kernel_call import KernelCall
from ..quantize import quantize_multiplier
from .base import Node, OperatorDefinition, OperatorView


class Mean(OperatorDefinition):
    """Mean over neighbouring axes."""

    op = "MEAN"
    options = "ReducerOptions"

    def read(self, view: OperatorView) -> Attributes:
        """Read and check its attributes."""
        view.count(2, 2)
        view.activations(1)
        source, indices = view.inputs
        if indices.data is None or indices.dtype != "int32":
            view.fail(f"axes {indices.describe()} are not constant int32", "constant axes")
        rank = len(source.shape)
        listed = [int(axis) for axis in indices.data.reshape(-1)]
        axes = sorted({axis % rank for axis in listed if -rank <= axis < rank})
        if not axes or any(not -rank <= axis < rank for axis in listed) or axes[-1] - axes[0] + 1 != len(axes):
            view.fail(f"mean over the axes {listed}", f"neighbouring axes of {rank}")
        kept = [1 if axis in axes else size for axis, size in enumerate(source.shape)]
        dropped = [size for axis, size in enumerate(source.shape) if axis not in axes]
        if list(view.output.shape) not in (kept, dropped):
            view.fail("its output's shape does not follow from its input's", f"{kept} or {dropped}")
        return MeanAttributes(axes=tuple(axes))

    def lower(self, node: Node) -> KernelCall:
        """Prepare the kernel's constants."""
        attributes = node.operator.attributes
        assert isinstance(attributes, MeanAttributes)
        source, output = node.inputs[0], node.output
        first, last = attributes.axes[0], attributes.axes[-1]
        reduced = math.prod(source.shape[first : last + 1])
        multiplier, shift = quantize_multiplier(source.scale / output.scale)
        # TFLite folds the division into the multiplier, with as many more bits as 64-bit arithmetic has room for
        left = min(reduced.bit_length() - 1, 32, 31 + shift)
        return KernelCall(
            kernel="asc_mean_s8",
            struct="asc_mean_t",
            fields=(
                ("outer", math.prod(source.shape[:first])),
                ("reduced", reduced),
                ("inner", math.prod(source.shape[last + 1 :])),
                ("input_zero_point", source.zero_point),
                ("multiplier", (multiplier << left) // reduced),
                ("shift", shift - left),
                ("zero_point", output.zero_point),
            ),
            inputs=(source.index,),
            overlap=(None,),
            macs=0,
        )
