"""The command line as a user meets it: help is fast, failures say what to do, exit codes mean something."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from asc_kit.cli import _EXTRA_OF, COMMANDS


def asc_kit(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "asc_kit", *arguments], capture_output=True, text=True, cwd=cwd, timeout=120
    )


def test_help_lists_every_command_and_imports_none() -> None:
    result = asc_kit("--help")
    assert result.returncode == 0
    assert all(f"\n  {name} " in result.stdout for name in COMMANDS)
    code = (
        "import sys; from asc_kit.cli import cli; cli.main(['--help'], standalone_mode=False);"
        "heavy = {'numpy', 'scipy', 'pydantic', 'rich', 'tensorflow', 'asc_kit.train'} & set(sys.modules); print(heavy)"
    )
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.endswith("set()\n"), "heavy imports make --help slow"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_without_tensorflow(name: str) -> None:
    code = (
        "import sys; from asc_kit.cli import cli\n"
        f"try: cli.main([{name!r}, '--help'], standalone_mode=False)\n"
        "except SystemExit: pass\n"
        "print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    usage, *lines = result.stdout.splitlines()
    assert usage.startswith("Usage:") and lines[-1] == "False False"
    assert not [line for line in lines if line.endswith("...")], "a summary that is cut off"


def test_usage_errors_exit_with_2() -> None:
    for arguments in (["nonsense"], ["bench"], ["doctor", "--for", "nothing"]):
        result = asc_kit(*arguments)
        assert result.returncode == 2 and "Usage:" in result.stderr and result.stdout == ""


def test_a_failure_says_what_and_how_to_mend_it(tmp_path: Path) -> None:
    result = asc_kit("predict", str(tmp_path / "absent"), "x.wav")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: bundle {tmp_path / 'absent'} does not exist\n"
        "  Hint: make a bundle with: asc-kit export RUN --out BUNDLE\n"
    )


def test_debug_adds_the_traceback(tmp_path: Path) -> None:
    result = asc_kit("--debug", "export", str(tmp_path), "--out", str(tmp_path / "o"))
    assert result.returncode == 1
    assert "Traceback (most recent call last):" in result.stderr
    assert f"\nError: {tmp_path} is not a run: it has no run.json\n" in result.stderr


def test_every_package_that_may_be_missing_names_its_extra() -> None:
    """Those that no extra brings are the kit's own requirements, and of the same name."""
    root = Path(__file__).resolve().parents[2]
    imported = set()
    for folder in ("asc_kit", "train", "export", "firmware_gen", "device_runner"):
        for path in (root / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.level == 0:
                    imported.add(str(node.module).partition(".")[0])
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    required = {re.split(r"\W", requirement)[0] for requirement in project["dependencies"]}
    assert {"numpy", "serial", "scipy"} <= imported
    beside = imported - sys.stdlib_module_names - required - {"asc_kit"}
    assert beside <= set(_EXTRA_OF), beside - set(_EXTRA_OF)
    assert set(_EXTRA_OF.values()) <= set(project["optional-dependencies"])


@pytest.mark.parametrize(
    ("package", "remedy"), [("serial", "pip install 'asc-kit[device]'"), ("rich", "pip install rich")]
)
def test_a_missing_package_names_what_brings_it(tmp_path: Path, package: str, remedy: str) -> None:
    # a folder first on the path that makes the import fail, as on a machine without the package
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError('no module', name={package!r})")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = ['asc-kit', 'ports'];"
        "from asc_kit.cli import main; main()"
    )
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert f"asc-kit ports needs the Python package {package}," in result.stderr
    assert result.stderr.endswith(f"Hint: {remedy}\n")


def test_doctor_tells_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    whole = json.loads(asc_kit("doctor", "--json").stdout)
    assert {row["name"] for row in whole["requirements"]} >= {"tensorflow-cpu", "qemu-system-arm", "PortAudio"}
    monkeypatch.setenv("PATH", str(tmp_path))
    result = asc_kit("doctor", "--for", "demo")
    assert result.returncode == 1
    assert "apt-get install qemu-system-arm" in result.stderr and "arm-none-eabi-gcc" in result.stderr
    packages = asc_kit("doctor", "--for", "demo", "--missing-packages").stdout.split()
    assert {"qemu-system-arm", "gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "gcc", "make"} <= set(packages)


def test_the_demo_passes_on_the_exit_code_of_a_stage(tmp_path: Path) -> None:
    result = asc_kit("demo", "--clips", "5", "--out", str(tmp_path / "out"))
    assert result.returncode == 2 and "5 is not in the range" in result.stderr


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"], ["doctor", "--help"]])
def test_a_reader_that_goes_away_is_no_failure(arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-P", "-m", "asc_kit", *arguments]
    with os.fdopen(writer, "wb") as nobody:
        result = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")


def test_what_the_system_refuses_is_an_error_without_a_traceback() -> None:
    result = asc_kit("data", "synth", "--clips", "100", "--jobs", "1", "--out", "x" * 300)
    assert result.returncode == 1
    assert result.stderr.startswith("Error: ") and "File name too long" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_full_disk_says_what_to_do(tmp_path: Path) -> None:
    program = (
        "import asc_kit.cli as cli\n"
        "def full(*words, **options):\n"
        "    raise OSError(28, 'No space left on device', 'engine/asc_weights.c')\n"
        "cli.cli.main = full\n"
        "cli.main()\n"
    )
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "No space left on device: 'engine/asc_weights.c'\n  Hint: make room" in result.stderr


@pytest.mark.parametrize(("no_color", "expected"), [("", "\x1b[31m\x1b[1mError: \x1b[0m"), ("1", "Error: ")])
def test_colour_on_a_terminal_unless_it_is_not_wanted(tmp_path: Path, no_color: str, expected: str) -> None:
    terminal, line = os.openpty()
    command = [sys.executable, "-P", "-m", "asc_kit", "predict", str(tmp_path / "absent"), "x.wav"]
    environment = {**os.environ, "NO_COLOR": no_color, "TERM": "xterm"}
    result = subprocess.run(command, stdout=line, stderr=line, env=environment, timeout=60)
    os.close(line)
    shown = os.read(terminal, 4096).decode()
    os.close(terminal)
    assert result.returncode == 1 and shown.startswith(expected + "bundle ")
