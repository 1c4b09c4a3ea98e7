"""Targets of a library: a core or a part, without a board."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from asc_kit.hardware.core import Arithmetic, CoreSpec, KernelSetName, load_core
from asc_kit.hardware.part import PartSpec, load_part

TargetKind = Literal["board", "part", "core"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A core or a part for which a library is written."""

    core: CoreSpec
    """The processor core."""
    part: PartSpec | None
    """The chip; None for no particular chip."""
    frontend: Arithmetic
    """Arithmetic of the front end."""

    @property
    def name(self) -> str:
        """Name of the part, or of the core."""
        return self.core.name if self.part is None else self.part.name

    @property
    def kind(self) -> TargetKind:
        """Kind of target: part or core."""
        return "core" if self.part is None else "part"

    @property
    def kernel_sets(self) -> tuple[KernelSetName, ...]:
        """Kernel sets that the core can run, the usual one first."""
        return self.core.kernels

    @property
    def kernels(self) -> KernelSetName:
        """Kernel set of its engine, unless the user names another."""
        return self.kernel_sets[0]

    @property
    def compile_command(self) -> str:
        """How a file of the library is compiled."""
        toolchain = self.core.toolchain
        return " ".join((toolchain.compiler, *toolchain.cflags, "-O2", "-std=c99", "-ffp-contract=off"))


def core_target(word: str) -> Target:
    """Return a core as a target; parameter and errors as of `load_core`."""
    core = load_core(word)
    return Target(core=core, part=None, frontend=core.frontend)


def part_target(word: str) -> Target:
    """Return a part as a target.

    Parameters
    ----------
    word
        Its name, or the path of a file that ends with ``.toml``.

    Raises
    ------
    BoardError
        When the part or its core is unknown or invalid.
    """
    part = load_part(word)
    # a core named as a file stands beside the file of its part
    core = load_core(part.core, Path(word).parent)
    return Target(core=core, part=part, frontend=core.frontend)
