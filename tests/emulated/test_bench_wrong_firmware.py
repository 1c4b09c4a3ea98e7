"""Firmware that is really wrong, built from edited sources: `asc-kit bench` says which side, and no figure stands."""

from __future__ import annotations

import binascii
import os
import re
import select
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bench_command import write_recordings
from cobs import cobs
from lossy_line import LossyLine
from tone_bundle import make_tone_bundle

from asc_kit.device_runner.line.emulator import emulate
from asc_kit.hardware.board import load_board
from asc_kit.records.record import read_record
from asc_kit.result import BenchmarkResult

pytestmark = pytest.mark.skipif(
    shutil.which("gcc") is None or shutil.which("make") is None, reason="needs gcc and make"
)
WRONG_BAND = 5


def asc_kit(folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "asc_kit", *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, recordings, and right firmware."""
    folder = tmp_path_factory.mktemp("wrong")
    make_tone_bundle(folder / "bundle")
    write_recordings(folder / "data")
    done = asc_kit(folder, "firmware", "bundle", "--board", "host", "--out", "firmware", "--build")
    assert done.returncode == 0, done.stderr
    return folder


def edited(path: Path, edit: Callable[[str], str]) -> None:
    before = path.read_text()
    after = edit(before)
    assert before != after
    path.write_text(after)


def louder_band(text: str) -> str:
    """Double the scale of one mel band: 7 steps of this bundle's 0.1."""
    head, numbers, rest = re.split(r"(?<=scales\[16\] = \{)(.*?)(?=\})", text, maxsplit=1, flags=re.DOTALL)
    values = [word.strip() for word in numbers.split(",") if word.strip()]
    values[WRONG_BAND] = f"{2 * float(values[WRONG_BAND].rstrip('f'))!r}f"
    return head + ", ".join(values) + rest


def swapped_bytes(text: str) -> str:
    return text.replace(
        "position += asc_push_samples(",
        "for (uint32_t i = 0; i < count; i++) {\n"
        "        const uint16_t u = (uint16_t)samples[i];\n"
        "        samples[i] = (int16_t)(uint16_t)((u << 8) | (u >> 8));\n"
        "    }\n    position += asc_push_samples(",
    )


def other_weight(text: str) -> str:
    # four weights to a word: all are 99, then one is -99
    right, wrong = 0x63636363, 0x6363639D
    return re.sub(rf"(asc_step_0_weights\[\d+\] = \{{.*?)\b{right},", rf"\g<1>{wrong},", text, count=1, flags=re.DOTALL)


def stopped_timer(text: str) -> str:
    return text.replace("return now_ns() - timer_start_ns;", "(void)timer_start_ns;\n    return 0;")


def timer_of_another_rate(text: str) -> str:
    return text.replace("return now_ns() - timer_start_ns;", "return (now_ns() - timer_start_ns) * 1000000u;")


def bench_wrong(
    folder: Path, tmp_path: Path, source: str, edit: Callable[[str], str]
) -> subprocess.CompletedProcess[str]:
    shutil.copytree(folder / "firmware", tmp_path / "firmware")
    edited(tmp_path / "firmware" / source, edit)
    built = subprocess.run(["make", "-C", str(tmp_path / "firmware")], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    with emulate(load_board("host"), tmp_path / "firmware" / "build" / "firmware") as emulator:
        options = ("--port", emulator.port, "--data", "data", "--mode", "audio", "--out", tmp_path / "out")
        return asc_kit(folder, "bench", "bundle", *options)


@pytest.mark.parametrize(
    ("source", "edit", "place"),
    [
        ("engine/asc_frontend_tables.c", louder_band, rf"most in mel band {WRONG_BAND} in frames \d+ to \d+"),
        ("app/asc_server.c", swapped_bytes, r"most in mel bands? \d+"),
    ],
)
def test_a_front_end_that_is_wrong_exits_4_and_names_clip_and_band(
    folder: Path, tmp_path: Path, source: str, edit: Callable[[str], str], place: str
) -> None:
    done = bench_wrong(folder, tmp_path, source, edit)
    assert done.returncode == 4, done.stderr
    assert "the front end is out of tolerance" in done.stderr and "Expected: at most 1 %, by 1 LSB" in done.stderr
    assert re.search(rf"Worst in audio/\S+\.wav \(\d+ features, by up to \d+ LSB, {place}", done.stderr), done.stderr
    assert re.search(r"To blame is the front end of the board, the same again in (\d+) of \1 clips", done.stderr)
    # the network computed rightly what it was given, and the error says nothing else
    result = read_record(BenchmarkResult, tmp_path / "out" / "results.json")
    assert result.bit_identical == 18 and "reference kernels, the first" not in done.stderr
    assert not result.is_front_end_within and "NO" in done.stderr
    assert {d.side for item in result.predictions for d in item.differences} == {"front_end"}
    report = asc_kit(folder, "report", tmp_path / "out", "-o", tmp_path / "report")
    assert report.returncode == 0, report.stderr
    page = (tmp_path / "report" / "report.md").read_text()
    assert "Not as it must be: the front end is out of tolerance" in page and "Clips that differ" in page


def test_a_weight_that_is_wrong_is_the_networks(folder: Path, tmp_path: Path) -> None:
    done = bench_wrong(folder, tmp_path, "engine/asc_weights.c", other_weight)
    assert done.returncode == 4, done.stderr
    assert re.search(r"\d+ of 18 outputs differ from the reference kernels, the first for audio/", done.stderr)
    assert re.search(r"To blame is the network of the board, the same again in (\d+) of \1 clips", done.stderr)
    result = read_record(BenchmarkResult, tmp_path / "out" / "results.json")
    assert result.is_front_end_within and result.bit_identical < 18
    assert {d.side for item in result.predictions for d in item.differences} == {"network"}


class PolynomialLine(LossyLine):
    """Adds the polynomial of CRC-32 to every AUDIO_CHUNK: its checksum stays right, its samples do not."""

    def _pass_on(self) -> None:
        pending = b""
        while not self._stop.is_set():
            ready, _, _ = select.select([self._host, self._board], [], [], 0.02)
            if self._board in ready:
                os.write(self._host, os.read(self._board, 512))
            if self._host in ready:
                *frames, pending = (pending + os.read(self._host, 512)).split(b"\0")
                for frame in filter(None, frames):
                    os.write(self._board, b"\0" + self._changed(frame) + b"\0")

    def _changed(self, frame: bytes) -> bytes:
        body = bytearray(cobs.decode(frame))
        if body[8] != 0x05 or len(body) < 40:
            return frame
        self.faults += 1
        for at, byte in enumerate(struct.pack("<Q", 0xEDB88320 << 1 | 1)[:5]):
            body[20 + at] ^= byte
        assert binascii.crc32(bytes(body[:-4])) == struct.unpack("<I", body[-4:])[0]
        return bytes(cobs.encode(bytes(body)))


def test_a_line_that_is_wrong_exits_3_and_blames_no_board(folder: Path, tmp_path: Path) -> None:
    with emulate(load_board("host"), folder / "firmware" / "build" / "firmware") as emulator:
        line = PolynomialLine(emulator.port)
        try:
            options = ("--port", line.port, "--data", "data", "--mode", "audio", "--out", tmp_path / "out")
            done = asc_kit(folder, "bench", "bundle", *options)
        finally:
            line.close()
    assert line.faults > 0 and done.returncode == 3, done.stderr
    assert "AUDIO_CHUNK reached the board" in done.stderr and "the line is bad" in done.stderr
    assert "To blame" not in done.stderr and "Accuracy" not in done.stderr and not (tmp_path / "out").exists()


@pytest.mark.parametrize("edit", [stopped_timer, timer_of_another_rate])
def test_a_timer_that_is_wrong_exits_3_without_a_figure(
    folder: Path, tmp_path: Path, edit: Callable[[str], str]
) -> None:
    done = bench_wrong(folder, tmp_path, "board/port.c", edit)
    assert done.returncode == 3, done.stderr
    assert "cannot be true" in done.stderr and "Latency" not in done.stderr
    assert not (tmp_path / "out").exists()
