"""Whole numbers that a network computes from shapes alone, such as a RESHAPE's from SHAPE, STRIDED_SLICE and PACK."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .shape_rules import Shape, Step, strided_ranges

Values = NDArray[np.int64]
_MOST = 256
"""Most elements of a shape; longer tensors of whole numbers belong to the network itself."""


def value_of(step: Step, shape: Shape) -> Values | None:
    """Return the output of an operator on known whole numbers; None if it does not follow from shapes.

    Parameters
    ----------
    step
        The operator, its inputs' shapes and values known where they are.
    shape
        The shape of its output, as its rule gives it.
    """
    if step.op not in _VALUES or math.prod(shape) > _MOST:
        return None
    needed = () if step.op == "SHAPE" else step.values
    if any(values is None or values.size > _MOST for values in needed):
        return None
    with np.errstate(all="ignore"):  # sizes beyond all use are refused where they become a shape
        value = np.asarray(_VALUES[step.op](step), np.int64)
    return value.reshape(shape)


def _first(step: Step) -> Values:
    value = step.values[0]
    assert value is not None
    return value


def _binary(function: Callable[[Values, Values], Values]) -> Callable[[Step], Values]:
    def compute(step: Step) -> Values:
        second = step.values[1]
        assert second is not None
        return function(_first(step), second)

    return compute


def _joined(step: Step) -> Values:
    return np.concatenate([value for value in step.values if value is not None], axis=step.options.Axis())


def _packed(step: Step) -> Values:
    return np.stack([value for value in step.values if value is not None], axis=step.options.Axis())


def _taken(step: Step) -> Values:
    ranges, _ = strided_ranges(step)
    return np.asarray(_first(step)[tuple(ranges)])


def _sliced(step: Step) -> Values:
    value = _first(step)
    begin, sizes = step.numbers(1), step.numbers(2)
    ends = [n if size == -1 else first + size for n, first, size in zip(value.shape, begin, sizes, strict=True)]
    return np.asarray(value[tuple(slice(*pair) for pair in zip(begin, ends, strict=True))])


def _gathered(step: Step) -> Values:
    axis = step.options.Axis() if step.options is not None else 0
    indices = step.values[1]
    assert indices is not None
    return np.take(_first(step), indices, axis=axis)


def _reduced(function: Callable[..., Values]) -> Callable[[Step], Values]:
    return lambda step: function(_first(step), axis=tuple(step.numbers(1)))


_VALUES: dict[str, Callable[[Step], Values]] = {
    **dict.fromkeys(("CAST", "EXPAND_DIMS", "RESHAPE", "SQUEEZE"), _first),
    "ADD": _binary(np.add),
    "CONCATENATION": _joined,
    "GATHER": _gathered,
    "MAXIMUM": _binary(np.maximum),
    "MINIMUM": _binary(np.minimum),
    "MUL": _binary(np.multiply),
    "PACK": _packed,
    "REDUCE_PROD": _reduced(np.prod),
    "SHAPE": lambda step: np.array(step.shape(0), np.int64),
    "SLICE": _sliced,
    "STRIDED_SLICE": _taken,
    "SUB": _binary(np.subtract),
    "SUM": _reduced(np.sum),
}
FOLDED = frozenset(_VALUES)
"""Operators that may compute nothing but shapes."""
