"""The protocol server as a native program with sanitizers, behind a real terminal; the engine is hand-written."""

from __future__ import annotations

import binascii
import random
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import fake_firmware
import numpy as np
import pytest
from cobs import cobs
from lossy_line import LossyLine

from asc_kit import protocol
from asc_kit.device_runner.line.emulator import Emulator, emulate
from asc_kit.device_runner.line.link import Link, Patience, RefusedError, encode
from asc_kit.device_runner.line.session import Session, client_name
from asc_kit.device_runner.line.transport import open_port
from asc_kit.errors import BoardError
from asc_kit.hardware.board import load_board
from asc_kit.protocol import Frame, HelloRequest, Holder, Opcode, Status

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_firmware.build("host", tmp_path_factory.mktemp("server"), flags=fake_firmware.SANITIZE)


@pytest.fixture
def emulator(image: Path) -> Iterator[Emulator]:
    with emulate(load_board("host"), image) as running:
        yield running
        # a sanitizer's report ends the program
        assert running.process.poll() is None, running.complaints()


@pytest.fixture
def session(emulator: Emulator) -> Iterator[Session]:
    link = Link(open_port(emulator.port))
    yield Session(link)
    link.close()


def random_input(seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).integers(-128, 127, fake_firmware.INPUT_BYTES).astype(np.int8)
    values[0] = 1
    return values


def refused(session: Session, opcode: Opcode, payload: bytes) -> Status:
    with pytest.raises(RefusedError) as caught:
        session.link.request(opcode, payload)
    return caught.value.status


def test_hello_says_what_was_built(session: Session) -> None:
    hello = session.hello
    assert (hello.board, hello.timer_unit, hello.timer_hz) == ("host", protocol.TimerUnit.NS, 1_000_000_000)
    assert (hello.spec_id, hello.firmware_id) == (fake_firmware.SPEC_ID, fake_firmware.FIRMWARE_ID)
    assert hello.model_sha256 == fake_firmware.MODEL_SHA256
    assert (hello.input_bytes, hello.output_bytes, hello.arena_bytes) == (1500, 5, 4000)
    assert (hello.sample_rate_hz, hello.clip_samples, hello.n_operators) == (8000, 3000, 200)


def test_features_there_and_back(session: Session) -> None:
    for seed in range(3):
        quantized = random_input(seed)
        session.write_input(quantized)
        assert np.array_equal(session.read_input(), quantized)
        report = session.run(macs=0)
        assert report.network_time > 0 and report.frontend_time == 0
        assert np.array_equal(session.read_output(), fake_firmware.network(quantized))


def test_audio_goes_through_the_front_end(session: Session) -> None:
    samples = np.random.default_rng(7).integers(-20000, 20000, fake_firmware.CLIP_SAMPLES).astype(np.int16)
    session.stream_audio(samples)
    quantized = fake_firmware.features(samples)
    assert np.array_equal(session.read_input(), quantized)
    assert session.run(macs=0, profile=True).frontend_time > 0
    assert np.array_equal(session.read_output(), fake_firmware.network(quantized))
    assert session.profile()[1:] == tuple(range(1, 200))


def test_state_is_kept(session: Session) -> None:
    """A request that does not fit what was sent before is refused and changes nothing."""
    read_all = protocol.READ_FORMAT.pack(0, 0, 4)
    run = protocol.RUN_FORMAT.pack(0)
    for opcode, payload in (
        (Opcode.RUN, run),
        (Opcode.READ_INPUT, read_all),
        (Opcode.READ_OUTPUT, read_all),
        (Opcode.READ_PROFILE, protocol.PROFILE_FORMAT.pack(0)),
        (Opcode.AUDIO_CHUNK, protocol.OFFSET_FORMAT.pack(0) + b"ab"),
        (Opcode.WRITE_INPUT, protocol.WRITE_FORMAT.pack(0, 4) + b"ab"),
    ):
        assert refused(session, opcode, payload) is Status.BAD_STATE, opcode
    quantized = random_input(1)
    session.write_input(quantized)
    assert refused(session, Opcode.READ_OUTPUT, read_all) is Status.BAD_STATE
    assert refused(session, Opcode.AUDIO_CHUNK, protocol.OFFSET_FORMAT.pack(0) + b"ab") is Status.BAD_STATE
    assert np.array_equal(session.read_input(), quantized)
    session.run(macs=0)
    assert refused(session, Opcode.RUN, run) is Status.BAD_STATE
    assert refused(session, Opcode.READ_INPUT, read_all) is Status.BAD_STATE
    assert refused(session, Opcode.READ_PROFILE, protocol.PROFILE_FORMAT.pack(0)) is Status.BAD_STATE
    assert np.array_equal(session.read_output(), fake_firmware.network(quantized))


