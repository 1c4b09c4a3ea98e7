"""CP-Mobile as the DCASE 2024 Task 1 baseline computes it, in NumPy and float64: nothing here knows Keras's padding.

Every 3x3 window is padded with one zero on every side, whatever its stride; the average pool on a shortcut does the
same and always divides by 9. Source: the layer table and the rules of padding of the framework it was published for.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# strides (mel, time) of the six blocks, and what runs beside each: nothing, its input, or its input averaged
BLOCKS = (
    ((1, 1), "input"),
    ((1, 1), "input"),
    ((1, 2), "average"),
    ((2, 1), "nothing"),
    ((1, 1), "input"),
    ((1, 1), "nothing"),
)


def windows(x: Array, strides: tuple[int, int]) -> Array:
    """Return all 3x3 windows of x [mel, time, channels], padded by one: [mel', time', channels, 3, 3]."""
    padded = np.pad(x, [(1, 1), (1, 1), (0, 0)])
    return np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(0, 1))[:: strides[0], :: strides[1]]


def cp_mobile(x: Array, weights: Mapping[str, Array]) -> Array:
    """Return the logits of features x, [mel, time, 1].

    Parameters
    ----------
    x
        Features.
    weights
        ``<layer>/kernel``: [3, 3, in, out], [3, 3, channels, 1] where it is depthwise, [1, 1, in, out];
        ``<layer>/scale`` and ``<layer>/shift``: batch normalization as y = scale * x + shift.
    """

    def normalized(y: Array, name: str) -> Array:
        return y * weights[f"{name}/scale"] + weights[f"{name}/shift"]

    def full(y: Array, name: str) -> Array:
        return np.maximum(
            normalized(np.einsum("mtcij,ijco->mto", windows(y, (2, 2)), weights[f"{name}/kernel"]), name), 0
        )

    def pointwise(y: Array, name: str) -> Array:
        return normalized(y @ weights[f"{name}/kernel"][0, 0], name)

    x = full(full(x, "in_c0"), "in_c1")
    for number, (strides, beside) in enumerate(BLOCKS, start=1):
        y = np.maximum(pointwise(x, f"b{number}_expand"), 0)
        kernel = weights[f"b{number}_depthwise/kernel"][..., 0]
        y = np.maximum(normalized(np.einsum("mtcij,ijc->mtc", windows(y, strides), kernel), f"b{number}_depthwise"), 0)
        y = pointwise(y, f"b{number}_project")
        if beside == "average":
            y = y + windows(x, strides).sum((-1, -2)) / 9
        elif beside == "input":
            y = y + x
        x = np.maximum(y, 0)
    return pointwise(x, "classifier").mean((0, 1))
