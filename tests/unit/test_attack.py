"""The attack of verify-link against a board in Python, in simulated time; and that it would notice a wrong answer."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from fake_board import FakeBoard, a_hello

from asc_kit import protocol
from asc_kit.device_runner.attack import kinds as kinds_module
from asc_kit.device_runner.attack import port as port_module
from asc_kit.device_runner.attack import runner as runner_module
from asc_kit.device_runner.attack.answers import known_clips
from asc_kit.device_runner.attack.kinds import KINDS, Way, stuff_frame, unpack_frame
from asc_kit.device_runner.attack.port import FaultyPort
from asc_kit.device_runner.attack.report import AttackReport
from asc_kit.device_runner.attack.runner import Attack
from asc_kit.device_runner.line import link as link_module
from asc_kit.device_runner.line.link import Link, Patience
from asc_kit.device_runner.line.session import Session
from asc_kit.errors import BoardError, MismatchError
from asc_kit.protocol import Frame, Opcode

QUICK = Patience(
    hello_s=0.1, hello_attempts=25, request_s=0.1, request_attempts=25, run_s=0.1, run_attempts=25, holder_s=0.4,
    holder_poll_s=0.1,
)  # fmt: skip
HELLO = a_hello(input_sizes=(1500,), output_sizes=(16,), clip_samples=800)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> FakeBoard:
    board = FakeBoard(HELLO)
    for module in (link_module, kinds_module, port_module, runner_module):
        monkeypatch.setattr(module, "time", board.clock)
    return board


def attack(board: FakeBoard, faults: int, *, seed: int = 0, every: float = 12, reset: bool = True) -> AttackReport:
    port = FaultyPort(board, seed=seed, every=every, reset_board=board.server.reset if reset else None)
    session = Session(Link(port, QUICK))  # type: ignore[arg-type]
    clips = known_clips(session, None, seed)
    session.close()
    found = Attack(port, clips, QUICK, seed)
    found.run(faults, lambda _: None)
    return found.report(session, seed=seed, every=every, seconds=0)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_wrong_is_accepted_and_nothing_lost(board: FakeBoard, seed: int) -> None:
    report = attack(board, 1500, seed=seed)
    assert report.is_sound, report
    assert report.clips == report.clips_right + report.clips_refused and report.clips_wrong == 0
    assert report.sessions_completed >= 0.99 * report.sessions
    assert len(report.kinds) >= 20 and all(kind.injected > 10 for kind in report.kinds)
    for kind in report.kinds:
        assert kind.injected == kind.recovered + kind.refused + kind.wrong
    assert sum(kind.injected for kind in report.kinds) == report.faults >= 1500
    # none of it went by unnoticed
    link = report.link
    assert min(link.retries, link.frames_dropped, link.frames_stale, link.frames_of_others, link.seals_refused) > 20
    assert link.clips_repeated > 20 and sum(report.words.values()) == report.sessions - report.sessions_completed


def test_one_fault_in_a_thousand_frames_is_no_matter(board: FakeBoard) -> None:
    report = attack(board, 100, every=1000)
    assert report.is_sound and report.sessions_completed == report.sessions and report.clips_refused == 0


def test_same_seed_same_faults(board: FakeBoard) -> None:
    """Up to the session's nonces, which are drawn from the system, frames and faults are the same."""
    frames = [
        stuff_frame(Frame(nonce=1, sequence=i, type=2, payload=bytes(range(i % 50 + 1))).pack()) for i in range(600)
    ]
    arrived = []
    for seed in (5, 5, 6):
        sink = FakeBoard(HELLO)
        sink.is_silent = True
        data: list[bytes] = []
        sink.to_board = [data.append] * 5000  # type: ignore[list-item]
        sink.write = lambda piece, data=data: data.append(piece)  # type: ignore[assignment, misc]
        port = FaultyPort(sink, seed=seed, every=5)  # type: ignore[arg-type]
        port.is_faulty = True
        for frame in frames:
            port.write(frame)
        arrived.append((data, port.injected))
    assert arrived[0] == arrived[1] != arrived[2]