def test_chunk_at_the_wrong_place_is_refused(session: Session) -> None:
    session.link.request(Opcode.AUDIO_BEGIN, protocol.AUDIO_BEGIN_FORMAT.pack(fake_firmware.CLIP_SAMPLES))
    session.link.request(Opcode.AUDIO_CHUNK, protocol.OFFSET_FORMAT.pack(0) + bytes(100))
    for offset in (0, 49, 51, 0xFFFFFFFF):
        chunk = protocol.OFFSET_FORMAT.pack(offset) + bytes(10)
        assert refused(session, Opcode.AUDIO_CHUNK, chunk) is Status.BAD_STATE
    session.link.request(Opcode.AUDIO_CHUNK, protocol.OFFSET_FORMAT.pack(50) + bytes(10))


@pytest.mark.parametrize(
    ("opcode", "payload", "status"),
    [
        (Opcode.HELLO, b"", Status.BAD_STATE),  # the session is open
        (Opcode.WRITE_INPUT, b"\0\0\0\0", Status.BAD_LENGTH),
        (Opcode.WRITE_INPUT, protocol.WRITE_FORMAT.pack(0, 1501), Status.OUT_OF_RANGE),
        (Opcode.WRITE_INPUT, protocol.WRITE_FORMAT.pack(0, 0xFFFFFFFF) + b"abc", Status.OUT_OF_RANGE),
        (Opcode.WRITE_INPUT, protocol.WRITE_FORMAT.pack(0, 1498) + b"abc", Status.OUT_OF_RANGE),
        (Opcode.WRITE_INPUT, protocol.WRITE_FORMAT.pack(1, 0) + b"abc", Status.OUT_OF_RANGE),
        (Opcode.AUDIO_BEGIN, b"\0", Status.BAD_LENGTH),
        (Opcode.AUDIO_BEGIN, protocol.AUDIO_BEGIN_FORMAT.pack(3001), Status.OUT_OF_RANGE),
        (Opcode.AUDIO_CHUNK, protocol.OFFSET_FORMAT.pack(0) + b"a", Status.BAD_LENGTH),
        (Opcode.AUDIO_CHUNK, b"ab", Status.BAD_LENGTH),
        (Opcode.RUN, b"", Status.BAD_LENGTH),
        (Opcode.RUN, b"\x02", Status.OUT_OF_RANGE),
        (Opcode.READ_PROFILE, b"\0", Status.BAD_LENGTH),
        (Opcode.READ_STATS, b"\0", Status.BAD_LENGTH),
        (Opcode.GOODBYE, b"\0", Status.BAD_LENGTH),
    ],
)
def test_impossible_request_is_refused(session: Session, opcode: Opcode, payload: bytes, status: Status) -> None:
    assert refused(session, opcode, payload) is status


@pytest.mark.parametrize(
    ("index", "offset", "count"),
    [
        (0, 0, 1016),
        (0, 0, 0xFFFF),
        (0, 1500, 1),
        (0, 1499, 2),
        (0, 0xFFFFFFFF, 1),
        (0, 0xFFFFFFFF, 0xFFFF),
        (1, 0, 1),
    ],
)
def test_read_beyond_a_tensor_is_refused(session: Session, index: int, offset: int, count: int) -> None:
    session.write_input(random_input(2))
    read = protocol.READ_FORMAT.pack(index, offset, count)
    assert refused(session, Opcode.READ_INPUT, read) is Status.OUT_OF_RANGE
    session.run(macs=0, profile=True)
    assert refused(session, Opcode.READ_OUTPUT, read) is Status.OUT_OF_RANGE
    assert refused(session, Opcode.READ_PROFILE, protocol.PROFILE_FORMAT.pack(200)) is Status.OUT_OF_RANGE


