"""What a result says of where it was measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from tone_bundle import make_tone_bundle

from asc_kit.bundle import Bundle
from asc_kit.device_runner.bench.assembly import environment_of
from asc_kit.hardware.board import load_board


def test_emulated_board_of_another_machine_needs_no_emulator_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Bundle.open(make_tone_bundle(tmp_path / "bundle"))
    monkeypatch.setenv("PATH", "/no/such/folder")
    found = environment_of(bundle, load_board("qemu-mps2-an386"), has_toolchain=True)
    assert found["emulator"] == found["compiler"] == "not installed here"
