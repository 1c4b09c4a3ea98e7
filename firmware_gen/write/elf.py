"""Sizes of a built image, from its symbols and sections."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asc_kit.hardware.elf import open_elf

_ALLOCATED = 0x2  # SHF_ALLOC
_STACK_SECTION = ".stack"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSizes:
    """Bytes of an image."""

    code_bytes: int
    """Functions of the network: kernels and driver."""
    frontend_code_bytes: int
    """Functions of the front end."""
    flash_bytes: int
    """All that is stored: code, constants, initial values."""
    ram_bytes: int
    """All variables, without the stack."""


def image_sizes(image: Path, engine_objects: Iterable[Path], frontend_objects: Iterable[Path]) -> ImageSizes:
    """Measure an image.

    Parameters
    ----------
    image
        The linked image, with symbols.
    engine_objects, frontend_objects
        Object files whose functions are counted, as far as the linker kept them.
    """
    with open_elf(image) as elf:
        linked = dict(_functions(elf))
        flash = ram = 0
        for section in elf.iter_sections():
            if not section["sh_flags"] & _ALLOCATED or section.name == _STACK_SECTION:
                continue
            stored = section["sh_type"] != "SHT_NOBITS"
            flash += section["sh_size"] if stored else 0
            ram += section["sh_size"] if section.name in (".data", ".bss") else 0
    return ImageSizes(
        code_bytes=_linked_bytes(engine_objects, linked),
        frontend_code_bytes=_linked_bytes(frontend_objects, linked),
        flash_bytes=flash,
        ram_bytes=ram,
    )


def _linked_bytes(objects: Iterable[Path], linked: dict[str, int]) -> int:
    total = 0
    for path in objects:
        with open_elf(path) as elf:
            total += sum(size for name, size in _functions(elf) if linked.get(name) == size)
    return total


def _functions(elf: Any) -> Iterator[tuple[str, int]]:
    table = elf.get_section_by_name(".symtab")
    if table is None:
        return
    for symbol in table.iter_symbols():
        if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_size"]:
            yield symbol.name, int(symbol["st_size"])
