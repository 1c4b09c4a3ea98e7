"""A library for a core or a part: complete, compiled for every core of the kit, refused where it must be."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from engine_cases import WARNINGS, run_example
from reference_networks import cp_mobile, ds_cnn
from tone_bundle import FRONTEND, LABELS, make_tone_bundle

from asc_kit.bundle import Bundle
from asc_kit.cli import cli
from asc_kit.errors import BoardError, ModelError
from asc_kit.firmware import read_firmware
from asc_kit.firmware_gen.write.sources import COPYRIGHT
from asc_kit.hardware.core import core_names, load_core
from asc_kit.hardware.target import core_target, part_target

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.open(make_tone_bundle(tmp_path_factory.mktemp("bundle")))


def asc_kit(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def compile_library(folder: Path, core: str, *, objects: Path, flags: Sequence[str] = ()) -> list[Path]:
    """Compile engine and example with the core's toolchain and all warnings; skip where there is none."""
    toolchain = load_core(core).toolchain
    if shutil.which(toolchain.compiler) is None:
        pytest.skip(f"needs {toolchain.compiler}")
    # where the C library's headers are known to the linker's specification alone
    specs = [flag for flag in toolchain.ldflags if flag.startswith("--specs=picolibc")]
    objects.mkdir()
    sources = [*sorted((folder / "engine").glob("*.[cS]")), folder / "example" / "main.c"]
    command = [*core_target(core).compile_command.split(), *specs, *flags, *WARNINGS, f"-I{folder / 'engine'}", "-c"]
    done = subprocess.run([*command, *map(str, sources)], cwd=objects, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return sorted(objects.glob("*.o"))


# cores of emulated boards: more compilations of what other tests compile and run
_TESTED_AS_BOARDS = ("cortex-m3", "cortex-m33", "cortex-m4", "cortex-m4f", "cortex-m55", "cortex-m7")
_LIKE_ANOTHER = ("cortex-a72", "cortex-a76", "rv32imac")


@pytest.mark.parametrize(
    "core",
    [
        pytest.param(name, marks=pytest.mark.slow) if name in (*_TESTED_AS_BOARDS, *_LIKE_ANOTHER) else name
        for name in core_names()
    ],
)
def test_every_core_compiles_it(core: str, bundle: Bundle, tmp_path: Path) -> None:
    model = tmp_path / "cp_mobile.tflite"
    model.write_bytes(cp_mobile().model)
    for source, name in ((bundle.path, "tones"), (model, "bare")):
        out = tmp_path / name
        result = asc_kit("firmware", source, "--core", core, "--out", out)
        assert result.exit_code == 0, result.output
        assert core_target(core).compile_command in result.stderr
        manifest = read_firmware(out)
        assert (manifest.board, manifest.written_for) == (core, "core")
        assert manifest.kernels == load_core(core).kernels[0]
        assert {path.parts[len(out.parts)] for path in out.rglob("*") if path.is_file()} <= {
            "engine", "example", "plan.json", "firmware.json", ".asc-kit.json"
        }  # fmt: skip
        assert compile_library(out, core, objects=tmp_path / f"{name}.objects")


@pytest.mark.parametrize("part", ["rp2040", "esp32c3"])
def test_a_part_is_its_core_with_a_name(part: str, bundle: Bundle, tmp_path: Path) -> None:
    core = part_target(part).core.name
    for option, name in (("--part", part), ("--core", core)):
        assert asc_kit("firmware", bundle.path, option, name, "--out", tmp_path / option).exit_code == 0
    assert read_firmware(tmp_path / "--part").written_for == "part"
    files = sorted(path.name for path in (tmp_path / "--part" / "engine").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "--core" / "engine").iterdir())
    for name in files:
        assert (tmp_path / "--part" / "engine" / name).read_bytes() == (tmp_path / "--core/engine" / name).read_bytes()


