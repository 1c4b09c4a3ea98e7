"""`bench` on a line that changes every chunk of audio by rule, as a broken driver does: no result, but words."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from bench_command import bench, write_recordings
from cobs import cobs
from lossy_line import LossyLine
from tone_bundle import make_tone_bundle

from asc_kit.device_runner.line.emulator import emulate
from asc_kit.hardware.board import load_board

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

AUDIO_CHUNK = 5


class RuledLine(LossyLine):
    """XORs a pattern over every AUDIO_CHUNK, from byte 20 of the unstuffed frame on."""

    def __init__(self, board_port: str, pattern: bytes) -> None:
        self.pattern, self.changed = pattern, 0
        self._tails = {True: b"", False: b""}
        super().__init__(board_port)

    def _pass_on(self) -> None:
        while not self._stop.is_set():
            for source in select.select([self._host, self._board], [], [], 0.02)[0]:
                is_request = source == self._host
                with suppress(OSError):
                    *frames, self._tails[is_request] = (self._tails[is_request] + os.read(source, 4096)).split(b"\0")
                    data = b"".join(b"\0" + self._change(frame) + b"\0" for frame in frames if frame)
                    while data:
                        data = data[os.write(self._board if is_request else self._host, data) :]

    def _change(self, stuffed: bytes) -> bytes:
        body = bytearray(cobs.decode(stuffed))
        if body[8] != AUDIO_CHUNK:
            return stuffed
        self.changed += 1
        for i, value in enumerate(self.pattern):
            body[20 + i] ^= value
        return cobs.encode(bytes(body))


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        # CRC-16's generator, which version 1 took for right; here frames are dropped, and all waits run out
        pytest.param(bytes.fromhex("011021"), "did not answer AUDIO_CHUNK", marks=pytest.mark.slow),
        (
            (1 | 0xEDB88320 << 1).to_bytes(5, "little"),
            "AUDIO_CHUNK reached the board",
        ),  # CRC-32's: the checksum is right
    ],
    ids=["crc16", "crc32"],
)
def test_polynomial_over_every_chunk_is_no_result(tmp_path: Path, pattern: bytes, words: str) -> None:
    make_tone_bundle(tmp_path / "bundle")
    write_recordings(tmp_path / "data")
    build = [sys.executable, "-m", "asc_kit", "firmware", "bundle", "--board", "host", "--build"]
    subprocess.run(build, cwd=tmp_path, check=True, capture_output=True)
    with ExitStack() as stack:
        emulator = stack.enter_context(emulate(load_board("host"), tmp_path / "bundle/firmware/host/build/firmware"))
        line = RuledLine(emulator.port, pattern)
        stack.callback(line.close)
        done = bench(tmp_path, "--port", line.port, "--mode", "audio", "--out", "results")
    assert done.returncode == 3 and words in done.stderr, done.stderr
    assert line.changed > 5
    assert not list(tmp_path.rglob("results.json"))
