"""Sessions: what a line, a reset and other programs do to them, and that no wrong answer comes of it."""

from __future__ import annotations

import binascii
import re
import struct
import threading
from collections.abc import Callable

import numpy as np
import pytest
from cobs import cobs
from fake_board import FakeBoard, a_hello
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served_board import ServedBoard

from asc_kit import protocol
from asc_kit.device_runner.line import link as link_module
from asc_kit.device_runner.line import session as session_module
from asc_kit.device_runner.line.link import Link, LostError, NoAnswerError, SessionLostError, encode
from asc_kit.device_runner.line.session import BusyError, Session, client_name
from asc_kit.device_runner.line.transport import open_port
from asc_kit.errors import BoardError
from asc_kit.protocol import Frame, HelloRequest, Opcode

INPUT = np.arange(3000, dtype=np.int64).astype(np.int8)
SAMPLES = (np.arange(1100, dtype=np.int16) * 29).astype(np.int16)
FEATURES = np.resize(SAMPLES.view(np.int8)[1::2], 3000)
CRC32 = 1 | 0xEDB88320 << 1


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> FakeBoard:
    board = FakeBoard()
    monkeypatch.setattr(link_module, "time", board.clock)
    return board


def packed(data: bytes) -> bytes:
    return cobs.decode(data.strip(b"\0"))


def on_line(body: bytes) -> bytes:
    return b"\0" + cobs.encode(body) + b"\0"


def opcode_of(data: bytes) -> int:
    body = packed(next(filter(None, data.split(b"\0"))))
    return body[8] & 0x7F if len(body) > 8 else 0  # version 1 has shorter ones


def xored(pattern: int, offset_bits: int) -> Callable[[bytes], bytes]:
    """What leaves a frame's checksum right when the pattern is a multiple of its polynomial."""

    def damage(data: bytes) -> bytes:
        first, *others = filter(None, data.split(b"\0"))  # version 1's HELLO may be beside it
        body = packed(first)
        shift = offset_bits % max(1, 8 * len(body) - pattern.bit_length() + 1)
        value = int.from_bytes(body, "little") ^ pattern << shift
        value &= (1 << 8 * len(body)) - 1  # of a pattern longer than the frame the frame's part
        return on_line(value.to_bytes(len(body), "little")) + b"".join(b"\0" + frame + b"\0" for frame in others)

    return damage


class Always(list[Callable[[bytes], bytes]]):
    """One damage to every frame of some opcodes."""

    def __init__(self, damage: Callable[[bytes], bytes], *opcodes: Opcode) -> None:
        super().__init__([damage])
        self.damage, self.opcodes = damage, opcodes

    def pop(self, _: object = 0) -> Callable[[bytes], bytes]:  # type: ignore[override]
        return lambda data: self.damage(data) if opcode_of(data) in self.opcodes else data


def audio_clip(session: Session) -> np.ndarray:
    session.stream_audio(SAMPLES)
    features = session.read_input()
    session.run(macs=0)
    return np.concatenate([features, session.read_output()])


EXPECTED = np.concatenate([FEATURES, FEATURES[:4]])


def test_polynomial_of_crc16_over_every_chunk_is_no_result(board: FakeBoard) -> None:
    """Version 1 gave 2 of 20 clips right, "bit-identical 20 of 20", exit code 0."""
    session = Session(Link(board))
    # 01 10 21 in the order in which the bytes stand in the frame
    board.to_board = Always(xored(int.from_bytes(b"\x01\x10\x21", "little"), 8 * 20), Opcode.AUDIO_CHUNK)
    with pytest.raises(NoAnswerError, match="did not answer AUDIO_CHUNK") as caught:
        session.repeat(lambda: audio_clip(session))
    assert caught.value.exit_code == 3


def test_polynomial_of_crc32_over_every_chunk_is_no_result(board: FakeBoard) -> None:
    session = Session(Link(board))
    board.to_board = Always(xored(CRC32, 8 * 20), Opcode.AUDIO_CHUNK)
    damaged = board.to_board[0](encode(Frame(nonce=1, sequence=1, type=5, payload=bytes(99))))
    assert Frame.unpack(packed(damaged)).payload != bytes(99)  # the checksum says nothing
    with pytest.raises(SessionLostError, match="AUDIO_CHUNK reached the board .* changed") as caught:
        session.repeat(lambda: audio_clip(session))
    assert caught.value.exit_code == 3
    statistics = session.link.statistics
    assert statistics.clips_repeated == 4 and statistics.seals_refused == 15