def test_it_runs_on_this_machine(bundle: Bundle, tmp_path: Path) -> None:
    for frontend in ("float", "fixed"):
        out = tmp_path / frontend
        result = asc_kit("firmware", bundle.path, "--core", "native", "--frontend", frontend, "--out", out)
        assert result.exit_code == 0
        assert LABELS[run_example(out)] == "quiet"  # the example's samples are zeros
        assert ("asc_fft_power_s32.c" in {path.name for path in (out / "engine").iterdir()}) == (frontend == "fixed")


def test_floats_without_a_unit_are_warned_of(bundle: Bundle, tmp_path: Path) -> None:
    for core, frontend, warned in (
        ("cortex-m3", "float", True), ("cortex-m3", "fixed", False), ("cortex-m4f", "float", False)
    ):  # fmt: skip
        out = tmp_path / f"{core}-{frontend}"
        result = asc_kit("firmware", bundle.path, "--core", core, "--frontend", frontend, "--out", out)
        assert ("has no floating-point unit" in result.stderr) == warned


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give one of --board, --core and --part"),
        (("--core", "cortex-m4", "--part", "rp2040"), "Received: 2"),
        (("--core", "cortex-m4", "--build"), "--build makes the image of a --board"),
        (("--core", "cortex-m5"), "did you mean cortex-m"),
        (("--board", "qemu-mps2-an386", "--part", "stm32h743"), "part stm32h743 has a cortex-m7"),
        (("--part", "rp2350"), "did you mean rp2040?"),
        (("--part", "rp2040", "--kernels", "dsp"), "part rp2040 (Cortex-M0+) cannot run the dsp kernels"),
        (("--core", "cortex-m3", "--kernels", "mve"), "core cortex-m3 (Cortex-M3) cannot run the mve kernels"),
    ],
)
def test_what_is_refused(arguments: tuple[str, ...], says: str, bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = asc_kit("firmware", bundle.path, *arguments, "--out", out)
    assert result.exit_code != 0 and not out.exists()
    if isinstance(result.exception, BoardError):
        assert says in f"{result.exception.message} {result.exception.hint}"
    else:
        assert result.exit_code == 2 and says in result.stderr


def test_a_part_and_a_core_in_files_of_ones_own(bundle: Bundle, tmp_path: Path) -> None:
    from asc_kit.hardware.places import boards_folder

    core = (boards_folder() / "cores" / "cortex-m0plus.toml").read_text().replace('"cortex-m0plus"', '"mine"')
    part = (boards_folder() / "parts" / "rp2040.toml").read_text().replace('"rp2040"', '"chip"')
    (tmp_path / "mine.toml").write_text(core)
    (tmp_path / "chip.toml").write_text(part.replace('"cortex-m0plus"', '"mine.toml"'))
    assert part_target(str(tmp_path / "chip.toml")).core.name == "mine"
    result = asc_kit("firmware", bundle.path, "--part", tmp_path / "chip.toml", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["board"] == "chip"
    assert (bundle.path / "firmware" / "chip" / "engine").is_dir()


def test_plan_takes_a_core_or_a_part(bundle: Bundle) -> None:
    for arguments, kernels in (
        ((), "portable"), (("--core", "cortex-m55"), "mve"), (("--part", "stm32l4r5"), "dsp"),
        (("--core", "cortex-m55", "--kernels", "dsp"), "dsp"),
    ):  # fmt: skip
        result = asc_kit("plan", bundle.path, *arguments, "--json")
        assert json.loads(result.stdout)["kernels"] == kernels


def test_what_does_not_fit_is_said_before_anything_is_written(bundle: Bundle, tmp_path: Path) -> None:
    out = tmp_path / "fw"
    command = ("firmware", bundle.path, "--core", "cortex-m4f", "--out", out)
    written = asc_kit(*command, "--json")
    memory = json.loads(written.stdout)["memory"]
    header = (out / "engine" / "asc_model.h").read_text()
    shutil.rmtree(out)
    said = r"needs flash ([\d,]+) bytes and the code .*; RAM ([\d,]+) bytes .* stack ([\d,]+)"
    told = re.search(said, written.stderr)
    assert told is not None
    flash, ram, stack = (int(number.replace(",", "")) for number in told.groups())
    assert flash == memory["weight_bytes"] + memory["frontend_table_bytes"]
    constants = {name: int(size) for name, size in re.findall(r"#define ASC_(\w+)_BYTES (\d+)\b", header)}
    assert (constants["RAM"], constants["STACK"], constants["FLASH"]) == (ram - stack, stack, flash)
    assert ram > memory["arena_bytes"] + memory["frontend_bytes"] + stack and stack >= 1024
    for option, needed, what in (("--ram", ram, "bytes of RAM"), ("--flash", flash, "bytes of flash")):
        refused = asc_kit(*command, option, needed - 1)
        assert isinstance(refused.exception, ModelError) and not out.exists()
        assert f"{needed:,} {what}" in refused.exception.message
        assert "does not fit core cortex-m4f" in refused.exception.message and "Largest: " in refused.exception.message
        assert asc_kit(*command, option, needed).exit_code == 0
        shutil.rmtree(out)
    assert asc_kit(*command, "--ram", "1M", "--flash", "1m").exit_code == 0
    shutil.rmtree(out)
    assert asc_kit(*command, "--ram", "much").exit_code == 2
    board = asc_kit("firmware", bundle.path, "--board", "host", "--ram", "96k", "--out", out)
    assert board.exit_code == 2 and "a board says what memory it has" in board.stderr and not out.exists()


def test_the_smallest_change_that_fits_is_named(tmp_path: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(ds_cnn().model)
    flash = []
    for number, options in enumerate(((), ("--optimize", "size"))):
        command = ("firmware", model, "--core", "cortex-m4f", *options, "--json", "--out", tmp_path / str(number))
        flash.append(json.loads(asc_kit(*command).stdout)["memory"]["weight_bytes"])
    assert flash[1] < flash[0]
    for size, hint in ((flash[1], "with --optimize size it fits"), (1000, "a network with fewer weights")):
        command = ("firmware", model, "--core", "cortex-m4f", "--flash", size, "--out", tmp_path / "out")
        refused = asc_kit(*command).exception
        assert isinstance(refused, ModelError) and str(refused.hint).startswith(hint)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_the_linkers_figures_stand_beside_the_plans(bundle: Bundle, tmp_path: Path) -> None:
    result = asc_kit("firmware", bundle.path, "--board", "host", "--build", "--out", tmp_path / "fw")
    assert result.exit_code == 0, result.output
    told = re.search(
        r"linked: flash ([\d,]+) bytes \(planned constants ([\d,]+), .*RAM without stack ([\d,]+) \(planned ([\d,]+)\)",
        result.stderr,
    )
    assert told is not None
    flash, constants, ram, state = (int(number.replace(",", "")) for number in told.groups())
    memory = read_firmware(tmp_path / "fw").memory
    assert (flash, ram) == (memory.image_flash_bytes, memory.image_ram_bytes) and flash > constants and ram > state


def test_boards_says_where_it_fits(bundle: Bundle, tmp_path: Path) -> None:
    """As `firmware` decides, on a part that is large enough and on one that is not."""
    model = tmp_path / "model.tflite"
    model.write_bytes(cp_mobile().model)
    for source, part, expected in (
        (model, "stm32f103", False), (model, "stm32l4r5", True), (bundle.path, "stm32f103", True)
    ):  # fmt: skip
        fits = {fit["name"]: fit for fit in json.loads(asc_kit("boards", source, "--json").stdout)}
        assert fits[part]["fits"] is expected and fits["host"]["fits"] and fits[part]["kind"] == "part"
        written = asc_kit("firmware", source, "--part", part, "--out", tmp_path / f"{source.stem}-{part}")
        assert (written.exit_code == 0) == expected
    header = (tmp_path / f"{bundle.path.stem}-stm32f103" / "engine" / "asc_model.h").read_text()
    sizes = {name: int(size) for name, size in re.findall(r"#define ASC_(\w+)_BYTES (\d+)\b", header)}
    assert fits["stm32f103"]["ram_bytes"] == sizes["RAM"] + sizes["STACK"]
    assert fits["stm32f103"]["flash_bytes"] == sizes["FLASH"]
    assert "20" in asc_kit("boards", bundle.path).stdout


_FEATURES = """#include <stdio.h>

#include "asc_model.h"

static asc_state_t state;
static int16_t samples[ASC_CLIP_SAMPLES];

int main(void) {
    while (fread(samples, sizeof samples, 1, stdin) == 1) {
        asc_init(&state);
        asc_push_samples(&state, samples, ASC_CLIP_SAMPLES);
        fwrite(state.work, sizeof state.work, 1, stdout); /* the last frame's bands, before they are rounded */
        fwrite(asc_input(&state), ASC_INPUT_BYTES, 1, stdout);
    }
    return 0;
}
"""


def _has_fma() -> bool:
    facts = Path("/proc/cpuinfo")
    return facts.is_file() and " fma " in facts.read_text()


@pytest.mark.skipif(not _has_fma(), reason="needs a processor that fuses multiplication and addition")
@pytest.mark.parametrize("compiler", ["gcc", "g++", "clang"])
def test_features_are_the_same_when_a_build_forgets_the_flag(compiler: str, bundle: Bundle, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    assert asc_kit("firmware", bundle.path, "--core", "native", "--out", tmp_path / "fw").exit_code == 0
    (tmp_path / "features.c").write_text(_FEATURES)
    engine = tmp_path / "fw" / "engine"
    sources = [*map(str, sorted(engine.glob("*.c"))), str(tmp_path / "features.c")]
    clips = np.random.default_rng(14).integers(-3000, 3000, (20, 4000)).astype("<i2").tobytes()
    answers: list[bytes] = []
    language = ["-x", "c++"] if compiler == "g++" else []
    for flags in (["-ffp-contract=off"], ["-mfma"], ["-mfma", "-ffp-contract=fast", "-flto"]):
        if compiler == "clang" and flags[-1] == "-flto":
            continue  # asked for by name, which the standard's pragma does not overrule; and there is no linker plugin
        program = tmp_path / f"program{len(answers)}"
        command = [compiler, "-O2", *flags, *language, f"-I{engine}", *sources, "-lm", "-o", str(program)]
        subprocess.run(command, check=True)
        answers.append(subprocess.run([program], input=clips, capture_output=True, check=True).stdout)
    assert len(answers) > 1 and len(answers[0]) > 20 * 512
    assert len(set(answers)) == 1


_NOT_IN_THE_EXAMPLE = {
    "asc_run_profiled",
    "asc_run_step",
    "asc_input",
    "asc_labels",
    "str1.4",
}  # of the header, labels


@pytest.mark.parametrize(
    ("core", "changes"),
    [
        ("cortex-m0plus", {}),
        ("cortex-m3", {"n_fft": 360, "win_length": 300}),
        ("cortex-m3", {"power": 1, "standardize": "clip"}),
        ("cortex-m4f", {"power": 1, "standardize": "clip"}),
        pytest.param("cortex-m55", {"n_fft": 360, "win_length": 300}, marks=pytest.mark.slow),
        pytest.param("rv32imc", {}, marks=pytest.mark.slow),
    ],
)
def test_nothing_is_there_that_nothing_uses(core: str, changes: dict[str, object], tmp_path: Path) -> None:
    """A build without --gc-sections links no dead code either, and no variable has an initial value."""
    make_tone_bundle(tmp_path / "bundle", replace(FRONTEND, **changes))
    assert asc_kit("firmware", tmp_path / "bundle", "--core", core, "--out", tmp_path / "fw").exit_code == 0
    flags = ("-ffunction-sections", "-fdata-sections")
    objects = compile_library(tmp_path / "fw", core, objects=tmp_path / "objects", flags=flags)
    toolchain = load_core(core).toolchain
    specs = [flag for flag in toolchain.ldflags if flag.startswith("--specs")] or ["--specs=nosys.specs"]
    link = [toolchain.compiler, *toolchain.cflags, *specs, "-Wl,--gc-sections,--print-gc-sections", "-o", "program"]
    done = subprocess.run([*link, *map(str, objects), "-lm"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    dropped = re.findall(r"'\.(?:text|rodata)\.([\w.]+)' in file '.*/(asc_\w+)\.o'", done.stderr)
    # listening is in files of its own, which a program that does not listen need not compile; asc_listen.c copies too
    unused = {name for name, file in dropped if not file.startswith(("asc_listen", "asc_follow"))}
    unused.discard("asc_frontend_copy")
    assert unused - _NOT_IN_THE_EXAMPLE == set()
    heard = [path for path in objects if not path.name.startswith(("asc_listen", "asc_follow"))]
    nm = [f"{toolchain.prefix}nm", *map(str, heard)]
    lines = subprocess.run(nm, capture_output=True, text=True, check=True).stdout.splitlines()
    assert not [line for line in lines if re.search(r" [dD] ", line)]
    floats = [line for line in lines if re.search(r" U (__aeabi_[fd]|__(add|sub|mul|div)[sd]f3)", line)]
    # standardisation is in floats, whatever the core has
    assert bool(floats) == ("standardize" in changes and core != "cortex-m4f")


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs arm-none-eabi-gcc")
@pytest.mark.parametrize("prefix", [None, "kws"])
def test_constants_and_state_go_where_they_are_told(prefix: str | None, bundle: Bundle, tmp_path: Path) -> None:
    own = (prefix or "asc").upper()
    options = () if prefix is None else ("--prefix", prefix)
    assert asc_kit("firmware", bundle.path, "--core", "cortex-m4f", "--out", tmp_path / "fw", *options).exit_code == 0
    places = {"WEIGHTS": ".qspi", "FRONTEND": ".itcm_data", "STATE": ".bss.ccm"}
    flags = [f'-D{own}_{what}_SECTION=__attribute__((section("{name}")))' for what, name in places.items()]
    objects = compile_library(tmp_path / "fw", "cortex-m4f", objects=tmp_path / "objects", flags=flags)
    headers = subprocess.run(["arm-none-eabi-objdump", "-h", *map(str, objects)], capture_output=True, text=True)
    sizes: dict[str, int] = {}
    for name, size in re.findall(r"^ +\d+ (\S+) +([0-9a-f]{8}) ", headers.stdout, re.MULTILINE):
        sizes[name] = sizes.get(name, 0) + int(size, 16)
    memory = read_firmware(tmp_path / "fw").memory
    assert memory.weight_bytes <= sizes[".qspi"] <= memory.weight_bytes + 64
    assert memory.frontend_table_bytes <= sizes[".itcm_data"] <= memory.frontend_table_bytes + 64
    assert sizes[".bss.ccm"] >= memory.arena_bytes + memory.frontend_bytes and sizes[".data"] == 0


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs arm-none-eabi-gcc")
def test_a_front_end_of_powers_needs_no_mathematics_and_no_initialized_data(tmp_path: Path) -> None:
    for power, needs in ((2, False), (1, True)):
        folder = tmp_path / str(power)
        make_tone_bundle(folder / "bundle", replace(FRONTEND, power=power))
        out = folder / "fw"
        assert asc_kit("firmware", folder / "bundle", "--core", "cortex-m4f", "--out", out).exit_code == 0
        objects = compile_library(out, "cortex-m4f", objects=folder / "objects")
        symbols = subprocess.run(["arm-none-eabi-nm", *map(str, objects)], capture_output=True, text=True).stdout
        assert ("sqrtf" in symbols) == needs
        lines = symbols.splitlines()
        assert not [line for line in lines if re.search(r" [dD] ", line)]


def test_fast_math_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    assert asc_kit("firmware", bundle.path, "--core", "native", "--out", tmp_path).exit_code == 0
    source = tmp_path / "engine" / "asc_frontend_f32.c"
    done = subprocess.run(["gcc", "-ffast-math", "-c", source, "-o", tmp_path / "x.o"], capture_output=True, text=True)
    assert done.returncode != 0 and "without -ffast-math" in done.stderr


@pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs arm-none-eabi-gcc")
@pytest.mark.parametrize(("core", "instructions"), [("cortex-m4f", "DSP instructions"), ("cortex-m55", "Helium")])
def test_files_for_instructions_that_a_core_lacks(core: str, instructions: str, tmp_path: Path) -> None:
    """Assembler becomes nothing, so that a build may compile every file; C says what is wrong."""
    model = tmp_path / "model.tflite"
    model.write_bytes(cp_mobile().model)
    assert asc_kit("firmware", model, "--core", core, "--out", tmp_path / "fw").exit_code == 0
    engine = tmp_path / "fw" / "engine"
    assembler = [path for path in sorted(engine.glob("*.S")) if path.stem.endswith(("_dsp", "_mve"))]
    command = ["arm-none-eabi-gcc", "-mcpu=cortex-m0plus", f"-I{engine}", "-c"]
    objects = tmp_path / "objects"
    objects.mkdir()
    done = subprocess.run([*command, *map(str, assembler)], cwd=objects, capture_output=True, text=True)
    assert assembler and (done.returncode, done.stderr) == (0, "")
    sizes = subprocess.run(
        ["arm-none-eabi-size", *map(str, objects.glob("*.o"))], capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[3] for line in sizes.splitlines()[1:]} == {"0"}
    done = subprocess.run([*command, str(engine / "asc_model.c")], cwd=objects, capture_output=True, text=True)
    assert done.returncode != 0 and f"these kernels need {instructions}" in done.stderr
    big = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mbig-endian", f"-I{engine}", "-c", str(engine / "asc_model.c")]
    done = subprocess.run(big, cwd=objects, capture_output=True, text=True)
    assert done.returncode != 0 and "little-endian" in done.stderr


@pytest.mark.parametrize("core", ["native", "cortex-m4f", "cortex-m55"])
def test_all_of_it_is_cpp_too(core: str, bundle: Bundle, tmp_path: Path) -> None:
    compiler = load_core(core).toolchain.prefix + "g++"
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    model = tmp_path / "model.tflite"
    model.write_bytes(cp_mobile().model)
    for source in (bundle.path, model):
        out = tmp_path / f"{source.stem}.firmware"
        out.mkdir()
        assert asc_kit("firmware", source, "--core", core, "--out", out / "fw").exit_code == 0
        sources = [*sorted((out / "fw" / "engine").glob("*.c")), out / "fw" / "example" / "main.c"]
        # not -Wpedantic: designated initializers came with C++20
        command = [compiler, *load_core(core).toolchain.cflags, "-x", "c++", "-std=c++17", "-Wall", "-Wextra"]
        command += [f"-I{out / 'fw' / 'engine'}", "-c", *map(str, sources)]
        done = subprocess.run(command, cwd=out, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_every_file_says_its_licence(bundle: Bundle, tmp_path: Path) -> None:
    licence = (ROOT / "LICENSE").read_text()
    assert licence.startswith("MIT License") and COPYRIGHT in licence
    assert asc_kit("firmware", bundle.path, "--board", "qemu-mps2-an386", "--out", tmp_path / "fw").exit_code == 0
    files = [path for path in (tmp_path / "fw").rglob("*") if path.is_file() and path.suffix != ".json"]
    assert len(files) > 40
    for path in files:
        first, second = path.read_text().splitlines()[:2]
        assert first.endswith("SPDX-License-Identifier: MIT") and COPYRIGHT in second, path
