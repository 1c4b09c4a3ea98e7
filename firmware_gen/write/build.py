"""Compile a firmware folder with the board's toolchain and measure the image."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from asc_kit.errors import ModelError, ToolError
from asc_kit.firmware import MANIFEST, FirmwareManifest, FirmwareMemory, read_firmware
from asc_kit.hardware.board import Board, MemorySpec
from asc_kit.records.record import write_json

from .elf import ImageSizes, image_sizes
from .makefile import image_path

_ERROR = re.compile(r"\berror: |\bundefined reference\b|No such file", re.IGNORECASE)
_DISK_FULL = "No space left on device"
_OVERFLOW = re.compile(r"region [`'](\w+)' overflowed by (\d+) bytes")
_REGIONS = {"FLASH": "code memory", "RAM": "data memory, the stack included", "CONSTANTS": "memory for constants"}
_FRONTEND_PREFIXES = ("asc_frontend", "asc_fft", "asc_listen")
_SHOWN_LINES = 12
_POINTER_BYTES = 4
_SMALLER = "take a smaller model, or a board with more memory: asc-kit boards"
_SMALLER_WEIGHTS = f"{_SMALLER}. --optimize size stores the weights of DSP kernels in 8 bits, not 16"
_MAKE_VARIABLES = ("MAKEFLAGS", "GNUMAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")


def build(folder: Path, board: Board) -> FirmwareManifest:
    """Compile the firmware in a folder and complete its manifest.

    Returns
    -------
    FirmwareManifest
        With image and sizes; also written to the folder.

    Raises
    ------
    ToolError
        When make or the compiler is missing, or the compiler fails.
    ModelError
        When the image does not fit into the board's memory.
    """
    manifest = read_firmware(folder)
    _require("make", "sudo apt-get install make")
    _require(board.compiler, board.toolchain.remedy)
    # a make that runs this command has variables and job slots of its own, which must not reach ours
    environment = {name: value for name, value in os.environ.items() if name not in _MAKE_VARIABLES}
    # the linker's messages are read below, so they must be in English
    environment["LC_ALL"] = "C"
    done = subprocess.run(
        ["make", "-j2", "--no-print-directory"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        raise _failure(done.stdout + done.stderr, board)
    image = image_path(board)
    objects = sorted((folder / "build" / "engine").glob("*.o"))
    frontend = [path for path in objects if path.name.startswith(_FRONTEND_PREFIXES)]
    sizes = image_sizes(folder / image, [path for path in objects if path not in frontend], frontend)
    manifest = replace(manifest, image=image, memory=_with_sizes(manifest.memory, sizes))
    write_json(folder / MANIFEST, manifest)
    return manifest


def check_fit(memory: FirmwareMemory, most_rows: int, board: Board) -> None:
    """Check that a model fits a board, as far as the board's memory is known.

    Raises
    ------
    ModelError
        As of `check_memory` and `check_stack`.
    """
    if board.memory is not None:
        check_memory(memory, board.memory, f"board {board.name}")
        check_stack(most_rows, board.memory, f"board {board.name}")


def check_memory(memory: FirmwareMemory, board: MemorySpec, where: str) -> None:
    """Check that a model's own needs fit a board, before anything is compiled.

    Raises
    ------
    ModelError
        Naming what the model needs and what the board has.
    """
    ram = memory.arena_bytes + memory.frontend_bytes + board.stack_bytes
    if ram > board.ram_bytes:
        raise ModelError(
            f"the model does not fit {where}: it needs {ram:,} bytes of data memory (arena {memory.arena_bytes:,}, "
            f"front end {memory.frontend_bytes:,}, stack {board.stack_bytes:,}), the board has {board.ram_bytes:,}",
            hint=_SMALLER,
        )
    if board.constants_bytes and memory.weight_bytes > board.constants_bytes:
        raise ModelError(
            f"the model does not fit {where}: it needs {memory.weight_bytes:,} bytes of memory for constants, the "
            f"board has {board.constants_bytes:,}",
            hint=_SMALLER_WEIGHTS,
        )
    flash = memory.frontend_table_bytes + (0 if board.constants_bytes else memory.weight_bytes)
    if flash > board.flash_bytes:
        raise ModelError(
            f"the model does not fit {where}: it needs {flash:,} bytes of code memory for constants alone (weights "
            f"{memory.weight_bytes:,}, front end {memory.frontend_table_bytes:,}), the board has {board.flash_bytes:,}",
            hint=_SMALLER_WEIGHTS,
        )


def check_stack(most_rows: int, board: MemorySpec, where: str) -> None:
    """Check that pointers to all rows of a window take no more than half of the stack.

    Raises
    ------
    ModelError
        Naming how many there are.
    """
    pointers = most_rows * _POINTER_BYTES
    if pointers > board.stack_bytes // 2:
        raise ModelError(
            f"the model does not fit {where}: a window of {most_rows:,} rows needs {pointers:,} bytes of stack for "
            f"pointers alone, the board has {board.stack_bytes:,} in all",
            hint="pool in steps, or take a MEAN over rows, which needs none",
        )


def _require(program: str, remedy: str) -> None:
    if shutil.which(program) is None:
        raise ToolError(f"{program} is not installed", hint=remedy)


def _failure(output: str, board: Board) -> ModelError | ToolError:
    overflow = _OVERFLOW.findall(output)
    if overflow:
        parts = [f"{_REGIONS.get(region, region)} by {int(size):,} bytes" for region, size in overflow]
        memory = board.memory
        has = f"; the board has {memory.flash_bytes:,} and {memory.ram_bytes:,}" if memory is not None else ""
        return ModelError(
            f"the firmware does not fit {board.name}: it exceeds {' and '.join(parts)}{has}",
            hint=_SMALLER_WEIGHTS if any(region != "RAM" for region, _ in overflow) else _SMALLER,
        )
    if _DISK_FULL in output:
        return ToolError(
            f"{board.compiler} had no room on the disk for what it writes",
            hint="make room where --out is and in the temporary folder, or choose another --out",
        )
    # without the commands themselves, whose flags mention errors too
    lines = [line for line in output.splitlines() if _ERROR.search(line)] or output.splitlines()
    shown = "\n    ".join(lines[:_SHOWN_LINES])
    return ToolError(
        f"{board.compiler} failed:\n    {shown}", hint="asc-kit doctor says whether the toolchain is complete"
    )


def _with_sizes(memory: FirmwareMemory, sizes: ImageSizes) -> FirmwareMemory:
    return replace(
        memory,
        code_bytes=sizes.code_bytes,
        frontend_code_bytes=sizes.frontend_code_bytes,
        image_flash_bytes=sizes.flash_bytes,
        image_ram_bytes=sizes.ram_bytes,
    )
