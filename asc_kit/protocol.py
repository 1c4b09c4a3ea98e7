"""The serial protocol's words, once: byte layouts, opcodes, status codes, limits. Prose in docs/protocol.md.

Both sides come from here: device_runner packs and unpacks with these classes, and firmware_gen writes the C header
from the same enumerations. All integers are little-endian.
"""

from __future__ import annotations

import binascii
import re
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

PROTOCOL_VERSION = 1
DELIMITER = 0
"""Byte before and after every frame; never inside one (consistent overhead byte stuffing)."""
FRAME_OVERHEAD = 4
"""Sequence number, type and checksum: what a decoded frame has beside its payload, in bytes."""
MAX_PAYLOAD_BYTES = 1024
"""Largest payload the firmware of this version takes or sends; HELLO tells what a board takes."""
RESPONSE_BIT = 0x80
"""Set in the type of an answer."""
BOARD_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""What a board may be called. Results are filed under the name: it must not lead out of a folder."""

# How long the host waits, and how often it asks, before it gives the board up.
HELLO_TIMEOUT_S = 0.5
HELLO_ATTEMPTS = 8
REQUEST_TIMEOUT_S = 1.0
"""For every other request but RUN; the time its bytes take at the line's rate is added."""
REQUEST_ATTEMPTS = 8
RUN_TIMEOUT_S = 10.0
RUN_TIMEOUT_PER_MAC_S = 2e-6
"""Added to RUN_TIMEOUT_S: 40 cycles per multiply-accumulate at 20 MHz, slower than any core worth the name."""
RUN_ATTEMPTS = 2


class Opcode(IntEnum):
    """Types of requests; the answer's type has RESPONSE_BIT set."""

    HELLO = 0x01
    WRITE_INPUT = 0x02
    READ_INPUT = 0x03
    AUDIO_BEGIN = 0x04
    AUDIO_CHUNK = 0x05
    RUN = 0x06
    READ_OUTPUT = 0x07
    READ_PROFILE = 0x08
    READ_STATS = 0x09
    FAULT = 0x7F
    """Never a request: the board sends it unasked, with RESPONSE_BIT and sequence 0, when it dies."""


class Status(IntEnum):
    """First byte of every answer."""

    OK = 0
    BAD_OPCODE = 1
    BAD_LENGTH = 2
    OUT_OF_RANGE = 3
    BAD_STATE = 4
    BAD_VERSION = 5


STATUS_HINTS: dict[Status, str] = {
    Status.BAD_OPCODE: "the board does not know this request: flash firmware made by this version",
    Status.BAD_LENGTH: "a request was longer or shorter than the protocol says: this is a defect, report it",
    Status.OUT_OF_RANGE: "an offset or a count does not fit the tensor or the clip: the board runs another model, "
    "flash it again",
    Status.BAD_STATE: "the request does not fit what was sent before: the board may have been reset in between",
    Status.BAD_VERSION: "host and firmware speak different protocol versions: flash firmware made by this version",
}


class TimerUnit(IntEnum):
    """What the board's timer counts."""

    CYCLES = 0
    INSTRUCTIONS = 1
    NS = 2


class RunFlag(IntEnum):
    """Bits of RUN's flags."""

    PROFILE = 1


class HelloFlag(IntEnum):
    """Bits of HELLO's flags: what the firmware can do."""

    AUDIO = 1
    PROFILE = 2


