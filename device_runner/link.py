"""The link: requests and answers over a line that may lose, change and repeat bytes. See docs/protocol.md."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import serial
from cobs import cobs

from asc_kit import protocol
from asc_kit.errors import BoardError
from asc_kit.protocol import Fault, Frame, Opcode, ProtocolError, Status

from .transport import PORT_ERRORS

_DELIMITER = bytes((protocol.DELIMITER,))
# A line that never sends a delimiter must not fill the memory.
_LONGEST_FRAME_BYTES = 2 * (protocol.MAX_PAYLOAD_BYTES + protocol.FRAME_OVERHEAD)
_BITS_PER_BYTE = 10  # with start and stop bit
_FAULT_NAMES = {3: "HardFault", 4: "MemManage", 5: "BusFault", 6: "UsageFault"}


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


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatistics:
    """What happened on a link so far."""

    requests: int = 0
    """Requests made, each counted once."""
    retries: int = 0
    """Times a request was sent again."""
    bytes_sent: int = 0
    """Bytes on the line to the board."""
    bytes_received: int = 0
    """Bytes on the line from the board."""
    frames_dropped: int = 0
    """Frames of the board's that were damaged."""
    frames_stale: int = 0
    """Answers to older requests."""


def encode(frame: Frame) -> bytes:
    """Return a frame as it stands on the line, delimiters included."""
    stuffed: bytes = cobs.encode(frame.pack())
    return _DELIMITER + stuffed + _DELIMITER


class Link:
    """One host's end of the line. Stop and wait: one request at a time.

    Parameters
    ----------
    port
        An open port; closed by `close`.
    """

    def __init__(self, port: serial.Serial) -> None:
        self.statistics = LinkStatistics()
        self._port = port
        self._sequence = 0
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
        """Make the request under way in another thread, and all later ones, fail soon."""
        self._cancelled.set()

    def request(
        self,
        opcode: Opcode,
        payload: bytes = b"",
        *,
        timeout_s: float = protocol.REQUEST_TIMEOUT_S,
        attempts: int = protocol.REQUEST_ATTEMPTS,
    ) -> bytes:
        """Send a request until it is answered.

        Returns
        -------
        bytes
            The answer's payload, without the status.

        Raises
        ------
        BoardError
            When the board does not answer, faults, or the port breaks.
        RefusedError
            When the board answers with a status other than OK.
        """
        sequence = self._sequence
        self._sequence = (sequence + 1) % 256
        data = encode(Frame(sequence=sequence, type=opcode, payload=payload))
        longest_answer = protocol.MAX_PAYLOAD_BYTES
        timeout_s += (len(data) + longest_answer) * _BITS_PER_BYTE / float(self._port.baudrate)
        self._count(requests=1)
        for attempt in range(attempts):
            if attempt > 0:
                self._count(retries=1)
            self._write(data)
            answer = self._receive(
                lambda frame: frame.sequence == sequence and frame.type == opcode | protocol.RESPONSE_BIT,
                time.monotonic() + timeout_s,
            )
            if answer is not None:
                return _check_status(opcode, answer.payload)
        raise BoardError(
            f"the board on {self.name} did not answer {opcode.name}, asked {attempts} times in "
            f"{attempts * timeout_s:.0f} s ({self._describe_received()})",
            hint="is this the right port and baud rate, and does the board run asc-kit's benchmark firmware? "
            "Reset it and try again",
        )

    def _describe_received(self) -> str:
        seen = self.statistics
        if seen.bytes_received == 0:
            return "it never sent a byte"
        return f"{seen.bytes_received} bytes received so far, {seen.frames_dropped} damaged frames"

    def _count(self, **changes: int) -> None:
        counts = {name: getattr(self.statistics, name) + change for name, change in changes.items()}
        self.statistics = replace(self.statistics, **counts)

    def _write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except serial.SerialTimeoutException as failure:
            raise BoardError(
                f"port {self.name} takes no bytes any more", hint="is something reading at its other end?"
            ) from failure
        except PORT_ERRORS as failure:
            raise self._broken(failure) from failure
        self._count(bytes_sent=len(data))

    def _receive(self, is_wanted: Callable[[Frame], bool], deadline: float) -> Frame | None:
        while time.monotonic() < deadline:
            if self._cancelled.is_set():
                raise CancelledError(f"the link on {self.name} was cancelled")
            try:
                data = self._port.read(max(1, self._port.in_waiting))
            except PORT_ERRORS as failure:
                raise self._broken(failure) from failure
            self._count(bytes_received=len(data))
            self._pending += data
            while (frame := self._next_frame()) is not None:
                if frame.type == Opcode.FAULT | protocol.RESPONSE_BIT:
                    raise _fault_error(frame.payload)
                if is_wanted(frame):
                    return frame
                self._count(frames_stale=1)
        return None

    def _next_frame(self) -> Frame | None:
        """Take the next undamaged frame out of the bytes received; None when there is none yet."""
        while (end := self._pending.find(_DELIMITER)) >= 0:
            stuffed = bytes(self._pending[:end])
            del self._pending[: end + 1]
            if not stuffed:
                continue
            try:
                return Frame.unpack(cobs.decode(stuffed))
            except (cobs.DecodeError, ProtocolError):
                self._count(frames_dropped=1)
        if len(self._pending) > _LONGEST_FRAME_BYTES:
            self._pending.clear()
            self._count(frames_dropped=1)
        return None

    def _broken(self, failure: Exception) -> BoardError:
        return BoardError(
            f"the line to the board on {self.name} broke: {failure}", hint="was it unplugged? Plug it in and try again"
        )


def _check_status(opcode: Opcode, payload: bytes) -> bytes:
    if not payload:
        raise BoardError(f"the board answered {opcode.name} without a status: it does not follow the protocol")
    try:
        status = Status(payload[0])
    except ValueError:
        raise BoardError(
            f"the board answered {opcode.name} with unknown status {payload[0]}",
            hint="flash firmware made by this version",
        ) from None
    if status is not Status.OK:
        raise RefusedError(opcode, status, payload[1:])
    return payload[1:]


def _fault_error(payload: bytes) -> BoardError:
    try:
        fault = Fault.unpack(payload)
    except ProtocolError as failure:
        return BoardError(f"the board faulted, and its report is not valid: {failure}")
    name = f"{_FAULT_NAMES.get(fault.number, 'exception')} (number {fault.number})"
    if fault.program_counter == 0:
        # the port looks for the address on the stack, and sends 0 when the stack is no more
        return BoardError(
            f"the board faulted: {name}, its stack overflowed", hint="raise stack_bytes in the board's board.toml"
        )
    return BoardError(
        f"the board faulted: {name} at address {fault.program_counter:#010x}",
        hint=f"find the place with: arm-none-eabi-addr2line -fe build/firmware.elf {fault.program_counter:#x}",
    )
