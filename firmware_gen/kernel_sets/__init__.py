"""Kernel sets: kernels for cores with certain instructions. The generator asks here first, then takes a portable one.

Every folder is a set, whose record is its ``KERNEL_SET``. A new set is a folder here, one of the same name in
``runtime/``, and the name in the cores that can run it.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

from asc_kit.errors import BoardError

if TYPE_CHECKING:
    from asc_kit.hardware.board import Board, KernelSetName
    from asc_kit.hardware.target import Target

    from .kernel_set import KernelSet

PORTABLE = "portable"
"""The set that every core runs, and whose kernels do what another set lacks."""


def kernel_set_names() -> tuple[str, ...]:
    """Return the names of all kernel sets, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg))


def load_kernel_set(name: KernelSetName) -> KernelSet:
    """Return a kernel set.

    Raises
    ------
    BoardError
        When there is none of this name.
    """
    if name not in kernel_set_names():
        raise BoardError(f"unknown kernel set {name!r}", hint=f"kernel sets: {', '.join(kernel_set_names())}")
    kernel_set: KernelSet = importlib.import_module(f"{__name__}.{name}").KERNEL_SET
    return kernel_set


def choose_kernel_set(target: Board | Target, wanted: KernelSetName | None) -> KernelSetName:
    """Return the kernel set to generate for: the target's own unless another is wanted that its core can run.

    Raises
    ------
    BoardError
        When the core lacks the instructions.
    """
    if wanted is None:
        return target.kernels
    if wanted not in target.kernel_sets:
        raise BoardError(
            f"{target.kind} {target.name} ({target.core.title}) cannot run the {wanted} kernels",
            hint=f"its core runs: {', '.join(target.kernel_sets)}",
        )
    return wanted
