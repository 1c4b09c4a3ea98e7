"""The emulated board: start-up, line, timer, faults and how the emulator ends; the engine is hand-written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fake_firmware
import numpy as np
import pytest

from asc_kit import protocol
from asc_kit.device_runner.line.emulator import Emulator, emulate
from asc_kit.device_runner.line.link import Link, Patience, SessionLostError
from asc_kit.device_runner.line.session import Session
from asc_kit.device_runner.line.transport import open_port
from asc_kit.errors import BoardError
from asc_kit.hardware.board import load_board
from asc_kit.protocol import Opcode

BOARD = "qemu-mps2-an386"
pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="needs qemu-system-arm and arm-none-eabi-gcc",
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_firmware.build(BOARD, tmp_path_factory.mktemp("board"))


@pytest.fixture
def emulator(image: Path) -> Iterator[Emulator]:
    with emulate(load_board(BOARD), image, processor=os.getpid()) as running:
        yield running
    assert running.process.poll() is not None


@pytest.fixture
def session(emulator: Emulator) -> Iterator[Session]:
    link = Link(open_port(emulator.port))
    emulator.start()
    yield Session(link)
    link.close()


def an_input(first: int, seed: int = 0) -> np.ndarray:
    values = np.random.default_rng(seed).integers(-128, 127, fake_firmware.INPUT_BYTES).astype(np.int8)
    values[0] = first
    return values


def test_both_ways_to_feed_a_clip(session: Session, emulator: Emulator) -> None:
    assert session.hello.board == BOARD
    assert session.hello.timer_unit is protocol.TimerUnit.INSTRUCTIONS
    quantized = an_input(1)
    session.write_input(quantized)
    assert np.array_equal(session.read_input(), quantized)
    features = session.run(macs=0)
    assert np.array_equal(session.read_output(), fake_firmware.network(quantized))

    samples = np.random.default_rng(7).integers(-20000, 20000, fake_firmware.CLIP_SAMPLES).astype(np.int16)
    session.stream_audio(samples)
    quantized = fake_firmware.features(samples)
    assert np.array_equal(session.read_input(), quantized)
    audio = session.run(macs=0)
    assert np.array_equal(session.read_output(), fake_firmware.network(quantized))
    assert features.frontend_time == 0 < audio.frontend_time
    # nothing was done that a real board would not have
    assert emulator.complaints() == ""


def test_timer_counts_instructions(session: Session) -> None:
    """A loop of known length, a reference that knows nothing of SysTick; longer than the 24 bits that SysTick has.

    The host is out of patience and asks again all the while: that is not in the time, and not a second run.
    """
    counts = []
    session.link.patience = Patience(run_s=0.2, known_run_s=0.2, known_run_factor=0, run_attempts=1000)
    for first in (1, fake_firmware.SPIN):
        session.write_input(an_input(first))
        counts.append(session.run(macs=0).network_time)
    # one tick is 40 instructions; the rest is the call and the branch around the loop
    assert abs(counts[1] - counts[0] - fake_firmware.SPIN_INSTRUCTIONS) <= 120
    assert session.link.statistics.retries > 3
    assert session.stats().frames_refused == 0


def test_counts_repeat_exactly(image: Path) -> None:
    """In one session and from emulator to emulator, whatever the processor and however long the line took."""
    seen = set()
    for processor in (0, None):
        with emulate(load_board(BOARD), image, processor=processor) as emulator:
            link = Link(open_port(emulator.port))
            emulator.start()
            session = Session(link)
            for pause in (0.0, 0.05):
                session.stream_audio(np.arange(fake_firmware.CLIP_SAMPLES, dtype=np.int16))
                time.sleep(pause)
                report = session.run(macs=0)
                seen.add((report.network_time, report.frontend_time))
            link.close()
    assert len(seen) == 1


def test_stack_is_measured(session: Session) -> None:
    stats = session.stats()
    assert stats.stack_size_bytes == load_board(BOARD).memory.stack_bytes  # type: ignore[union-attr]
    assert 100 < stats.stack_used_bytes < 4096


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (fake_firmware.FAULT, r"BusFault \(number 5\) at address 0x0000[0-9a-f]{4}"),
        (fake_firmware.STACK_OVERFLOW, r"MemManage \(number 4\), its stack overflowed"),
    ],
)
def test_fault_is_told_and_the_board_comes_back(emulator: Emulator, how: int, words: str) -> None:
    link = Link(open_port(emulator.port))
    emulator.start()
    session = Session(link)
    session.write_input(an_input(how))
    with pytest.raises(BoardError, match=f"the board faulted: {words}") as caught:
        session.run(macs=0)
    assert caught.value.exit_code == 3
    again = Session(link)
    quantized = an_input(1)
    again.write_input(quantized)
    again.run(macs=0)
    assert np.array_equal(again.read_output(), fake_firmware.network(quantized))
    link.close()


def test_board_that_was_reset_in_between_says_so(emulator: Emulator, session: Session) -> None:
    session.link.request(Opcode.AUDIO_BEGIN, protocol.AUDIO_BEGIN_FORMAT.pack(fake_firmware.CLIP_SAMPLES))
    emulator.reset()
    with pytest.raises(SessionLostError, match="was reset, or told goodbye"):
        session.link.request(Opcode.AUDIO_CHUNK, protocol.OFFSET_FORMAT.pack(0) + bytes(100))


def test_clip_is_repeated_after_a_reset(emulator: Emulator, session: Session) -> None:
    """In the middle of the input, before RUN, and before the output is read."""
    quantized = an_input(1)
    resets = [True, True, True]

    def clip() -> np.ndarray:
        if len(resets) == 3:
            resets.pop()
            session.link.request(Opcode.WRITE_INPUT, protocol.WRITE_FORMAT.pack(0, 0) + quantized.tobytes()[:1000])
            emulator.reset()
        session.write_input(quantized)
        if len(resets) == 2:
            resets.pop()
            emulator.reset()
        session.run(macs=0)
        if len(resets) == 1:
            resets.pop()
            emulator.reset()
        return session.read_output()

    assert np.array_equal(session.repeat(clip), fake_firmware.network(quantized))
    statistics = session.link.statistics
    assert (statistics.clips_repeated, statistics.sessions_opened, resets) == (3, 4, [])


def test_board_that_hangs_is_given_up_and_the_emulator_ended(image: Path) -> None:
    with (
        pytest.raises(BoardError, match="did not answer RUN, asked 3 times"),
        emulate(load_board(BOARD), image) as emulator,
    ):
        link = Link(open_port(emulator.port), Patience(run_s=0.3))
        emulator.start()
        session = Session(link)
        session.write_input(an_input(fake_firmware.HANG))
        session.run(macs=0)
    assert emulator.process.poll() is not None


def test_killed_emulator_is_named(image: Path) -> None:
    with (
        pytest.raises(BoardError, match="the emulator ended in the middle, with code -9"),
        emulate(load_board(BOARD), image) as emulator,
    ):
        link = Link(open_port(emulator.port))
        emulator.start()
        session = Session(link)
        emulator.process.kill()
        emulator.process.wait()
        session.stats()


def test_emulator_dies_with_a_harness_that_is_killed(image: Path) -> None:
    """SIGKILL gives nobody the time to clean up: the system must do it."""
    script = (
        "import sys, time; from pathlib import Path; from asc_kit.hardware.board import load_board\n"
        "from asc_kit.device_runner.line.emulator import emulate\n"
        f"with emulate(load_board({BOARD!r}), Path({str(image)!r})) as running:\n"
        "    print(running.process.pid, flush=True)\n"
        "    time.sleep(60)"
    )
    harness = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert harness.stdout is not None
    child = int(harness.stdout.readline())
    assert is_running(child)
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    harness.stdout.close()
    deadline = time.monotonic() + 5
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(child)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_image_that_is_none_is_an_error(tmp_path: Path) -> None:
    image = tmp_path / "nothing.elf"
    with pytest.raises(BoardError, match=r"nothing\.elf"), emulate(load_board(BOARD), image) as emulator:
        link = Link(open_port(emulator.port))
        emulator.start()
        Session(link)


@pytest.mark.parametrize(
    ("memory", "words"),
    [("ASC_RAM_BYTES=0x4000", "RAM"), ("ASC_RAM_BYTES=0x5000", "RAM"), ("ASC_FLASH_BYTES=0x800", "FLASH")],
)
def test_program_that_does_not_fit_does_not_link(tmp_path: Path, memory: str, words: str) -> None:
    """The stack (16 kB) alone fills the first RAM, the second lacks room for the variables."""
    with pytest.raises(AssertionError, match=rf"will not fit in region `{words}'|region `{words}' overflowed"):
        fake_firmware.build(BOARD, tmp_path, flags=[f"-Wl,--defsym={memory}"])