def test_more_audio_than_a_clip_is_refused(session: Session) -> None:
    session.link.request(Opcode.AUDIO_BEGIN, protocol.AUDIO_BEGIN_FORMAT.pack(fake_firmware.CLIP_SAMPLES))
    for offset in range(0, 2500, 500):
        session.link.request(Opcode.AUDIO_CHUNK, protocol.OFFSET_FORMAT.pack(offset) + bytes(1000))
    chunk = protocol.OFFSET_FORMAT.pack(2500) + bytes(1002)
    assert refused(session, Opcode.AUDIO_CHUNK, chunk) is Status.OUT_OF_RANGE


def exchange(session: Session, frame: Frame) -> Frame:
    """Write a frame by hand and return what comes back, its seal checked and removed."""
    port = session.link._port
    port.write(encode(frame))
    answer = Frame.unpack(cobs.decode((port.read_until(b"\0") + port.read_until(b"\0"))[1:-1]))
    body, seal = answer.payload[:-8], answer.payload[-8:]
    assert seal == protocol.seal(frame, body)
    return replace(answer, payload=body)


def own_frame(session: Session, opcode: int, payload: bytes = b"", *, ahead: int = 1) -> Frame:
    return Frame(nonce=session.link.nonce, sequence=session.link.sequence + ahead, type=opcode, payload=payload)


def test_repeated_request_is_answered_from_memory(session: Session) -> None:
    """The same frame again brings the same answer and no second run."""
    session.write_input(random_input(3))
    run = own_frame(session, Opcode.RUN, b"\0", ahead=200)
    answers = [exchange(session, run) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0].payload[0] == Status.OK and len(answers[0].payload) == 1 + protocol.RunReport.LAYOUT.size
    for older in (
        replace(run, payload=b"\1"),  # the same number with another payload, another type, an older number
        replace(run, type=Opcode.READ_STATS, payload=b""),
        replace(run, sequence=run.sequence - 1),
    ):
        assert exchange(session, older).payload == bytes((Status.OLD_SEQUENCE,))
    # what was refused took nothing away
    assert exchange(session, run) == answers[0]


def test_strangers_change_nothing_and_are_told_whose_the_board_is(session: Session) -> None:
    """Every request of another session, and HELLO without leave, in the middle of a clip."""
    quantized = random_input(8)
    session.write_input(quantized)
    holder = Holder(nonce=session.link.nonce, requests=session.link.sequence - 1, client=client_name())
    for opcode in (*range(2, 11), 0x55):
        stranger = Frame(nonce=session.link.nonce ^ 0x100, sequence=2**31, type=opcode, payload=bytes(8))
        answer = exchange(session, stranger).payload
        assert answer[0] == Status.OTHER_SESSION and Holder.unpack(answer[1:]) == holder
    for nonce, requests in ((0, 0), (holder.nonce, holder.requests - 1), (holder.nonce ^ 1, holder.requests)):
        request = HelloRequest(holder_nonce=nonce, holder_requests=requests, client="somebody")
        answer = exchange(session, Frame(nonce=7, sequence=1, type=Opcode.HELLO, payload=request.pack())).payload
        assert answer[0] == Status.BUSY and Holder.unpack(answer[1:]) == holder
    session.run(macs=0)
    assert np.array_equal(session.read_output(), fake_firmware.network(quantized))
    assert session.stats().frames_refused == 10


@pytest.mark.parametrize(
    ("payload", "status"),
    [
        (b"", Status.BAD_LENGTH),
        (b"\x01", Status.BAD_VERSION),
        (b"\x03" + bytes(50), Status.BAD_VERSION),
        (b"\x02", Status.BAD_LENGTH),
        (HelloRequest(holder_nonce=0, holder_requests=0, client="a").pack() + b"b", Status.BAD_LENGTH),
        (HelloRequest(holder_nonce=0, holder_requests=0, client="").pack(), Status.OUT_OF_RANGE),
        (HelloRequest(holder_nonce=0, holder_requests=0, client="n" * 49).pack(), Status.OUT_OF_RANGE),
        (b"\x02\x01" + HelloRequest(holder_nonce=0, holder_requests=0, client="a").pack()[2:], Status.OUT_OF_RANGE),
    ],
)
def test_impossible_hello_is_refused(session: Session, payload: bytes, status: Status) -> None:
    session.close()
    answer = exchange(session, Frame(nonce=5, sequence=1, type=Opcode.HELLO, payload=payload)).payload
    assert answer == bytes((status,)) + (b"\x02" if status is Status.BAD_VERSION else b"")


