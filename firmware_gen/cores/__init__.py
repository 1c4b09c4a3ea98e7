"""Kernels for cores with vector instructions: the generator asks here first, then takes the portable kernel.

A set is a mapping from TFLite's name of an operator to a function that returns a row kernel for a node, or None when
the set has none that is exact for it. Same contracts and same bytes as the portable kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from asc_kit.board import Goal, KernelSet

from ..operators.base import Node
from ..row_call import RowCall

Chooser = Callable[[Node], RowCall | None]


def choosers(kernels: KernelSet, goal: Goal) -> Mapping[str, Chooser]:
    """Return the special kernels of a set by operator. Only the DSP set has some for either goal."""
    if kernels == "dsp":
        from . import dsp

        return dsp.ROW_KERNELS[goal]
    if kernels == "mve":
        from . import mve

        return mve.ROW_KERNELS
    return {}


def copy_kernel(kernels: KernelSet) -> str:
    """Return the kernel that copies a row into another layout; parameters are those of the portable one."""
    return {"portable": "asc_copy_row_s8", "dsp": "asc_copy_row_dsp", "mve": "asc_copy_row_mve"}[kernels]
