"""The instructions and symbols of a linked image."""

from __future__ import annotations

import bisect
import re
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asc_kit.errors import ToolError
from asc_kit.hardware.elf import open_elf

from .instruction import Instruction, decode, unknown

_LINE = re.compile(r"^\s*([0-9a-f]+):\t([0-9a-f ]+?)\s*\t(\S+)(?:\t(.*))?$")
_CONSTANT = re.compile(r"^(?:asc_)?step_(\d+)(?:_\w+)?(?:\.\d+)?$")
"""Parameters (step_8) and constants (asc_step_8_stream) of an operator; a compiler may add a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A function or a constant."""

    name: str
    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The parts of an image that an estimate needs."""

    instructions: dict[int, Instruction]
    """Instructions by address."""
    functions: tuple[Symbol, ...]
    """Functions, in the order of their addresses."""
    constants: tuple[tuple[Symbol, int], ...]
    """Constants of operators, and the operators' numbers, in the order of their addresses."""

    def function_at(self, address: int) -> str:
        """Return the name of the function at an address."""
        place = bisect.bisect_right(self.functions, address, key=lambda symbol: symbol.start) - 1
        return self.functions[place].name if place >= 0 else "?"

    def entry(self, name: str) -> int:
        """Return the address of a function.

        Raises
        ------
        ToolError
            If the image has no function of that name.
        """
        for symbol in self.functions:
            if symbol.name == name:
                return symbol.start
        raise ToolError(f"the image has no function {name}, so its cycles cannot be estimated")


def read_image(path: Path, *, prefix: str) -> Image:
    """Read an image with the tools of a toolchain.

    Parameters
    ----------
    path
        The image, with symbols.
    prefix
        Prefix of the tools' names, such as ``arm-none-eabi-``.
    """
    with open_elf(path) as elf:
        symbols = [(kind, symbol) for kind, symbol in _symbols(elf)]
        # without this option, objdump misreads Helium
        machine = ("-m", "armv8.1-m.main") if _has_helium(elf) else ()
    functions = {symbol.start & ~1: symbol for kind, symbol in symbols if kind == "STT_FUNC"}
    constants = [
        (symbol, int(match[1]))
        for kind, symbol in symbols
        if kind == "STT_OBJECT" and symbol.size and (match := _CONSTANT.match(symbol.name))
    ]
    return Image(
        instructions={
            instruction.address: instruction for instruction in _disassemble(path, f"{prefix}objdump", machine)
        },
        functions=tuple(
            Symbol(name=functions[start].name, start=start, size=functions[start].size) for start in sorted(functions)
        ),
        constants=tuple(sorted(constants, key=lambda item: item[0].start)),
    )


def _symbols(elf: Any) -> Iterator[tuple[str, Symbol]]:
    table = elf.get_section_by_name(".symtab")
    for symbol in table.iter_symbols() if table is not None else ():
        yield (
            symbol["st_info"]["type"],
            Symbol(name=symbol.name, start=int(symbol["st_value"]), size=int(symbol["st_size"])),
        )


def _has_helium(elf: Any) -> bool:
    section = elf.get_section_by_name(".ARM.attributes")
    if section is None:
        return False
    return any(
        attribute.tag == "TAG_MVE_ARCH" and attribute.value
        for part in section.iter_subsections()
        for block in part.iter_subsubsections()
        for attribute in block.iter_attributes()
    )


def _disassemble(path: Path, objdump: str, machine: Iterable[str]) -> Iterator[Instruction]:
    command = [objdump, "-d", "-w", *machine, str(path)]
    try:
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except FileNotFoundError:
        raise ToolError(f"the disassembler {objdump} is not installed", hint="asc-kit doctor") from None
    except subprocess.CalledProcessError as failure:
        raise ToolError(f"{objdump} cannot read {path}: {failure.stderr.strip()}") from failure
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        address, size = int(match[1], 16), len(match[2].replace(" ", "")) // 2
        if match[3].startswith("<UNDEFINED>") or "<UNDEFINED>" in line:
            # Binutils 2.40 does not know CSEL, CSINC and the like of Armv8.1-M
            yield unknown(address, size)
        elif not match[3].startswith((".", "<")):
            yield decode(address, size, match[3], match[4] or "")
