"""The link: requests and answers over a line that may lose, change and repeat bytes. See docs/protocol.md."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, replace
from typing import ClassVar

import serial
from cobs import cobs
from pydantic import ConfigDict

from asc_kit import protocol
from asc_kit.errors import BoardError
from asc_kit.hardware.board import Board, find_board
from asc_kit.protocol import Fault, Frame, Holder, Opcode, ProtocolError, Status
from asc_kit.records.fields import Count
from asc_kit.records.record import STRICT

from .transport import PORT_ERRORS

_DELIMITER = bytes((protocol.DELIMITER,))
# A line that never sends a delimiter must not fill the memory.
_LONGEST_FRAME_BYTES = 2 * (protocol.MAX_PAYLOAD_BYTES + protocol.FRAME_OVERHEAD)
_BITS_PER_BYTE = 10  # with start and stop bit
_GOODBYE_S = 0.3
# So many answers with a wrong seal mean that the request was damaged, not the answers.
_SEALS = 3


class RefusedError(BoardError):
    """The board answered with a status other than OK."""

    def __init__(self, opcode: Opcode, status: Status, data: bytes) -> None:
        super().__init__(
            f"the board refused {opcode.name} with status {status.name}", hint=protocol.STATUS_HINTS.get(status)
        )
        self.status = status
        self.data = data


class CancelledError(BoardError):
    """The link was cancelled from another thread."""


class FaultError(BoardError):
    """The board died and said so."""


class BrokenLineError(BoardError):
    """The port is gone or takes no bytes: another session does not help."""


class LostError(BoardError):
    """The line or the session failed, not the board: the clip may succeed in a new session."""


class NoAnswerError(LostError):
    """The board did not answer, however often it was asked."""


class SessionLostError(LostError):
    """The board was reset or taken over, or the line changed a request or an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatistics:
    """Events on a link so far, and the faults that it recovered from."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    requests: Count = 0
    """Requests made, each counted once."""
    retries: Count = 0
    """Times a request was sent again."""
    bytes_sent: Count = 0
    """Bytes on the line to the board."""
    bytes_received: Count = 0
    """Bytes on the line from the board."""
    frames_dropped: Count = 0
    """Damaged frames from the board."""
    frames_stale: Count = 0
    """Answers to older requests."""
    frames_of_others: Count = 0
    """Frames of other sessions: late frames of our own, or answers to another program."""
    seals_refused: Count = 0
    """Answers with a right checksum and a wrong seal: they or their requests were changed on the way."""
    digests_refused: Count = 0
    """Inputs or outputs whose digest differs between host and board."""
    sessions_opened: Count = 0
    """Number of answers to HELLO; the first is no recovery."""
    clips_repeated: Count = 0
    """Clips repeated in a new session."""

    @property
    def recovered(self) -> int:
        """Number of faults that were noticed and repaired, as far as each can be counted once."""
        return self.retries + self.clips_repeated + self.frames_stale + self.frames_of_others


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Times to wait for answers, and numbers of attempts; the protocol's own unless a line is known to be quick."""

    hello_s: float = protocol.HELLO_TIMEOUT_S
    hello_attempts: int = protocol.HELLO_ATTEMPTS
    request_s: float = protocol.REQUEST_TIMEOUT_S
    request_attempts: int = protocol.REQUEST_ATTEMPTS
    run_s: float = protocol.RUN_TIMEOUT_S
    run_per_mac_s: float = protocol.RUN_TIMEOUT_PER_MAC_S
    run_most_s: float = protocol.RUN_TIMEOUT_MAX_S
    run_attempts: int = protocol.RUN_ATTEMPTS
    known_run_s: float = protocol.KNOWN_RUN_TIMEOUT_S
    known_run_factor: float = protocol.KNOWN_RUN_FACTOR
    holder_s: float = protocol.HOLDER_PATIENCE_S
    holder_poll_s: float = protocol.HOLDER_POLL_S


def encode(frame: Frame) -> bytes:
    """Return a frame as it stands on the line, delimiters included."""
    return stuff(frame.pack())


def stuff(data: bytes) -> bytes:
    """Return bytes, encoded without zeros, between two delimiters."""
    stuffed: bytes = cobs.encode(data)
    return _DELIMITER + stuffed + _DELIMITER


