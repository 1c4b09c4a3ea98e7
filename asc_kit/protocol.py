"""The definition of the serial protocol: byte layouts, opcodes, status codes, limits. Prose in docs/protocol.md.

Both sides come from here: device_runner packs and unpacks with these classes, and firmware_gen writes the C header
from the same enumerations. All integers are little-endian.
"""

from __future__ import annotations

import binascii
import hashlib
import re
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

PROTOCOL_VERSION = 2
DELIMITER = 0
"""Byte before and after every frame; never inside one (consistent overhead byte stuffing)."""
FRAME_OVERHEAD = 13
"""Bytes of a decoded frame beside its payload: nonce, sequence number, type and checksum."""
MAX_PAYLOAD_BYTES = 1024
"""Largest payload that firmware of this version takes or sends; HELLO tells a board's limit."""
RESPONSE_BIT = 0x80
"""Set in the type of an answer."""
SEAL_BYTES = 8
"""Length of the seal at the end of every answer: BLAKE2s of the request as it arrived and of the answer, salted with
the nonce."""
DIGEST_BYTES = 16
"""Length of the digests of a clip's whole input and of the output: BLAKE2s, salted with the nonce."""
CLIENT_NAME_BYTES = 48
"""Longest name of a host, by which others learn who holds the board."""
NO_SESSION = 0
"""Nonce without a session: of a board that has just started, or received GOODBYE."""
LAST_SEQUENCE = 2**32 - 1
"""Most requests of a session; then the host opens another."""
BOARD_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""Pattern of a board's name. Results are filed under the name: it must not lead out of a folder."""

# Times that the host waits, and numbers of its attempts, before it gives up the board.
HELLO_TIMEOUT_S = 0.5
HELLO_ATTEMPTS = 8
REQUEST_TIMEOUT_S = 1.0
"""Wait for every other request except RUN; the time of its bytes at the line's rate is added."""
REQUEST_ATTEMPTS = 8
RUN_TIMEOUT_S = 10.0
RUN_TIMEOUT_PER_MAC_S = 2e-6
"""Added to RUN_TIMEOUT_S: 40 cycles per multiply-accumulate at 20 MHz, slower than any core worth the name."""
RUN_TIMEOUT_MAX_S = 1800.0
"""Most of both together, whatever a bundle claims: 895 million multiply-accumulates."""
RUN_ATTEMPTS = 3
KNOWN_RUN_TIMEOUT_S = 10.0
KNOWN_RUN_FACTOR = 10.0
"""Once a board has run the model, the wait is this time plus this factor times the longest run seen."""
HOLDER_PATIENCE_S = 5.0
"""Time without a request after which the next host takes over a session; until then it is refused."""
HOLDER_POLL_S = 0.5
"""Interval at which the next host checks whether the holder of the board sends requests."""
OPENING_ATTEMPTS = 8
"""Number of new proposals of a session if its opening fails."""
CLIP_ATTEMPTS = 5
"""Number of attempts at a clip, each in a new session, before the host gives up."""
SILENT_CLIP_ATTEMPTS = 2
"""Number of attempts at a clip if requests remain without any answer after REQUEST_ATTEMPTS."""


class Opcode(IntEnum):
    """Types of requests; the answer's type has RESPONSE_BIT set. 0x0E to 0x1F are kept for state."""

    HELLO = 0x01
    WRITE_INPUT = 0x02
    READ_INPUT = 0x03
    AUDIO_BEGIN = 0x04
    AUDIO_CHUNK = 0x05
    RUN = 0x06
    READ_OUTPUT = 0x07
    READ_PROFILE = 0x08
    READ_STATS = 0x09
    GOODBYE = 0x0A
    RESET_STATE = 0x0B
    LISTEN_BEGIN = 0x0C
    LISTEN_CHUNK = 0x0D
    FAULT = 0x7F
    """Never a request: a dying board sends it unasked, with RESPONSE_BIT and sequence 0."""


class Status(IntEnum):
    """First byte of every answer."""

    OK = 0
    BAD_OPCODE = 1
    BAD_LENGTH = 2
    OUT_OF_RANGE = 3
    BAD_STATE = 4
    BAD_VERSION = 5
    BUSY = 6
    OTHER_SESSION = 7
    OLD_SEQUENCE = 8


STATUS_HINTS: dict[Status, str] = {
    Status.BAD_OPCODE: "the board does not know this request: flash firmware made by this version",
    Status.BAD_LENGTH: "a request was longer or shorter than the protocol says: this is a defect, report it",
    Status.OUT_OF_RANGE: "an offset or a count does not fit the tensor or the clip: the board runs another model, "
    "flash it again",
    Status.BAD_STATE: "the request does not fit what was sent before: this is a defect, report it",
    Status.BAD_VERSION: "host and firmware speak different protocol versions: flash firmware made by this version",
    Status.BUSY: "another program holds the board: end it, or wait until it is done",
    Status.OTHER_SESSION: "the board was reset, or another program took it over",
    Status.OLD_SEQUENCE: "the line brought an older request again, or damaged a number",
}


