"""The attack: sessions of known clips on a bad line, and the outcome of each clip."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np

from asc_kit.errors import BoardError

from ..line.link import BrokenLineError, FaultError, Link, LinkStatistics, Patience
from ..line.session import Session
from .answers import KnownClip
from .kinds import KINDS
from .port import FaultyPort
from .report import MAX_ENDINGS, AttackReport, KindReport

# Ten clips to a session: sessions open and close often enough that HELLO and GOODBYE meet faults too.
CLIPS_PER_SESSION = 10
# Audio takes most of the bytes and shows no more than features: this is one clip in so many.
_AUDIO_EVERY = 6
# Waits are a few times the longest on a good line, and no shorter than a busy machine takes to wake up.
_FACTOR = 4
_SHORTEST_WAIT_S = 0.04
_TRIES = 5
_MANY_ATTEMPTS = 25
_MOST_UNOPENED = 20
"""Sessions in a row that the board may fail to open. Each sends HELLO 25 times, so faults do not explain it."""

Outcome = Literal["right", "wrong", "refused"]


class Attack:
    """Sessions on a port with faults.

    Parameters
    ----------
    port
        The port to the board; faults begin with `run`.
    clips
        The clips, with their answers.
    patience
        Times to wait: see `measured_patience`.
    seed
        Seed of the clips' order.
    """

    def __init__(self, port: FaultyPort, clips: tuple[KnownClip, ...], patience: Patience, seed: int) -> None:
        self._port = port
        self._features = [clip for clip in clips if clip.audio is None]
        self._audio = [clip for clip in clips if clip.audio is not None]
        self._patience = patience
        self._random = random.Random(f"{seed} clips")
        self._outcomes: dict[Outcome, Counter[str]] = {"right": Counter(), "wrong": Counter(), "refused": Counter()}
        self._clips: Counter[Outcome] = Counter()
        self._begun = 0
        self._sessions: Counter[bool] = Counter()
        self._answers: Counter[tuple[int, int]] = Counter()
        self._words: Counter[str] = Counter()
        self._board_faults = 0
        self._statistics = LinkStatistics()
        self._counted: Counter[str] = Counter()

    def run(self, faults: int, advance: Callable[[int], object]) -> None:
        """Run sessions until so many faults occurred; call `advance` with the number of faults since its last call.

        Raises
        ------
        BoardError
            If the line breaks, or the board no longer answers.
        """
        self._port.is_faulty = True
        before = unopened = 0
        while before < faults:
            unopened = 0 if self._hold_session() else unopened + 1
            if unopened == _MOST_UNOPENED:
                raise BoardError(
                    f"the board on {self._port.port} does not answer any more, after {before} faults",
                    hint="it hangs: reset it. If the same --seed does it again, this is a defect of the firmware: "
                    "report it with the board, --seed and --every",
                )
            now = self._port.injected.total()
            advance(now - before)
            before = now
        self._port.is_faulty = False

    def _hold_session(self) -> bool:
        """Run a session; return whether the board opened it."""
        link = Link(self._port, self._patience)  # type: ignore[arg-type]
        is_complete = False
        try:
            session = Session(link)
            for _ in range(CLIPS_PER_SESSION):
                self._begun += 1
                self._end_clip(self._do_clip(session, self._choose()))
            session.close()
            is_complete = True
        except BrokenLineError:
            raise
        except BoardError as failure:
            self._board_faults += isinstance(failure, FaultError)
            self._words[_kind_of(failure)] += 1
            if self._begun > self._clips.total():
                self._end_clip("refused")
            else:
                self._note("refused")
            session_is_open = link.nonce != 0
            if session_is_open:
                link.say_goodbye()
        self._note("right" if is_complete else "refused")
        self._sessions[is_complete] += 1
        self._statistics = _sum(self._statistics, link.statistics)
        return link.statistics.sessions_opened > 0

    def _choose(self) -> KnownClip:
        if self._audio and self._random.randrange(_AUDIO_EVERY) == 0:
            return self._random.choice(self._audio)
        return self._random.choice(self._features)

    def _do_clip(self, session: Session, clip: KnownClip) -> Outcome:
        looks_at_input = self._random.random() < 0.3
        is_profiled = self._random.random() < 0.1

        def exchange() -> bool:
            if clip.audio is not None:
                session.stream_audio(clip.audio)
            else:
                session.write_input(clip.input)
            is_right = not looks_at_input or np.array_equal(session.read_input(), clip.input)
            session.run(macs=0, profile=is_profiled)
            key = (session.link.nonce, session.link.sequence)
            output = session.read_output()
            if is_profiled:
                is_right = is_right and len(session.profile()) == session.hello.n_operators
                session.stats()
            self._answers[key] += 1
            return is_right and np.array_equal(output, clip.output)

        return "right" if session.repeat(exchange) else "wrong"

    def _end_clip(self, outcome: Outcome) -> None:
        self._clips[outcome] += 1
        self._note(outcome)

    def _note(self, outcome: Outcome) -> None:
        """Attribute the faults since the last note to this outcome."""
        self._outcomes[outcome] += self._port.injected - self._counted
        self._counted = self._port.injected.copy()

    def report(self, session: Session, *, seed: int, every: float, seconds: float) -> AttackReport:
        """Return the result; `session` provides the board's name."""
        hello = session.hello
        return AttackReport(
            board=hello.board,
            port=session.link.name,
            model_sha256=hello.model_sha256,
            firmware_id=hello.firmware_id,
            seed=seed,
            every=every,
            faults=self._port.injected.total(),
            frames=self._port.frames,
            sessions=self._sessions.total(),
            sessions_completed=self._sessions[True],
            clips=self._begun,
            clips_right=self._clips["right"],
            clips_wrong=self._clips["wrong"],
            clips_refused=self._clips["refused"],
            clips_lost=self._begun - self._clips.total(),
            clips_doubled=sum(count - 1 for count in self._answers.values()),
            board_faults=self._board_faults,
            seconds=seconds,
            kinds=tuple(
                KindReport(
                    name=kind.name,
                    meaning=kind.meaning,
                    injected=self._port.injected[kind.name],
                    recovered=self._outcomes["right"][kind.name],
                    refused=self._outcomes["refused"][kind.name],
                    wrong=self._outcomes["wrong"][kind.name],
                )
                for kind in KINDS
            ),
            words=dict(self._words.most_common(MAX_ENDINGS)),
            link=self._statistics,
        )