def test_session_of_nonce_zero_is_refused(session: Session) -> None:
    session.close()
    hello = HelloRequest(holder_nonce=0, holder_requests=0, client="a").pack()
    answer = exchange(session, Frame(nonce=0, sequence=1, type=Opcode.HELLO, payload=hello)).payload
    assert answer == bytes((Status.OUT_OF_RANGE,))
    for sequence in (0, 1, 2**32 - 1):
        answer = exchange(session, Frame(nonce=0, sequence=sequence, type=Opcode.READ_STATS, payload=b"")).payload
        assert answer == bytes((Status.OTHER_SESSION,)) + Holder(nonce=0, requests=0, client="").pack()


def test_board_is_nobodys_after_goodbye(session: Session) -> None:
    session.close()
    other = Session(session.link)
    other.write_input(random_input(9))
    # a copy of its own HELLO, late: an older request
    hello = HelloRequest(holder_nonce=0, holder_requests=0, client=client_name()).pack()
    late = Frame(nonce=other.link.nonce, sequence=1, type=Opcode.HELLO, payload=hello)
    assert exchange(other, late).payload == bytes((Status.OLD_SEQUENCE,))
    other.run(macs=0)


def test_host_of_version_1_is_told_so(session: Session) -> None:
    """In its own frames, byte for byte as docs/protocol.md of that version had them."""
    port = session.link._port
    port.write(bytes.fromhex("00 01 05 01 01 8c ef 00"))
    answer = port.read_until(b"\0") + port.read_until(b"\0")
    data = cobs.decode(answer[1:-1])
    assert data[:4] == bytes((0, 0x81, 5, 2)) and data[4:] == struct.pack("<H", binascii.crc_hqx(data[:4], 0xFFFF))
    # the same of another sequence number, and with one bit wrong: silence
    port.write(encode_old(bytes((0x17, 1, 1))))
    assert cobs.decode((port.read_until(b"\0") + port.read_until(b"\0"))[1:-1])[:4] == bytes((0x17, 0x81, 5, 2))
    port.write(bytes.fromhex("00 01 05 01 03 8c ef 00"))
    assert port.read(100) == b""
    session.stats()


def encode_old(body: bytes) -> bytes:
    return b"\0" + cobs.encode(body + struct.pack("<H", binascii.crc_hqx(body, 0xFFFF))) + b"\0"


def test_unknown_request_is_refused_and_own_frames_are_ignored(session: Session) -> None:
    for ahead, kind in enumerate((0x00, 0x0B, 0x1F, 0x7E), start=1):
        request = own_frame(session, kind, ahead=ahead)
        answer = exchange(session, request)
        assert answer == replace(request, type=kind | 0x80, payload=bytes((Status.BAD_OPCODE,)))
    port = session.link._port
    for kind in (0x7F, 0x81, 0xFF):
        port.write(encode(own_frame(session, kind, ahead=9)))
    assert port.read(100) == b""


def test_damaged_frames_are_dropped_and_counted(session: Session) -> None:
    before = session.stats()
    good = encode(own_frame(session, Opcode.READ_STATS))
    broken = [
        good[:-2] + bytes((good[-2] ^ 1 or 2,)) + b"\0",  # checksum
        b"\0\x05ab\0",  # stuffing announces more than comes
        b"\0\x01\0",  # nothing inside
        b"\0\x03ab\0",  # too short
        b"\0" + b"\xff" * 3000 + b"\0",  # longer than any frame
        b"\0" + b"\x01" * 5000 + b"\0",  # zeros without end
    ]
    for data in broken:
        session.link._port.write(data)
    session.link._port.write(b"\0\0\0\0")  # nothing between delimiters is nothing
    after = session.stats()
    assert after.frames_dropped - before.frames_dropped == len(broken)
    assert after.frames_received - before.frames_received == 1


