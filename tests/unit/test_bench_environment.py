"""What a result says of where it was measured."""

from __future__ import annotations

import pytest

from asc_kit.board import load_board
from asc_kit.device_runner.bench import _environment


def test_emulated_board_of_another_machine_needs_no_emulator_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/no/such/folder")
    found = _environment(load_board("qemu-mps2-an386"), has_toolchain=True)
    assert found["emulator"] == found["compiler"] == "not installed here"
