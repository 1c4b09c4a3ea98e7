"""Projects for other build systems: what `--project` writes compiles and links as it stands, with no edit."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from engine_cases import RUNTIME, assert_equal, reference, split_outputs
from reference_networks import cp_mobile
from tone_bundle import LABELS, make_tone_bundle

from asc_kit.bundle import Bundle
from asc_kit.cli import cli
from asc_kit.errors import AscKitError
from asc_kit.firmware_gen.frontend.tables import frontend_tables
from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.projects.kinds import project_kind_names
from asc_kit.firmware_gen.projects.variants import choose, merge_engines
from asc_kit.firmware_gen.projects.writing import Project, make_engine, make_project
from asc_kit.firmware_gen.read.model import Model, read_bare, read_bundle
from asc_kit.firmware_gen.write.sources import engine_files
from asc_kit.hardware.target import core_target
from asc_kit.inference.interpreter import Int8Model

M4F = "cortex-m4f"
# commands of the extra dev
PIO, COMPOTE = (Path(sys.executable).parent / name for name in ("pio", "compote"))
needs_arm = pytest.mark.skipif(shutil.which("arm-none-eabi-gcc") is None, reason="needs the Arm GNU toolchain")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return read_bundle(Bundle.open(make_tone_bundle(tmp_path_factory.mktemp("bundle"))))


def write(model: Model, kind: str, out: Path, core: str = M4F) -> Project:
    return make_project(model, core_target(core), kind, out)


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def heard(program: Path) -> str:
    """Return the label of silence: what the example says."""
    return LABELS[subprocess.run([program], check=False).returncode]


@pytest.mark.parametrize("kind", project_kind_names())
def test_every_kind_is_whole(model: Model, kind: str, tmp_path: Path) -> None:
    """The same bytes every time, a page that says what was checked, and no place of this machine."""
    project = write(model, kind, tmp_path / "one")
    assert write(model, kind, tmp_path / "two") == project
    for name in project.files:
        data = (tmp_path / "one" / name).read_bytes()
        assert data == (tmp_path / "two" / name).read_bytes()
        assert str(Path.home()).encode() + b"/" not in data and str(tmp_path).encode() not in data
        assert b"NAME" not in name.encode() and data.endswith(b"\n")
    page = (tmp_path / "one" / "README.md").read_text(encoding="utf-8")
    assert "- Checked for this kind: " in page and "- Not checked: " in page


def test_a_folder_that_exists(model: Model, tmp_path: Path) -> None:
    """The kit's own files are replaced; a user's stop it, and stay."""
    write(model, "cmake", tmp_path / "net")
    write(model, "cmake", tmp_path / "net")
    with pytest.raises(AscKitError, match="net"):
        write(model, "headers", tmp_path / "net")
    (tmp_path / "net" / "CMakeLists.txt").write_text("mine\n")
    with pytest.raises(AscKitError, match="CMakeLists.txt"):
        write(model, "cmake", tmp_path / "net")
    assert (tmp_path / "net" / "CMakeLists.txt").read_text() == "mine\n"


def test_the_command(model: Model, tmp_path: Path) -> None:
    bundle = make_tone_bundle(tmp_path / "bundle")
    arguments = ["firmware", str(bundle), "--board", "host", "--project", "cmake", "--json"]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "net")])
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["kind"], document["name"]) == ("cmake", "asc_tones")
    assert (tmp_path / "net" / "CMakeLists.txt").is_file()
    refused = CliRunner().invoke(cli, arguments)
    assert refused.exit_code == 2 and "--project needs --out" in refused.output


def test_merged_files_say_for_whom_they_are() -> None:
    fast = {"same.c": b"int same;\n", "both.h": b"#define FAST\n", "fast.S": b"nop\n", "fast.c": b"int fast;\n"}
    plain = {"same.c": b"int same;\n", "both.h": b"#define PLAIN\n", "plain.c": b"int plain;\n"}
    merged = merge_engines(fast, plain, "X")
    assert merged["same.c"] == b"int same;\n"
    assert merged["both.h"] == b"#if X\n#define FAST\n#else\n#define PLAIN\n#endif /* X */\n"
    assert merged["fast.S"].startswith(b"#if X\nnop\n#endif /* X */\n") and b".note.GNU-stack" in merged["fast.S"]
    assert choose("plain.S", "X", "", "nop\n").startswith("#if !(X)\nnop\n#endif")
    assert choose("plain.h", "X", "", "y\n") == "#if !(X)\ny\n#endif /* !(X) */\n"
    assert merged["plain.c"].startswith(b"#if X\ntypedef int asc_not_for_this_core_t;\n#else\nint plain;\n")


PROGRAM = """
#include <stdio.h>
#include "asc_model.h"
static asc_state_t state;
int main(void) {
    asc_init(&state);
    while (fread(asc_input(&state), ASC_INPUT_BYTES, 1, stdin) == 1) {
        asc_run(&state);
        fwrite(asc_output(&state), ASC_OUTPUT_BYTES, 1, stdout);
    }
    return 0;
}
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
@pytest.mark.parametrize(("kind", "core"), [("headers", "native"), ("cmake", M4F)])
def test_this_computer_gives_the_reference_outputs(kind: str, core: str, tmp_path: Path) -> None:
    """One C file, and a folder that was made for another core."""
    case = cp_mobile()
    (tmp_path / "network.tflite").write_bytes(case.model)
    write(read_bare(tmp_path / "network.tflite"), kind, tmp_path / "net", core)
    source = tmp_path / "net" / ("src" if kind == "cmake" else "")
    (tmp_path / "main.c").write_text(PROGRAM)
    names = [path for path in sorted(source.glob("asc_*")) if path.suffix in (".c", ".S")]
    if kind == "headers" and shutil.which("g++") is not None:
        run("g++", "-std=c++17", "-x", "c++", "-c", source / "asc_model.c", cwd=tmp_path)
    run("gcc", "-O2", "-ffp-contract=off", f"-I{source}", "main.c", *names, "-lm", "-o", "program", cwd=tmp_path)
    inputs = b"".join(values.tobytes() for values in case.inputs)
    output = subprocess.run([tmp_path / "program"], input=inputs, capture_output=True, check=True).stdout
    assert_equal([case], split_outputs([case], output))


