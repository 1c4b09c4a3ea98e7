"""Parts: chips, each with a core, memories, a clock, and caches between core and code.

A board has a part, a part has a core. Parts are read from ``boards/parts/<name>.toml``, or from a file of the user's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.errors import BoardError
from asc_kit.hardware.core import RecordWord, core_of_title
from asc_kit.hardware.records import kit_names, load_named
from asc_kit.records.fields import Hertz, Line, PositiveCount
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT

_FOLDER = "parts"
_LARGEST_LINE_SECTORS = 32


def _power_of_two(value: int) -> bool:
    return value & (value - 1) == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSpec:
    """A cache or buffer between the core and its flash."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    lines: Annotated[int, Field(gt=0, le=1 << 16)]
    """Number of lines."""
    line_bytes: Annotated[int, Field(ge=4, le=1024)]
    """Bytes of a line, a power of two."""
    sector_bytes: Annotated[int, Field(ge=4, le=1024)]
    """Bytes of one access to the flash, a power of two; a line is filled sector by sector."""
    ways: Annotated[int, Field(ge=0, le=1 << 16)] = 0
    """Number of places for a line; 0: all."""
    replacement: Literal["lru", "random"] = "lru"
    """The line that makes room: the least recently used, or a random one."""

    def __post_init__(self) -> None:
        if not (_power_of_two(self.line_bytes) and _power_of_two(self.sector_bytes)):
            raise BoardError("line_bytes and sector_bytes of a cache are powers of two")
        if not 1 <= self.line_bytes // self.sector_bytes <= _LARGEST_LINE_SECTORS:
            raise BoardError(f"a line of a cache has 1 to {_LARGEST_LINE_SECTORS} sectors")
        if self.ways and self.lines % self.ways:
            raise BoardError("the lines of a cache are a multiple of its ways")

    @property
    def total_bytes(self) -> int:
        """Bytes that it holds."""
        return self.lines * self.line_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class FlashSpec:
    """The memory of code and constants."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    flash_bytes: PositiveCount
    """Its size."""
    wait_states: Annotated[int, Field(ge=0, le=1000)]
    """Wait states at the part's clock, as its manual counts them."""
    miss_cycles: Annotated[float, Field(ge=0, le=1000)]
    """Cycles that the core waits when a sector is not in the cache."""
    code: CacheSpec
    """Cache of instructions; a part without a cache has at least a buffer."""
    data: CacheSpec | None = None
    """Cache of constants; None if they share `code`'s cache or have none."""
    constants: Literal["own", "with_code", "uncached"] = "uncached"
    """Path of constants: through `data`, through the cache of the code, or past all caches."""
    prefetch: bool = False
    """Whether the next sector is read ahead, so that only jumps wait."""

    def __post_init__(self) -> None:
        if (self.data is not None) != (self.constants == "own"):
            raise BoardError('a part has a cache `data` exactly if its constants are "own"')


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSpec:
    """Errors of the estimate against published measurements of the same machine code on silicon."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    images: PositiveCount
    """Number of images compared."""
    mean: Annotated[float, Field(ge=0, le=1)]
    """Mean of the absolute errors, as a share."""
    worst: Annotated[float, Field(ge=0, le=1)]
    """The largest of them."""
    source: Line
    """Source of the measurements."""


def _name_core(old: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had the core's title."""
    return old | {"core": core_of_title(str(old.get("core", "")))}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSpec:
    """One part. A new part is a new file of data: nothing else changes."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {1: _name_core}
    REMAKE: ClassVar[str] = "a part is written by hand, docs/cycles.md says how"

    schema_version: Literal[2]
    """Version of this record."""
    name: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,31}$")]
    """Name of the file."""
    title: Line
    """Its name, for people."""
    core: RecordWord
    """Name of its processor core, such as cortex-m4f, or ``CORE.toml`` beside this file."""
    clock_hz: Hertz
    """Clock for which the flash's figures hold."""
    ram_bytes: PositiveCount
    """Memory for data; read and written without waiting."""
    flash: FlashSpec | None = None
    """None where code and constants lie in memory without wait states, such as TCM."""
    source: Line
    """Source of the figures, and assumptions."""
    error: ErrorSpec | None = None
    """Errors of estimates on this part; None if they were not checked."""

    @property
    def core_name(self) -> str:
        """Name of its core, without the path of its description."""
        return self.core.removesuffix(".toml")


def part_names() -> tuple[str, ...]:
    """Return the names of all parts that come with the kit, sorted."""
    return kit_names(_FOLDER)


def load_part(word: str, beside: Path = Path()) -> PartSpec:
    """Read a part's description.

    Parameters
    ----------
    word
        Its name, or the path of a file that ends with ``.toml``.
    beside
        Folder that the path is relative to.

    Raises
    ------
    BoardError
        When there is no such part, or its description is invalid.
    """
    return load_named(PartSpec, word, beside, folder=_FOLDER, kind="part")


def parts_with(core: str) -> tuple[PartSpec, ...]:
    """Return the kit's parts that have a core, by its name."""
    return tuple(part for part in map(load_part, part_names()) if part.core == core)


def usual_part(core: str) -> PartSpec | None:
    """Return the part that stands for a core, given by name, if no part is named.

    The kit's part whose estimates were checked on silicon; None where there is none.
    """
    return next((part for part in parts_with(core) if part.error is not None), None)