# the board of these tests takes clips, no streams
OF_CLIPS = set(Opcode) - {Opcode.FAULT, Opcode.GOODBYE, Opcode.LISTEN_BEGIN, Opcode.LISTEN_CHUNK}


@pytest.mark.parametrize("opcode", sorted(OF_CLIPS))
@pytest.mark.parametrize("way", ["to_board", "to_host"])
def test_polynomial_over_every_request_of_a_kind_or_its_answer(board: FakeBoard, opcode: Opcode, way: str) -> None:
    """Whatever the opcode, the host has words and no answer; HELLO, profile and counters included."""
    if opcode is Opcode.RESET_STATE:
        with_state = FakeBoard(a_hello(flags=7))
        # the clock of the test: the board's own would not run
        with_state.clock, board = board.clock, with_state
    link = Link(board)
    session = Session(link) if opcode is not Opcode.HELLO else None
    # beyond the header: within it another session or opcode would be seen at once
    setattr(board, way, Always(xored(CRC32, 8 * 10 + 3), opcode))
    with pytest.raises(LostError):
        if session is None:
            Session(link)
            return
        session.reset_state()
        session.write_input(INPUT)
        session.read_input()
        session.stream_audio(SAMPLES)
        session.run(macs=0, profile=True)
        session.read_output()
        session.profile()
        session.stats()
    # and once is made good
    setattr(board, way, [])
    again = session or Session(link)
    again.reopen()
    assert np.array_equal(again.repeat(lambda: audio_clip(again)), EXPECTED)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_multiples_of_the_polynomial_anywhere(board: FakeBoard, data: st.DataObject) -> None:
    """Any multiple, any place, any frames: the answer is right, or there are words."""
    fresh = FakeBoard()
    fresh.clock, board = board.clock, fresh
    session = Session(Link(board))
    for way in (board.to_board, board.to_host):
        for _ in range(data.draw(st.integers(0, 12))):
            offset = data.draw(st.integers(0, 8000))
            factor = data.draw(st.sampled_from([1, 1, 1, 3, 5, 0x10001, 0x8421]))
            pattern = 0
            for bit in range(factor.bit_length()):
                pattern ^= (CRC32 << bit) if factor >> bit & 1 else 0
            way.append(xored(pattern, offset) if data.draw(st.booleans()) else lambda frame: frame)
    try:
        result = session.repeat(lambda: audio_clip(session))
    except BoardError as failure:
        assert failure.exit_code == 3
    else:
        assert np.array_equal(result, EXPECTED)


def test_late_copy_of_an_older_write_changes_nothing(board: FakeBoard) -> None:
    """Version 1 gave 23 of 24 wrong outputs."""
    session = Session(Link(board))
    late: list[bytes] = []

    def remember(data: bytes) -> bytes:
        late.append(data)
        return data

    board.to_board = [remember]
    session.write_input(INPUT)
    session.run(macs=0)
    session.read_output()
    other = INPUT[::-1].copy()
    for position in range(6):
        board.to_board = [lambda data: data] * position + [lambda data: late[0] + data]
        session.write_input(other)
        assert np.array_equal(session.read_input(), other)
        session.run(macs=0)
        assert np.array_equal(session.read_output(), other[:4])
    assert session.stats().frames_refused >= 5


def test_replayed_hellos_take_nothing(board: FakeBoard) -> None:
    """Of an older session, of this one, and one that once took the board over."""
    hellos: list[bytes] = []

    def remember(data: bytes) -> bytes:
        hellos.append(data)
        return data

    for _ in range(3):
        board.to_board = [remember, remember, remember]
        session = Session(Link(board))
        session.reopen()  # takes over from itself
        session.close()
    session = Session(Link(board))
    for hello in hellos:
        session.write_input(INPUT)
        board.to_board = [lambda data, hello=hello: hello + data]  # type: ignore[misc]
        session.run(macs=0)
        assert np.array_equal(session.read_output(), INPUT[:4])
    assert len(hellos) >= 9 and session.link.statistics.clips_repeated == 0


def test_replayed_hello_after_a_reset_costs_one_more_session(board: FakeBoard) -> None:
    hellos: list[bytes] = []
    board.to_board = [lambda data: hellos.append(data) or data]  # type: ignore[func-returns-value]
    session = Session(Link(board))
    session.close()
    session = Session(Link(board))
    start = board.clock.now

    def clip() -> np.ndarray:
        session.write_input(INPUT)
        if session.link.statistics.clips_repeated == 0:
            board.server.reset()
            board.to_board = [lambda data: hellos[0] + data]
        session.run(macs=0)
        return session.read_output()

    # a ghost holds the board: it never asks, so it is waited for and left
    assert np.array_equal(session.repeat(clip), INPUT[:4])
    assert 5 <= board.clock.now - start < 8


