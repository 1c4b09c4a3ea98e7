"""`bench --estimate-cycles`: the very firmware that was measured, followed once, operator by operator."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from emulated_cases import missing_tools
from reference_networks import cp_mobile
from tone_bundle import LABELS, make_tone_bundle, tone

from asc_kit.device_runner.cycles.plugin import build_plugin, why_not
from asc_kit.device_runner.cycles.report import CyclesRecord, cycles_record
from asc_kit.device_runner.cycles.tracing import estimate_run
from asc_kit.device_runner.line.session import Session
from asc_kit.errors import BoardError
from asc_kit.firmware_gen.generate import generate_bare
from asc_kit.hardware.board import load_board
from asc_kit.hardware.part import load_part
from asc_kit.records.record import read_record

BOARD = load_board("qemu-mps2-an386")
pytestmark = pytest.mark.skipif(
    bool(missing_tools() or why_not(BOARD)), reason=f"needs {missing_tools() or 'cycles: ' + str(why_not(BOARD))}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bench")
    make_tone_bundle(root / "bundle")
    (root / "data" / "audio").mkdir(parents=True)
    (root / "data" / "evaluation_setup").mkdir()
    meta, test = ["filename\tscene_label\tidentifier\tsource_label"], ["filename\tscene_label"]
    for label in LABELS:
        name = f"audio/{label}-a-0.wav"
        soundfile.write(root / "data" / name, tone(440.0, 0.5, 8000, 0.1), 8000, subtype="PCM_16")
        meta.append(f"{name}\t{label}\tcity-0\ta")
        test.append(f"{name}\t{label}")
    (root / "data" / "meta.csv").write_text("\n".join(meta) + "\n")
    (root / "data" / "evaluation_setup" / "fold1_evaluate.csv").write_text("\n".join(test) + "\n")
    return root


def bench(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "asc_kit", "bench", "bundle", "--data", "data", *words]
    environment = os.environ | {"COLUMNS": "200"}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, env=environment, check=False
    )


def test_on_all_parts_with_the_core(folder: Path) -> None:
    done = bench(folder, "--board", BOARD.name, "--estimate-cycles", "--out", "all")
    assert done.returncode == 0, done.stderr
    record = read_record(CyclesRecord, folder / "all" / "cycles.json")
    assert {part.part for part in record.parts} >= {"stm32l4r5", "stm32f405", "nrf52840"}
    assert "not checked on silicon" in done.stderr and "off by 2.5% on average" in done.stderr


def test_on_one_part_by_operator_and_kernel(folder: Path) -> None:
    done = bench(folder, "--board", BOARD.name, "--part", "stm32l4r5", "--out", "one")
    assert done.returncode == 0, done.stderr
    (part,) = read_record(CyclesRecord, folder / "one" / "cycles.json").parts
    for costs in (part.operators, part.functions):
        assert sum(cost.instructions for cost in costs) == part.total.instructions
        assert abs(sum(cost.cycles for cost in costs) - part.total.cycles) <= len(costs)
    assert part.total.instructions < part.total.cycles_without_waits < part.total.cycles
    assert part.estimated_ms == pytest.approx(part.total.cycles / part.clock_hz * 1e3, abs=5e-4)
    assert "operators on stm32l4r5" in done.stderr and part.functions[0].name in done.stderr


def test_what_does_not_go_together_is_refused(folder: Path) -> None:
    other = bench(folder, "--board", BOARD.name, "--part", "stm32u575")
    assert other.returncode == 3 and "has a cortex-m33" in other.stderr and "stm32l4r5" in other.stderr
    port = bench(folder, "--port", "/dev/null", "--estimate-cycles")
    assert port.returncode == 2 and "emulated --board" in port.stderr
    unknown = bench(folder, "--board", BOARD.name, "--part", "z80")
    assert unknown.returncode == 3 and "unknown part 'z80'" in unknown.stderr


def test_operators_are_those_of_the_profile(tmp_path: Path) -> None:
    """The board's own counts of each operator, clocks aside; owners are found without any."""
    model = tmp_path / "model.tflite"
    model.write_bytes(cp_mobile().model)
    firmware = generate_bare(model, BOARD, tmp_path / "firmware", compile_it=True, kernels="dsp", optimize="speed")
    assert firmware.image is not None
    profiles = []

    def work(session: Session) -> None:
        session.write_input(np.zeros(session.hello.input_bytes, np.int8))
        session.run(macs=10**8)
        session.write_input(np.zeros(session.hello.input_bytes, np.int8))
        session.run(macs=10**8, profile=True)
        profiles.append(session.profile())

    found = estimate_run(BOARD, tmp_path / "firmware" / firmware.image, [load_part("stm32l4r5")], work)
    costs = found.parts[0].by_operator()
    for info, counted in zip(firmware.operators, profiles[0], strict=True):
        # the driver's part of a row is counted after the kernel here, before it by the clock; clocks cost too
        assert costs[info.index].instructions == pytest.approx(counted, rel=0.12, abs=3000), info
    record = cycles_record(found, firmware.operators, board="b", model_sha256="0" * 64, firmware_id="0" * 16)
    names = [cost.name for cost in record.parts[0].operators]
    assert names == ["(driver)", *(f"{info.index} {info.op}" for info in firmware.operators)]


def test_a_function_that_is_not_called_is_told(tmp_path: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_bytes(cp_mobile().model)
    firmware = generate_bare(model, BOARD, tmp_path / "firmware", compile_it=True, kernels="dsp", optimize="speed")
    assert firmware.image is not None
    image = tmp_path / "firmware" / firmware.image
    with pytest.raises(BoardError, match="was not called"):
        estimate_run(BOARD, image, [], lambda session: session.stats())


def test_without_plugins_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A QEMU of another version, one without plugins, and a machine without a compiler."""
    for text, reason in (
        ('echo "QEMU emulator version 9.2.0"', "QEMU 6 to 8. Received: QEMU emulator version 9.2.0"),
        ('echo "qemu: -plugin: invalid option" >&2; exit 1', "without plugins: qemu: -plugin: invalid option"),
    ):
        program = tmp_path / f"qemu-{len(text)}"
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        assert BOARD.emulator is not None
        board = dataclasses.replace(BOARD, emulator=dataclasses.replace(BOARD.emulator, program=str(program)))
        assert reason in str(why_not(board))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "needs a C compiler" in str(why_not(BOARD))


def test_the_plugin_is_compiled_once(tmp_path: Path) -> None:
    first = build_plugin(tmp_path)
    changed = first.stat().st_mtime_ns
    assert build_plugin(tmp_path) == first and first.stat().st_mtime_ns == changed
    assert list(tmp_path.iterdir()) == [first]
