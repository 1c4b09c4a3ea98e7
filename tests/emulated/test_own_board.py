"""A board outside the package: made from the template, named by its path or through ASC_KIT_BOARDS, booted, benched."""

import json
import shutil
from pathlib import Path

from bench_command import bench, needs_emulator, write_recordings
from tone_bundle import make_tone_bundle

from asc_kit.hardware.places import boards_folder
from asc_kit.records.record import read_record
from asc_kit.result import BenchmarkResult

NAME = "netduinoplus2"


@needs_emulator
def test_a_board_made_from_the_template(tmp_path: Path) -> None:
    make_tone_bundle(tmp_path / "bundle")
    write_recordings(tmp_path / "data")
    shutil.copytree(Path(__file__).parents[1] / "boards" / NAME, tmp_path / "boards" / NAME)
    shutil.copy(boards_folder() / "TEMPLATE" / "port.c", tmp_path / "boards" / NAME)

    by_path = bench(tmp_path, "--board", f"boards/{NAME}/board.toml", "--mode", "audio", "--part", "stm32f405")
    assert by_path.returncode == 0, by_path.stderr
    by_name = bench(tmp_path, "--board", NAME, "--limit", 3, "--out", "named", ASC_KIT_BOARDS="boards")
    assert by_name.returncode == 0, by_name.stderr

    (path,) = (tmp_path / "results" / "bundle" / f"{NAME}-audio").glob("*/results.json")
    result = read_record(BenchmarkResult, path)
    assert (result.board, result.core, result.emulated) == (NAME, "Cortex-M4F", True)
    assert result.board_title == "Netduino Plus 2 (STM32F405), emulated by QEMU"
    assert result.bit_identical == result.clips == 18 and "arm-none-eabi-gcc" in result.environment["compiler"]
    cycles = json.loads((path.parent / "cycles.json").read_text())
    assert [part["part"] for part in cycles["parts"]] == ["stm32f405"]
    # the timer counts what the plugin counts, to a tick of 6 instructions and the reading of the timer
    counted = cycles["parts"][0]["total"]["instructions"]
    assert abs(result.latency.median - counted) < 100
    assert read_record(BenchmarkResult, tmp_path / "named" / "results.json").firmware_id == result.firmware_id