class ProtocolError(ValueError):
    """A frame or a payload that does not follow the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame, decoded: what stands between two delimiters after unstuffing, checksum removed."""

    sequence: int
    """0 to 255; an answer carries its request's."""
    type: int
    """An Opcode, with RESPONSE_BIT in answers."""
    payload: bytes
    """0 to MAX_PAYLOAD_BYTES bytes; in answers the first is the Status."""

    def pack(self) -> bytes:
        """Return the frame before stuffing: sequence, type, payload, CRC-16/CCITT-FALSE (low byte first)."""
        body = bytes((self.sequence, self.type)) + self.payload
        return body + struct.pack("<H", binascii.crc_hqx(body, 0xFFFF))

    @classmethod
    def unpack(cls, data: bytes) -> Frame:
        """Read an unstuffed frame.

        Raises
        ------
        ProtocolError
            When it is too short or its checksum is wrong.
        """
        if len(data) < FRAME_OVERHEAD:
            raise ProtocolError(f"a frame has at least {FRAME_OVERHEAD} bytes. Received: {len(data)}")
        body, (checksum,) = data[:-2], struct.unpack("<H", data[-2:])
        if binascii.crc_hqx(body, 0xFFFF) != checksum:
            raise ProtocolError("wrong checksum")
        return cls(sequence=body[0], type=body[1], payload=body[2:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """HELLO's answer, after the status: who the board is and what it runs."""

    protocol_version: int
    flags: int
    timer_unit: TimerUnit
    timer_hz: int
    max_payload_bytes: int
    n_operators: int
    input_bytes: int
    output_bytes: int
    sample_rate_hz: int
    clip_samples: int
    arena_bytes: int
    spec_id: str
    firmware_id: str
    model_sha256: str
    board: str

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBBxIHHIIIII8s8s32sB")

    def pack(self) -> bytes:
        """Return the payload's bytes."""
        board = self.board.encode("ascii")
        return (
            self.LAYOUT.pack(
                self.protocol_version,
                self.flags,
                self.timer_unit,
                self.timer_hz,
                self.max_payload_bytes,
                self.n_operators,
                self.input_bytes,
                self.output_bytes,
                self.sample_rate_hz,
                self.clip_samples,
                self.arena_bytes,
                bytes.fromhex(self.spec_id),
                bytes.fromhex(self.firmware_id),
                bytes.fromhex(self.model_sha256),
                len(board),
            )
            + board
        )

    @classmethod
    def unpack(cls, data: bytes) -> Hello:
        """Read the payload's bytes.

        Raises
        ------
        ProtocolError
            When the length or a value is out of range.
        """
        size = cls.LAYOUT.size
        if len(data) < size or len(data) != size + data[size - 1]:
            raise ProtocolError(f"HELLO has {size} bytes and the board's name. Received: {len(data)} bytes")
        v = cls.LAYOUT.unpack(data[:size])
        try:
            board = data[size:].decode("ascii")
            if re.fullmatch(BOARD_NAME, board) is None:
                raise ValueError(f"the board's name is {board!r}")
            return cls(
                protocol_version=v[0],
                flags=v[1],
                timer_unit=TimerUnit(v[2]),
                timer_hz=v[3],
                max_payload_bytes=v[4],
                n_operators=v[5],
                input_bytes=v[6],
                output_bytes=v[7],
                sample_rate_hz=v[8],
                clip_samples=v[9],
                arena_bytes=v[10],
                spec_id=v[11].hex(),
                firmware_id=v[12].hex(),
                model_sha256=v[13].hex(),
                board=board,
            )
        except ValueError as failure:
            raise ProtocolError(f"HELLO holds an invalid value: {failure}") from failure


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """RUN's answer, after the status."""

    network_time: int
    """Timer counts of the network."""
    frontend_time: int
    """Timer counts of the front end since AUDIO_BEGIN; 0 when the input was written as features."""

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<QQ")

    def pack(self) -> bytes:
        """Return the payload's bytes."""
        return self.LAYOUT.pack(self.network_time, self.frontend_time)

    @classmethod
    def unpack(cls, data: bytes) -> RunReport:
        """Read the payload's bytes; another length raises ProtocolError."""
        network_time, frontend_time = _unpack(cls.LAYOUT, data, "RUN's answer")
        return cls(network_time=network_time, frontend_time=frontend_time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """READ_STATS' answer, after the status: since start-up."""

    stack_used_bytes: int
    """Deepest use of the stack, by what was overwritten of its fill pattern."""
    stack_size_bytes: int
    """What the stack may take; 0 where unknown."""
    frames_received: int
    """Frames with a right checksum."""
    frames_dropped: int
    """Frames with a wrong checksum, wrong stuffing or too long."""

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<IIII")

    def pack(self) -> bytes:
        """Return the payload's bytes."""
        return self.LAYOUT.pack(self.stack_used_bytes, self.stack_size_bytes, self.frames_received, self.frames_dropped)

    @classmethod
    def unpack(cls, data: bytes) -> Stats:
        """Read the payload's bytes; another length raises ProtocolError."""
        used, size, received, dropped = _unpack(cls.LAYOUT, data, "READ_STATS' answer")
        return cls(stack_used_bytes=used, stack_size_bytes=size, frames_received=received, frames_dropped=dropped)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """FAULT's payload: the board died."""

    number: int
    """Number of the exception: on Cortex-M 3 HardFault, 4 MemManage, 5 BusFault, 6 UsageFault."""
    program_counter: int
    """Address of the instruction; 0 when the stack that holds it overflowed."""

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<II")

    def pack(self) -> bytes:
        """Return the payload's bytes."""
        return self.LAYOUT.pack(self.number, self.program_counter)

    @classmethod
    def unpack(cls, data: bytes) -> Fault:
        """Read the payload's bytes; another length raises ProtocolError."""
        number, program_counter = _unpack(cls.LAYOUT, data, "FAULT")
        return cls(number=number, program_counter=program_counter)


def _unpack(layout: struct.Struct, data: bytes, what: str) -> tuple[int, ...]:
    if len(data) != layout.size:
        raise ProtocolError(f"{what} has {layout.size} bytes. Received: {len(data)}")
    return layout.unpack(data)


# The other payloads, by the format of their fixed part.
HELLO_FORMAT = struct.Struct("<B")
"""HELLO: the host's protocol version. A board of another version answers BAD_VERSION and its own version."""
OFFSET_FORMAT = struct.Struct("<I")
"""WRITE_INPUT, AUDIO_CHUNK: offset (bytes, samples), then data. Their answers: the next offset expected."""
READ_FORMAT = struct.Struct("<IH")
"""READ_INPUT, READ_OUTPUT: offset and number of bytes. The answer: the bytes."""
AUDIO_BEGIN_FORMAT = struct.Struct("<I")
"""AUDIO_BEGIN: number of samples that will follow; must be the clip's."""
RUN_FORMAT = struct.Struct("<B")
"""RUN: flags."""
PROFILE_FORMAT = struct.Struct("<H")
"""READ_PROFILE: index of the first operator wanted. The answer: as many times as fit, one after the other."""
PROFILE_ENTRY_FORMAT = struct.Struct("<Q")
"""One operator's time in timer counts."""
