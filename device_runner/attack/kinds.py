"""The kinds of faults on the line. Each is a function from a frame to the bytes that arrive."""

from __future__ import annotations

import binascii
import random
import struct
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from cobs import cobs

from asc_kit import protocol
from asc_kit.protocol import Frame, HelloRequest, Holder, Opcode, ProtocolError, Status

_HISTORY = 400
_STUTTER_S = 0.02
_LONGEST_CUT_S = 0.15
# The generators of CRC-16/CCITT-FALSE, as its bytes stand in a message, and of CRC-32, whose bits go low end first.
_CRC16_POLYNOMIAL = bytes.fromhex("011021")
_CRC32_POLYNOMIAL = 1 | 0xEDB88320 << 1
_CRC32_BITS = 33


@dataclass(kw_only=True)
class Way:
    """A direction of the line, with its memory."""

    is_to_board: bool
    random: random.Random
    reset_board: Callable[[], None] | None = None
    """Presses the board's reset button; None if there is none."""
    other: Way | None = None
    """The other direction."""
    history: deque[bytes] = field(default_factory=lambda: deque(maxlen=_HISTORY))
    """Frames that were sent in this direction, the latest last, before any fault."""
    held: list[tuple[int, bytes]] = field(default_factory=list)
    """Late frames, and the number of frames before each arrives."""
    cut_until_s: float = 0.0
    """Time until which nothing arrives."""
    is_joined: bool = False
    """Whether the next frame's first delimiter is lost."""

    def past(self, wanted: Callable[[Frame], bool]) -> bytes | None:
        """Return a past frame, drawn from the wanted frames."""
        matching = [data for data in self.history if (frame := unpack_frame(data)) is not None and wanted(frame)]
        return self.random.choice(matching) if matching else None


Pieces = list[bytes]
Fault = Callable[[Way, bytes], Pieces | None]
"""The bytes that arrive in place of a frame; None if the fault is not possible now."""


def unpack_frame(data: bytes) -> Frame | None:
    """Read a frame as it stands on the line."""
    try:
        return Frame.unpack(cobs.decode(data.strip(b"\0")))
    except (cobs.DecodeError, ProtocolError):
        return None


def stuff_frame(packed: bytes) -> bytes:
    """Return packed bytes as they stand on the line."""
    inside: bytes = cobs.encode(packed)
    return b"\0" + inside + b"\0"


def _flip(way: Way, data: bytes, n_bits: int) -> Pieces:
    damaged = bytearray(data)
    for _ in range(n_bits):
        damaged[way.random.randrange(len(data))] ^= 1 << way.random.randrange(8)
    return [bytes(damaged)]


def _burst(way: Way, data: bytes, length: int) -> Pieces:
    n_bits = min(length, 8 * len(data))
    burst = way.random.getrandbits(n_bits) | 1
    value = int.from_bytes(data, "little") ^ burst << way.random.randrange(8 * len(data) - n_bits + 1)
    return [value.to_bytes(len(data), "little")]


def _bit_flip(way: Way, data: bytes) -> Pieces:
    return _flip(way, data, 1)


def _bit_flips(way: Way, data: bytes) -> Pieces:
    return _flip(way, data, way.random.randint(2, 8))


def _short_burst(way: Way, data: bytes) -> Pieces:
    return _burst(way, data, way.random.randint(2, 32))


def _long_burst(way: Way, data: bytes) -> Pieces:
    return _burst(way, data, way.random.randint(33, 400))


def _cut_out(way: Way, data: bytes, n: int) -> Pieces:
    start = way.random.randrange(max(1, len(data) - n + 1))
    return [data[:start] + data[start + n :]]


def _byte_lost(way: Way, data: bytes) -> Pieces:
    return _cut_out(way, data, 1)


def _bytes_lost(way: Way, data: bytes) -> Pieces:
    return _cut_out(way, data, way.random.randint(2, 64))


def _byte_doubled(way: Way, data: bytes) -> Pieces:
    at = way.random.randrange(len(data))
    return [data[: at + 1] + data[at:]]


def _byte_inserted(way: Way, data: bytes) -> Pieces:
    at = way.random.randrange(len(data) + 1)
    return [data[:at] + way.random.randbytes(1) + data[at:]]


