"""Every emulated board: boots, speaks, counts instructions, tells of faults, runs networks and vectors."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fake_firmware
import numpy as np
import pytest
from emulated_cases import run_emulated
from engine_cases import assert_equal, model_info, request, split_outputs, write_cases
from int8_cases import STRATEGIES, examples
from tone_bundle import make_tone_bundle

from asc_kit.bundle import Bundle
from asc_kit.device_runner.line.emulator import emulate
from asc_kit.device_runner.line.link import Link
from asc_kit.device_runner.line.session import Session
from asc_kit.device_runner.line.transport import open_port
from asc_kit.errors import BoardError
from asc_kit.firmware_gen.generate import generate
from asc_kit.firmware_gen.write.makefile import image_path
from asc_kit.hardware.board import Board, board_names, load_board
from asc_kit.protocol import TimerUnit

BOARDS = [name for name in board_names() if name.startswith("qemu-")]
pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="needs qemu-system-arm and arm-none-eabi-gcc",
)
# the fake network's sum, and the same with vectors: whole ones without predication, the rest with
SCALAR_SUM = """        for (uint32_t j = 0; j < block; j++) {
            sum += state->input[i * block + j];
        }
"""
VECTOR_SUM = """        uint32_t j = 0;
        for (; j + 16u <= block; j += 16u) {
            sum = vaddvaq_s8(sum, vldrbq_s8(&state->input[i * block + j]));
        }
        sum = vaddvaq_p_s8(sum, vldrbq_z_s8(&state->input[i * block + j], vctp8q(block - j)), vctp8q(block - j));
"""


@pytest.fixture(scope="module", params=BOARDS)
def board(request: pytest.FixtureRequest) -> Board:
    return load_board(request.param)


@pytest.fixture(scope="module")
def image(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_firmware.build(board.name, tmp_path_factory.mktemp("board"))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return Bundle.open(make_tone_bundle(tmp_path_factory.mktemp("bundle")))


@contextmanager
def running(board: Board, image: Path) -> Iterator[Session]:
    """A session; at its end the emulator must have found nothing that a real board would not allow."""
    with emulate(board, image) as emulator:
        link = Link(open_port(emulator.port))
        emulator.start()
        yield Session(link)
        link.close()
        assert guest_complaints(emulator.complaints(), board) == []


def guest_complaints(complaints: str, board: Board) -> list[str]:
    """What the emulator says of the firmware. It resets an Armv8-M core once before the memory that has the vectors is
    there, also when the processor is never let go, and complains of that."""
    assert board.memory is not None
    vectors = [board.memory.flash_origin + offset for offset in (0, 4)]
    own = {f"Invalid read at addr {address:#x}, size 4, region '(null)', reason: rejected" for address in vectors}
    return [line for line in complaints.splitlines() if line not in own]


def an_input(first: int, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).integers(-128, 127, fake_firmware.INPUT_BYTES).astype(np.int8)
    values[0] = first
    return values


def test_the_five_cores_are_there() -> None:
    boards = [load_board(name) for name in BOARDS]
    cores = {"Cortex-M3", "Cortex-M4F", "Cortex-M7", "Cortex-M33", "Cortex-M55"}
    assert cores <= {board.core.title for board in boards}
    assert {board.kernels for board in boards} == {"portable", "dsp", "mve"}


def test_speaks_and_counts_instructions(board: Board, image: Path) -> None:
    """A loop of known length on every board's own tick; the same count every time."""
    counts = []
    with running(board, image) as session:
        assert session.hello.board == board.name
        assert session.hello.timer_unit is TimerUnit.INSTRUCTIONS
        for first in (1, fake_firmware.SHORT_SPIN, 1):
            session.write_input(an_input(first))
            counts.append(session.run(macs=0).network_time)
        assert np.array_equal(session.read_output(), fake_firmware.network(an_input(1)))
        stats = session.stats()
    # three ticks of at most 50 instructions
    assert abs(counts[1] - counts[0] - fake_firmware.SHORT_SPIN_INSTRUCTIONS) <= 150
    assert counts[0] == counts[2]
    assert board.memory is not None and stats.stack_size_bytes == board.memory.stack_bytes
    assert 100 < stats.stack_used_bytes < 4096


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (fake_firmware.FAULT, r"BusFault \(number 5\) at address 0x[01]000[0-9a-f]{4}"),
        # Armv7-M: the protected hole below the stack; Armv8-M: the stack pointer's limit
        (fake_firmware.STACK_OVERFLOW, r"(MemManage \(number 4\)|UsageFault \(number 6\)), its stack overflowed"),
    ],
)
def test_a_fault_is_told_and_the_board_comes_back(board: Board, image: Path, how: int, words: str) -> None:
    with emulate(board, image) as emulator:
        link = Link(open_port(emulator.port))
        emulator.start()
        session = Session(link)
        session.write_input(an_input(how))
        with pytest.raises(BoardError, match=f"the board faulted: {words}"):
            session.run(macs=0)
        again = Session(link)
        again.write_input(an_input(1))
        again.run(macs=0)
        assert np.array_equal(again.read_output(), fake_firmware.network(an_input(1)))
        link.close()


