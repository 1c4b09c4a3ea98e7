"""Boards: data from ``boards/<name>/board.toml``, or from a folder of the user's.

A board names its part or its core; both are records of their own (`part.py`, `core.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.errors import BoardError
from asc_kit.hardware.core import Arithmetic as Arithmetic
from asc_kit.hardware.core import CoreSpec, RecordWord, ToolchainSpec, core_names, core_of_title, load_core
from asc_kit.hardware.core import KernelSetName as KernelSetName
from asc_kit.hardware.part import PartSpec, load_part, part_names, parts_with
from asc_kit.hardware.places import BOARD_FILE, USER_BOARDS, boards_folder, folder_faults, offer, user_folders
from asc_kit.hardware.target import TargetKind
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
    PositiveCount,
    SourceName,
    require,
)
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT, read_record

TimerKind = Literal["cycles", "instructions", "ns"]
Optimize = Literal["speed", "size"]
"""Preference of an engine where the two conflict: fewer instructions, or fewer bytes of constants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardToolchain:
    """Differences in compiling a board's firmware from all firmware for its core."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    prefix: MakeWord | None = None
    """Prefix of the tools' names; None for the core's."""
    cflags: MakeWords = ("-O2",)
    """Flags after those of the core, the optimization among them."""
    ldflags: MakeWords | None = None
    """Further flags for linking; None for the core's."""
    libraries: MakeWords | None = None
    """Libraries, after the objects; None for the core's."""

    def complete(self, core: ToolchainSpec) -> ToolchainSpec:
        """Return the toolchain of a board with this core."""
        return ToolchainSpec(
            prefix=core.prefix if self.prefix is None else self.prefix,
            cflags=(*core.cflags, *self.cflags),
            ldflags=core.ldflags if self.ldflags is None else self.ldflags,
            libraries=core.libraries if self.libraries is None else self.libraries,
            packages=core.packages if self.prefix in (None, core.prefix) else (),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySpec:
    """The memory that firmware may use."""

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
    """Bytes of the data memory that are kept for the stack."""
    constants_origin: Address = 0
    """First address of a second memory for the model's constants, if they are not in the code memory."""
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
class BoardFacts:
    """The facts in ``board.toml`` about the board itself, whatever its core."""

    name: Annotated[str, Field(pattern=rf"^{BOARD_NAME}$")]
    """Name of the folder, which the board also gives as its name in HELLO."""
    title: Line
    """Its name, for people."""
    timer: TimerKind
    """Unit of its timer: cycles on silicon, instructions in an emulator, ns on a host."""
    clock_hz: Hertz
    """Timer counts per second (of virtual time in an emulator); the wire has 32 bits for them."""
    sources: Annotated[tuple[SourceName, ...], Field(max_length=1000)]
    """Files of the port to compile, C or assembler (``.S``), in the board's folder or the shared one."""
    memory: MemorySpec | None = None
    """Its memory; None where the operating system provides it."""
    linker_script: SourceName | None = None
    """Linker script, in the board's folder or the shared one; receives the memory map as symbols and may include others
    (``.ld``)."""
    emulator: EmulatorSpec | None = None
    """How to run without the board; None for hardware."""
    tested_on: Line
    """The hardware or emulator that it was tested on."""


_RANKED: tuple[KernelSetName, ...] = ("portable", "dsp", "mve")


def _name_core(old: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had the core's title and facts; flags that the core has too may stand there twice."""
    best = old.pop("kernels", "portable")
    ranked = _RANKED[: _RANKED.index(best) + 1] if best in _RANKED else (best,)
    return {"frontend": "float"} | old | {"core": core_of_title(str(old.get("core", ""))), "kernels": [*ranked[::-1]]}


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSpec(BoardFacts):
    """The content of ``board.toml``. A new board is a new folder of data: nothing else changes."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {1: _name_core}
    REMAKE: ClassVar[str] = "a board is written by hand, docs/boards.md says how"

    schema_version: Literal[2]
    """Version of this record."""
    core: RecordWord | None = None
    """Name of its processor core, such as cortex-m4f, or ``CORE.toml`` beside this file; None if `part` names it."""
    part: RecordWord | None = None
    """Name of its chip, such as stm32l4r5, or ``PART.toml`` beside this file; None for no particular chip."""
    toolchain: BoardToolchain = BoardToolchain()
    """In what its firmware is compiled differently from all firmware for its core."""
    kernels: Annotated[tuple[KernelSetName, ...], Field(min_length=1, max_length=16)] | None = None
    """Kernel sets for it, the usual one first; None for the core's."""
    frontend: Arithmetic | None = None
    """Arithmetic of the front end; None for the core's."""
    shared: Annotated[str, Field(pattern=r"^\w{1,64}$")] | None = None
    """Folder of files that it shares with other boards, beside the board's own or among the kit's; None if it shares
    none."""

    def __post_init__(self) -> None:
        require(
            (
                (self.core is None) != (self.part is None),
                "a board names its part, or its core where it is no part in particular: one of `part` and `core`",
            ),
            error=BoardError,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Board(BoardFacts):
    """A board with its core, its part and its folders."""

    core: CoreSpec
    """Its processor core."""
    part: PartSpec | None
    """Its chip; None for no particular chip."""
    toolchain: ToolchainSpec
    """How its firmware is compiled: by the core's needs and the board's additions."""
    kernel_sets: tuple[KernelSetName, ...]
    """Kernel sets for its firmware, the usual one first."""
    frontend: Arithmetic
    """Arithmetic of the front end."""
    folders: tuple[Path, ...]
    """Folders of its files: its own, then the shared one."""

    @property
    def folder(self) -> Path:
        """The board's own folder."""
        return self.folders[0]

    @property
    def kind(self) -> TargetKind:
        """Kind of target: a board."""
        return "board"

    @property
    def kernels(self) -> KernelSetName:
        """Kernel set of its engine, unless the user names another."""
        return self.kernel_sets[0]

    @property
    def files(self) -> dict[str, Path]:
        """The port's files by name: sources, linker scripts, headers. A board's own file hides the shared one.

        A file that is in neither folder is listed in the board's own.
        """
        names = {*self.sources, *(path.name for folder in self.folders for path in folder.glob("*.h"))}
        if self.linker_script is not None:
            names |= {self.linker_script, *(path.name for folder in self.folders for path in folder.glob("*.ld"))}
        return {name: self._path(name) for name in sorted(names)}

    @property
    def compiler(self) -> str:
        """Name of the C compiler."""
        return self.toolchain.compiler

    def linker_flags(self, folders: Iterable[str | Path]) -> tuple[str, ...]:
        """Return the compiler's flags for linking into this board's memory, with its linker scripts in folders."""
        flags: list[str] = []
        if self.linker_script is not None:
            flags += [*(f"-L{folder}" for folder in folders), "-T", self.linker_script]
        if self.memory is not None:
            flags += [f"-Wl,--defsym={name}={value:#x}" for name, value in self.memory.symbols.items()]
        return tuple(flags)

    def with_part(self, part: PartSpec) -> Board:
        """Return the board with another part of the same core: what cycles are estimated for, and kernels chosen by.

        Raises
        ------
        BoardError
            When the part has another core.
        """
        if part.core_name != self.core.name:
            names = ", ".join(part.name for part in parts_with(self.core.name)) or "none"
            raise BoardError(
                f"part {part.name} has a {part.core_name}, board {self.name} a {self.core.name}",
                hint=f"parts with that core: {names}",
            )
        return replace(self, part=part)

    def with_core(self, core: CoreSpec) -> Board:
        """Return the board with another core, such as one that runs a part of its core's instructions."""
        return replace(
            self,
            core=core,
            part=None,
            toolchain=BoardToolchain().complete(core.toolchain),
            kernel_sets=core.kernels,
            frontend=core.frontend,
        )

    def _path(self, name: str) -> Path:
        places = [folder / name for folder in self.folders]
        return next((place for place in places if place.is_file()), places[0])


def board_paths() -> tuple[Path, ...]:
    """Return the ``board.toml`` of every named board: the kit's and those in ASC_KIT_BOARDS, sorted."""
    paths = [path for folder in (boards_folder(), *user_folders()) for path in folder.glob(f"*/{BOARD_FILE}")]
    # a folder that ASC_KIT_BOARDS names twice holds its boards once
    return tuple(sorted({path.resolve(): path for path in paths}.values(), key=lambda path: path.parent.name))


def board_names() -> tuple[str, ...]:
    """Return the names of all named boards, sorted, whether their descriptions are valid or not."""
    return tuple(dict.fromkeys(path.parent.name for path in board_paths()))


def load_board(word: str) -> Board:
    """Read a board's description.

    Parameters
    ----------
    word
        Its name, or the path of its ``board.toml`` or of the folder that holds it, such as ``./NAME``.

    Raises
    ------
    BoardError
        When there is no such board, or its description is invalid.
    """
    path = Path(word)
    if path.suffix == ".toml":
        return read_board(path)
    if path.name != word or word == "..":
        if not (path / BOARD_FILE).is_file():
            expected = f"expected a {BOARD_FILE}, or a folder that holds one"
            raise BoardError(f"{word} is no board: {expected}", hint=f"a board to copy: {boards_folder() / 'TEMPLATE'}")
        return read_board(path / BOARD_FILE)
    places = _places(word)
    if not places:
        if (path / BOARD_FILE).is_file():
            raise BoardError(f"unknown board {word!r}", hint=f"the folder here is --board ./{word}")
        hint = f"{offer(word, board_names(), 'boards')} Or a path: --board FOLDER/{BOARD_FILE}"
        for kind, names in (("part", part_names()), ("core", core_names())):
            if word in names:
                hint = f"{word} is a {kind}: for firmware without a board give --{kind} {word}"
        hint = ". ".join((hint, *folder_faults()))
        raise BoardError(f"unknown board {word!r}", hint=hint)
    return _read_named(places)


def survey_boards() -> dict[Path, Board | str]:
    """Return all named boards, by their ``board.toml``; in place of an invalid board, its fault.

    A board with a fault never hides the others.
    """
    boards: dict[Path, Board | str] = {}
    for path in board_paths():
        try:
            boards[path] = _read_named(_places(path.parent.name))
        except BoardError as failure:
            boards[path] = failure.message
    return boards


def read_board(path: Path) -> Board:
    """Read a ``board.toml``, and the core and part that it names.

    Raises
    ------
    BoardError
        When one of the three is missing or invalid, or the board claims more memory than the part has.
    """
    spec = read_record(BoardSpec, path, error=BoardError)
    folder = path.parent
    try:
        part = load_part(spec.part, folder) if spec.part is not None else None
        # a part of the kit names a core of the kit; one beside the board may name a core beside it
        core = load_core(spec.core or (part.core if part is not None else ""), folder)
        kernel_sets = core.kernels if spec.kernels is None else _runnable(spec.kernels, core)
        _check_memory(spec.memory, part)
        folders = (folder,) if spec.shared is None else (folder, _shared_folder(spec.shared, folder))
    except BoardError as failure:
        raise BoardError(f"{path}: {failure.message}", hint=failure.hint) from None
    return Board(
        name=spec.name,
        title=spec.title,
        timer=spec.timer,
        clock_hz=spec.clock_hz,
        sources=spec.sources,
        memory=spec.memory,
        linker_script=spec.linker_script,
        emulator=spec.emulator,
        tested_on=spec.tested_on,
        core=core,
        part=part,
        toolchain=spec.toolchain.complete(core.toolchain),
        kernel_sets=kernel_sets,
        frontend=core.frontend if spec.frontend is None else spec.frontend,
        folders=folders,
    )


def find_board(name: str) -> Board | None:
    """Return the description of a board by the name that it answered with, if there is one."""
    return load_board(name) if name in board_names() else None


def _places(name: str) -> list[Path]:
    return [path for path in board_paths() if path.parent.name == name]


def _read_named(places: list[Path]) -> Board:
    name = places[0].parent.name
    if len(places) > 1:
        raise BoardError(
            f"there are {len(places)} boards of the name {name}: {', '.join(str(place.parent) for place in places)}",
            hint=f"give the path of one to --board, or take the other out of {USER_BOARDS}",
        )
    board = read_board(places[0])
    if board.name != name:
        raise BoardError(f"{places[0]} is for board {board.name!r}: the folder must have its name")
    return board


def _runnable(kernels: tuple[KernelSetName, ...], core: CoreSpec) -> tuple[KernelSetName, ...]:
    beyond = [name for name in kernels if name not in core.kernels]
    if beyond:
        raise BoardError(
            f"core {core.name} cannot run the kernels {', '.join(beyond)}. It runs: {', '.join(core.kernels)}"
        )
    return kernels


def _check_memory(memory: MemorySpec | None, part: PartSpec | None) -> None:
    if memory is None or part is None:
        return
    sizes = [("ram_bytes", memory.ram_bytes, part.ram_bytes)]
    if part.flash is not None:
        sizes.append(("flash_bytes", memory.flash_bytes, part.flash.flash_bytes))
    for name, claimed, there in sizes:
        if claimed > there:
            raise BoardError(f"{name} = {claimed:,} is more than part {part.name} has: {there:,}")


def _shared_folder(name: str, folder: Path) -> Path:
    places = (folder.resolve().parent / name, boards_folder() / name)
    shared = next((place for place in places if place.is_dir()), None)
    if shared is None:
        raise BoardError(f"there is no folder {name} that it shares, neither {places[0]} nor {places[1]}")
    return shared
