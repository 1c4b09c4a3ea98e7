"""A kernel set, as data: every folder beside this file holds one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from asc_kit.hardware.board import Optimize

from ..network.kernel_call import KernelCall
from ..network.row_call import RowCall
from ..operators.base import AnyNode

SOURCE_SUFFIXES = (".c", ".S")
"""Suffixes of files to compile: C, and assembler that is preprocessed."""
_RUNTIME = Path(__file__).resolve().parents[1] / "runtime"

RowChooser = Callable[[AnyNode], RowCall | None]
"""Returns a row kernel for an operator, or None where the set has none that is exact for it."""
WholeChooser = Callable[[AnyNode], KernelCall | None]
"""The same for a kernel of whole tensors."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelSet:
    """Kernels for cores with certain instructions; portable kernels compute everything else.

    All kernels keep the contracts of the portable ones and give the same bytes.
    """

    name: str
    """Name of its folder, in ``kernel_sets/`` and in ``runtime/``."""
    header: str
    """The header that declares its kernels."""
    requires: str = ""
    """Condition of the C preprocessor that holds where the compiler may use the instructions; none for plain C."""
    copy_kernel: str
    """The kernel that copies a row into another layout; its parameters are those of the portable one."""
    row_kernels: Mapping[str, RowChooser] = field(default_factory=dict)
    """Kernels of one row, by TFLite's name of the operator."""
    small_row_kernels: Mapping[str, RowChooser] = field(default_factory=dict)
    """Kernels that replace those of `row_kernels` if size is preferred."""
    whole_kernels: Mapping[str, WholeChooser] = field(default_factory=dict)
    """Kernels of whole tensors, by TFLite's name of the operator."""
    over_read_bytes: int = 0
    """Bytes that its kernels may read beyond the end of their inputs."""
    condition: str | None = None
    """Preprocessor expression that is true on cores that can run it; None where all can."""
    folder: Path | None = None
    """Where the kernels' sources are; None for the set's folder in ``runtime/``."""

    def row_kernel(self, op: str, optimize: Optimize) -> RowChooser | None:
        """Return the chooser of row kernels for an operator, where there is one."""
        own = self.small_row_kernels.get(op) if optimize == "size" else None
        return own or self.row_kernels.get(op)

    @property
    def sources(self) -> dict[str, Path]:
        """Its sources and headers, by name."""
        folder = self.folder if self.folder is not None else _RUNTIME / self.name
        return {path.name: path for path in sorted(folder.iterdir()) if path.suffix in (*SOURCE_SUFFIXES, ".h")}

    def has(self, kernel: str) -> bool:
        """Tell whether a kernel is one of the set's own."""
        sources = self.sources
        return any(f"{kernel}{suffix}" in sources for suffix in SOURCE_SUFFIXES)
