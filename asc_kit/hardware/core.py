"""Cores: facts of a processor core for compiler, engine and link, whatever its chip.

A board has a part, a part has a core. Cores are read from ``boards/cores/<name>.toml``, or from a file of the user's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.errors import BoardError
from asc_kit.hardware.records import kit_names, load_named
from asc_kit.records.fields import MakeWord, MakeWords, Name, require
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT

KernelSetName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
"""Name of a kernel set, a folder in ``firmware_gen/kernel_sets/``."""
Arithmetic = Literal["float", "fixed"]
CoreName = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}$")]
"""Name of a core's file, without ``.toml``."""
RecordWord = Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,64}(\.toml)?$")]
"""Reference from a record to another: a name of the kit's, or a file ``NAME.toml`` beside the record."""
Package = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9+.-]{0,99}$")]

_FOLDER = "cores"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolchainSpec:
    """How firmware is compiled."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    prefix: MakeWord
    """Prefix of the tools' names, such as ``arm-none-eabi-``; empty for this machine's own."""
    cflags: MakeWords
    """Flags for compiling, assembling and linking: they choose the core, and a board's also the optimization."""
    ldflags: MakeWords = ()
    """Further flags for linking."""
    libraries: MakeWords = ("-lm",)
    """Libraries, after the objects."""
    packages: Annotated[tuple[Package, ...], Field(max_length=20)] = ()
    """Debian packages with the tools."""

    @property
    def compiler(self) -> str:
        """Name of the C compiler."""
        return f"{self.prefix}gcc"

    @property
    def remedy(self) -> str:
        """Hint for missing tools."""
        if self.packages:
            return f"sudo apt-get install {' '.join(self.packages)}"
        return f"install {self.compiler} and the tools that come with it"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreSpec:
    """One core. A new core is a new file of data: nothing else changes."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "a core is written by hand, docs/boards.md says how"

    schema_version: Literal[1]
    """Version of this record."""
    name: CoreName
    """Name of the file."""
    title: Name
    """Its name for people and in results, such as Cortex-M4F."""
    kernels: Annotated[tuple[KernelSetName, ...], Field(min_length=1, max_length=16)]
    """Kernel sets that it can run; the engine gets the first, unless the user names another."""
    frontend: Arithmetic = "float"
    """Arithmetic of the front end. ``float``: float32. ``fixed``: integers, for cores without floats."""
    toolchain: ToolchainSpec
    """How code for it is compiled."""
    faults: Annotated[dict[Annotated[str, Field(pattern=r"^\d{1,9}$")], Name], Field(max_length=100)]
    """Names of the exceptions that end a program, by the number that the port reports."""
    cycles: Name | None = None
    """Its table of cycles in ``device_runner/cycles/cores.py``; None if it has none."""

    def __post_init__(self) -> None:
        require(
            (len(set(self.kernels)) == len(self.kernels), "a kernel set stands twice in `kernels`"), error=BoardError
        )

    def name_fault(self, number: int) -> str:
        """Return the core's name of an exception."""
        return self.faults.get(str(number), "exception")


def core_names() -> tuple[str, ...]:
    """Return the names of all cores that come with the kit, sorted."""
    return kit_names(_FOLDER)


def load_core(word: str, beside: Path = Path()) -> CoreSpec:
    """Read a core's description.

    Parameters
    ----------
    word
        Its name, or the path of a file that ends with ``.toml``.
    beside
        Folder that the path is relative to.

    Raises
    ------
    BoardError
        When there is no such core, or its description is invalid.
    """
    return load_named(CoreSpec, word, beside, folder=_FOLDER, kind="core")


def core_of_title(title: str) -> str:
    """Return a core's name from its title, which records of version 1 have: Cortex-M0+ is cortex-m0plus."""
    return title.lower().replace("+", "plus")
