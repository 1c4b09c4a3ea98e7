"""TRANSPOSE_CONV: a convolution of its input with zeros between the rows and columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..network.graph import Tensor
from ..network.kernel_call import KernelCall
from .base import Node, OperatorDefinition, OperatorView
from .weights import check_weights

_SAME, _VALID = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TransposeConvAttributes:
    """TRANSPOSE_CONV; the pass `plain_transposed_convolutions` replaces it."""

    stride_h: int
    """Rows of the output from one row of the input to the next."""
    stride_w: int
    """Columns."""
    top: int
    """Rows that TFLite cuts off at the top of the whole output."""
    left: int
    """Columns that it cuts off at the left."""


class TransposeConv(OperatorDefinition[TransposeConvAttributes]):
    """Transposed convolution; its inputs are the output's shape, weights, the activation, and maybe a bias."""

    op = "TRANSPOSE_CONV"
    options = "TransposeConvOptions"

    def read(self, view: OperatorView) -> TransposeConvAttributes:
        """Read and check its attributes."""
        view.check_inputs(3, 4)
        shape, weights, source = view.inputs[:3]
        for tensor in (source, view.output):
            view.check_activation(tensor)
            if len(tensor.shape) != 4 or tensor.shape[0] != 1:
                view.fail(f"tensor {tensor.describe()}", "NHWC with batch 1")
        if len(weights.shape) != 4:
            view.fail(f"weights {weights.describe()}", "layout OHWI")
        channels, kernel_h, kernel_w, depth = weights.shape
        if shape.data is not None and tuple(view.read_indices(shape, "sizes")) != view.output.shape:
            view.fail(f"its output {view.output.describe()} has another shape than its first input says", "one shape")
        if depth != source.shape[3] or channels != view.output.shape[3]:
            view.fail(
                f"weights {weights.describe()} do not fit {source.shape[3]} input and {view.output.shape[3]} output "
                "channels",
                "weights [outputs, h, w, inputs]",
            )
        check_weights(_as_convolution(view), axis=0, channels=channels)
        options: Any = view.options
        code = int(options.FusedActivationFunction()) if hasattr(options, "FusedActivationFunction") else 0
        if code:
            view.fail(f"fused activation {code}", "NONE")
        mode = int(options.Padding())
        if mode not in (_SAME, _VALID):
            view.fail(f"padding {mode}", "SAME, VALID")
        strides, before = (int(options.StrideH()), int(options.StrideW())), []
        view.check_positive(stride_h=strides[0], stride_w=strides[1], kernel_h=kernel_h, kernel_w=kernel_w)
        for axis, (stride, kernel) in enumerate(zip(strides, (kernel_h, kernel_w), strict=True)):
            size, out_size = source.shape[1 + axis], view.output.shape[1 + axis]
            expected = -(-out_size // stride) if mode == _SAME else -(-(out_size - kernel + 1) // stride)
            if expected != size:
                view.fail(
                    f"its input must have size {expected} along axis {1 + axis} for an output of {out_size}. "
                    f"Received: {size}",
                    "sizes that a convolution of the output would have",
                )
            total = max((size - 1) * stride + kernel - out_size, 0) if mode == _SAME else 0
            before.append(total // 2)
        return TransposeConvAttributes(stride_h=strides[0], stride_w=strides[1], top=before[0], left=before[1])

    def lower(self, node: Node[TransposeConvAttributes]) -> KernelCall:
        """Never called."""
        raise RuntimeError(f"defect: {self.op} is still in the graph after plain_transposed_convolutions")


def _as_convolution(view: OperatorView) -> OperatorView:
    """Return the view with the inputs in the order of CONV_2D's."""
    _, weights, source, *bias = view.inputs
    inputs: tuple[Tensor, ...] = (source, weights, *bias)
    return OperatorView(index=view.index, op=view.op, inputs=inputs, outputs=view.outputs, options=view.options)
