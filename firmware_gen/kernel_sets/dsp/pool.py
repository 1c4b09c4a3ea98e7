"""AVERAGE_POOL_2D and MAX_POOL_2D, four channels at once: equations (20) and (22) of docs/quantization.md."""

from __future__ import annotations

from functools import cache

import numpy as np

from ...arithmetic.scales import activation_range
from ...network.kernel_call import ConstantArray, FieldValue
from ...network.row_call import RowCall
from ...operators.base import AnyNode, Node
from ...operators.pool_2d import Pool2DAttributes, pool_row

_MOST_ELEMENTS = 255  # whose sums have 16 bits
_INT8 = (-128, 127)


def average_pool_row(node: Node[Pool2DAttributes]) -> RowCall | None:
    """Return the kernel of one row; None for windows of more than 255 elements, or activations that clip."""
    attributes = node.attributes
    _, in_h, in_w, _ = node.inputs[0].shape
    largest = min(attributes.kernel_h, in_h) * min(attributes.kernel_w, in_w)
    if largest > _MOST_ELEMENTS:
        return None
    reciprocals = [reciprocal(count) for count in range(1, largest + 1)]
    values = [0, *(value for value in reciprocals if value is not None)]
    if len(values) <= largest:
        return None
    array = ConstantArray(
        suffix="reciprocals",
        c_type="uint32_t",
        values=np.array(values, np.uint32),
        comment=f"below 2^32 / n for n from 1 to {largest}",
    )
    return _pool(node, attributes, "asc_average_pool_row_dsp", (("reciprocals", array),))


def max_pool_row(node: Node[Pool2DAttributes]) -> RowCall | None:
    """Return the kernel of one row; None for activations that clip."""
    attributes = node.attributes
    return _pool(node, attributes, "asc_max_pool_row_dsp", ())


@cache
def reciprocal(count: int) -> int | None:
    """Return the factor of ((s + 1) * factor) >> 32 = floor(s / count); None when it is not exact for every s."""
    factor = ((1 << 32) - 1) // count
    s = np.arange(256 * count, dtype=np.uint64)
    return factor if np.array_equal((s + 1) * np.uint64(factor) >> np.uint64(32), s // np.uint64(count)) else None


def _pool(
    node: AnyNode, attributes: Pool2DAttributes, kernel: str, fields: tuple[tuple[str, FieldValue], ...]
) -> RowCall | None:
    if activation_range(attributes.activation, node.output) != _INT8:
        return None
    return pool_row(node, kernel=kernel, struct="asc_pool_row_dsp_t", fields=fields, pixels_as_channels=True)