@pytest.mark.parametrize(
    ("check", "kind"),
    [("_unseal", "crc32_polynomial"), ("_unseal", "payload_forged"), ("_is_answer", "replay_recent")],
)
def test_attack_notices_a_host_that_does_not_check(
    board: FakeBoard, monkeypatch: pytest.MonkeyPatch, check: str, kind: str
) -> None:
    """Without seals and digests, or taking any answer for its own, the host accepts what is wrong."""
    if check == "_unseal":
        monkeypatch.setattr(Link, "_unseal", lambda self, request, answer: answer.payload[: -protocol.SEAL_BYTES])
    else:
        monkeypatch.setattr(
            link_module, "_is_answer", lambda frame, request: frame.type == request.type | protocol.RESPONSE_BIT
        )
        monkeypatch.setattr(Link, "_unseal", lambda self, request, answer: answer.payload[: -protocol.SEAL_BYTES])
    monkeypatch.setattr(Session, "_compare", lambda *_: None)
    monkeypatch.setattr(port_module, "KINDS", [k for k in KINDS if k.name == kind])
    report = attack(board, 600)
    assert not report.is_sound and report.clips_wrong > 0
    assert next(each for each in report.kinds if each.name == kind).wrong > 0


def test_board_that_is_wrong_before_any_fault_is_no_matter_of_the_line(board: FakeBoard) -> None:
    answers = iter(range(1000))
    board.server.engine.network = lambda values: bytes((next(answers) % 100,)) * 16
    with pytest.raises(MismatchError, match="on a line without faults"):
        attack(board, 10)


class DyingPort:
    """A port that is pulled out, or a board that hangs, after so many writes."""

    port, baudrate = "/dev/ttyACM9", 115_200

    def __init__(self, board: FakeBoard, writes: int, *, is_silent: bool) -> None:
        self._board, self._writes, self._is_silent = board, writes, is_silent

    @property
    def in_waiting(self) -> int:
        return self._board.in_waiting

    def read(self, size: int) -> bytes:
        if self._writes <= 0 and not self._is_silent:
            raise OSError(5, "Input/output error")
        return self._board.read(size)

    def write(self, data: bytes) -> None:
        self._writes -= 1
        if self._writes > 0:
            self._board.write(data)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("is_silent", "words"), [(False, "the line to the board on /dev/ttyACM9 broke"), (True, "does not answer any more")]
)
def test_an_attack_on_a_board_that_is_gone_ends(board: FakeBoard, is_silent: bool, words: str) -> None:
    """On a broken port sessions fail at once and no fault ever comes; of a board that hangs all would end in words."""
    port = FaultyPort(DyingPort(board, 2000, is_silent=is_silent), seed=0, every=50)  # type: ignore[arg-type]
    session = Session(Link(port, QUICK))  # type: ignore[arg-type]
    clips = known_clips(session, None, 0)
    session.close()
    told: list[int] = []
    with pytest.raises(BoardError, match=words):
        Attack(port, clips, QUICK, 0).run(10_000, told.append)
    assert 0 < sum(told) < 1000


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_does_something(kind: kinds_module.Kind, board: FakeBoard) -> None:
    resets: list[bool] = []
    other = Way(is_to_board=False, random=random.Random(2))
    way = Way(is_to_board=True, random=random.Random(1), other=other, reset_board=lambda: resets.append(True))
    other.other = way
    for sequence in range(1, 6):
        for nonce, opcode in ((7, Opcode.HELLO if sequence == 1 else Opcode.RUN), (8, Opcode.RUN)):
            way.history.append(stuff_frame(Frame(nonce=nonce, sequence=sequence, type=opcode, payload=b"x").pack()))
    other.history.append(stuff_frame(Frame(nonce=7, sequence=5, type=0x86, payload=b"x").pack()))
    data = stuff_frame(Frame(nonce=7, sequence=9, type=Opcode.WRITE_INPUT, payload=bytes(range(200))).pack())
    outcomes: Counter[bool] = Counter()
    for _ in range(50):
        pieces = kind.apply(way, data)
        assert pieces is not None
        outcomes[pieces != [data] or bool(resets)] += 1
        if kind.name in ("crc32_polynomial", "payload_forged", "header_forged"):
            assert unpack_frame(pieces[0]) not in (None, unpack_frame(data)), "the checksum is right, the frame another"
    # two equal bytes change places, a run of zeros is drawn over zeros: rarely
    assert outcomes[True] >= 45


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_thousand_faults(board: FakeBoard) -> None:
    report = attack(board, 100_000, seed=77)
    assert report.is_sound and report.sessions_completed >= 0.99 * report.sessions