def _bytes_swapped(way: Way, data: bytes) -> Pieces:
    at = way.random.randrange(len(data) - 1)
    return [data[:at] + data[at + 1 : at + 2] + data[at : at + 1] + data[at + 2 :]]


def _noise(way: Way, data: bytes) -> Pieces:
    return [way.random.randbytes(way.random.randint(1, 200)), data]


def _zero_run(way: Way, data: bytes) -> Pieces:
    n = way.random.randint(1, 40)
    at = way.random.randrange(len(data))
    return [data[:at] + bytes(len(data[at : at + n])) + data[at + n :]]


def _delimiter_inserted(way: Way, data: bytes) -> Pieces:
    at = way.random.randrange(1, len(data))
    return [data[:at] + b"\0" + data[at:]]


def _delimiter_lost(way: Way, data: bytes) -> Pieces:
    way.is_joined = True
    return [data[:-1]]


def _frame_lost(way: Way, data: bytes) -> Pieces:
    return []


def _frame_doubled(way: Way, data: bytes) -> Pieces:
    return [data, data]


def _frames_swapped(way: Way, data: bytes) -> Pieces:
    way.held.append((1, data))
    return []


def _frame_late(way: Way, data: bytes) -> Pieces:
    way.held.append((way.random.randint(2, 60), data))
    return []


def _truncated(way: Way, data: bytes) -> Pieces:
    return [data[: way.random.randrange(1, len(data))]]


def _replay(way: Way, data: bytes, wanted: Callable[[Frame], bool]) -> Pieces | None:
    old = way.past(wanted)
    return None if old is None else [old, data] if way.random.random() < 0.7 else [data, old]


def _replay_recent(way: Way, data: bytes) -> Pieces | None:
    frame = unpack_frame(data)
    if frame is None:
        return None
    return _replay(way, data, lambda old: old.nonce == frame.nonce and old.sequence < frame.sequence)


def _replay_older_session(way: Way, data: bytes) -> Pieces | None:
    frame = unpack_frame(data)
    return None if frame is None else _replay(way, data, lambda old: old.nonce != frame.nonce)


def _replay_hello(way: Way, data: bytes) -> Pieces | None:
    return _replay(way, data, lambda old: old.type & ~protocol.RESPONSE_BIT == Opcode.HELLO)


def _crc16_polynomial(way: Way, data: bytes) -> Pieces | None:
    frame = unpack_frame(data)
    if frame is None:
        return None
    packed = bytearray(frame.pack())
    for _ in range(way.random.choice((1, 1, 5))):
        at = way.random.randrange(len(packed) - 2)
        for i, value in enumerate(_CRC16_POLYNOMIAL):
            packed[at + i] ^= value
    return [stuff_frame(bytes(packed))]


def _crc32_polynomial(way: Way, data: bytes) -> Pieces | None:
    frame = unpack_frame(data)
    if frame is None:
        return None
    packed = frame.pack()
    value = int.from_bytes(packed, "little")
    for _ in range(way.random.choice((1, 1, 5))):
        value ^= _CRC32_POLYNOMIAL << way.random.randrange(8 * len(packed) - _CRC32_BITS + 1)
    return [stuff_frame(value.to_bytes(len(packed), "little"))]


def _signed(body: bytes) -> bytes:
    return stuff_frame(body + struct.pack("<I", binascii.crc32(body)))


def _payload_forged(way: Way, data: bytes) -> Pieces | None:
    frame = unpack_frame(data)
    if frame is None or not frame.payload:
        return None
    payload = bytearray(frame.payload)
    for _ in range(way.random.randint(1, 4)):
        payload[way.random.randrange(len(payload))] ^= way.random.randint(1, 255)
    return [_signed(Frame.HEADER.pack(frame.nonce, frame.sequence, frame.type) + payload)]


def _header_forged(way: Way, data: bytes) -> Pieces | None:
    frame = unpack_frame(data)
    if frame is None:
        return None
    header = bytearray(Frame.HEADER.pack(frame.nonce, frame.sequence, frame.type))
    header[way.random.choice((0, 3, 4, 4, 5, 7, 8, 8))] ^= way.random.choice((1, 2, 3, 16, 0x40, 0x7F, 255))
    return [_signed(bytes(header) + frame.payload)]


