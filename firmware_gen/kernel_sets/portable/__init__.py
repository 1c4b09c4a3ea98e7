"""The portable kernels, C99 for any core: every operator chooses its own, in ``operators/``."""

from __future__ import annotations

from .. import PORTABLE
from ..kernel_set import KernelSet

KERNEL_SET = KernelSet(name=PORTABLE, header="asc_kernels.h", copy_kernel="asc_copy_row_s8")
