"""Boards: what a board is, read from ``boards/<name>/board.toml``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.errors import BoardError
from asc_kit.protocol import BOARD_NAME
from asc_kit.records.fields import (
    Address,
    Count,
    Flag,
    Flags,
    Hertz,
    Line,
    MakeWord,
    MakeWords,
    Name,
    PositiveCount,
    SourceName,
    require,
)
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT, read_record

TimerKind = Literal["cycles", "instructions", "ns"]
KernelSet = Literal["portable", "dsp", "mve"]
Goal = Literal["speed", "size"]
"""What an engine is made for where the two conflict: fewer instructions, or fewer bytes of constants."""
Arithmetic = Literal["float", "fixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolchainSpec:
    """How firmware for the board is compiled."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    prefix: MakeWord
    """Prefix of the tools' names, such as ``arm-none-eabi-``; empty for this machine's own."""
    cflags: MakeWords
    """Flags that choose the core and the optimization, for compiling, assembling and linking."""
    ldflags: MakeWords
    """Further flags for linking."""
    libraries: MakeWords = ("-lm",)
    """Libraries, after the objects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySpec:
    """What the part it stands for offers."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    flash_origin: Address
    """First address of the code memory."""
    flash_bytes: PositiveCount
    """Size of the code memory."""
    ram_origin: Address
    """First address of the data memory."""
    ram_bytes: PositiveCount
    """Size of the data memory."""
    stack_bytes: PositiveCount
    """What of the data memory is kept for the stack."""
    constants_origin: Address = 0
    """First address of a second memory for the model's constants, where they do not lie in the code memory."""
    constants_bytes: Count = 0
    """Size of that memory; 0: there is none."""

    def __post_init__(self) -> None:
        require(
            (
                self.stack_bytes <= self.ram_bytes,
                f"the stack of {self.stack_bytes:,} bytes is larger than the memory of {self.ram_bytes:,}",
            ),
            error=BoardError,
        )

    @property
    def symbols(self) -> dict[str, int]:
        """The memory map as symbols for the linker script."""
        symbols = {
            "ASC_FLASH_ORIGIN": self.flash_origin,
            "ASC_FLASH_BYTES": self.flash_bytes,
            "ASC_RAM_ORIGIN": self.ram_origin,
            "ASC_RAM_BYTES": self.ram_bytes,
            "ASC_STACK_BYTES": self.stack_bytes,
        }
        if self.constants_bytes:
            symbols["ASC_CONSTANTS_ORIGIN"] = self.constants_origin
            symbols["ASC_CONSTANTS_BYTES"] = self.constants_bytes
        return symbols


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorSpec:
    """How to run the firmware without the board."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    kind: Literal["qemu", "process"]
    """``qemu``: an emulator that loads the image. ``process``: the image is a program of this machine."""
    program: Flag = ""
    """The emulator's program."""
    args: Flags = ()
    """Its arguments, without the image, the serial line and the control socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSpec:
    """One board. A new board is a new folder of data: nothing else changes."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "a board is written by hand, docs/boards.md says how"

    schema_version: Literal[1]
    """Version of this record."""
    name: Annotated[str, Field(pattern=rf"^{BOARD_NAME}$")]
    """Name of the folder; what the board answers when it is asked who it is."""
    title: Line
    """What it is, for people."""
    core: Name
    """Processor core, such as Cortex-M4F."""
    timer: TimerKind
    """What its timer counts: cycles on silicon, instructions in an emulator, ns on a host."""
    clock_hz: Hertz
    """Timer counts per second (of virtual time in an emulator); the wire has 32 bits for them."""
    sources: Annotated[tuple[SourceName, ...], Field(max_length=1000)]
    """Files of the port to compile, C or assembler (``.S``), in the board's folder or the shared one."""
    toolchain: ToolchainSpec
    """How its firmware is compiled."""
    kernels: KernelSet = "portable"
    """Kernels the engine is made of. ``portable``: plain C99. ``dsp``: the DSP instructions of Armv7E-M and Armv8-M
    (Cortex-M4, M7, M33). ``mve``: Helium (Cortex-M55, M85)."""
    frontend: Arithmetic = "float"
    """What the front end calculates with. ``float``: float32. ``fixed``: integers, for cores without floats."""
    memory: MemorySpec | None = None
    """Its memory; None where the operating system provides it."""
    linker_script: SourceName | None = None
    """Linker script, in the board's folder or the shared one; receives the memory map as symbols and may include others
    (``.ld``)."""
    shared: Annotated[str, Field(pattern=r"^\w{1,64}$")] | None = None
    """Folder beside the board's own that has what it shares with other boards; None when it shares nothing."""
    emulator: EmulatorSpec | None = None
    """How to run without the board; None for hardware."""
    tested_on: Line
    """What it was tested on."""

    @property
    def folder(self) -> Path:
        """The board's folder."""
        return boards_folder() / self.name

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the board's files are: its own folder, then the shared one."""
        return (self.folder,) if self.shared is None else (self.folder, boards_folder() / self.shared)

    @property
    def files(self) -> dict[str, Path]:
        """The port's files by name: sources, linker scripts, headers. A board's own file hides the shared one.

        A file that is in neither folder is listed where the board would have it.
        """
        names = {*self.sources, *(path.name for folder in self.folders for path in folder.glob("*.h"))}
        if self.linker_script is not None:
            names |= {self.linker_script, *(path.name for folder in self.folders for path in folder.glob("*.ld"))}
        return {name: self._path(name) for name in sorted(names)}

    @property
    def compiler(self) -> str:
        """Name of the C compiler."""
        return f"{self.toolchain.prefix}gcc"

    def linker_flags(self, folders: Iterable[str | Path]) -> tuple[str, ...]:
        """Return what the compiler must be told to link for this board's memory, with its linker scripts in folders."""
        flags: list[str] = []
        if self.linker_script is not None:
            flags += [*(f"-L{folder}" for folder in folders), "-T", self.linker_script]
        if self.memory is not None:
            flags += [f"-Wl,--defsym={name}={value:#x}" for name, value in self.memory.symbols.items()]
        return tuple(flags)

    def _path(self, name: str) -> Path:
        places = [folder / name for folder in self.folders]
        return next((place for place in places if place.is_file()), places[0])


def boards_folder() -> Path:
    """Return the folder that holds one folder per board."""
    return Path(str(resources.files("asc_kit.boards")))


def board_names() -> tuple[str, ...]:
    """Return the names of all boards, sorted."""
    return tuple(sorted(path.parent.name for path in boards_folder().glob("*/board.toml")))


def load_board(name: str) -> BoardSpec:
    """Read a board's description.

    Raises
    ------
    BoardError
        When there is no such board, or its description is invalid.
    """
    if name not in board_names():
        raise BoardError(f"unknown board {name!r}", hint=f"boards: {', '.join(board_names())}")
    spec = read_record(BoardSpec, boards_folder() / name / "board.toml", error=BoardError)
    if spec.name != name:
        raise BoardError(f"boards/{name}/board.toml is for board {spec.name!r}: the folder must have its name")
    return spec
