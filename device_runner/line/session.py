"""A session with a board: its requests as functions on clips.

The board belongs to one session at a time. A session is lost if the board is reset, if another program takes the board
over, or if a changed frame passes the checksum. Then the state of the board cannot be trusted, and nothing of the clip
was accepted: `Session.repeat` opens another session and repeats the clip.
"""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from asc_kit import protocol
from asc_kit.bundle import BundleManifest
from asc_kit.errors import BoardError
from asc_kit.hardware.board import Board, find_board
from asc_kit.protocol import (
    Hello,
    HelloFlag,
    HelloRequest,
    Holder,
    Opcode,
    ProtocolError,
    RunFlag,
    RunReport,
    Stats,
    Status,
)

from .link import Link, LostError, NoAnswerError, RefusedError, SessionLostError, stuff

# The payload size in HELLO must leave room for a name, a seal, an offset and some data, or transfers would never end.
_SMALLEST_PAYLOAD_BYTES = 64
_NOBODY = Holder(nonce=protocol.NO_SESSION, requests=0, client="")

_T = TypeVar("_T")


class BusyError(BoardError):
    """Another program holds the board."""


def client_name() -> str:
    """Return the name of this process for others that ask for the board: ASCII, at most CLIENT_NAME_BYTES long."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    number = f" pid {os.getpid()}"
    who = f"{user}@{platform.node()}".encode("ascii", "replace").decode()
    return who[: protocol.CLIENT_NAME_BYTES - len(number)] + number


class Session:
    """A board that answered, and belongs to this program until `close`.

    Parameters
    ----------
    link
        The line to it.
    board
        Its description; None to look for it, by the name that it answers with, among the boards that go by one.

    Raises
    ------
    BusyError
        If another program holds it.
    BoardError
        If it does not answer, or speaks another version of the protocol.
    """

    def __init__(self, link: Link, board: Board | None = None) -> None:
        self.link = link
        self.link.board = board
        self._own_nonces: set[int] = set()
        self._longest_run_s: float | None = None
        self.hello = self._open()
        self.link.board_name = self.hello.board
        self._payload_bytes = min(self.hello.max_payload_bytes, protocol.MAX_PAYLOAD_BYTES)
        self._written = b""
        self._report: RunReport | None = None
        self._stream_at, self._stream_data = 0, b""

    @property
    def board(self) -> Board | None:
        """The board's description; None if there is none.

        Raises
        ------
        BoardError
            If there is a description, and it is not valid.
        """
        return self.link.board or find_board(self.hello.board)

    def close(self) -> None:
        """Release the board; the line stays open. Nothing is raised."""
        self.link.say_goodbye()

    def reopen(self) -> None:
        """Open another session with the same board, after `LostError`; the clip under way is forgotten.

        Raises
        ------
        BusyError
            If another program took the board over.
        BoardError
            If the board does not answer, or if another board does.
        """
        hello = self._open()
        if hello != self.hello:
            raise BoardError(
                f"another board or firmware answers on {self.link.name}: {hello.board} with firmware "
                f"{hello.firmware_id}. Expected: {self.hello.board} with {self.hello.firmware_id}",
                hint="was the board flashed or exchanged during the measurement? Begin again",
            )

    def repeat(self, clip: Callable[[], _T]) -> _T:
        """Run a clip, from its input to its output; repeat it in a new session if the line or the session fails.

        Parameters
        ----------
        clip
            Sends the whole input, runs, reads, and returns what came out. It must keep nothing of a failed try.

        Raises
        ------
        BoardError
            If it failed CLIP_ATTEMPTS times, or SILENT_CLIP_ATTEMPTS times without an answer, which takes long; or if
            it failed for another reason than the line.
        """
        silences = 0
        for _ in range(protocol.CLIP_ATTEMPTS - 1):
            try:
                return clip()
            except LostError as failure:
                silences += isinstance(failure, NoAnswerError)
                if silences == protocol.SILENT_CLIP_ATTEMPTS:
                    raise
                self.reopen()
                self.link.count(clips_repeated=1)
        return clip()

    def _open(self) -> Hello:
        """Propose sessions until the board takes one."""
        link = self.link
        holder, taken, seen_s = _NOBODY, _NOBODY, 0.0
        attempts = protocol.OPENING_ATTEMPTS
        while True:
            self._own_nonces.add(link.begin())
            request = HelloRequest(holder_nonce=taken.nonce, holder_requests=taken.requests, client=client_name())
            try:
                hello = self._say_hello(request)
            except SessionLostError:
                attempts -= 1
                if attempts == 0:
                    raise
                continue
            except RefusedError as refusal:
                if refusal.status is not Status.BUSY:
                    raise
                seen = _holder(refusal)
                if seen == taken:
                    raise BoardError(
                        f"the board on {link.name} does not follow the protocol: it stays with "
                        f"{seen.client}, which asks nothing",
                        hint="reset it, or flash firmware made by this version",
                    ) from None
            else:
                link.count(sessions_opened=1)
                self._report = None
                return hello
            if seen.nonce in self._own_nonces and attempts > 1:
                # our own earlier session, or a session whose opening we never learned of
                taken = seen
                attempts -= 1
                continue
            if holder is _NOBODY:
                holder, seen_s = seen, link.now()
            elif seen != holder:
                raise self._busy(seen)
            if link.now() - seen_s >= link.patience.holder_s:
                taken = holder
            else:
                link.pause(link.patience.holder_poll_s)

    def _busy(self, holder: Holder) -> BusyError:
        return BusyError(
            f"the board on {self.link.name} is held by {holder.client}, which is using it",
            hint=protocol.STATUS_HINTS[Status.BUSY],
        )

    def _say_hello(self, request: HelloRequest) -> Hello:
        link = self.link
        link.old_version = None
        try:
            answer = link.request(
                Opcode.HELLO,
                request.pack(),
                timeout_s=link.patience.hello_s,
                attempts=link.patience.hello_attempts,
                beside=stuff(protocol.old_hello()),
            )
            hello = Hello.unpack(answer)
        except NoAnswerError:
            if link.old_version in (None, protocol.PROTOCOL_VERSION):
                raise
            raise _other_version(link, link.old_version) from None
        except RefusedError as refusal:
            if refusal.status is Status.BAD_VERSION and refusal.data:
                raise _other_version(link, refusal.data[0]) from None
            raise
        except ProtocolError as failure:
            raise BoardError(
                f"the board on {link.name} answers HELLO in another layout: {failure}",
                hint=protocol.STATUS_HINTS[Status.BAD_VERSION],
            ) from failure
        if hello.protocol_version != protocol.PROTOCOL_VERSION:
            raise _other_version(link, hello.protocol_version)
        if hello.max_payload_bytes < _SMALLEST_PAYLOAD_BYTES or hello.n_operators < 1:
            raise BoardError(f"the board on {link.name} describes itself with impossible values: {hello}")
        return hello

    def check(self, manifest: BundleManifest, *, firmware_id: str | None = None) -> None:
        """Refuse a board that does not run the bundle.

        Parameters
        ----------
        manifest
            The bundle's.
        firmware_id
            Fingerprint of the required firmware; None for any.

        Raises
        ------
        BoardError
            If the board differs; the message names the difference.
        """
        hint = "build and flash this bundle's firmware: asc-kit firmware BUNDLE --board NAME --build"
        expected: Sequence[tuple[str, object, object]] = (
            ("model", manifest.model_sha256, self.hello.model_sha256),
            ("front end (spec_id)", manifest.frontend.spec_id, self.hello.spec_id),
            ("input size in bytes", manifest.input.n_elements, self.hello.input_bytes),
            ("output size in bytes", manifest.output.n_elements, self.hello.output_bytes),
            ("sampling rate in hertz", manifest.frontend.sample_rate_hz, self.hello.sample_rate_hz),
            ("clip length in samples", manifest.frontend.clip_samples, self.hello.clip_samples),
            ("firmware", firmware_id, self.hello.firmware_id),
        )
        for what, wanted, actual in expected:
            if wanted is not None and wanted != actual:
                raise BoardError(
                    f"the board {self.hello.board} on {self.link.name} has another {what}: "
                    f"expected {wanted!s:.16}. Received: {actual!s:.16}",
                    hint=hint,
                )

    def require(self, flag: HelloFlag) -> None:
        """Refuse a board whose firmware lacks a feature."""
        if not self.hello.flags & flag:
            raise BoardError(
                f"the firmware of board {self.hello.board} has no support for {flag.name.lower()}",
                hint="flash firmware made by this version",
            )

    def write_input(self, quantized: NDArray[np.int8]) -> None:
        """Send all inputs, int8 of any shape with as many elements, one input after the other."""
        data = np.ascontiguousarray(quantized, np.int8).tobytes()
        self._begin_clip(data)
        step = self._payload_bytes - protocol.WRITE_FORMAT.size
        for index, (begin, size) in enumerate(_places(self.hello.input_sizes)):
            for offset in range(0, size, step):
                part = data[begin + offset : begin + min(offset + step, size)]
                answer = self.link.request(Opcode.WRITE_INPUT, protocol.WRITE_FORMAT.pack(index, offset) + part)
                self._expect_offset(Opcode.WRITE_INPUT, answer, offset + len(part))

    def reset_state(self) -> None:
        """Let the network forget all earlier inputs; one without state has nothing to forget."""
        if self.hello.flags & HelloFlag.STATE:
            self.link.request(Opcode.RESET_STATE)

    def stream_audio(self, samples: NDArray[np.int16]) -> None:
        """Send a clip, int16, shape [clip_samples]; the board computes its features meanwhile."""
        data = np.ascontiguousarray(samples, "<i2").tobytes()
        self._begin_clip(data)
        answer = self.link.request(Opcode.AUDIO_BEGIN, protocol.AUDIO_BEGIN_FORMAT.pack(len(samples)))
        self._expect_offset(Opcode.AUDIO_BEGIN, answer, 0)
        step = (self._payload_bytes - protocol.OFFSET_FORMAT.size) // 2
        for offset in range(0, len(samples), step):
            end = min(offset + step, len(samples))
            answer = self.link.request(
                Opcode.AUDIO_CHUNK, protocol.OFFSET_FORMAT.pack(offset) + data[2 * offset : 2 * end]
            )
            self._expect_offset(Opcode.AUDIO_CHUNK, answer, end)

    def begin_stream(self, hop_frames: int) -> None:
        """Begin a stream of audio, whose windows are `hop_frames` frames apart; before it, `require` LISTEN."""
        self._begin_clip(b"")
        answer = self.link.request(Opcode.LISTEN_BEGIN, protocol.LISTEN_BEGIN_FORMAT.pack(hop_frames))
        self._expect_offset(Opcode.LISTEN_BEGIN, answer, 0)
        self._stream_at, self._stream_data = 0, b""

    def push_stream(self, samples: NDArray[np.int16]) -> tuple[int, bool]:
        """Send samples of a stream, as many as a request holds.

        Parameters
        ----------
        samples
            The next samples, shape [n].

        Returns
        -------
        tuple
            How many the board took, and whether they complete a window: then its features are the input, and `run`
            runs the network on it.
        """
        step = (self._payload_bytes - protocol.OFFSET_FORMAT.size) // 2
        data = np.ascontiguousarray(samples[:step], "<i2").tobytes()
        answer = self.link.request(Opcode.LISTEN_CHUNK, protocol.OFFSET_FORMAT.pack(self._stream_at) + data)
        if len(answer) != protocol.LISTEN_FORMAT.size:
            raise BoardError(f"the board's answer to LISTEN_CHUNK is not valid: {len(answer)} bytes")
        at, due = protocol.LISTEN_FORMAT.unpack(answer)
        taken = (at - self._stream_at) % 2**32
        if taken > len(data) // 2 or due > 1 or (taken < len(data) // 2 and not due):
            raise BoardError(
                f"the board took {taken} of {len(data) // 2} samples of a stream, and no window is complete"
            )
        self._stream_at = at
        self._stream_data += data[: 2 * taken]
        if due:
            self._written, self._stream_data = protocol.digest(self.link.nonce, self._stream_data), b""
        return taken, bool(due)

    def read_input(self) -> NDArray[np.int8]:
        """Read the complete inputs, shape [input_bytes], one after the other, before `run`.

        After `stream_audio` these are the board's own features; after `write_input`, the values in its memory.
        """
        return self._read(Opcode.READ_INPUT, self.hello.input_sizes)

    def run(self, *, macs: int, profile: bool = False) -> RunReport:
        """Run the network on the input; consumes it.

        Parameters
        ----------
        macs
            Multiply-accumulates of the model, which set the time to wait.
        profile
            Measure every operator; `profile` then reads the times.

        Raises
        ------
        SessionLostError
            If the digest shows that the board received another input than the host sent.
        """
        flags = RunFlag.PROFILE if profile else 0
        patience = self.link.patience
        timeout_s = min(patience.run_s + patience.run_per_mac_s * macs, patience.run_most_s)
        if self._longest_run_s is not None:
            # the duration is known by now: a lost request need not cost minutes
            timeout_s = min(timeout_s, patience.known_run_s + patience.known_run_factor * self._longest_run_s)
        start_s = self.link.now()
        answer = self.link.request(
            Opcode.RUN, protocol.RUN_FORMAT.pack(flags), timeout_s=timeout_s, attempts=patience.run_attempts
        )
        self._longest_run_s = max(self._longest_run_s or 0.0, self.link.now() - start_s)
        try:
            report = RunReport.unpack(answer)
        except ProtocolError as failure:
            raise BoardError(f"the board's answer to RUN is not valid: {failure}") from failure
        self._compare("input", self._written, report.input_digest)
        self._report = report
        return report

    def read_output(self) -> NDArray[np.int8]:
        """Read the outputs, shape [output_bytes], one after the other.

        Raises
        ------
        SessionLostError
            If the digest from `run` shows that it is not the network's output.
        """
        output = self._read(Opcode.READ_OUTPUT, self.hello.output_sizes)
        if self._report is not None:
            self._compare("output", protocol.digest(self.link.nonce, output.tobytes()), self._report.output_digest)
        return output

    def profile(self) -> tuple[int, ...]:
        """Read the operators' times of the last profiled run, in timer counts."""
        times: list[int] = []
        entry = protocol.PROFILE_ENTRY_FORMAT
        while len(times) < self.hello.n_operators:
            answer = self.link.request(Opcode.READ_PROFILE, protocol.PROFILE_FORMAT.pack(len(times)))
            if not answer or len(answer) % entry.size:
                raise BoardError(f"the board's answer to READ_PROFILE is not valid: {len(answer)} bytes")
            times += [value for (value,) in entry.iter_unpack(answer)]
        return tuple(times[: self.hello.n_operators])

    def stats(self) -> Stats:
        """Read the board's counters."""
        try:
            return Stats.unpack(self.link.request(Opcode.READ_STATS))
        except ProtocolError as failure:
            raise BoardError(f"the board's answer to READ_STATS is not valid: {failure}") from failure

    def _begin_clip(self, data: bytes) -> None:
        self._report = None
        self._written = protocol.digest(self.link.nonce, data)

    def _compare(self, what: str, expected: bytes, received: bytes) -> None:
        if expected == received:
            return
        self.link.count(digests_refused=1)
        raise SessionLostError(
            f"the {what} of the clip on the board {self.hello.board} differs from the host's, by its digest: "
            f"expected {expected.hex()}. Received: {received.hex()}",
            hint="the line is bad: try another cable or a lower --baud",
        )

    def _read(self, opcode: Opcode, sizes: Sequence[int]) -> NDArray[np.int8]:
        data = bytearray()
        step = min(self._payload_bytes - 1 - protocol.SEAL_BYTES, protocol.MAX_READ_BYTES)
        for index, size in enumerate(sizes):
            for offset in range(0, size, step):
                count = min(step, size - offset)
                answer = self.link.request(opcode, protocol.READ_FORMAT.pack(index, offset, count))
                if len(answer) != count:
                    raise BoardError(f"the board answered {opcode.name} with {len(answer)} bytes instead of {count}")
                data += answer
        return np.frombuffer(bytes(data), np.int8)

    def _expect_offset(self, opcode: Opcode, answer: bytes, expected: int) -> None:
        if answer != protocol.OFFSET_FORMAT.pack(expected):
            raise BoardError(
                f"the board is at another place in the clip after {opcode.name}: expected offset {expected}. "
                f"Received: {answer.hex() or 'nothing'}"
            )


def _places(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Return where each of several tensors begins in all their bytes, and its size."""
    ends = np.cumsum(sizes).tolist()
    return [(end - size, size) for end, size in zip(ends, sizes, strict=True)]


def _holder(refusal: RefusedError) -> Holder:
    try:
        return Holder.unpack(refusal.data)
    except ProtocolError as failure:
        raise BoardError(f"the board is busy, and does not name its holder: {failure}") from failure


def _other_version(link: Link, version: int | None) -> BoardError:
    return BoardError(
        f"the board on {link.name} speaks protocol version {version}, this asc-kit {protocol.PROTOCOL_VERSION}",
        hint=protocol.STATUS_HINTS[Status.BAD_VERSION],
    )