def test_the_core_compiles_the_engine_of_its_firmware(model: Model) -> None:
    """What emulators and boards were measured with is, byte for byte, what the preprocessor takes there."""
    target = core_target(M4F)
    tables = frontend_tables(model.info.frontend, model.info.input, target.frontend) if model.info.frontend else None
    firmware = engine_files(make_plan(model.graph, target.kernels, "speed"), tables, model.info)
    engine = make_engine(model, target, target.kernels, "speed", None)
    assert engine.condition is not None
    for name, data in firmware.items():
        merged = engine.files.pop(Path(name).name)
        assert merged == data or merged.startswith(f"#if {engine.condition}\n".encode() + data + b"#e")
    for name, data in engine.files.items():
        empty = b"typedef int asc_not_for_this_core_t;\n#else\n" if name.endswith(".c") else b""
        condition = engine.condition if empty else f"!({engine.condition})"
        assert data.startswith(f"#if {condition}\n".encode() + empty)


@needs_arm
@pytest.mark.parametrize("core", ["native", "cortex-m0plus", M4F])
def test_headers(model: Model, core: str, tmp_path: Path) -> None:
    """The printed lines work in the folder as it is."""
    project = write(model, "headers", tmp_path / "net", core)
    lines = [line.strip() for line in project.hint.splitlines()[1:]]
    assert len(lines) == 3
    for line in lines:
        run("sh", "-c", line, cwd=tmp_path / "net")
    assert set(project.files) >= {"README.md", "example.c"}
    if core == "native":
        assert [name for name in project.files if name.endswith(".c")] == ["asc_model.c", "example.c"]
        assert heard(tmp_path / "net" / "example") == "quiet"


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs CMake")
@needs_arm
def test_cmake(model: Model, tmp_path: Path) -> None:
    """For a chip and for this computer from the same folder; installed, and found by another project."""
    folder = tmp_path / "net"
    write(model, "cmake", folder)
    for preset in ("cortex-m4f", "host"):
        run("cmake", "--preset", preset, cwd=folder)
        assert "warning" not in run("cmake", "--build", "--preset", preset, cwd=folder)
    assert heard(folder / "build" / "host" / "example") == "quiet"
    symbols = run("arm-none-eabi-nm", folder / "build" / "cortex-m4f" / "example", cwd=folder)
    assert "asc_fully_connected_dsp" in symbols and "asc_frontend_f32" in symbols
    symbols = run("nm", folder / "build" / "host" / "example", cwd=folder)
    assert "asc_fully_connected_s8" in symbols and "asc_frontend_s32" in symbols and "dsp" not in symbols
    installed = tmp_path / "installed"
    run("cmake", "--install", "build/host", "--prefix", installed, cwd=folder)
    run("cmake", "-S", folder / "consumer", "-B", tmp_path / "c", f"-DCMAKE_PREFIX_PATH={installed}", cwd=tmp_path)
    run("cmake", "--build", tmp_path / "c", cwd=tmp_path)
    assert heard(tmp_path / "c" / "consumer") == "quiet"


