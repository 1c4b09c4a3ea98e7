"""Micro-programs, each a function, run once on an emulated core and followed by the plugin."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from asc_kit.device_runner.cycles.estimate import Estimate, estimate, memories
from asc_kit.device_runner.cycles.image import read_image
from asc_kit.device_runner.cycles.plugin import plugin_arguments
from asc_kit.device_runner.cycles.trace import read_trace
from asc_kit.hardware.board import Board
from asc_kit.hardware.part import PartSpec

OVERHEAD = 2
"""Cycles of a function with nothing in it: it is branched to, and branches back."""

_HEAD = """
    .syntax unified
    .thumb
    .section .vectors, "a"
    .word stack_top, start
    .text
    .thumb_func
    .global start
    .type start, %function
start:
    ldr r0, =stack_top
    mov sp, r0
"""
_TAIL = """
    movs r0, #0x18
    ldr r1, =0x20026
    bkpt 0xab
    b .
    .ltorg
    .balign 8
    .type rom, %object
rom: .word rom, 2, 3, 4, 5, 6, 7, 8
    .bss
    .balign 8
ram: .space 256
    .space 512
stack_top:
"""
_ENABLE_FPU = """
    ldr r0, =0xE000ED88
    ldr r1, =0xF00000
    str r1, [r0]
    dsb
    isb
"""
_LINK = """
MEMORY {{ FLASH (rx) : ORIGIN = {flash:#x}, LENGTH = 64K
         RAM (rwx) : ORIGIN = {ram:#x}, LENGTH = 64K }}
ENTRY(start)
SECTIONS {{ .text : {{ *(.vectors) *(.text) }} > FLASH  .bss (NOLOAD) : {{ *(.bss) }} > RAM }}
"""


def run_probes(bodies: Mapping[str, str], board: Board, folder: Path, parts: Sequence[PartSpec] = ()) -> Estimate:
    """Run each body once; r1 and r4 point into RAM, r6 into flash, r5 is 8, all others 0 or small."""
    assert board.memory is not None and board.emulator is not None
    fpu = "-mfpu" in " ".join(board.toolchain.cflags)
    calls, functions = "", ""
    for name, body in bodies.items():
        calls += "    ldr r1, =ram + 32\n    ldr r4, =ram + 64\n    ldr r6, =rom\n    movs r5, #8\n"
        calls += "    movs r0, #1\n    movs r2, #2\n    movs r3, #3\n    movs r7, #7\n"
        calls += "    str r4, [r4]\n    str r1, [r1]\n"
        calls += f"    bl {name}\n    .ltorg_here\n"
        functions += f"    .balign 8\n    .thumb_func\n    .type {name}, %function\n{name}:\n{body}\n    bx lr\n"
    calls = calls.replace("    .ltorg_here\n", "    b 1f\n    .ltorg\n1:\n")
    source = folder / "probes.S"
    source.write_text(
        _HEAD
        + (_ENABLE_FPU if fpu else "")
        + calls
        + _TAIL.replace("    .balign 8\n    .type rom", functions + "    .balign 8\n    .type rom")
    )
    script = folder / "probes.ld"
    script.write_text(_LINK.format(flash=board.memory.flash_origin, ram=board.memory.ram_origin))
    path = folder / "probes.elf"
    flags = [flag for flag in board.toolchain.cflags if not flag.startswith("-O")]
    subprocess.run([board.compiler, *flags, "-nostdlib", "-T", str(script), str(source), "-o", str(path)], check=True)
    return follow(path, board, folder / "trace.txt", parts)


def follow(path: Path, board: Board, out: Path, parts: Sequence[PartSpec]) -> Estimate:
    """Run an image that ends by itself, and estimate all of it."""
    assert board.emulator is not None
    image = read_image(path, prefix=board.toolchain.prefix)
    chosen = [replace(part, core=board.core.name) for part in parts]
    command = [board.emulator.program, *board.emulator.args, "-display", "none", "-monitor", "none", "-serial", "null"]
    command += ["-semihosting-config", "enable=on,target=native", "-kernel", str(path)]
    command += plugin_arguments(board, image, memories(chosen), out=out)
    subprocess.run(command, check=True, timeout=60)
    return estimate(read_trace(out), image, board.core, chosen)


def cycles_of(found: Estimate) -> dict[str, float]:
    """Return the cycles of each micro-program, without the call."""
    totals: dict[str, float] = {}
    for key, cost in found.costs.items():
        totals[key.function] = totals.get(key.function, 0.0) + cost.cycles
    return {name: cycles - OVERHEAD for name, cycles in totals.items()}