def test_random_bytes_and_random_requests_do_no_harm(emulator: Emulator) -> None:
    """Twenty thousand hostile frames under AddressSanitizer and UBSan; afterwards everything still works."""
    rng = random.Random(20)
    port = open_port(emulator.port)
    opcodes = [int(opcode) for opcode in Opcode] + [0, 0x55, 0xFF]
    sequence = 0
    # a server that hangs stops taking bytes; usually this takes 3 s, on a busy machine much longer
    deadline = time.monotonic() + 120
    for _ in range(100):
        batch = bytearray()
        for _ in range(200):
            if rng.random() < 0.2:
                batch += rng.randbytes(rng.randrange(40))
                continue
            size = rng.choice((0, 1, 2, 4, 6, rng.randrange(1025)))
            payload = rng.randbytes(size) if rng.random() < 0.5 else bytes(size)
            # a third of them are in the session that the last HELLO opened
            if (kind := rng.choice(opcodes)) == Opcode.HELLO and rng.random() < 0.5:
                payload = HelloRequest(holder_nonce=0, holder_requests=0, client="x" * rng.randrange(1, 60)).pack()
            sequence += rng.choice((0, 1, 1, 1, 1000))
            batch += encode(Frame(nonce=rng.choice((0, 1, 1)), sequence=sequence, type=kind, payload=payload))
        while batch:
            # both ways at once: neither side may fill the other's terminal
            del batch[: port.write(bytes(batch[:2048]))]
            port.read(port.in_waiting)
        assert time.monotonic() < deadline
    time.sleep(0.1)
    port.read(port.in_waiting)
    session = Session(Link(port, Patience(holder_s=0.1, holder_poll_s=0.05)))
    quantized = random_input(4)
    session.write_input(quantized)
    session.run(macs=0)
    assert np.array_equal(session.read_output(), fake_firmware.network(quantized))
    assert session.stats().frames_dropped > 100


@pytest.mark.parametrize("seed", range(2))
def test_lossy_line_is_survived(emulator: Emulator, seed: int) -> None:
    """About one byte in two thousand, every second chunk, is damaged, in both directions: slower, never wrong."""
    line = LossyLine(emulator.port, rate=0.0005, seed=seed)
    quick = Patience(
        hello_s=0.05, hello_attempts=50, request_s=0.05, request_attempts=50, run_s=0.05, run_attempts=50, holder_s=0.1
    )
    link = Link(open_port(line.port), quick)
    try:
        session = Session(link)
        for clip in range(3):
            samples = np.random.default_rng(clip).integers(-20000, 20000, fake_firmware.CLIP_SAMPLES)
            quantized = fake_firmware.features(samples.astype(np.int16))
            session.stream_audio(samples.astype(np.int16))
            assert np.array_equal(session.read_input(), quantized)
            session.run(macs=0)
            assert np.array_equal(session.read_output(), fake_firmware.network(quantized))
        assert line.faults > 5 and link.statistics.retries > 0
    finally:
        line.close()
        link.close()


def test_line_that_goes_dead_is_given_up(emulator: Emulator) -> None:
    line = LossyLine(emulator.port)
    line.silent_after = 2000
    link = Link(open_port(line.port), Patience(request_s=0.1, request_attempts=3, hello_s=0.1))
    try:
        session = Session(link)
        with pytest.raises(BoardError, match="did not answer"):
            for _ in range(10):
                session.write_input(random_input(5))
    finally:
        line.close()
        link.close()


def test_unplugged_line_is_a_board_error(emulator: Emulator) -> None:
    line = LossyLine(emulator.port)
    link = Link(open_port(line.port))
    session = Session(link)
    line.unplug()
    with pytest.raises(BoardError, match=r"broke|takes no bytes"):
        session.stats()
    link.close()
    line.close()


def test_program_ends_with_its_standard_input(image: Path) -> None:
    process = subprocess.Popen([image], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline().startswith(b"char device redirected to /dev/pts/")
    process.stdin.close()
    assert process.wait(5) == 0
    process.stdout.close()


def test_board_that_ends_in_the_middle_is_named(image: Path) -> None:
    quantized = random_input(6)
    quantized[0] = fake_firmware.EXIT
    with (
        pytest.raises(BoardError, match="the emulator ended in the middle, with code 7"),
        emulate(load_board("host"), image) as emulator,
    ):
        session = Session(Link(open_port(emulator.port)))
        session.write_input(quantized)
        session.run(macs=0)


@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang")
def test_clang_compiles_it_without_a_warning(tmp_path: Path) -> None:
    # its flags hold -Werror
    assert fake_firmware.build("host", tmp_path, compiler="clang").is_file()