TWO = """
#include <stdio.h>
#include "kws_model.h"
#include "scene_model.h"
static kws_state_t kws;
static scene_state_t scene;
int main(void) {
    kws_init(&kws);
    scene_init(&scene);
    if (fread(kws_input(&kws), KWS_INPUT_BYTES, 1, stdin) != 1) return 1;
    if (fread(scene_input(&scene), SCENE_INPUT_BYTES, 1, stdin) != 1) return 1;
    if (kws_run(&kws) != ASC_OK || scene_run(&scene) != ASC_OK) return 1;
    fwrite(kws_output(&kws), KWS_OUTPUT_BYTES, 1, stdout);
    fwrite(scene_output(&scene), SCENE_OUTPUT_BYTES, 1, stdout);
    return 0;
}
"""
TWO_CMAKE = """cmake_minimum_required(VERSION 3.20)
project(two LANGUAGES C)
add_subdirectory(kws)
add_subdirectory(scene)
add_executable(two main.c)
target_link_libraries(two PRIVATE kws::kws scene::scene)
"""


@pytest.mark.skipif(shutil.which("gcc") is None or shutil.which("cmake") is None, reason="needs gcc and CMake")
@pytest.mark.parametrize(("kind", "core"), [("headers", "native"), ("cmake", M4F)])
def test_two_networks_in_one_program(kind: str, core: str, tmp_path: Path) -> None:
    """Two projects as they are, with the kernels in both: outputs are those of the reference, names are there once."""
    case = cp_mobile()
    (tmp_path / "network.tflite").write_bytes(case.model)
    bundle = Bundle.open(make_tone_bundle(tmp_path / "bundle"))
    model = read_bundle(bundle)
    for name, network in (("kws", model), ("scene", read_bare(tmp_path / "network.tflite"))):
        made = make_project(network, core_target(core), kind, tmp_path / name, prefix=name)
        assert made.name == name
    (tmp_path / "main.c").write_text(TWO)
    (tmp_path / "CMakeLists.txt").write_text(TWO_CMAKE)
    if kind == "cmake":
        run("cmake", "-S", ".", "-B", "build", "-DCMAKE_BUILD_TYPE=Release", cwd=tmp_path)
        run("cmake", "--build", "build", cwd=tmp_path)
        program = tmp_path / "build" / "two"
    else:
        program = tmp_path / "two"
        sources = ["main.c", "kws/kws_model.c", "scene/scene_model.c"]
        run("gcc", "-O2", "-ffp-contract=off", "-Ikws", "-Iscene", *sources, "-lm", "-o", "two", cwd=tmp_path)
    features = np.arange(model.info.input.n_elements).astype(np.int8)
    given = features.tobytes() + case.inputs[0].tobytes()
    answer = subprocess.run([program], input=given, capture_output=True, check=True).stdout
    heard = Int8Model(bundle.model_path.read_bytes()).run(features.reshape(model.info.input.shape)).reshape(-1)
    assert answer == heard.tobytes() + reference(case)[0].tobytes()
    symbols = re.findall(r" [TWVDRB] (\w+)", run("nm", program, cwd=tmp_path))
    assert {"kws_run", "scene_run", "asc_run_stream"} <= set(symbols) and len(symbols) == len(set(symbols))


