"""Build cases into one image of an emulated board and run it; files in and out by semihosting."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from engine_cases import ROOT, compile_objects, runtime_sources

from asc_kit.hardware.board import Board, load_board

BOARD = load_board("qemu-mps2-an386")
EMULATOR = "qemu-system-arm"


def missing_tools() -> str:
    """What is not installed of what these tests need."""
    return ", ".join(program for program in (BOARD.compiler, EMULATOR) if shutil.which(program) is None)


def run_emulated(
    units: Sequence[Path], requests: bytes, output_sizes: Sequence[int], folder: Path, board: Board = BOARD
) -> list[tuple[int, bytes]]:
    """Compile units that define `cases`, boot the image and return instructions and output of every request.

    Parameters
    ----------
    units
        C files, cases.c among them; cases.h lies in `folder`.
    requests
        For each: the number of a case, 32 bits, and its input.
    output_sizes
        Bytes of each request's output.
    folder
        Where to work.
    board
        Where to run; the Cortex-M4F when not given.
    """
    program = [*units, ROOT / "tests" / "support" / "emulated_main.c", *runtime_sources(*board.kernel_sets)]
    data, answers = run_image(program, requests, folder, board), []
    for size in output_sizes:
        answers.append((int.from_bytes(data[:4], "little"), data[4 : 4 + size]))
        data = data[4 + size :]
    assert not data
    return answers


def run_image(
    sources: Sequence[Path], requests: bytes, folder: Path, board: Board, includes: Sequence[Path] = ()
) -> bytes:
    """Compile a program with the board's startup code, boot it, and return what it writes when it reads `requests`."""
    compiler = [board.compiler, *board.toolchain.cflags]
    includes = (*includes, ROOT / "firmware_gen" / "app", *board.folders)
    flags = [*(f"-I{path}" for path in includes), "-ffunction-sections", "-fdata-sections"]
    sources = [*sources, board.files["startup.c"]]
    objects = compile_objects([*compiler, *flags], sources, folder / "objects", folder)
    assert board.emulator is not None
    link = [*board.toolchain.ldflags, *board.linker_flags(board.folders), "-Wl,--gc-sections"]
    image = folder / "image.elf"
    subprocess.run([*compiler, *link, "-o", str(image), *map(str, objects), "-lm"], check=True)
    (folder / "in.bin").write_bytes(requests)
    command = [EMULATOR, *board.emulator.args, "-display", "none", "-monitor", "none"]
    command += ["-serial", "null", "-semihosting-config", "enable=on,target=native", "-kernel", str(image)]
    done = subprocess.run(command, cwd=folder, timeout=300, check=False)
    assert done.returncode == 0, f"the program ended with {done.returncode}: above 100 it is a fault"
    return (folder / "out.bin").read_bytes()
