"""RESIZE_NEAREST_NEIGHBOR: each pixel of the output is a pixel of the input, which tables name."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ..network.kernel_call import ConstantArray, KernelCall
from .base import Node, OperatorDefinition, OperatorView


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeAttributes:
    """RESIZE_NEAREST_NEIGHBOR."""

    align_corners: bool
    """Whether the first and the last pixels of both tensors are the same."""
    half_pixel_centers: bool
    """Whether pixels are squares, and nearness counts from their middles."""


class ResizeNearestNeighbor(OperatorDefinition[ResizeAttributes]):
    """Rows and columns repeated or left out."""

    op = "RESIZE_NEAREST_NEIGHBOR"
    options = "ResizeNearestNeighborOptions"

    def read(self, view: OperatorView) -> ResizeAttributes:
        """Read and check its attributes."""
        view.check_inputs(2, 2)
        view.check_activations(1)
        view.check_batch()
        view.check_same_quantization()
        source, output = view.inputs[0].shape, view.output.shape
        size = view.read_indices(view.inputs[1], "size")
        if len(source) != 4 or (source[0], *size, source[3]) != output:
            view.fail(f"size {size} does not lead from {source} to {output}", "NHWC, a constant [height, width]")
        attributes = ResizeAttributes(
            align_corners=bool(view.options.AlignCorners()), half_pixel_centers=bool(view.options.HalfPixelCenters())
        )
        if attributes.align_corners and attributes.half_pixel_centers:
            view.fail("it has align_corners and half_pixel_centers", "one of them, or neither")
        return attributes

    def lower(self, node: Node[ResizeAttributes]) -> KernelCall:
        """Prepare the tables of rows and columns."""
        (_, in_h, in_w, channels), (_, out_h, out_w, _) = node.inputs[0].shape, node.output.shape

        def table(name: str, in_size: int, out_size: int) -> ConstantArray:
            values = np.array(_nearest(node.attributes, in_size, out_size), np.int32)
            comment = f"{name} of the input, [{out_size}]"
            return ConstantArray(suffix=name, c_type="int32_t", values=values, comment=comment)

        return KernelCall(
            kernel="asc_resize_nearest_s8",
            struct="asc_resize_nearest_t",
            fields=(
                ("rows", table("rows", in_h, out_h)),
                ("columns", table("columns", in_w, out_w)),
                ("in_w", in_w),
                ("out_h", out_h),
                ("out_w", out_w),
                ("channels", channels),
            ),
            inputs=(node.inputs[0].index,),
            overlap=(None,),
            macs=0,
        )


def _nearest(attributes: ResizeAttributes, in_size: int, out_size: int) -> list[int]:
    """Return the input's place for each of the output's along an axis.

    Formula: floor((i + offset) * scale), scale = in / out and an offset of 0 or 1/2; with aligned corners round(i *
    scale), scale = (in - 1) / (out - 1). All in float32, and at most in - 1.
    Source: TFLite's GetNearestNeighbor, reference kernel.
    """
    aligned = attributes.align_corners and out_size > 1
    ratio = (in_size - 1, out_size - 1) if aligned else (in_size, out_size)
    scale = np.float32(ratio[0]) / np.float32(ratio[1])
    offset = np.float32(0.5 if attributes.half_pixel_centers else 0.0)
    half = 0.5 if attributes.align_corners else 0.0
    places = [float((np.float32(index) + offset) * scale) for index in range(out_size)]
    return [min(math.floor(place + half), in_size - 1) for place in places]
