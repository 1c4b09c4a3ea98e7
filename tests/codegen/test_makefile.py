"""The firmware folder's Makefile: C and assembler, GCC and Clang, rebuilt when a header changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from tone_bundle import make_tone_bundle

from asc_kit.bundle import Bundle
from asc_kit.firmware_gen.generate import generate
from asc_kit.firmware_gen.write.makefile import image_path, makefile
from asc_kit.hardware.board import Board, board_names, load_board

HEADER = """#define ANSWER 42
#ifndef __ASSEMBLER__
int answer(void);
#endif
"""
ASSEMBLER = """#include "answer.h"
    .syntax unified
    .section .text.answer, "ax", %progbits
    .global answer
    .type answer, %function
answer:
    movs r0, #ANSWER
    bx lr
    .size answer, . - answer
"""
MAIN = """#include "answer.h"
int main(void) { return answer(); }
"""
CORTEX_M = [name for name in board_names() if load_board(name).toolchain.prefix == "arm-none-eabi-"]


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name} | {"LC_ALL": "C"}
    command = ["make", "--no-print-directory", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def hosted(board: Board) -> Board:
    """A board without a port: its core and compiler, and the C library's own start-up."""
    toolchain = replace(board.toolchain, ldflags=("--specs=nosys.specs",))
    return replace(board, memory=None, linker_script=None, toolchain=toolchain)


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs the Arm GNU toolchain")
@pytest.mark.parametrize("name", CORTEX_M)
def test_assembler_sources(name: str, tmp_path: Path) -> None:
    """Preprocessed, assembled for the board's core, and assembled again when a header changes."""
    board = hosted(load_board(name))
    for folder, files in {"engine": {"answer.h": HEADER, "answer.S": ASSEMBLER}, "app": {"main.c": MAIN}}.items():
        (tmp_path / folder).mkdir()
        for file, text in files.items():
            (tmp_path / folder / file).write_text(text)
    (tmp_path / "board").mkdir()
    (tmp_path / "Makefile").write_bytes(makefile(board, ("app/main.c", "engine/answer.S")))
    first = make(tmp_path)
    assert (first.returncode, "warning" in first.stderr) == (0, False), first.stderr
    dump = ["arm-none-eabi-objdump", "-d", "--disassemble=answer", str(tmp_path / image_path(board))]
    listing = subprocess.run(dump, capture_output=True, text=True, check=True).stdout
    assert "#42" in listing
    assert "up to date" in make(tmp_path).stdout
    (tmp_path / "engine" / "answer.h").write_text(HEADER.replace("42", "41"))
    os.utime(tmp_path / "engine" / "answer.h", (2**31, 2**31))
    assert make(tmp_path).returncode == 0
    assert "#41" in subprocess.run(dump, capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(shutil.which("clang") is None, reason="clang is not installed")
def test_clang_builds_the_firmware_of_this_machine_without_a_warning(tmp_path: Path) -> None:
    bundle = Bundle.open(make_tone_bundle(tmp_path / "bundle"))
    generate(bundle, load_board("host"), tmp_path / "fw")
    done = make(tmp_path / "fw", "CC=clang")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "fw" / "build" / "firmware").is_file()
    # and what it built is what runs: clang names itself in the image
    assert b"clang version" in (tmp_path / "fw" / "build" / "firmware").read_bytes()