@pytest.mark.parametrize("kind", project_kind_names())
def test_every_kind_has_the_prefix(model: Model, kind: str, tmp_path: Path) -> None:
    """Nothing is left that two networks would both have, but what is the same for both."""
    make_project(model, core_target(M4F), kind, tmp_path / "net", prefix="kws")
    shared = {path.name for path in RUNTIME.rglob("*.*")}
    for path in (tmp_path / "net").rglob("*"):
        if path.is_file() and path.name not in (*shared, ".asc-kit.json"):
            own = re.findall(
                r"\b(?:asc|ASC)_(?:model|weights|run|init|input|state_t|labels|CLIP_SAMPLES|MODEL_H)\b",
                path.read_text(encoding="utf-8"),
            )
            assert not own and not path.name.startswith("asc_model"), path


STUBS = Path(__file__).resolve().parents[1] / "support"
SCHEMAS = Path(__file__).resolve().parents[3] / "shared" / "schemas"
WARNINGS = ("-Wall", "-Wextra", "-Werror")


def arm(core: str, *arguments: str | Path, cwd: Path, compiler: str = "gcc") -> str:
    return run(f"arm-none-eabi-{compiler}", *core_target(core).core.toolchain.cflags, *arguments, cwd=cwd)


def compile_folder(folder: Path, core: str, out: Path) -> None:
    """Compile every C and assembler file of a folder for a core."""
    out.mkdir(exist_ok=True)
    sources = [path.resolve() for path in sorted(folder.iterdir()) if path.suffix in (".c", ".S")]
    assert len(sources) > 5
    arm(core, "-std=c99", "-O2", "-ffp-contract=off", *WARNINGS, "-c", *sources, cwd=out)


def needs_schema(name: str) -> Path:
    if not (SCHEMAS / name).is_file():
        pytest.skip(f"needs {name}, which is not ours to copy, in {SCHEMAS.name}/ beside the repository's folder")
    return SCHEMAS / name


@needs_arm
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4f", "cortex-m33"])
def test_arduino_sources(model: Model, core: str, tmp_path: Path) -> None:
    """One folder for all cores, compiled as an Arduino core does: assembler by g++, no flags of ours."""
    folder = tmp_path / "net"
    write(model, "arduino", folder)
    source = folder / "src"
    flags = ("-g", "-Os", "-ffunction-sections", "-fdata-sections", *WARNINGS, "-c")
    out = tmp_path / "objects"
    out.mkdir()
    assert all(path.is_file() for path in source.iterdir())
    arm(core, "-std=gnu11", *flags, *sorted(source.glob("*.c")), cwd=out)
    assembler = sorted(source.glob("*.S"))
    arm(core, "-x", "assembler-with-cpp", *flags, *assembler, cwd=out, compiler="g++")
    stub = STUBS / "arduino_stub"
    cpp = ("-std=gnu++17", *flags, f"-I{source}", f"-I{stub}", "-include", stub / "Arduino.h", "-x", "c++")
    arm(core, *cpp, stub / "stub.cpp", cwd=out, compiler="g++")
    objects = sorted(out.glob("*.o"))
    for example in ("Classify", "Benchmark", "LiveScene"):
        sketch = tmp_path / example
        sketch.mkdir()
        arm(core, *cpp, folder / "examples" / example / f"{example}.ino", cwd=sketch, compiler="g++")
        for path in sorted((folder / "examples" / example).glob("*.c")):
            arm(core, "-std=gnu11", *flags, f"-I{source}", path, cwd=sketch)
        parts = [*objects, *sorted(sketch.glob("*.o"))]
        arm(core, "--specs=nosys.specs", *parts, "-lm", "-Wl,--gc-sections", "-o", "sketch", cwd=sketch)
        symbols = run("arm-none-eabi-nm", "sketch", cwd=sketch)
        assert ("asc_fully_connected_dsp" in symbols) == (core != "cortex-m0plus")
        assert "asc_frontend_s32" in symbols and "asc_frontend_f32" not in symbols