class TimerUnit(IntEnum):
    """The unit of the board's timer."""

    CYCLES = 0
    INSTRUCTIONS = 1
    NS = 2


class RunFlag(IntEnum):
    """Bits of RUN's flags."""

    PROFILE = 1


class HelloFlag(IntEnum):
    """Bits of HELLO's flags: features of the firmware."""

    AUDIO = 1
    PROFILE = 2
    STATE = 4
    LISTEN = 8


class ProtocolError(ValueError):
    """A frame or a payload that does not follow the protocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A decoded frame: the bytes between two delimiters, unstuffed, without the checksum."""

    nonce: int
    """The session's number, 32 bits, chosen by the host; an answer carries its request's."""
    sequence: int
    """32 bits, growing from request to request of a session; an answer carries its request's."""
    type: int
    """An Opcode, with RESPONSE_BIT in answers."""
    payload: bytes
    """0 to MAX_PAYLOAD_BYTES bytes; in answers the first is the Status and the last SEAL_BYTES are the seal."""

    HEADER: ClassVar[struct.Struct] = struct.Struct("<IIB")

    def pack(self) -> bytes:
        """Return the frame before stuffing: nonce, sequence, type, payload, CRC-32 (low byte first)."""
        body = self.HEADER.pack(self.nonce, self.sequence, self.type) + self.payload
        return body + struct.pack("<I", binascii.crc32(body))

    @classmethod
    def unpack(cls, data: bytes) -> Frame:
        """Read an unstuffed frame.

        Raises
        ------
        ProtocolError
            If it is too short or its checksum is wrong.
        """
        if len(data) < FRAME_OVERHEAD:
            raise ProtocolError(f"a frame has at least {FRAME_OVERHEAD} bytes. Received: {len(data)}")
        body, (checksum,) = data[:-4], struct.unpack("<I", data[-4:])
        if binascii.crc32(body) != checksum:
            raise ProtocolError("wrong checksum")
        nonce, sequence, kind = cls.HEADER.unpack_from(body)
        return cls(nonce=nonce, sequence=sequence, type=kind, payload=body[cls.HEADER.size :])


def seal(request: Frame, answer: bytes) -> bytes:
    """Return the seal of an answer, SEAL_BYTES.

    Parameters
    ----------
    request
        The request as the host sent it, or as the board received it: seals agree only if both are the same.
    answer
        Status and data.
    """
    lengths = SEAL_HEAD.pack(request.sequence, request.type, len(request.payload))
    hasher = hashlib.blake2s(lengths, digest_size=SEAL_BYTES, salt=_salt(request.nonce))
    hasher.update(request.payload)
    hasher.update(answer)
    return hasher.digest()


def digest(nonce: int, data: bytes) -> bytes:
    """Return the digest of a clip's input or of an output in a session, DIGEST_BYTES."""
    return hashlib.blake2s(data, digest_size=DIGEST_BYTES, salt=_salt(nonce)).digest()


def _salt(nonce: int) -> bytes:
    return struct.pack("<I", nonce)


SEAL_HEAD = struct.Struct("<IBH")
"""Begin of a seal's input: the request's sequence number, type and payload length."""


# Version 1 had frames of sequence, type, payload and CRC-16/CCITT-FALSE, and no sessions. Both sides still know its
# HELLO, so that the other end learns of its age.


def old_hello() -> bytes:
    """Return version 1's HELLO before stuffing, with this version's number: its boards answer BAD_VERSION."""
    body = bytes((0, Opcode.HELLO, PROTOCOL_VERSION))
    return body + struct.pack("<H", binascii.crc_hqx(body, 0xFFFF))