@pytest.mark.parametrize("request_index", range(8))
def test_reset_anywhere_in_a_clip_is_made_good(board: FakeBoard, request_index: int) -> None:
    session = Session(Link(board))

    def reset_and_pass(data: bytes) -> bytes:
        board.server.reset()
        return data

    board.to_board = [lambda data: data] * request_index + [reset_and_pass]
    assert np.array_equal(session.repeat(lambda: audio_clip(session)), EXPECTED)
    statistics = session.link.statistics
    assert (statistics.clips_repeated, statistics.sessions_opened) == (1, 2)


def test_another_board_after_a_reset_is_refused(board: FakeBoard) -> None:
    session = Session(Link(board))
    other = FakeBoard(a_hello(firmware_id="00" * 8))
    board.server = other.server
    with pytest.raises(BoardError, match="another board or firmware answers.*0000000000000000"):
        session.repeat(lambda: audio_clip(session))


def test_second_program_on_a_bridge_is_told_who_holds_the_board(board: FakeBoard) -> None:
    """Both hear all answers. The first works on while the second asks, and is not disturbed."""
    first = Session(Link(board))
    second = FakeBoard(bridged=board)

    def work(data: bytes) -> bytes:
        first.stats()
        return data

    second.to_board = [lambda data: data, work, work]
    first.write_input(INPUT)
    with pytest.raises(BusyError, match=re.escape(f"is held by {client_name()}, which is using it")) as caught:
        Session(Link(second))
    assert caught.value.exit_code == 3 and "another program" in str(caught.value.hint)
    assert np.array_equal(first.read_input(), INPUT)
    first.run(macs=0)
    assert np.array_equal(first.read_output(), INPUT[:4])
    assert first.link.statistics.clips_repeated == 0 and first.link.statistics.frames_of_others > 0


def test_second_program_on_a_tcp_bridge_is_told_who_holds_the_board() -> None:
    """The same over a real `socket://`, in real time, both at work at once."""
    with ServedBoard(FakeBoard()) as served:
        first = Session(Link(open_port(served.port)))
        is_over = threading.Event()
        wrong: list[int] = []

        def work() -> None:
            for seed in range(10_000):
                if is_over.is_set():
                    return
                values = np.roll(INPUT, seed)
                first.write_input(values)
                first.run(macs=0)
                if not np.array_equal(first.read_output(), values[:4]):
                    wrong.append(seed)

        worker = threading.Thread(target=work)
        worker.start()
        try:
            second = Link(open_port(served.port))
            with pytest.raises(BusyError, match=re.escape(f"the board on {served.port} is held by {client_name()}")):
                Session(second)
        finally:
            is_over.set()
            worker.join()
        assert wrong == [] and first.link.statistics.clips_repeated == 0
        first.close()
        # and now it is free
        assert Session(second).stats().frames_refused == 0
        second.close()
        first.link.close()


def test_board_of_a_program_that_is_gone_is_taken_over(board: FakeBoard) -> None:
    Session(Link(board)).write_input(INPUT)  # killed: no goodbye
    start = board.clock.now
    second = Session(Link(board))
    assert protocol.HOLDER_PATIENCE_S <= board.clock.now - start < protocol.HOLDER_PATIENCE_S + 1
    assert np.array_equal(second.repeat(lambda: audio_clip(second)), EXPECTED)


def test_board_is_free_at_once_after_goodbye(board: FakeBoard) -> None:
    Session(Link(board)).close()
    start = board.clock.now
    Session(Link(board))
    assert board.clock.now == start


def test_holder_that_wakes_up_is_told_who_took_the_board(board: FakeBoard) -> None:
    first = Session(Link(board))
    second = Session(Link(FakeBoard(bridged=board)))
    with pytest.raises(SessionLostError, match=re.escape(f"was taken over by {client_name()}")):
        first.write_input(INPUT)
    # it asks for the board like anybody else, and finds it in use
    board.to_board = [lambda data: data, lambda data: (second.stats(), data)[1]]
    with pytest.raises(BusyError):
        first.reopen()
    assert np.array_equal(second.repeat(lambda: audio_clip(second)), EXPECTED)


