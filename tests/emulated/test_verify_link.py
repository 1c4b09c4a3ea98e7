"""verify-link as a user calls it: a short attack on real servers, and the long ones."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tone_bundle import make_tone_bundle

from asc_kit.device_runner.attack.kinds import KINDS

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
needs_qemu = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="needs qemu-system-arm and arm-none-eabi-gcc",
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tone_bundle(tmp_path_factory.mktemp("verify") / "bundle")


def verify_link(*options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "asc_kit", "verify-link", *(str(option) for option in options)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def check(done: subprocess.CompletedProcess[str], faults: int, *, has_button: bool) -> Any:
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["faults"] >= faults and report["clips"] == report["clips_right"] + report["clips_refused"]
    assert report["clips_wrong"] == report["clips_lost"] == report["clips_doubled"] == report["board_faults"] == 0
    seen = {kind["name"] for kind in report["kinds"] if kind["injected"]}
    assert seen == {kind.name for kind in KINDS} - (set() if has_button else {"board_reset"})
    return report


@needs_qemu
def test_short_attack_on_an_emulated_board(bundle: Path) -> None:
    done = verify_link(
        "--board", "qemu-mps2-an386", "--bundle", bundle, "--faults", 60, "--every", 6, "--seed", 1, "--json"
    )
    report = check(done, 60, has_button=True)
    assert report["board"] == "qemu-mps2-an386" and report["seed"] == 1
    assert "wrong accepted 0, lost 0, counted twice 0" in done.stderr


@needs_gcc
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give --board BOARD, --port PORT, or both"),
        (("--board", "host"), "give --bundle BUNDLE, or the --port of a board"),
        (("--port", "/dev/null", "--every", "1"), "--every"),
    ],
)
def test_impossible_calls_are_usage_errors(options: tuple[str, ...], words: str) -> None:
    done = verify_link(*options)
    assert done.returncode == 2 and words in done.stderr


@pytest.mark.slow
@needs_qemu
@pytest.mark.timeout(7200)
def test_ten_thousand_faults_on_an_emulated_board(bundle: Path) -> None:
    done = verify_link("--board", "qemu-mps2-an386", "--bundle", bundle, "--faults", 10_000, "--json")
    report = check(done, 10_000, has_button=True)
    assert report["sessions_completed"] >= 0.99 * report["sessions"]


@pytest.mark.slow
@needs_gcc
@pytest.mark.timeout(3600)
def test_one_fault_in_a_thousand_frames(bundle: Path) -> None:
    """What docs/reliability.md promises of a line that is merely bad; the command itself holds it to 99 %."""
    done = verify_link("--board", "host", "--bundle", bundle, "--faults", 200, "--every", 1000, "--json")
    check(done, 200, has_button=False)
