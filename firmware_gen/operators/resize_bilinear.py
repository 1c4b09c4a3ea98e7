"""RESIZE_BILINEAR: each pixel of the output lies between four of the input, which tables name and weigh."""

from __future__ import annotations

import numpy as np

from ..network.kernel_call import ConstantArray, KernelCall
from .base import Node, OperatorView
from .resize_nearest_neighbor import ResizeAttributes, ResizeNearestNeighbor

_ONE = 1 << 10
"""TFLite's unit of places and weights."""


class ResizeBilinear(ResizeNearestNeighbor):
    """Rows and columns in between."""

    op = "RESIZE_BILINEAR"
    options = "ResizeBilinearOptions"

    def read(self, view: OperatorView) -> ResizeAttributes:
        """Read and check its attributes, and that TFLite's rounded scales stay inside the input."""
        attributes = super().read(view)
        for axis in (1, 2):
            in_size, out_size = view.inputs[0].shape[axis], view.output.shape[axis]
            if any(not 0 <= lower < in_size for lower, _, _ in _places(attributes, in_size, out_size)):
                view.fail(
                    f"{out_size} from {in_size} along axis {axis}", "sizes for which TFLite reads inside its input"
                )
        return attributes

    def lower(self, node: Node[ResizeAttributes]) -> KernelCall:
        """Prepare the tables of rows and columns."""
        (_, in_h, in_w, channels), (_, out_h, out_w, _) = node.inputs[0].shape, node.output.shape

        def table(name: str, in_size: int, out_size: int) -> ConstantArray:
            values = np.array(_places(node.attributes, in_size, out_size), np.int32).reshape(-1)
            comment = f"{name} of the input, [{out_size}] of two and the second's weight"
            return ConstantArray(suffix=name, c_type="int32_t", values=values, comment=comment)

        return KernelCall(
            kernel="asc_resize_bilinear_s8",
            struct="asc_resize_bilinear_t",
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


def _places(attributes: ResizeAttributes, in_size: int, out_size: int) -> list[tuple[int, int, int]]:
    """Return for each place of the output two of the input, and the second's weight in 1/1024.

    Formula: place = i * scale in 1/1024, scale = round(1024 in / out); with half pixels + scale / 2 - 512; with aligned
    corners scale = round(1024 (in - 1) / (out - 1)). Divisions are C's.
    Source: TFLite's ResizeBilinearInteger.
    """
    aligned = attributes.align_corners and out_size > 1
    numerator, denominator = (in_size - 1, out_size - 1) if aligned else (in_size, out_size)
    scale = (_ONE * numerator + denominator // 2) // denominator
    offset = scale // 2 - _ONE // 2 if attributes.half_pixel_centers else 0
    places = []
    for index in range(out_size):
        place = index * scale + offset
        lower = max(place // _ONE, 0)
        upper = min(max((place + _ONE - 1) // _ONE, 0), in_size - 1)
        places.append((lower, upper, place - _ONE * lower))
    return places
