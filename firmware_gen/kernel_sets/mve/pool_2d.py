"""AVERAGE_POOL_2D and MAX_POOL_2D for Helium: equations (20) and (22) of docs/quantization.md."""

from __future__ import annotations

from functools import cache

import numpy as np

from ...arithmetic.scales import activation_range
from ...network.kernel_call import ConstantArray, FieldValue
from ...network.row_call import RowCall
from ...operators.base import AnyNode, Node
from ...operators.pool_2d import Pool2DAttributes, pool_row

_LIMIT = 1 << 15  # of 16-bit lanes
_OFFSET = 128  # makes sums positive


def average_pool_2d(node: Node[Pool2DAttributes]) -> RowCall | None:
    """Return the kernel of one row, or None: windows of more than 127 elements, activations that clip."""
    attributes = node.attributes
    largest = min(attributes.kernel_h, node.inputs[0].shape[1]) * min(attributes.kernel_w, node.inputs[0].shape[2])
    entries = [division(count) for count in range(1, largest + 1)]
    exact = [entry for entry in entries if entry is not None]
    if len(exact) < len(entries):
        return None
    divisions = ConstantArray(
        suffix="divisions",
        c_type="int16_t",
        values=np.array([(0, 0, 0, 0), *exact], np.int16),
        comment=f"divisions by 0 (never) to {largest}: addend, multiplier, minus the shift, 1 if even",
    )
    return _pool(node, attributes, "asc_average_pool_mve", divisions)


def max_pool_2d(node: Node[Pool2DAttributes]) -> RowCall | None:
    """Return the kernel of one row, or None: activations that clip."""
    attributes = node.attributes
    return _pool(node, attributes, "asc_max_pool_mve", 0)


@cache
def division(count: int) -> tuple[int, int, int, int] | None:
    """Return addend, multiplier, minus the shift and 1 for an even count: the kernel's division by `count`.

    Formula: floor(n / count) = floor((n + c) * m / 2**(15 + k)) with m near 2**(15 + k) / count and c 0 or 1, checked
    for every n there is; None where none of these holds, or 16 bits do not suffice.
    """
    shift = max((count - 1).bit_length() - 1, 0)
    addend = count // 2 + _OFFSET * count
    n = np.arange(127 * count + addend + 1)
    below = min((_LIMIT << shift) // count, _LIMIT - 1)
    for more, multiplier in ((0, below), (0, below + 1), (1, below)):
        fits = n[-1] + more < _LIMIT and multiplier < _LIMIT
        if fits and np.array_equal((n + more) * multiplier >> 15 + shift, n // count):
            return (addend + more, multiplier, -shift, 1 - count % 2)
    return None


def _pool(node: AnyNode, attributes: Pool2DAttributes, kernel: str, divisions: FieldValue) -> RowCall | None:
    if activation_range(attributes.activation, node.output) != (-128, 127):
        return None
    return pool_row(node, kernel=kernel, struct="asc_pool_mve_t", fields=(("divisions", divisions),))