def old_version(data: bytes) -> int | None:
    """Return the version of an old board that answers `old_hello`; None for any other unstuffed frame."""
    head = (Opcode.HELLO | RESPONSE_BIT, Status.BAD_VERSION)
    if len(data) != 6 or (data[1], data[2]) != head:
        return None
    return data[3] if data[4:] == struct.pack("<H", binascii.crc_hqx(data[:4], 0xFFFF)) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloRequest:
    """HELLO: a host proposes a session, whose nonce is the frame's."""

    holder_nonce: int
    """Session to take the board from, as BUSY reported; NO_SESSION for none."""
    holder_requests: int
    """Its requests so far, as BUSY reported; if it has made another request, it keeps the board."""
    client: str
    """Name of the host, for others: 1 to CLIENT_NAME_BYTES characters of ASCII."""
    protocol_version: int = PROTOCOL_VERSION

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBIIB")

    def pack(self) -> bytes:
        """Return the payload's bytes; the second is 0, kept for flags."""
        client = self.client.encode("ascii")
        return self.LAYOUT.pack(self.protocol_version, 0, self.holder_nonce, self.holder_requests, len(client)) + client


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The data of BUSY and OTHER_SESSION: the holder of the board."""

    nonce: int
    """Its session; NO_SESSION if nobody holds the board."""
    requests: int
    """Requests carried out in that session, its HELLO not counted."""
    client: str
    """Its name; characters that are not printable ASCII stand as question marks."""

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<IIB")

    def pack(self) -> bytes:
        """Return the data's bytes."""
        client = self.client.encode("ascii")
        return self.LAYOUT.pack(self.nonce, self.requests, len(client)) + client

    @classmethod
    def unpack(cls, data: bytes) -> Holder:
        """Read the data's bytes; another length raises ProtocolError."""
        size = cls.LAYOUT.size
        if len(data) < size or len(data) != size + data[size - 1] or data[size - 1] > CLIENT_NAME_BYTES:
            raise ProtocolError(f"a holder has {size} bytes and a name. Received: {len(data)} bytes")
        nonce, requests, _ = cls.LAYOUT.unpack_from(data)
        client = "".join(chr(byte) if 0x20 <= byte <= 0x7E else "?" for byte in data[size:])
        return cls(nonce=nonce, requests=requests, client=client)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """HELLO's answer, after the status: the board and its firmware."""

    flags: int
    """HelloFlags."""
    timer_unit: TimerUnit
    timer_hz: int
    """Counts per second."""
    max_payload_bytes: int
    """Longest payload of a request."""
    n_operators: int
    input_sizes: tuple[int, ...]
    """Bytes of each input."""
    output_sizes: tuple[int, ...]
    """Bytes of each output."""
    sample_rate_hz: int
    """0 where the firmware has no front end."""
    clip_samples: int
    """0 where the firmware has no front end."""
    arena_bytes: int
    spec_id: str
    firmware_id: str
    model_sha256: str
    board: str
    protocol_version: int = PROTOCOL_VERSION

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBBBIHHIII8s8s32s")
    """The fixed part. Its fourth byte is its own length, so that a later version may make it longer."""
    COUNTS: ClassVar[struct.Struct] = struct.Struct("<BB")
    """Numbers of inputs and outputs; then follow their sizes, the length of the board's name, and the name."""

    @property
    def input_bytes(self) -> int:
        """Bytes of all inputs."""
        return sum(self.input_sizes)

    @property
    def output_bytes(self) -> int:
        """Bytes of all outputs."""
        return sum(self.output_sizes)

    def pack(self) -> bytes:
        """Return the payload's bytes."""
        board = self.board.encode("ascii")
        sizes = (*self.input_sizes, *self.output_sizes)
        return (
            self.LAYOUT.pack(
                self.protocol_version,
                self.flags,
                self.timer_unit,
                self.LAYOUT.size,
                self.timer_hz,
                self.max_payload_bytes,
                self.n_operators,
                self.sample_rate_hz,
                self.clip_samples,
                self.arena_bytes,
                bytes.fromhex(self.spec_id),
                bytes.fromhex(self.firmware_id),
                bytes.fromhex(self.model_sha256),
            )
            + self.COUNTS.pack(len(self.input_sizes), len(self.output_sizes))
            + struct.pack(f"<{len(sizes)}I", *sizes)
            + bytes((len(board),))
            + board
        )

    @classmethod
    def unpack(cls, data: bytes) -> Hello:
        """Read the payload's bytes; fields that a later version appends are skipped.

        Raises
        ------
        ProtocolError
            If it is too short or a value is out of range.
        """
        try:
            v = cls.LAYOUT.unpack_from(data)
            if v[3] < cls.LAYOUT.size:
                raise ValueError(f"its fixed part has {v[3]} bytes")
            offset = v[3]
            n_inputs, n_outputs = cls.COUNTS.unpack_from(data, offset)
            if n_inputs == 0 or n_outputs == 0:
                raise ValueError(f"the board has {n_inputs} inputs and {n_outputs} outputs")
            offset += cls.COUNTS.size
            sizes = struct.unpack_from(f"<{n_inputs + n_outputs}I", data, offset)
            offset += 4 * len(sizes)
            (length,) = struct.unpack_from("<B", data, offset)
            (name,) = struct.unpack_from(f"<{length}s", data, offset + 1)
            board = name.decode("ascii")
            if re.fullmatch(BOARD_NAME, board) is None:
                raise ValueError(f"the board's name is {board!r}")
            return cls(
                protocol_version=v[0],
                flags=v[1],
                timer_unit=TimerUnit(v[2]),
                timer_hz=v[4],
                max_payload_bytes=v[5],
                n_operators=v[6],
                input_sizes=sizes[:n_inputs],
                output_sizes=sizes[n_inputs:],
                sample_rate_hz=v[7],
                clip_samples=v[8],
                arena_bytes=v[9],
                spec_id=v[10].hex(),
                firmware_id=v[11].hex(),
                model_sha256=v[12].hex(),
                board=board,
            )
        except struct.error:
            raise ProtocolError(f"HELLO's answer is too short: {len(data)} bytes") from None
        except ValueError as failure:
            raise ProtocolError(f"HELLO holds an invalid value: {failure}") from failure


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """RUN's answer, after the status."""

    network_time: int
    """Timer counts of the network."""
    frontend_time: int
    """Timer counts of the front end since AUDIO_BEGIN, or since the window before; 0 if features were written."""
    input_digest: bytes
    """Digest of the input: the data of every WRITE_INPUT or AUDIO_CHUNK, or of what LISTEN_CHUNK took since the window
    before, in order, as they arrived."""
    output_digest: bytes
    """Digest of the outputs, one after the other."""

    LAYOUT: ClassVar[struct.Struct] = struct.Struct(f"<QQ{DIGEST_BYTES}s{DIGEST_BYTES}s")

    def pack(self) -> bytes:
        """Return the payload's bytes."""
        return self.LAYOUT.pack(self.network_time, self.frontend_time, self.input_digest, self.output_digest)

    @classmethod
    def unpack(cls, data: bytes) -> RunReport:
        """Read the payload's bytes; another length raises ProtocolError."""
        if len(data) != cls.LAYOUT.size:
            raise ProtocolError(f"RUN's answer has {cls.LAYOUT.size} bytes. Received: {len(data)}")
        network_time, frontend_time, input_digest, output_digest = cls.LAYOUT.unpack(data)
        return cls(
            network_time=network_time,
            frontend_time=frontend_time,
            input_digest=input_digest,
            output_digest=output_digest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """READ_STATS' answer, after the status: since start-up."""

    stack_used_bytes: int
    """Deepest use of the stack, in bytes, by its overwritten fill pattern."""
    stack_size_bytes: int
    """Size of the stack, in bytes; 0 if unknown."""
    frames_received: int
    """Frames with a right checksum."""
    frames_dropped: int
    """Frames that are too long or have a wrong checksum or stuffing."""
    frames_refused: int
    """Frames of other sessions, and requests older than the last; not carried out."""

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<IIIII")

    def pack(self) -> bytes:
        """Return the payload's bytes."""
        return self.LAYOUT.pack(
            self.stack_used_bytes,
            self.stack_size_bytes,
            self.frames_received,
            self.frames_dropped,
            self.frames_refused,
        )

    @classmethod
    def unpack(cls, data: bytes) -> Stats:
        """Read the payload's bytes; another length raises ProtocolError."""
        used, size, received, dropped, refused = _unpack(cls.LAYOUT, data, "READ_STATS' answer")
        return cls(
            stack_used_bytes=used,
            stack_size_bytes=size,
            frames_received=received,
            frames_dropped=dropped,
            frames_refused=refused,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """FAULT's payload: the board died."""

    number: int
    """Number of the exception: on Cortex-M 3 HardFault, 4 MemManage, 5 BusFault, 6 UsageFault."""
    program_counter: int
    """Address of the instruction; 0 if the stack that holds it overflowed."""

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
WRITE_FORMAT = struct.Struct("<BI")
"""WRITE_INPUT: index of the input, offset in bytes, then data."""
OFFSET_FORMAT = struct.Struct("<I")
"""AUDIO_CHUNK: offset in samples, then data. Answers to it, WRITE_INPUT and AUDIO_BEGIN: the next offset expected."""
READ_FORMAT = struct.Struct("<BIH")
"""READ_INPUT, READ_OUTPUT: index of the tensor, offset and number of bytes. The answer: the bytes."""
MAX_READ_BYTES = MAX_PAYLOAD_BYTES - 1 - SEAL_BYTES
"""Most bytes that an answer brings, beside status and seal."""
AUDIO_BEGIN_FORMAT = struct.Struct("<I")
"""AUDIO_BEGIN: number of samples that will follow; must be the clip's."""
LISTEN_BEGIN_FORMAT = struct.Struct("<I")
"""LISTEN_BEGIN: frames from one window to the next, at least 1."""
LISTEN_FORMAT = struct.Struct("<IB")
"""Answers to LISTEN_CHUNK: the next offset expected, modulo 2**32, and whether a window is complete."""
RUN_FORMAT = struct.Struct("<B")
"""RUN: flags."""
PROFILE_FORMAT = struct.Struct("<H")
"""READ_PROFILE: index of the first operator wanted. The answer: as many times as fit, one after the other."""
PROFILE_ENTRY_FORMAT = struct.Struct("<Q")
"""One operator's time in timer counts."""
