"""AVERAGE_POOL_2D and MAX_POOL_2D: equations (20) and (22) of docs/quantization.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ..arithmetic.scales import INT32_LIMIT, activation_range
from ..network.graph import Activation, Padding
from ..network.kernel_call import FieldValue, KernelCall
from ..network.row_call import RowCall, Window
from .base import Node, OperatorDefinition, OperatorView


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool2DAttributes:
    """AVERAGE_POOL_2D and MAX_POOL_2D."""

    kernel_h: int
    kernel_w: int
    stride_h: int
    stride_w: int
    padding: Padding
    activation: Activation


class _Pool2D(OperatorDefinition[Pool2DAttributes]):
    """A window over rows and columns, reduced channel by channel."""

    options = "Pool2DOptions"
    kernel: ClassVar[str]

    def read(self, view: OperatorView) -> Pool2DAttributes:
        """Read and check its attributes."""
        view.check_inputs(1, 1)
        view.check_activations(1)
        view.check_batch()
        view.check_same_quantization()
        options = view.options
        kernel = (int(options.FilterHeight()), int(options.FilterWidth()))
        stride = (int(options.StrideH()), int(options.StrideW()))
        padding = view.read_padding(kernel=kernel, stride=stride, dilation=(1, 1))
        if view.inputs[0].shape[3] != view.output.shape[3]:
            view.fail("its input and output have different channels", "the same channels")
        count = min(kernel[0], view.inputs[0].shape[1]) * min(kernel[1], view.inputs[0].shape[2])
        # 128 for each, and half the count to round
        if count * 129 >= INT32_LIMIT:
            view.fail(f"windows of {count:,} elements", "sums of 32 bits")
        return Pool2DAttributes(
            kernel_h=kernel[0],
            kernel_w=kernel[1],
            stride_h=stride[0],
            stride_w=stride[1],
            padding=padding,
            activation=view.read_activation(),
        )

    def lower(self, node: Node[Pool2DAttributes]) -> None:
        """Return None: only rows are computed."""

    def rows(self, node: Node[Pool2DAttributes]) -> RowCall:
        """Prepare the kernel's constants."""
        attributes = node.attributes
        low, high = activation_range(attributes.activation, node.output)
        return pool_row(node, kernel=self.kernel, struct="asc_pool_row_t", fields=(("min", low), ("max", high)))


def pool_row(
    node: Node[Pool2DAttributes],
    *,
    kernel: str,
    struct: str,
    fields: tuple[tuple[str, FieldValue], ...],
    pixels_as_channels: bool = False,
) -> RowCall:
    """Return a kernel of one row: the fields that all kernels of pools share, and its own.

    Parameters
    ----------
    node
        The operator.
    kernel, struct
        The function and the type of its parameters.
    fields
        Its parameters beside shapes, strides and padding.
    pixels_as_channels
        Whether a row counts as one pixel of many channels where nothing is added along it.
    """
    attributes = node.attributes
    (_, in_h, in_w, channels), (_, _, out_w, _) = node.inputs[0].shape, node.output.shape
    if pixels_as_channels and attributes.kernel_w == attributes.stride_w == 1:
        in_w, out_w, channels = 1, 1, in_w * channels
    padding = attributes.padding
    call = KernelCall(
        kernel=kernel,
        struct=struct,
        fields=(
            ("in_h", in_h),
            ("in_w", in_w),
            ("channels", channels),
            ("out_w", out_w),
            ("kernel_h", attributes.kernel_h),
            ("kernel_w", attributes.kernel_w),
            ("stride_h", attributes.stride_h),
            ("stride_w", attributes.stride_w),
            ("pad_top", padding.top),
            ("pad_left", padding.left),
            *fields,
        ),
        inputs=(node.inputs[0].index,),
        overlap=(None,),
        macs=0,
    )
    # what lies outside of the input does not count: the kernel leaves it out
    window = Window(rows=attributes.kernel_h, stride=attributes.stride_h, top=padding.top, bottom=padding.bottom)
    return RowCall(call=call, windows=(window,), takes_rows=True, takes_row_number=True)


class AveragePool2D(_Pool2D):
    """Mean of a window."""

    op = "AVERAGE_POOL_2D"
    kernel = "asc_average_pool_row_s8"


class MaxPool2D(_Pool2D):
    """Maximum of a window."""

    op = "MAX_POOL_2D"
    kernel = "asc_max_pool_row_s8"
