"""Projects for other build systems: what `--project` writes compiles and links as it stands, with no edit."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from tone_bundle import LABELS, make_tone_bundle

from asc_kit.bundle import Bundle
from asc_kit.cli import cli
from asc_kit.errors import AscKitError
from asc_kit.firmware_gen.projects.kinds import project_kind_names
from asc_kit.firmware_gen.projects.variants import choose, merge_engines
from asc_kit.firmware_gen.projects.writing import Project, make_project
from asc_kit.firmware_gen.read.model import Model, read_bundle
from asc_kit.hardware.target import core_target

M4F = "cortex-m4f"
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
    assert merged["fast.S"] == b"#if X\nnop\n#endif /* X */\n"
    assert choose("plain.h", "X", "", "y\n") == "#if !(X)\ny\n#endif /* !(X) */\n"
    assert merged["plain.c"].startswith(b"#if X\ntypedef int asc_not_for_this_core_t;\n#else\nint plain;\n")


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