def test_a_bundle_on_every_board(board: Board, bundle: Bundle, tmp_path: Path) -> None:
    """The golden clip, from the audio on and from the features on; two emulators count the same."""
    manifest = generate(bundle, board, tmp_path / "fw", compile_it=True)
    golden = bundle.golden(bundle.manifest.golden[0])
    counts = set()
    for _ in range(2):
        with running(board, tmp_path / "fw" / str(manifest.image)) as session:
            session.stream_audio(golden.audio)
            assert np.abs(session.read_input().astype(int) - golden.input.reshape(-1)).max() <= 1
            audio = session.run(macs=bundle.manifest.macs)
            session.write_input(golden.input)
            features = session.run(macs=bundle.manifest.macs)
            assert np.array_equal(session.read_output(), golden.output.reshape(-1))
            counts.add((audio.frontend_time, audio.network_time, features.network_time))
    assert len(counts) == 1
    assert min(counts.pop()) > 0


def test_an_image_optimized_as_a_whole(board: Board, bundle: Bundle, tmp_path: Path) -> None:
    """-flto, for which names that only the vectors use must not vanish."""
    generate(bundle, board, tmp_path / "fw")
    subprocess.run(["make", "-s", "EXTRA=-flto"], cwd=tmp_path / "fw", check=True)
    golden = bundle.golden(bundle.manifest.golden[0])
    with running(board, tmp_path / "fw" / image_path(board)) as session:
        session.stream_audio(golden.audio)
        assert np.abs(session.read_input().astype(int) - golden.input.reshape(-1)).max() <= 1
        session.write_input(golden.input)
        session.run(macs=bundle.manifest.macs)
        assert np.array_equal(session.read_output(), golden.output.reshape(-1))


@pytest.mark.parametrize("name", ["qemu-mps2-an385", "qemu-mps3-an547"])
def test_one_network_per_operator(name: str, tmp_path: Path) -> None:
    """The portable kernels on the smallest core, Helium's on its own, all bytes. The M4F has other tests, and M7 and
    M33 have its instructions."""
    cases = [case for op in sorted(STRATEGIES) for case in examples(op, 1)]
    board = load_board(name)
    units = write_cases([case.model for case in cases], tmp_path, board.kernels)
    sizes = [model_info(case.model).output.n_elements for case in cases for _ in case.inputs]
    answers = run_emulated(units, request(cases), sizes, tmp_path, board)
    assert_equal(cases, split_outputs(cases, b"".join(output for _, output in answers)))


def test_vectors_without_and_with_predication(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Helium is enabled, and vectors are whole after a reset: FPSCR.LTPSIZE is 4."""
    code = fake_firmware.MODEL_C
    assert SCALAR_SUM in code
    monkeypatch.setattr(fake_firmware, "MODEL_C", "#include <arm_mve.h>\n" + code.replace(SCALAR_SUM, VECTOR_SUM))
    board = load_board("qemu-mps3-an547")
    assert board.kernels == "mve"
    with running(board, fake_firmware.build(board.name, tmp_path)) as session:
        for seed in range(3):
            quantized = an_input(1, seed)
            session.write_input(quantized)
            session.run(macs=0)
            assert np.array_equal(session.read_output(), fake_firmware.network(quantized))