def test_arduino_properties(model: Model, tmp_path: Path) -> None:
    """The strict schema of arduino-lint; three of its patterns are in a file that is not among the others."""
    jsonschema = pytest.importorskip("jsonschema")
    referencing = pytest.importorskip("referencing")
    names = ("arduino-library-properties-strict-schema.json", "arduino-library-properties-definitions-schema.json")
    schema, definitions = (json.loads(needs_schema(name).read_text()) for name in names)
    semver = {"pattern": r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"}
    no_arduino = {"not": {"pattern": "^[aA][rR][dD][uU][iI][nN][oO]"}}
    patterns = {"semver": semver, "relaxedSemver": semver, "notStartsWithArduino": no_arduino}
    general = {"definitions": {"patternObjects": patterns}}
    base = schema["$id"].rpartition("/")[0]
    specification = referencing.jsonschema.DRAFT7
    resources = [
        (f"{base}/{name}", specification.create_resource(content))
        for name, content in ((names[1], definitions), ("general-definitions-schema.json", general))
    ]
    validator = jsonschema.Draft7Validator(schema, registry=referencing.Registry().with_resources(resources))
    write(model, "arduino", tmp_path / "net")
    lines = (tmp_path / "net" / "library.properties").read_text().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    assert [error.message for error in validator.iter_errors(properties)] == []
    assert (tmp_path / "net" / "src" / properties["includes"]).is_file()
    assert list(validator.iter_errors(properties | {"name": "Arduino library"})) != []


def test_a_network_without_a_front_end_does_not_listen(tmp_path: Path) -> None:
    bundle = Bundle.open(make_tone_bundle(tmp_path / "bundle"))
    model = read_bare(bundle.model_path)
    files = {kind: write(model, kind, tmp_path / kind).files for kind in project_kind_names()}
    assert "examples/Classify/Classify.ino" in files["arduino"]
    assert not [name for names in files.values() for name in names if "LiveScene" in name or "dmic" in name]
    assert "samples" not in (tmp_path / "zephyr" / "zephyr" / "module.yml").read_text()


@needs_arm
@pytest.mark.parametrize("kind", ["platformio", "zephyr", "cmsis-pack", "esp-idf"])
def test_sources_and_example(model: Model, kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "net"
    write(model, kind, folder)
    compile_folder(folder / "src", "cortex-m4f", tmp_path / "objects")
    examples = [*folder.glob("example/main.c"), *folder.glob("examples/*/src/main.c")]
    # Zephyr's sample needs Zephyr; that of ESP-IDF is compiled, not linked, in test_esp_idf_sources
    assert len(examples) == (kind in ("platformio", "cmsis-pack")), examples
    for example in examples:
        objects = sorted((tmp_path / "objects").glob("*.o"))
        link = ("--specs=nosys.specs", f"-I{folder / 'src'}", example, *objects, "-lm", "-o", "program")
        arm("cortex-m4f", "-std=c99", *WARNINGS, *link, cwd=tmp_path)


@pytest.mark.skipif(not PIO.exists(), reason="needs PlatformIO")
def test_platformio_packs_it(model: Model, tmp_path: Path) -> None:
    write(model, "platformio", tmp_path / "net")
    run(PIO, "pkg", "pack", "net", "--output", tmp_path / "net.tar.gz", cwd=tmp_path)
    names = run("tar", "tzf", "net.tar.gz", cwd=tmp_path).split()
    assert {"library.json", "src/asc_model.c", "src/asc_fully_connected_dsp.S"} <= set(names)


@pytest.mark.skipif(not COMPOTE.exists(), reason="needs idf-component-manager")
def test_esp_idf_manifest(model: Model, tmp_path: Path) -> None:
    write(model, "esp-idf", tmp_path / "asc_tones")
    run(COMPOTE, "manifest", "lint", cwd=tmp_path / "asc_tones")
    run(COMPOTE, "component", "pack", "--name", "asc_tones", cwd=tmp_path / "asc_tones")


@pytest.mark.skipif(shutil.which("riscv64-unknown-elf-gcc") is None, reason="needs the RISC-V GNU toolchain")
def test_esp_idf_sources(model: Model, tmp_path: Path) -> None:
    """With the warnings that the framework has on, for the core of an ESP32-C3."""
    folder = tmp_path / "asc_tones"
    write(model, "esp-idf", folder, "rv32imc")
    toolchain = core_target("rv32imc").core.toolchain
    sources = [*sorted((folder / "src").glob("*.[cS]")), folder / "examples" / "classify" / "main" / "main.c"]
    flags = ("-std=gnu17", "-Og", *WARNINGS, "-Wno-unused-parameter", "-Wno-sign-compare", f"-I{folder / 'src'}")
    run(toolchain.compiler, *toolchain.cflags, "--specs=picolibc.specs", *flags, "-c", *sources, cwd=tmp_path)
    listed = set(re.findall(r'"src/(.*)"', (folder / "CMakeLists.txt").read_text()))
    assert listed == {path.name for path in (folder / "src").glob("*.[cS]")}


def test_zephyr_module(model: Model, tmp_path: Path) -> None:
    """The keys that Zephyr's own schema of module.yml has."""
    pykwalify = pytest.importorskip("pykwalify.core")
    write(model, "zephyr", tmp_path / "net")
    texts = {"type": "str"}
    build = {
        "type": "map",
        "mapping": {"cmake": texts, "kconfig": texts, "depends": {"type": "seq", "sequence": [texts]}},
    }
    samples = {"type": "seq", "sequence": [texts]}
    schema = {"type": "map", "mapping": {"name": texts, "build": build, "samples": samples}}
    module = tmp_path / "net" / "zephyr" / "module.yml"
    pykwalify.Core(source_file=str(module), schema_data=schema).validate(raise_exception=True)
    assert (tmp_path / "net" / "zephyr" / "Kconfig").is_file() and (tmp_path / "net" / "CMakeLists.txt").is_file()


@pytest.mark.skipif(shutil.which("xmllint") is None, reason="needs xmllint")
def test_cmsis_pack_description(model: Model, tmp_path: Path) -> None:
    schema = needs_schema("PACK.xsd")
    write(model, "cmsis-pack", tmp_path / "net")
    (description,) = (tmp_path / "net").glob("*.pdsc")
    run("xmllint", "--noout", "--schema", schema, description, cwd=tmp_path)
    named = re.findall(r'<file .*name="([^"]+)"', description.read_text())
    assert all((tmp_path / "net" / name).exists() for name in named)
    assert {Path(name).name for name in named} >= {path.name for path in (tmp_path / "net" / "src").glob("*.[cS]")}


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs CMake")
@needs_arm
def test_pico_sdk(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library and its example, built for the core of an RP2040 with a stub in place of the SDK."""
    folder = tmp_path / "net"
    write(model, "pico-sdk", folder, "cortex-m0plus")
    monkeypatch.setenv("PICO_SDK_PATH", str(STUBS / "pico_stub"))
    flags = " ".join(core_target("cortex-m0plus").core.toolchain.cflags)
    languages = (("C", "gcc"), ("CXX", "g++"), ("ASM", "gcc"))
    tools = [f"-DCMAKE_{language}_COMPILER=arm-none-eabi-{tool}" for language, tool in languages]
    options = [f"-DCMAKE_{language}_FLAGS={flags}" for language, _ in languages]
    system = ["-DCMAKE_SYSTEM_NAME=Generic", "-DCMAKE_EXE_LINKER_FLAGS=--specs=nosys.specs"]
    system.append("-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY")
    build = tmp_path / "build"
    run("cmake", "-S", folder / "example", "-B", build, *tools, *options, *system, cwd=tmp_path)
    run("cmake", "--build", build, cwd=tmp_path)
    assert "asc_run" in run("arm-none-eabi-nm", build / "example", cwd=tmp_path)