def measured_patience(session: Session, clip: KnownClip) -> Patience:
    """Return the times to wait on this line: a few times the longest answer of a clip.

    The quickest of several tries counts, because the machine, not the line, slows the others.
    """
    wait_s = max(_SHORTEST_WAIT_S, _FACTOR * min(_longest_answer_s(session, clip) for _ in range(_TRIES)))
    return Patience(
        hello_s=wait_s,
        hello_attempts=_MANY_ATTEMPTS,
        request_s=wait_s,
        request_attempts=_MANY_ATTEMPTS,
        run_s=wait_s,
        run_attempts=_MANY_ATTEMPTS,
        holder_s=4 * wait_s,
        holder_poll_s=wait_s,
    )


def _longest_answer_s(session: Session, clip: KnownClip) -> float:
    session.write_input(clip.input)
    steps: tuple[Callable[[], object], ...] = (
        session.read_input,
        lambda: session.run(macs=0),
        session.read_output,
    )
    longest = 0.0
    for step in steps:
        start = time.monotonic()
        step()
        longest = max(longest, time.monotonic() - start)
    return longest


def _kind_of(failure: BoardError) -> str:
    """Return the message of a failure without its variable parts, so that equal failures can be counted."""
    return f"{type(failure).__name__}: " + " ".join(
        word for word in failure.message.split() if not any(sign.isdigit() for sign in word)
    )


def _sum(first: LinkStatistics, second: LinkStatistics) -> LinkStatistics:
    return replace(first, **{name: getattr(first, name) + getattr(second, name) for name in LinkStatistics.__slots__})
