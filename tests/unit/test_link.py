"""The link and the session against a board in Python, on a line that misbehaves; time is simulated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from cobs import cobs
from fake_board import FakeBoard, a_hello
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asc_kit import protocol
from asc_kit.bundle import BundleManifest
from asc_kit.device_runner.line import link as link_module
from asc_kit.device_runner.line.link import CancelledError, FaultError, Link, NoAnswerError, RefusedError, encode
from asc_kit.device_runner.line.session import Session
from asc_kit.errors import BoardError
from asc_kit.hardware.board import Board, load_board
from asc_kit.hardware.core import load_core
from asc_kit.protocol import Fault, Frame, HelloFlag, Opcode, Status


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> FakeBoard:
    board = FakeBoard()
    monkeypatch.setattr(link_module, "time", board.clock)
    return board


def lost(data: bytes) -> bytes:
    return b""


def twice(data: bytes) -> bytes:
    return data + data


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes((data[middle] ^ 0x10,)) + data[middle + 1 :]


def halved(data: bytes) -> bytes:
    return data[: len(data) // 2]


def with_zero_inside(data: bytes) -> bytes:
    return data[:3] + b"\0" + data[3:]


def with_noise(data: bytes) -> bytes:
    return bytes(range(1, 200)) + data


def unchanged(data: bytes) -> bytes:
    return data


FAULTS = [lost, twice, flipped, halved, with_zero_inside, with_noise]
AN_INPUT = np.arange(3000, dtype=np.int64).astype(np.int8)


def whole_clip(session: Session) -> np.ndarray:
    session.write_input(AN_INPUT)
    assert np.array_equal(session.read_input(), AN_INPUT)
    assert session.run(macs=10).network_time == 100
    return session.read_output()


def test_features_on_a_good_line(board: FakeBoard) -> None:
    session = Session(Link(board))
    assert session.hello == board.hello
    assert np.array_equal(whole_clip(session), AN_INPUT[:4])
    assert session.link.statistics.retries == 0
    assert session.stats().frames_received == 10


def test_audio_arrives_in_order_and_complete(board: FakeBoard) -> None:
    session = Session(Link(board))
    samples = np.arange(1100, dtype=np.int16) * 29
    session.stream_audio(samples)
    chunks = [payload[4:] for opcode, payload in board.executed if opcode == Opcode.AUDIO_CHUNK]
    assert b"".join(chunks) == samples.astype("<i2").tobytes()
    assert [len(chunk) for chunk in chunks] == [1020, 1020, 160]
    assert session.run(macs=0).frontend_time == 300


def test_profile_is_read_in_several_answers(board: FakeBoard) -> None:
    session = Session(Link(board))
    session.write_input(AN_INPUT)
    session.run(macs=0, profile=True)
    assert session.profile() == tuple(range(300))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("direction", ["to_board", "to_host"])
def test_single_fault_anywhere_is_survived(board: FakeBoard, fault: object, direction: str) -> None:
    session = Session(Link(board))
    n_frames = 9  # 3 writes, 3 reads, run, output
    for position in range(n_frames):
        board.executed.clear()
        setattr(board, direction, [unchanged] * position + [fault])
        assert np.array_equal(whole_clip(session), AN_INPUT[:4])
        # every request was carried out exactly once
        assert len(board.executed) == len(set(board.executed)) == 8
        setattr(board, direction, [])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(faults=st.lists(st.sampled_from([*FAULTS, *[unchanged] * 12]), max_size=60))
def test_many_faults_are_survived(board: FakeBoard, faults: list[Callable[[bytes], bytes]]) -> None:
    session = Session(Link(board))
    # never the same request more often than it is asked: at most 3 losses in a row each way
    board.to_board = [f for i, f in enumerate(faults) if i % 2 == 0]
    board.to_host = [f for i, f in enumerate(faults) if i % 2]
    try:
        output = whole_clip(session)
    except BoardError as failure:
        assert "did not answer" in failure.message and len(faults) > protocol.RUN_ATTEMPTS
    else:
        assert np.array_equal(output, AN_INPUT[:4])
    finally:
        board.to_board, board.to_host = [], []


def test_repeated_request_is_not_run_twice(board: FakeBoard) -> None:
    session = Session(Link(board))
    session.write_input(AN_INPUT)
    board.to_host = [lost]
    session.run(macs=0)
    assert [opcode for opcode, _ in board.executed].count(Opcode.RUN) == 1
    assert session.link.statistics.retries == 1


def test_silent_board_is_given_up_in_a_few_seconds(board: FakeBoard) -> None:
    board.is_silent = True
    with pytest.raises(BoardError, match="did not answer HELLO, asked 8 times.*never sent a byte") as caught:
        Session(Link(board))
    assert caught.value.exit_code == 3 and caught.value.hint
    assert 3 < board.clock.now < 6


def test_board_that_stops_in_the_middle(board: FakeBoard) -> None:
    session = Session(Link(board))
    board.is_silent = True
    start = board.clock.now
    with pytest.raises(NoAnswerError, match="did not answer WRITE_INPUT"):
        session.write_input(AN_INPUT)
    assert board.clock.now - start < 12


def test_run_waits_longer_for_a_larger_model(board: FakeBoard) -> None:
    session = Session(Link(board))
    session.write_input(AN_INPUT)
    board.is_silent = True
    start = board.clock.now
    with pytest.raises(BoardError, match="RUN"):
        session.run(macs=30_000_000)
    assert 210 <= board.clock.now - start < 215


def test_once_the_model_has_run_a_lost_request_costs_seconds(board: FakeBoard) -> None:
    session = Session(Link(board))
    session.write_input(AN_INPUT)
    session.run(macs=30_000_000)
    board.to_board = [unchanged, unchanged, unchanged, lost]
    start = board.clock.now
    session.write_input(AN_INPUT)
    session.run(macs=30_000_000)
    assert board.clock.now - start < 12


def test_line_that_only_babbles_is_given_up_and_does_not_fill_the_memory(board: FakeBoard) -> None:
    board.is_silent = True
    link = Link(board)
    for _ in range(100):
        board.say(b"\x55" * 1000)
    with pytest.raises(BoardError, match="100000 bytes received so far"):
        link.request(Opcode.HELLO, timeout_s=0.1, attempts=2)
    assert len(link._pending) <= 2 * link_module._LONGEST_FRAME_BYTES


def test_a_flood_without_an_end_is_one_dropped_frame(board: FakeBoard) -> None:
    board.is_silent = True
    link = Link(board)
    board.say(b"\x55" * (link_module._LONGEST_FRAME_BYTES + 1))
    with pytest.raises(BoardError, match="1 damaged frames"):
        link.request(Opcode.HELLO, timeout_s=0.1, attempts=1)
    assert link.statistics.frames_dropped == 1


def fault_frame(nonce: int, report: bytes) -> bytes:
    asked = Frame(nonce=nonce, sequence=0, type=Opcode.FAULT, payload=b"")
    return encode(replace(asked, type=0xFF, payload=report + protocol.seal(asked, report)))


@pytest.mark.parametrize(
    ("known", "words", "tool"),
    [
        (load_board("qemu-mps2-an386"), "BusFault", "arm-none-eabi-addr2line"),
        (load_board("qemu-mps2-an386").with_core(load_core("cortex-m0plus")), "exception", "arm-none-eabi-addr2line"),
        (load_board("host"), "exception", "addr2line"),
        (None, "exception", "the toolchain's addr2line"),
    ],
)
def test_fault_is_named_as_the_core_does_with_its_address(
    known: Board | None, words: str, tool: str, board: FakeBoard
) -> None:
    # the board that answers is none that the kit knows
    session = Session(Link(board), known)
    board.is_silent = True
    fault = Fault(number=5, program_counter=0x1234)
    board.say(fault_frame(session.link.nonce, fault.pack()))
    with pytest.raises(BoardError, match=rf"faulted: {words} \(number 5\) at address 0x00001234") as caught:
        session.stats()
    assert f"find the place with: {tool} -fe" in str(caught.value.hint)


def test_fault_of_the_wrong_length_is_still_a_fault(board: FakeBoard) -> None:
    board.say(fault_frame(0, b"x"))
    with pytest.raises(FaultError, match="faulted"):
        Link(board).request(Opcode.READ_STATS)


def test_fault_of_an_older_session_is_not_ours(board: FakeBoard) -> None:
    session = Session(Link(board))
    board.say(fault_frame(session.link.nonce ^ 1, bytes(8)))
    # and one of ours that was made by damage
    board.say(encode(Frame(nonce=session.link.nonce, sequence=0, type=0xFF, payload=bytes(16))))
    assert session.stats().frames_received == 2
    assert session.link.statistics.frames_of_others == session.link.statistics.seals_refused == 1


def answered(board: FakeBoard, body: bytes) -> Link:
    """A link whose next request, an empty RUN, the board answers in this way."""
    link = Link(board)
    board.is_silent = True
    request = Frame(nonce=link.begin(), sequence=1, type=Opcode.RUN, payload=b"")
    answer = replace(request, type=Opcode.RUN | 0x80, payload=body + protocol.seal(request, body))
    board.say(encode(answer))
    return link


LOST = {Status.OTHER_SESSION, Status.OLD_SEQUENCE}


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.OK and status not in LOST])
def test_refusal_names_the_status_and_has_a_hint(board: FakeBoard, status: Status) -> None:
    with pytest.raises(RefusedError, match=f"refused RUN with status {status.name}") as caught:
        answered(board, bytes((status,))).request(Opcode.RUN)
    assert caught.value.hint == protocol.STATUS_HINTS[status]


@pytest.mark.parametrize(("payload", "text"), [(b"", "without a status"), (b"\x63", "unknown status 99")])
def test_answer_that_is_no_answer(board: FakeBoard, payload: bytes, text: str) -> None:
    with pytest.raises(BoardError, match=text):
        answered(board, payload).request(Opcode.RUN)


def test_old_answers_are_ignored(board: FakeBoard) -> None:
    session = Session(Link(board))
    for number in range(300):
        assert session.stats().frames_received == number + 2
    board.to_host = [twice]
    session.stats()
    session.stats()
    assert session.link.statistics.frames_stale == 1


def test_cancelled_link_ends_the_request(board: FakeBoard) -> None:
    session = Session(Link(board))
    session.link.cancel()
    with pytest.raises(CancelledError):
        session.stats()


class Unplugged(FakeBoard):
    """A port whose device is gone."""

    error: Exception = OSError(5, "Input/output error")

    @property
    def in_waiting(self) -> int:
        raise self.error


def test_unplugged_port_is_a_board_error() -> None:
    with pytest.raises(BoardError, match="broke.*Input/output error") as caught:
        Session(Link(Unplugged()))
    assert "unplugged" in str(caught.value.hint)


def test_other_protocol_version() -> None:
    for hello in (a_hello(protocol_version=3), a_hello(protocol_version=0)):
        with pytest.raises(BoardError, match=rf"speaks protocol version {hello.protocol_version}, this asc-kit 2"):
            Session(Link(FakeBoard(hello)))


def test_impossible_promises_are_refused() -> None:
    with pytest.raises(BoardError, match="impossible values"):
        Session(Link(FakeBoard(a_hello(max_payload_bytes=4))))
    with pytest.raises(BoardError, match="impossible values"):
        Session(Link(FakeBoard(a_hello(n_operators=0))))


def test_smaller_payloads_are_respected() -> None:
    board = FakeBoard(a_hello(max_payload_bytes=64))
    session = Session(Link(board))
    session.write_input(AN_INPUT)
    assert max(len(payload) for _, payload in board.executed[1:]) == 64
    assert np.array_equal(session.read_input(), AN_INPUT)


def a_manifest(hello: protocol.Hello) -> BundleManifest:
    """What `Session.check` reads of a manifest."""
    stub = SimpleNamespace(
        model_sha256=hello.model_sha256,
        frontend=SimpleNamespace(
            spec_id=hello.spec_id, sample_rate_hz=hello.sample_rate_hz, clip_samples=hello.clip_samples
        ),
        input=SimpleNamespace(n_elements=hello.input_bytes),
        output=SimpleNamespace(n_elements=hello.output_bytes),
    )
    return stub  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"model_sha256": "cd" * 32}, "another model"),
        ({"spec_id": "ff" * 8}, "another front end"),
        ({"firmware_id": "ff" * 8}, "another firmware"),
        ({"input_sizes": (2999,)}, "another input size"),
        ({"output_sizes": (5,)}, "another output size"),
        ({"sample_rate_hz": 16000}, "another sampling rate"),
        ({"clip_samples": 1}, "another clip length"),
    ],
)
def test_board_with_something_else_is_refused(change: dict[str, object], text: str) -> None:
    usual = a_hello()
    session = Session(Link(FakeBoard(replace(usual, **change))))  # type: ignore[arg-type]
    with pytest.raises(BoardError, match=text) as caught:
        session.check(a_manifest(usual), firmware_id=usual.firmware_id)
    assert "flash" in str(caught.value.hint)


def test_right_board_is_accepted() -> None:
    session = Session(Link(FakeBoard()))
    session.check(a_manifest(a_hello()), firmware_id=a_hello().firmware_id)
    session.require(HelloFlag.AUDIO)


def test_board_without_audio_is_refused() -> None:
    session = Session(Link(FakeBoard(a_hello(flags=HelloFlag.PROFILE))))
    with pytest.raises(BoardError, match="no support for audio"):
        session.require(HelloFlag.AUDIO)


def test_encoded_frame_has_no_zero_inside() -> None:
    line = encode(Frame(nonce=0, sequence=0, type=0, payload=bytes(1024)))
    assert line[0] == line[-1] == 0 and 0 not in line[1:-1]
    assert cobs.decode(line[1:-1])[9:-4] == bytes(1024)
