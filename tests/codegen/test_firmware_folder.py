"""The firmware folder: complete, the same every time, compiled without a warning, and refused where it must be."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from engine_cases import INCLUDES, WARNINGS, runtime_sources, write_engine
from int8_case import Case
from reference_networks import cp_mobile
from tone_bundle import FRONTEND, LABELS, make_tone_bundle

from asc_kit.bundle import Bundle
from asc_kit.cli import cli
from asc_kit.errors import AscKitError, BundleError, ModelError, ToolError
from asc_kit.firmware import read_firmware
from asc_kit.firmware_gen.c_text import c_comment, c_float, c_string
from asc_kit.firmware_gen.generate import generate
from asc_kit.firmware_gen.write.build import build
from asc_kit.firmware_gen.write.sources import firmware_id
from asc_kit.hardware.board import Board, KernelSetName, load_board
from asc_kit.records.record import write_json


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.open(make_tone_bundle(tmp_path_factory.mktemp("bundle")))


@pytest.fixture(scope="module")
def host() -> Board:
    return load_board("host")


@pytest.fixture(scope="module")
def arm() -> Board:
    return load_board("qemu-mps2-an386")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_two_runs_give_the_same_bytes(bundle: Bundle, arm: Board, tmp_path: Path) -> None:
    first = generate(bundle, arm, tmp_path / "one")
    second = generate(bundle, arm, tmp_path / "elsewhere" / "two")
    files = contents(tmp_path / "one")
    assert files == contents(tmp_path / "elsewhere" / "two")
    assert first == second == read_firmware(tmp_path / "one")
    assert set(first.sources) == {name for name in files if name.endswith((".c", ".S"))} - {"example/main.c"}
    assert {"engine/asc_model.h", "app/asc_build.h", "app/asc_protocol.h", "plan.json", "Makefile"} <= set(files)
    for name, data in files.items():
        assert str(tmp_path).encode() not in data, name
        assert str(Path.home()).encode() + b"/" not in data, name
    header = files["engine/asc_model.h"].decode()
    assert bundle.manifest.model_sha256 in header
    assert FRONTEND.spec_id in header
    assert f"#define ASC_N_LABELS {len(LABELS)}" in header
    # on one screen: 66 lines, and 14 for status answers, pieces, placement and what must fit
    assert len(header.splitlines()) <= 80
    # kernels that the network does not need are left out
    assert "engine/asc_fully_connected_dsp.S" in files
    assert "engine/asc_softmax_s8.c" not in files


def test_the_fingerprint_is_of_flags_core_and_kernels_too(bundle: Bundle, arm: Board, tmp_path: Path) -> None:
    """The same sources make another image with other flags, for another core or memory: it must not pass for this."""
    assert arm.memory is not None
    flags = replace(arm.toolchain, cflags=(*arm.toolchain.cflags, "-O3"))
    variants = {
        "board": arm,
        "flags": replace(arm, toolchain=flags),
        "linker flags": replace(arm, toolchain=replace(arm.toolchain, ldflags=())),
        "compiler": replace(arm, toolchain=replace(arm.toolchain, prefix="other-")),
        "core": replace(arm, core=replace(arm.core, name="cortex-m4x")),
        "memory": replace(arm, memory=replace(arm.memory, ram_bytes=arm.memory.ram_bytes - 8)),
    }
    ids = {name: generate(bundle, board, tmp_path / name).firmware_id for name, board in variants.items()}
    assert len(set(ids.values())) == len(ids), ids
    assert len({firmware_id({}, "m4", "dsp"), firmware_id({}, "m4", "portable"), firmware_id({}, "m", "4dsp")}) == 3


def test_the_fingerprint_is_of_the_sources(bundle: Bundle, arm: Board, host: Board, tmp_path: Path) -> None:
    other = generate(bundle, host, tmp_path / "host")
    assert generate(bundle, arm, tmp_path / "arm").firmware_id != other.firmware_id
    digits = bytes.fromhex(other.firmware_id)
    expected = "{" + ", ".join(f"0x{byte:02x}" for byte in digits) + "}"
    assert f"#define ASC_FIRMWARE_ID_BYTES {expected}" in (tmp_path / "host" / "app" / "asc_build.h").read_text()


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_build_measures_the_image(bundle: Bundle, host: Board, tmp_path: Path) -> None:
    manifest = generate(bundle, host, tmp_path / "fw", compile_it=True)
    assert manifest == read_firmware(tmp_path / "fw")
    assert manifest.image == "build/firmware"
    assert (tmp_path / "fw" / manifest.image).stat().st_mode & 0o100
    memory = manifest.memory
    assert memory.weight_bytes == 3 * 512 + 3 * 4 + 4 + 1  # weights, biases, one multiplier, one shift
    assert memory.arena_bytes == 512 + 4  # the input, and 3 outputs
    assert memory.code_bytes is not None and 200 < memory.code_bytes < 4000
    assert memory.frontend_code_bytes is not None and 1000 < memory.frontend_code_bytes < 20000
    assert memory.image_flash_bytes is not None and memory.image_flash_bytes > memory.frontend_table_bytes
    assert memory.image_ram_bytes is not None and memory.image_ram_bytes > memory.arena_bytes
    assert build(tmp_path / "fw", host) == manifest  # again: nothing to do


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs the Arm GNU toolchain")
def test_cortex_m_image(bundle: Bundle, arm: Board, tmp_path: Path) -> None:
    memory = generate(bundle, arm, tmp_path / "fw", compile_it=True).memory
    assert memory.code_bytes is not None and 100 < memory.code_bytes < 2000
    sizes = subprocess.run(
        ["arm-none-eabi-size", str(tmp_path / "fw" / "build" / "firmware.elf")], capture_output=True, text=True
    ).stdout.split()
    text, data, bss = (int(size) for size in sizes[6:9])
    assert memory.image_flash_bytes == text + data
    assert arm.memory is not None
    assert memory.image_ram_bytes == data + bss - arm.memory.stack_bytes


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs the Arm GNU toolchain")
def test_what_only_the_linker_sees(bundle: Bundle, arm: Board, tmp_path: Path) -> None:
    """The model alone fits, the image does not: code memory for less than the program."""
    assert arm.memory is not None
    small = replace(arm, memory=replace(arm.memory, flash_bytes=12_000))
    with pytest.raises(ModelError, match=r"exceeds code memory by [\d,]+ bytes; the board has 12,000"):
        generate(bundle, small, tmp_path / "fw", compile_it=True)
    assert not (tmp_path / "fw").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs the Arm GNU toolchain")
def test_weights_lie_in_the_memory_for_constants(bundle: Bundle, tmp_path: Path) -> None:
    board = load_board("qemu-mps3-an547")
    memory = board.memory
    assert memory is not None and memory.constants_bytes
    needed = generate(bundle, board, tmp_path / "fw", compile_it=True).memory
    sections = subprocess.run(
        ["arm-none-eabi-objdump", "-h", str(tmp_path / "fw" / "build" / "firmware.elf")], capture_output=True, text=True
    ).stdout
    size, address = next(line.split()[2:4] for line in sections.splitlines() if " .constants " in line)
    assert int(address, 16) == memory.constants_origin
    assert 0 <= int(size, 16) - needed.weight_bytes < 16  # what lies there is aligned
    small = replace(board, memory=replace(memory, constants_bytes=1500))
    with pytest.raises(ModelError, match=r"needs [\d,]+ bytes of memory for constants, the board has 1,500"):
        generate(bundle, small, tmp_path / "none")


@pytest.mark.parametrize(
    ("field", "size", "message"),
    [
        ("ram_bytes", 17_000, r"needs [\d,]+ bytes of data memory \(arena [\d,]+, .*the board has 17,000"),
        ("flash_bytes", 3000, r"needs [\d,]+ bytes of code memory .*the board has 3,000"),
    ],
)
def test_a_model_too_large_for_the_board(
    bundle: Bundle, arm: Board, tmp_path: Path, field: str, size: int, message: str
) -> None:
    assert arm.memory is not None
    small = replace(arm, memory=replace(arm.memory, **{field: size}))
    with pytest.raises(ModelError, match=message) as caught:
        generate(bundle, small, tmp_path / "fw")
    # weights may be stored in fewer bits, activations not
    assert caught.value.hint is not None and ("--optimize size" in caught.value.hint) == (field == "flash_bytes")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_toolchain(bundle: Bundle, arm: Board, tmp_path: Path) -> None:
    missing = replace(arm, toolchain=replace(arm.toolchain, prefix="no-such-"))
    with pytest.raises(ToolError, match="no-such-gcc is not installed") as caught:
        generate(bundle, missing, tmp_path / "fw", compile_it=True)
    assert "apt-get install" in str(caught.value.hint)
    assert not (tmp_path / "fw").exists()
    generate(bundle, missing, tmp_path / "fw")  # sources need no compiler


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_a_failing_compiler(bundle: Bundle, host: Board, tmp_path: Path) -> None:
    generate(bundle, host, tmp_path / "fw")
    (tmp_path / "fw" / "app" / "main.c").write_text("int main(void) { return nonsense; }\n")
    with pytest.raises(ToolError, match=r"main\.c:1:.*error.*nonsense"):
        build(tmp_path / "fw", host)


def stand_in(monkeypatch: pytest.MonkeyPatch, tools: Path, script: str) -> None:
    """Put a shell script in the place of make."""
    tools.mkdir()
    (tools / "make").write_text(f"#!/bin/sh\n{script}", encoding="utf-8")
    (tools / "make").chmod(0o755)
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_a_linker_that_speaks_the_users_language(
    bundle: Bundle, host: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(
        monkeypatch,
        tmp_path / "tools",
        'if [ "$LC_ALL" = C ]; then echo "ld: region \\`RAM\' overflowed by 5000 bytes"\n'
        "else echo 'ld: Region RAM um 5000 Bytes überschritten'; fi\n"
        "exit 2\n",
    )
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    generate(bundle, host, tmp_path / "fw")
    with pytest.raises(ModelError, match="exceeds data memory, the stack included by 5,000 bytes"):
        build(tmp_path / "fw", host)


def test_a_compiler_without_room(bundle: Bundle, host: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(
        monkeypatch,
        tmp_path / "tools",
        "echo \"/tmp/cc.s: Fatal error: can't write 6 bytes to build/x.o: 'No space left on device'\"\n"
        "echo '/tmp/cc.s: Fatal error: build/x.o: No such file or directory'\n"
        "exit 2\n",
    )
    generate(bundle, host, tmp_path / "fw")
    with pytest.raises(ToolError, match="no room on the disk") as caught:
        build(tmp_path / "fw", host)
    assert caught.value.hint is not None and "--out" in caught.value.hint


def test_a_folder_of_somebody_else_is_left_alone(bundle: Bundle, host: Board, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("three years")
    with pytest.raises(AscKitError, match="was not written by this command"):
        generate(bundle, host, tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "three years"


@pytest.mark.parametrize("end", ["input", "output"])
def test_a_bundle_that_contradicts_its_model(bundle: Bundle, host: Board, tmp_path: Path, end: str) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(bundle.path, copy)
    manifest = json.loads((copy / "bundle.json").read_text())
    manifest[end]["scale"] *= 2
    write_json(copy / "bundle.json", manifest)
    with pytest.raises(BundleError, match=f"the bundle says that the {end} is"):
        generate(Bundle.open(copy), host, tmp_path / "fw")
    assert not (tmp_path / "fw").exists()


def test_command(bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "fw"
    arguments = ["firmware", str(bundle.path), "--board", "host", "--out", str(out), "--json"]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert result.exception is None
    assert result.return_value == out
    assert json.loads(result.stdout)["board"] == "host"
    assert read_firmware(out).image is None


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("level", ["-O2", "-Os"])
def test_no_warnings(compiler: str, level: str, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    case: Case = cp_mobile()
    write_engine(case.model, tmp_path)
    sources = [*sorted(tmp_path.glob("*.c")), *runtime_sources()]
    command = [compiler, level, *WARNINGS, *INCLUDES, f"-I{tmp_path}", "-c", *map(str, sources)]
    (tmp_path / "objects").mkdir()
    result = subprocess.run(command, cwd=tmp_path / "objects", capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    ("kernels", "target"),
    [
        ("dsp", "--target=thumbv7em-none-eabihf -mcpu=cortex-m4 -mfpu=fpv4-sp-d16"),
        ("mve", "--target=thumbv8.1m.main-none-eabihf -march=armv8.1-m.main+mve.fp+fp.dp"),
    ],
)
@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang")
def test_clang_takes_the_kernels_of_a_core(kernels: KernelSetName, target: str, tmp_path: Path) -> None:
    """Another assembler than the board's, and another compiler's warnings."""
    own = [path for path in runtime_sources(kernels) if path.parent.name == kernels]
    assert any(path.suffix == ".S" for path in own)
    headers = Path("/usr/lib/arm-none-eabi/include")
    if not headers.is_dir():
        pytest.skip("needs the C library of the cross compiler")
    command = [
        "clang",
        "--target=thumbv7em-none-eabihf" if kernels == "dsp" else "--target=thumbv8.1m.main-none-eabihf",
    ]
    command += [*target.split(), "-O2", *WARNINGS, "-isystem", str(headers), *INCLUDES, "-c", *map(str, own)]
    # assembler sources have no use for the flags of C
    result = subprocess.run(
        [*command, "-Wno-unused-command-line-argument"], cwd=tmp_path, capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
def test_the_public_header_is_also_cpp(tmp_path: Path) -> None:
    write_engine(cp_mobile().model, tmp_path)
    (tmp_path / "use.cpp").write_text('#include "asc_model.h"\nint main() { return asc_labels[0] == nullptr; }\n')
    command = ["g++", "-std=c++11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", *INCLUDES, "-c", "use.cpp"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_names_cannot_break_the_c(tmp_path: Path) -> None:
    names = ["*/ int x; /*", 'quote " and \\ and ??/', "Straßenbahn\n", "%s%n", "\x00\x7f"]
    lines = ["#include <stdio.h>", "int main(void) {"]
    for name in names:
        lines += [f"    /* {c_comment(name)} */", f"    fputs({c_string(name.replace(chr(0), ''))}, stdout);"]
    lines += ['    printf("%.9g", (double)' + c_float(3e-7) + ");", "    return 0;", "}"]
    (tmp_path / "names.c").write_text("\n".join(lines) + "\n")
    subprocess.run(["gcc", *WARNINGS, "-o", "names", "names.c"], cwd=tmp_path, check=True)
    printed = subprocess.run([str(tmp_path / "names")], capture_output=True, check=True).stdout.decode()
    assert printed.startswith("".join(names).replace("\x00", ""))
    assert float(printed[len("".join(names).replace("\x00", "")) :]) == pytest.approx(3e-7, rel=1e-7)
