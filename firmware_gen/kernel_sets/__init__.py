"""Kernels for cores with vector instructions: the generator asks here first, then takes the portable kernel.

A set is a mapping from TFLite's name of an operator to a function that returns a row kernel for a node, or None when
the set has none that is exact for it. Same contracts and same bytes as the portable kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from asc_kit.hardware.board import Goal, KernelSet

from ..network.kernel_call import KernelCall
from ..network.row_call import RowCall
from ..operators.base import Node
from .fully_connected import fully_connected

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


def whole_chooser(kernels: KernelSet, op: str) -> Callable[[Node], KernelCall | None] | None:
    """Return a set's special kernel of whole tensors for an operator, if there is one."""
    if op != "FULLY_CONNECTED" or kernels == "portable":
        return None
    if kernels == "dsp":
        return partial(fully_connected, kernel="asc_fully_connected_dsp", block=4, multiple=8, scratch=True)
    return partial(fully_connected, kernel="asc_fully_connected_mve", block=16, multiple=16, scratch=False)


def copy_kernel(kernels: KernelSet) -> str:
    """Return the kernel that copies a row into another layout; parameters are those of the portable one."""
    return {"portable": "asc_copy_row_s8", "dsp": "asc_copy_row_dsp", "mve": "asc_copy_row_mve"}[kernels]
