"""A library in a program of one's own, on this machine and on an emulated board."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from emulated_cases import missing_tools
from library_programs import MISUSE, MISUSE_ANSWERS, run_program
from tone_bundle import make_tone_bundle

from asc_kit.cli import cli

needs_emulator = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")
PLACES = [
    pytest.param("native", None, marks=pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")),
    pytest.param("cortex-m4f", "qemu-mps2-an386", marks=needs_emulator),
]


def write_library(model: Path, core: str, out: Path, *options: str) -> Path:
    """Write a library; return the folder of its engine."""
    arguments = ["firmware", str(model), "--core", core, "--out", str(out), *options]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    return out / "engine"


@pytest.mark.parametrize(("core", "board"), PLACES)
def test_misuse_is_answered(core: str, board: str | None, tmp_path: Path) -> None:
    engine = write_library(make_tone_bundle(tmp_path / "bundle"), core, tmp_path / "fw")
    assert run_program(MISUSE, [engine], b"", len(MISUSE_ANSWERS), tmp_path, board) == MISUSE_ANSWERS