def _stranger(way: Way, data: bytes) -> Pieces | None:
    """Send another program's frame, whole and valid: a request, or an answer to a request."""
    draw = way.random
    kind = draw.choice([opcode for opcode in Opcode if opcode is not Opcode.FAULT])
    payload = draw.randbytes(draw.choice((0, 1, 4, 7, 100)))
    if kind is Opcode.HELLO:
        payload = HelloRequest(holder_nonce=0, holder_requests=0, client="a stranger").pack()
    elif kind is Opcode.WRITE_INPUT:
        payload = protocol.WRITE_FORMAT.pack(0, 0) + payload
    request = Frame(nonce=draw.getrandbits(32) | 1, sequence=draw.randint(1, 100), type=kind, payload=payload)
    if not way.is_to_board:
        status = draw.choice(list(Status))
        body = bytes((status,)) + Holder(nonce=1, requests=2, client="a stranger").pack()
        seal = protocol.seal(request, body)
        request = Frame(
            nonce=request.nonce, sequence=request.sequence, type=kind | protocol.RESPONSE_BIT, payload=body + seal
        )
    return [stuff_frame(request.pack()), data]


def _echo(way: Way, data: bytes) -> Pieces | None:
    """Return to a side its own last frame, beside the frame it waits for."""
    assert way.other is not None
    return [way.other.history[-1], data] if way.other.history else None


def _stutter(way: Way, data: bytes) -> Pieces:
    at = way.random.randrange(1, len(data))
    return [data[:at], b"", data[at:]]


def _line_cut(way: Way, data: bytes) -> Pieces:
    assert way.other is not None
    way.cut_until_s = way.other.cut_until_s = time.monotonic() + way.random.uniform(0.01, _LONGEST_CUT_S)
    return []


def _board_reset(way: Way, data: bytes) -> Pieces | None:
    if way.reset_board is None:
        return None
    if way.random.random() < 0.5:
        way.reset_board()
        return [data]
    way.reset_board()
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fault."""

    name: str
    meaning: str
    apply: Fault


KINDS: tuple[Kind, ...] = tuple(
    Kind(name=apply.__name__.strip("_"), meaning=meaning, apply=apply)
    for apply, meaning in (
        (_bit_flip, "one bit is another"),
        (_bit_flips, "2 to 8 bits anywhere"),
        (_short_burst, "a burst of up to 32 bits"),
        (_long_burst, "a burst of 33 to 400 bits"),
        (_byte_lost, "a byte is lost"),
        (_bytes_lost, "2 to 64 bytes are lost"),
        (_byte_doubled, "a byte comes twice"),
        (_byte_inserted, "a byte comes from nowhere"),
        (_bytes_swapped, "two bytes change places"),
        (_noise, "up to 200 bytes of noise before the frame"),
        (_zero_run, "up to 40 bytes are zeros, which are delimiters"),
        (_delimiter_inserted, "a delimiter inside the frame"),
        (_delimiter_lost, "two frames grow together"),
        (_frame_lost, "the frame is lost"),
        (_frame_doubled, "the frame comes twice"),
        (_frames_swapped, "the frame comes after the next one"),
        (_frame_late, "the frame comes up to 60 frames late"),
        (_truncated, "the frame's end is missing"),
        (_replay_recent, "an older frame of the session comes again"),
        (_replay_older_session, "a frame of an older session comes again"),
        (_replay_hello, "an older HELLO, or its answer, comes again"),
        (_crc16_polynomial, "CRC-16's polynomial over the frame, once or 5 times"),
        (_crc32_polynomial, "CRC-32's polynomial over the frame, once or 5 times: the checksum is right"),
        (_payload_forged, "up to 4 bytes of the payload differ, the checksum is right"),
        (_header_forged, "nonce, sequence or type differ, the checksum is right"),
        (_stranger, "another program's request, or an answer to one"),
        (_echo, "what the other side sent last comes back to it"),
        (_stutter, "a pause in the middle of the frame"),
        (_line_cut, "nothing arrives, both ways, for up to 0.15 s"),
        (_board_reset, "the board's reset button is pressed"),
    )
)


def stutter_pause() -> None:
    """Wait between the pieces of a frame that stutters."""
    time.sleep(_STUTTER_S)