class Link:
    """The host's end of the line. Stop and wait: one request at a time, in a session that `begin` proposes.

    Parameters
    ----------
    port
        An open port; closed by `close`.
    patience
        Times to wait for answers.
    """

    def __init__(self, port: serial.Serial, patience: Patience | None = None) -> None:
        self.statistics = LinkStatistics()
        self.patience = patience or Patience()
        self.nonce = protocol.NO_SESSION
        """Nonce of the session under way."""
        self.sequence = 0
        """Sequence number of the last request."""
        self.board: Board | None = None
        """Description of the board, if known: it names faults."""
        self.board_name: str | None = None
        """Name that the board reported."""
        self.old_version: int | None = None
        """Protocol version of an old board, if one answered."""
        self._port = port
        self._pending = bytearray()
        self._cancelled = threading.Event()

    @property
    def name(self) -> str:
        """Path or URL of the port."""
        return str(self._port.port)

    def close(self) -> None:
        """Close the port."""
        try:
            self._port.close()
        except PORT_ERRORS:
            pass  # it is gone already

    def cancel(self) -> None:
        """Make the request under way in another thread, and all later requests, fail soon."""
        self._cancelled.set()

    def begin(self) -> int:
        """Choose the nonce of a new session, and return it; the first request must be HELLO."""
        self.nonce = protocol.NO_SESSION
        while self.nonce == protocol.NO_SESSION:
            self.nonce = secrets.randbits(32)
        self.sequence = 0
        return self.nonce

    def request(
        self,
        opcode: Opcode,
        payload: bytes = b"",
        *,
        timeout_s: float | None = None,
        attempts: int | None = None,
        beside: bytes = b"",
    ) -> bytes:
        """Send a request until it is answered.

        Parameters
        ----------
        timeout_s, attempts
            Time to wait for an answer, and number of attempts; None for the link's patience.
        beside
            Bytes to send with the request from the third attempt on.

        Returns
        -------
        bytes
            The answer's payload, without status and seal.

        Raises
        ------
        NoAnswerError
            If the board does not answer.
        SessionLostError
            If the session is another's, or if request or answer do not arrive unchanged.
        RefusedError
            If the board answers with another status than OK.
        FaultError
            If the board dies.
        BoardError
            If the port breaks, or if the answer does not follow the protocol.
        """
        timeout_s = self.patience.request_s if timeout_s is None else timeout_s
        attempts = self.patience.request_attempts if attempts is None else attempts
        if self.sequence == protocol.LAST_SEQUENCE:
            raise SessionLostError(f"the session on {self.name} has used up its numbers")
        self.sequence += 1
        request = Frame(nonce=self.nonce, sequence=self.sequence, type=opcode, payload=payload)
        data = encode(request)
        timeout_s += (len(data) + protocol.MAX_PAYLOAD_BYTES) * _BITS_PER_BYTE / float(self._port.baudrate)
        self.count(requests=1)
        refused = self.statistics.seals_refused
        for attempt in range(attempts):
            if attempt > 0:
                self.count(retries=1)
            self._write(data + (beside if attempt >= 2 else b""))
            answer = self._receive(request, time.monotonic() + timeout_s)
            if answer is not None and (body := self._unseal(request, answer)) is not None:
                return self._check_status(opcode, body)
            if self.statistics.seals_refused >= refused + _SEALS or self.old_version not in (
                None,
                protocol.PROTOCOL_VERSION,
            ):
                break
        if self.statistics.seals_refused > refused:
            # the board acted on another request than the host sent: this session cannot be trusted
            raise SessionLostError(
                f"{opcode.name} reached the board on {self.name} changed, or its answer did, and passed the checksum",
                hint="the line is bad: try another cable or a lower --baud",
            )
        raise NoAnswerError(
            f"the board on {self.name} did not answer {opcode.name}, asked {attempts} times in "
            f"{attempts * timeout_s:.0f} s ({self._describe_received()})",
            hint="is this the right port and baud rate, does the board run asc-kit's benchmark firmware, and does no "
            "other program keep it busy? Reset it and try again",
        )

    def say_goodbye(self) -> None:
        """Tell the board that the session is over, and wait a moment for its answer; nothing is raised."""
        if self.nonce == protocol.NO_SESSION or self.sequence == protocol.LAST_SEQUENCE:
            return
        self.sequence += 1
        request = Frame(nonce=self.nonce, sequence=self.sequence, type=Opcode.GOODBYE, payload=b"")
        self._cancelled.clear()
        try:
            self._write(encode(request))
            self._receive(request, time.monotonic() + _GOODBYE_S)
        except BoardError:
            pass  # the port is gone or the board dead: the next host finds an idle session, and takes it
        self.nonce = protocol.NO_SESSION

    def pause(self, seconds: float) -> None:
        """Wait, and ignore frames from the board meanwhile."""
        self._receive(None, time.monotonic() + seconds)

    @staticmethod
    def now() -> float:
        """Return the time in seconds on the clock of all waiting."""
        return time.monotonic()

    def count(self, **changes: int) -> None:
        """Add to the statistics."""
        counts = {name: getattr(self.statistics, name) + change for name, change in changes.items()}
        self.statistics = replace(self.statistics, **counts)

    def _describe_received(self) -> str:
        seen = self.statistics
        if seen.bytes_received == 0:
            return "it never sent a byte"
        return f"{seen.bytes_received} bytes received so far, {seen.frames_dropped} damaged frames"

    def _write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except serial.SerialTimeoutException as failure:
            raise BrokenLineError(
                f"port {self.name} takes no bytes any more", hint="is something reading at its other end?"
            ) from failure
        except PORT_ERRORS as failure:
            raise self._broken(failure) from failure
        self.count(bytes_sent=len(data))

    def _receive(self, request: Frame | None, deadline: float) -> Frame | None:
        """Wait for the answer to a request; return None if there is none in time."""
        while time.monotonic() < deadline:
            if self._cancelled.is_set():
                raise CancelledError(f"the link on {self.name} was cancelled")
            try:
                data = self._port.read(max(1, self._port.in_waiting))
            except PORT_ERRORS as failure:
                raise self._broken(failure) from failure
            self.count(bytes_received=len(data))
            self._pending += data
            while (frame := self._next_frame()) is not None:
                if frame.type == Opcode.FAULT | protocol.RESPONSE_BIT and frame.nonce in (
                    self.nonce,
                    protocol.NO_SESSION,
                ):
                    asked = Frame(nonce=frame.nonce, sequence=0, type=Opcode.FAULT, payload=b"")
                    if (report := self._unseal(asked, frame)) is not None:
                        raise _fault_error(report, self._describe_board())
                    continue
                if request is not None and _is_answer(frame, request):
                    return frame
                if frame.nonce == self.nonce:
                    self.count(frames_stale=1)
                else:
                    self.count(frames_of_others=1)
        return None

    def _describe_board(self) -> Board | None:
        if self.board is not None or self.board_name is None:
            return self.board
        try:
            return find_board(self.board_name)
        except BoardError:
            return None  # a description that is not valid must not hide the fault

    def _unseal(self, request: Frame, answer: Frame) -> bytes | None:
        """Return status and data of an answer; None if its seal is wrong, because it or its request was changed."""
        body, seal = answer.payload[: -protocol.SEAL_BYTES], answer.payload[-protocol.SEAL_BYTES :]
        if seal == protocol.seal(request, body):
            return body
        self.count(seals_refused=1)
        return None

    def _check_status(self, opcode: Opcode, body: bytes) -> bytes:
        if not body:
            raise BoardError(f"the board answered {opcode.name} without a status: it does not follow the protocol")
        try:
            status = Status(body[0])
        except ValueError:
            raise BoardError(
                f"the board answered {opcode.name} with unknown status {body[0]}",
                hint="flash firmware made by this version",
            ) from None
        if status is Status.OTHER_SESSION:
            raise SessionLostError(self._describe_loss(body[1:]), hint=protocol.STATUS_HINTS[status])
        if status is Status.OLD_SEQUENCE:
            raise SessionLostError(
                f"the board on {self.name} takes {opcode.name} for older than its last request",
                hint=protocol.STATUS_HINTS[status],
            )
        if status is not Status.OK:
            raise RefusedError(opcode, status, body[1:])
        return body[1:]

    def _describe_loss(self, data: bytes) -> str:
        try:
            holder = Holder.unpack(data)
        except ProtocolError as failure:
            return f"the board on {self.name} lost the session: {failure}"
        if holder.nonce == protocol.NO_SESSION:
            return f"the board on {self.name} was reset, or told goodbye"
        return f"the board on {self.name} was taken over by {holder.client}"

    def _next_frame(self) -> Frame | None:
        """Take the next undamaged frame from the bytes received; None if there is none yet."""
        while (end := self._pending.find(_DELIMITER)) >= 0:
            stuffed = bytes(self._pending[:end])
            del self._pending[: end + 1]
            if not stuffed:
                continue
            try:
                data = cobs.decode(stuffed)
                if (version := protocol.old_version(data)) is not None:
                    self.old_version = version
                    continue
                return Frame.unpack(data)
            except (cobs.DecodeError, ProtocolError):
                self.count(frames_dropped=1)
        if len(self._pending) > _LONGEST_FRAME_BYTES:
            self._pending.clear()
            self.count(frames_dropped=1)
        return None

    def _broken(self, failure: Exception) -> BrokenLineError:
        return BrokenLineError(
            f"the line to the board on {self.name} broke: {failure}", hint="was it unplugged? Plug it in and try again"
        )


def _is_answer(frame: Frame, request: Frame) -> bool:
    return (frame.nonce, frame.sequence, frame.type) == (
        request.nonce,
        request.sequence,
        request.type | protocol.RESPONSE_BIT,
    )


def _fault_error(payload: bytes, board: Board | None) -> FaultError:
    try:
        fault = Fault.unpack(payload)
    except ProtocolError as failure:
        return FaultError(f"the board faulted, and its report is not valid: {failure}")
    name = f"{board.core.name_fault(fault.number) if board is not None else 'exception'} (number {fault.number})"
    if fault.program_counter == 0:
        # the port reads the address from the stack, and sends 0 if the stack overflowed
        return FaultError(
            f"the board faulted: {name}, its stack overflowed", hint="raise stack_bytes in the board's board.toml"
        )
    tool = f"{board.toolchain.prefix}addr2line" if board is not None else "the toolchain's addr2line"
    return FaultError(
        f"the board faulted: {name} at address {fault.program_counter:#010x}",
        hint=f"find the place with: {tool} -fe build/firmware.elf {fault.program_counter:#x}",
    )
