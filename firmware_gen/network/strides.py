"""Tensors as nested loops: how far apart neighbours lie in memory, and loops merged where that changes nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LOOPS = 4
"""Nested loops of the kernels that walk over tensors."""


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the distance of neighbours along each axis, in elements, the last axis contiguous."""
    return tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))


def broadcast_strides(shape: Sequence[int], output: Sequence[int]) -> tuple[int, ...] | None:
    """Return strides over an output's shape, 0 where an input repeats; None when it cannot be broadcast to it.

    NumPy's rule: shapes are aligned at the last axis; sizes are equal, or the input's is 1 or missing.
    """
    missing = len(output) - len(shape)
    padded = (1,) * missing + tuple(shape)
    if missing < 0 or any(size not in (1, out) for size, out in zip(padded, output, strict=True)):
        return None
    return tuple(0 if size == 1 else step for size, step in zip(padded, row_major(padded), strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Loops:
    """LOOPS nested loops over some tensors at once."""

    shape: tuple[int, ...]
    """Turns of each loop, the innermost last."""
    strides: tuple[tuple[int, ...], ...]
    """For each tensor: the elements that one turn of each loop moves."""


def merge(shape: Sequence[int], *strides: Sequence[int]) -> Loops | None:
    """Merge neighbouring axes that are one loop in all tensors; None when more than LOOPS remain."""
    sizes: list[int] = []
    steps: list[list[int]] = [[] for _ in strides]
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        if sizes and all(walk[-1] == step[axis] * size for walk, step in zip(steps, strides, strict=True)):
            sizes[-1] *= size
            for walk, step in zip(steps, strides, strict=True):
                walk[-1] = step[axis]
        else:
            sizes.append(size)
            for walk, step in zip(steps, strides, strict=True):
                walk.append(step[axis])
    missing = LOOPS - len(sizes)
    if missing < 0:
        return None
    return Loops(
        shape=(1,) * missing + tuple(sizes),
        strides=tuple((0,) * missing + tuple(walk) for walk in steps),
    )
