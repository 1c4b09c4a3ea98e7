"""The C server against a second one, written from docs/protocol.md: byte for byte, over long random sequences."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from pathlib import Path

import fake_firmware
import numpy as np
import pytest
from cobs import cobs
from request_sequences import Sequences
from server_model import Engine, ServerModel

from asc_kit.protocol import Hello, TimerUnit

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

STATUSES = "OK BAD_OPCODE BAD_LENGTH OUT_OF_RANGE BAD_STATE BAD_VERSION BUSY OTHER_SESSION OLD_SEQUENCE".split()
STEPS = 20_000
"""Requests in one run of the C server."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    flags = [*fake_firmware.SANITIZE, "-DFAKE_IS_CALM=1"]
    port = Path("tests/support/piped_port.c")
    return fake_firmware.build("host", tmp_path_factory.mktemp("oracle"), flags=flags, port=port)


def network(values: bytes) -> bytes:
    """The fake firmware's, which behaves whatever the input: the server is what is tested."""
    return fake_firmware.network(np.frombuffer(values, np.int8)).tobytes()


def model(*, is_other: bool = False) -> ServerModel:
    """The oracle; `is_other`: with two inputs, two outputs and state, without audio."""
    remembering = fake_firmware.RememberingNetwork()
    input_sizes = fake_firmware.INPUT_SIZES if is_other else (fake_firmware.INPUT_BYTES,)
    output_sizes = fake_firmware.OUTPUT_SIZES if is_other else (fake_firmware.OUTPUT_BYTES,)
    hello = Hello(
        flags=6 if is_other else 3,
        timer_unit=TimerUnit.NS,
        timer_hz=1_000_000_000,
        max_payload_bytes=1024,
        n_operators=fake_firmware.N_OPERATORS,
        input_sizes=input_sizes,
        output_sizes=output_sizes,
        sample_rate_hz=0 if is_other else 8000,
        clip_samples=0 if is_other else fake_firmware.CLIP_SAMPLES,
        arena_bytes=4000,
        spec_id=fake_firmware.SPEC_ID,
        firmware_id=fake_firmware.FIRMWARE_ID,
        model_sha256=fake_firmware.MODEL_SHA256,
        board="host",
    )
    return ServerModel(
        Engine(
            who=hello.pack(),
            input_sizes=input_sizes,
            output_sizes=output_sizes,
            n_operators=fake_firmware.N_OPERATORS,
            clip_samples=hello.clip_samples,
            features=lambda samples: fake_firmware.features(np.frombuffer(samples, "<i2")).tobytes(),
            network=remembering.run if is_other else network,
            reset=remembering.reset if is_other else None,
            profile=(0, *range(1, fake_firmware.N_OPERATORS)),
        )
    )


def compare(image: Path, seed: int, *, is_other: bool = False) -> Counter[tuple[int, int]]:
    """Run both over the same bytes; return how often each request was answered with each status."""
    board = model(is_other=is_other)
    sequences = Sequences(board, seed)
    sent: list[bytes] = []
    expected: list[bytes] = []
    for _ in range(STEPS):
        sent.append(sequences.next())
        expected.append(board.receive(sent[-1]))
    done = subprocess.run([image], input=b"".join(sent), capture_output=True, check=False, timeout=300)
    assert done.returncode == 0 and done.stderr == b"", done.stderr.decode()[-2000:]
    received = done.stdout[1:]  # the delimiter that a board sends when it starts
    at = 0
    for step, answer in enumerate(expected):
        if received[at : at + len(answer)] != answer:
            pytest.fail(
                f"seed {seed}, step {step}: after {sent[step].hex(' ')} expected {answer.hex(' ')}. "
                f"Received: {received[at : at + len(answer) + 20].hex(' ')}"
            )
        at += len(answer)
    assert at == len(received)
    counts: Counter[tuple[int, int]] = Counter()
    for answer in expected:
        for frame in filter(None, answer.split(b"\0")):
            body = cobs.decode(frame)
            if len(body) > 9:
                counts[body[8] & 0x7F, body[9]] += 1
    return counts


def check_reach(counts: Counter[tuple[int, int]]) -> None:
    """The sequences must lead everywhere, or the comparison says little."""
    reached = {f"{opcode:#04x} {STATUSES[status]}" for opcode, status in counts}
    wanted = {f"{opcode:#04x} OK" for opcode in range(1, 11)}
    wanted |= {f"{opcode:#04x} {name}" for opcode in range(1, 11) for name in ("OTHER_SESSION", "OLD_SEQUENCE")}
    wanted -= {"0x01 OTHER_SESSION"}  # it is answered with BUSY
    wanted |= {f"{opcode:#04x} BAD_LENGTH" for opcode in range(1, 11)}
    wanted |= {f"{opcode:#04x} OUT_OF_RANGE" for opcode in range(1, 9)}
    wanted |= {f"{opcode:#04x} BAD_STATE" for opcode in (1, 2, 3, 5, 6, 7, 8)}
    wanted |= {"0x01 BUSY", "0x01 BAD_VERSION", "0x00 BAD_OPCODE", "0x0b BAD_OPCODE", "0x7e BAD_OPCODE"}
    assert wanted <= reached, sorted(wanted - reached)


def test_every_answer_is_the_oracles(image: Path) -> None:
    counts: Counter[tuple[int, int]] = Counter()
    for seed in range(5):
        counts += compare(image, seed)
    check_reach(counts)


def test_so_is_that_of_a_board_with_state_and_several_ends(tmp_path: Path) -> None:
    flags = [*fake_firmware.SANITIZE, "-DFAKE_IS_CALM=1"]
    port = Path("tests/support/piped_port.c")
    image = fake_firmware.build("host", tmp_path, flags=flags, port=port, has_several=True, has_state=True)
    counts: Counter[tuple[int, int]] = Counter()
    for seed in range(20, 23):
        counts += compare(image, seed, is_other=True)
    reached = {f"{opcode:#04x} {STATUSES[status]}" for opcode, status in counts}
    wanted = {f"{opcode:#04x} OK" for opcode in (1, 2, 3, 6, 7, 8, 9, 10, 11)}
    wanted |= {f"{opcode:#04x} OUT_OF_RANGE" for opcode in (2, 3, 7)}
    wanted |= {"0x02 BAD_STATE", "0x04 BAD_OPCODE", "0x0b BAD_LENGTH", "0x0c BAD_OPCODE"}
    assert wanted <= reached, sorted(wanted - reached)


@pytest.mark.slow
def test_every_answer_of_two_million_requests_is_the_oracles(image: Path) -> None:
    counts: Counter[tuple[int, int]] = Counter()
    for seed in range(100, 200):
        counts += compare(image, seed)
    check_reach(counts)