def test_one_of_two_that_wait_for_the_board_has_it(board: FakeBoard) -> None:
    """The second to take it over names numbers that are not true any more."""
    Session(Link(board))
    waiting = FakeBoard(bridged=board)
    n_polls = round(protocol.HOLDER_PATIENCE_S / protocol.HOLDER_POLL_S)
    taken: list[Session] = []

    def take(data: bytes) -> bytes:
        # just before the other's HELLO that takes over
        taken.append(Session(Link(FakeBoard(bridged=board))))
        return data

    waiting.to_board = [lambda data: data] * (n_polls + 1) + [take]
    with pytest.raises(BusyError):
        Session(Link(waiting))
    assert np.array_equal(taken[0].repeat(lambda: audio_clip(taken[0])), EXPECTED)


def test_board_that_is_never_given_up_is_not_asked_for_ever(board: FakeBoard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board that refuses even who names its holder's last request is broken."""
    Session(Link(board)).stats()
    server = board.server
    monkeypatch.setattr(server, "_open", lambda request: server._seal(request, (6, server._holder())))
    start = board.clock.now
    with pytest.raises(BoardError, match="does not follow the protocol: it stays with"):
        Session(Link(FakeBoard(bridged=board)))
    assert board.clock.now - start < protocol.HOLDER_PATIENCE_S + 1


def test_lost_answer_to_hello_is_not_waited_for(board: FakeBoard) -> None:
    """The board has opened the session; the host never hears of it, proposes another, and finds its own nonce."""
    board.to_host = [xored(CRC32, 90)] * 3
    start = board.clock.now
    session = Session(Link(board))
    assert session.link.statistics.seals_refused == 3 and board.clock.now - start < 1


class OldBoard:
    """Firmware of version 1, as far as HELLO goes: docs/protocol.md of that version."""

    port = "old://board"
    baudrate = 1_000_000

    def __init__(self, board: FakeBoard, version: int = 1) -> None:
        self.clock, self.out, self.version = board.clock, b"", version

    @property
    def in_waiting(self) -> int:
        return len(self.out)

    def read(self, size: int) -> bytes:
        if not self.out:
            self.clock.now += 0.05
        data, self.out = self.out[:size], self.out[size:]
        return data

    def write(self, data: bytes) -> int:
        for stuffed in filter(None, data.split(b"\0")):
            body = cobs.decode(stuffed)
            if struct.pack("<H", binascii.crc_hqx(body[:-2], 0xFFFF)) != body[-2:]:
                continue
            assert body[1] == 1 and body[2] != self.version
            answer = bytes((body[0], 0x81, 5, self.version))
            self.out += on_line(answer + struct.pack("<H", binascii.crc_hqx(answer, 0xFFFF)))
        return len(data)

    def close(self) -> None:
        pass


def test_old_firmware_is_known_and_what_to_do(board: FakeBoard) -> None:
    with pytest.raises(BoardError, match=r"speaks protocol version 1, this asc-kit 2") as caught:
        Session(Link(OldBoard(board)))  # type: ignore[arg-type]
    assert "flash firmware made by this version" in str(caught.value.hint)
    assert board.clock.now < 2


def test_new_board_is_not_taken_for_an_old_one(board: FakeBoard) -> None:
    """Its answer to version 1's HELLO, which the third attempt brings, is passed over."""
    board.to_board = [lambda data: b"", lambda data: b"", lambda data: data]
    assert Session(Link(board)).hello == board.hello


def test_used_up_numbers_begin_a_new_session(board: FakeBoard) -> None:
    session = Session(Link(board))
    session.link.sequence = protocol.LAST_SEQUENCE - 2
    assert np.array_equal(session.repeat(lambda: audio_clip(session)), EXPECTED)
    assert session.link.statistics.sessions_opened == 2


@pytest.mark.parametrize("user", ["ann", "jürgen", "x" * 100, "日本"])
def test_name_of_a_client_fits_and_is_ascii(monkeypatch: pytest.MonkeyPatch, user: str) -> None:
    monkeypatch.setattr(session_module.getpass, "getuser", lambda: user)
    name = client_name()
    assert len(name) <= protocol.CLIENT_NAME_BYTES and name.isascii() and re.search(r" pid \d+$", name)
    assert HelloRequest(holder_nonce=0, holder_requests=0, client=name).pack()


def test_name_that_another_gave_cannot_command_a_terminal(board: FakeBoard) -> None:
    hello = HelloRequest(holder_nonce=0, holder_requests=0, client="\x1b]0;x\x07\nbad\x7f").pack()
    stranger = Frame(nonce=9, sequence=1, type=Opcode.HELLO, payload=hello)
    board.write(encode(stranger))

    def work(data: bytes) -> bytes:
        board.server._requests += 1
        return data

    board.to_board = [lambda data: data, work]
    with pytest.raises(BusyError) as caught:
        Session(Link(board))
    assert caught.value.message.isprintable() and "?]0;x??bad?" in caught.value.message
