"""The protocol server a second time, in Python: written from docs/protocol.md, not from the C code or the host's.

It is the oracle of the C server (tests/emulated/test_server_oracle.py) and the inside of `FakeBoard`. It shares no
constant and no function with the kit; only `cobs` and the standard library's CRC-32 and BLAKE2s are trusted.
"""

from __future__ import annotations

import binascii
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from cobs import cobs

OK, BAD_OPCODE, BAD_LENGTH, OUT_OF_RANGE, BAD_STATE, BAD_VERSION, BUSY, OTHER_SESSION, OLD_SEQUENCE = range(9)
LONGEST_FRAME = 1024 + 13
Answer = tuple[int, bytes]
"""Status and data."""


@dataclass(kw_only=True)
class Engine:
    """What runs behind the server."""

    who: bytes
    """HELLO's data."""
    input_sizes: tuple[int, ...]
    output_sizes: tuple[int, ...]
    n_operators: int
    clip_samples: int
    """0: no front end."""
    features: Callable[[bytes], bytes]
    """int16 samples of a whole clip, as bytes -> the int8 input."""
    network: Callable[[bytes], bytes]
    """All int8 inputs -> all int8 outputs."""
    network_time: int = 100
    chunk_time: int = 100
    """Added for each AUDIO_CHUNK."""
    profile: tuple[int, ...] = ()
    version: int = 2
    reset: Callable[[], None] | None = None
    """Forgets the network's state; None: it has none."""


@dataclass
class Request:
    nonce: int
    sequence: int
    type: int
    payload: bytes
    crc: int

    def same(self, other: Request | None) -> bool:
        return other is not None and (self.sequence, self.type, len(self.payload), self.crc) == (
            other.sequence,
            other.type,
            len(other.payload),
            other.crc,
        )


@dataclass
class Clip:
    """Input under way."""

    kind: str = "none"
    """none, features, audio, ready, done"""
    data: bytearray = field(default_factory=bytearray)
    """What was written."""
    place: tuple[int, int] = (0, 0)
    """The input that is written, and the bytes of it so far."""
    input: bytes = b""
    """The complete tensor."""
    output: bytes = b""
    frontend_time: int = 0
    profiled: bool = False


def blake(size: int, nonce: int, *parts: bytes) -> bytes:
    return hashlib.blake2s(b"".join(parts), digest_size=size, salt=struct.pack("<I", nonce)).digest()


def frame_bytes(nonce: int, sequence: int, kind: int, payload: bytes) -> bytes:
    """A frame as it stands on the line."""
    body = struct.pack("<IIB", nonce, sequence, kind) + payload
    stuffed: bytes = cobs.encode(body + struct.pack("<I", binascii.crc32(body)))
    return b"\0" + stuffed + b"\0"


class ServerModel:
    """A board. `receive` takes bytes of the line and returns what the board sends."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.executed: list[tuple[int, bytes]] = []
        """Requests carried out, type and payload, HELLO included."""
        self._line = b""
        self._received = self._dropped = self._refused = 0
        self.reset()

    def reset(self) -> None:
        """As power-on does, counters aside: they are of no consequence."""
        self._nonce = self._requests = 0
        self._client = b""
        self._last: Request | None = None
        self._kept = b""
        self._clip = Clip()

    def receive(self, data: bytes) -> bytes:
        *frames, self._line = (self._line + data).split(b"\0")
        return b"".join(self._receive_frame(frame) for frame in frames if frame)

    def _receive_frame(self, stuffed: bytes) -> bytes:
        try:
            data = cobs.decode(stuffed)
        except cobs.DecodeError:
            data = b""
        if not 13 <= len(data) <= LONGEST_FRAME or struct.pack("<I", binascii.crc32(data[:-4])) != data[-4:]:
            self._dropped += 1
            return self._answer_old(data)
        self._received += 1
        nonce, sequence, kind = struct.unpack_from("<IIB", data)
        request = Request(nonce, sequence, kind, data[9:-4], struct.unpack("<I", data[-4:])[0])
        if kind >= 0x7F:
            return b""
        return frame_bytes(nonce, sequence, kind | 0x80, self._serve(request))

    def _answer_old(self, data: bytes) -> bytes:
        def crc(body: bytes) -> bytes:
            return struct.pack("<H", binascii.crc_hqx(body, 0xFFFF))

        if len(data) != 5 or data[1] != 1 or crc(data[:3]) != data[3:]:
            return b""
        body = bytes((data[0], 0x81, BAD_VERSION, self.engine.version))
        return b"\0" + cobs.encode(body + crc(body)) + b"\0"

    def _seal(self, request: Request, answer: Answer) -> bytes:
        status, data = answer
        head = struct.pack("<IBH", request.sequence, request.type, len(request.payload))
        body = bytes((status,)) + data
        return body + blake(8, request.nonce, head, request.payload, body)

    def _holder(self) -> bytes:
        return struct.pack("<IIB", self._nonce, self._requests, len(self._client)) + self._client

    def _serve(self, request: Request) -> bytes:
        is_own = request.nonce != 0 and request.nonce == self._nonce
        if not is_own:
            if request.type == 1:
                return self._open(request)
            self._refused += 1
            return self._seal(request, (OTHER_SESSION, self._holder()))
        assert self._last is not None
        if request.sequence > self._last.sequence:
            self._requests += 1
            self.executed.append((request.type, request.payload))
            self._last = request
            self._kept = self._seal(request, self._execute(request.type, request.payload))
            return self._kept
        if request.same(self._last):
            return self._kept
        self._refused += 1
        return self._seal(request, (OLD_SEQUENCE, b""))

    def _open(self, request: Request) -> bytes:
        payload = request.payload
        if not payload:
            return self._seal(request, (BAD_LENGTH, b""))
        if payload[0] != self.engine.version:
            return self._seal(request, (BAD_VERSION, bytes((self.engine.version,))))
        if len(payload) < 11 or len(payload) != 11 + payload[10]:
            return self._seal(request, (BAD_LENGTH, b""))
        if request.nonce == 0 or payload[1] != 0 or not 1 <= payload[10] <= 48:
            return self._seal(request, (OUT_OF_RANGE, b""))
        if self._nonce != 0 and struct.unpack_from("<II", payload, 2) != (self._nonce, self._requests):
            return self._seal(request, (BUSY, self._holder()))
        self.executed.append((request.type, payload))
        self._nonce, self._requests, self._client = request.nonce, 0, payload[11:]
        self._clip = Clip()
        if self.engine.reset is not None:
            self.engine.reset()
        self._last = request
        self._kept = self._seal(request, (OK, self.engine.who))
        return self._kept

    def _execute(self, kind: int, payload: bytes) -> Answer:
        has_audio = self.engine.clip_samples > 0
        match kind:
            case 0x01:
                return BAD_STATE, b""
            case 0x02:
                return self._write_input(payload)
            case 0x03:
                return self._read(payload, self._clip.input, self.engine.input_sizes, "ready")
            case 0x04 if has_audio:
                return self._audio_begin(payload)
            case 0x05 if has_audio:
                return self._audio_chunk(payload)
            case 0x06:
                return self._run(payload)
            case 0x07:
                return self._read(payload, self._clip.output, self.engine.output_sizes, "done")
            case 0x08:
                return self._read_profile(payload)
            case 0x09:
                if payload:
                    return BAD_LENGTH, b""
                return OK, struct.pack("<IIIII", 0, 0, self._received, self._dropped, self._refused)
            case 0x0A:
                if payload:
                    return BAD_LENGTH, b""
                self._nonce = self._requests = 0
                self._client = b""
                return OK, b""
            case 0x0B if self.engine.reset is not None:
                if payload:
                    return BAD_LENGTH, b""
                self.engine.reset()
                self._clip = Clip()
                return OK, b""
        return BAD_OPCODE, b""

    def _write_input(self, payload: bytes) -> Answer:
        sizes = self.engine.input_sizes
        if len(payload) < 5:
            return BAD_LENGTH, b""
        index, offset = struct.unpack_from("<BI", payload)
        data = payload[5:]
        if index >= len(sizes) or offset + len(data) > sizes[index]:
            return OUT_OF_RANGE, b""
        if (index, offset) == (0, 0):
            self._clip = Clip(kind="features")
        elif self._clip.kind != "features" or (index, offset) != self._clip.place:
            return BAD_STATE, b""
        clip = self._clip
        clip.data += data
        clip.place = (index, offset + len(data))
        if clip.place[1] == sizes[index]:
            clip.place = (index + 1, 0)
        if clip.place[0] == len(sizes):
            clip.kind, clip.input = "ready", bytes(clip.data)
        return OK, struct.pack("<I", offset + len(data))

    def _read(self, payload: bytes, tensors: bytes, sizes: tuple[int, ...], kind: str) -> Answer:
        if self._clip.kind != kind:
            return BAD_STATE, b""
        if len(payload) != 7:
            return BAD_LENGTH, b""
        index, offset, count = struct.unpack("<BIH", payload)
        if index >= len(sizes) or offset + count > sizes[index] or count > 1015:
            return OUT_OF_RANGE, b""
        begin = sum(sizes[:index]) + offset
        return OK, tensors[begin : begin + count]

    def _audio_begin(self, payload: bytes) -> Answer:
        if len(payload) != 4:
            return BAD_LENGTH, b""
        if struct.unpack("<I", payload)[0] != self.engine.clip_samples:
            return OUT_OF_RANGE, b""
        self._clip = Clip(kind="audio")
        return OK, struct.pack("<I", 0)

    def _audio_chunk(self, payload: bytes) -> Answer:
        clip = self._clip
        if len(payload) < 4 or len(payload) % 2:
            return BAD_LENGTH, b""
        if clip.kind != "audio" or struct.unpack_from("<I", payload)[0] != len(clip.data) // 2:
            return BAD_STATE, b""
        if len(clip.data) + len(payload) - 4 > 2 * self.engine.clip_samples:
            return OUT_OF_RANGE, b""
        clip.data += payload[4:]
        clip.frontend_time += self.engine.chunk_time
        if len(clip.data) == 2 * self.engine.clip_samples:
            clip.kind, clip.input = "ready", self.engine.features(bytes(clip.data))
        return OK, struct.pack("<I", len(clip.data) // 2)

    def _run(self, payload: bytes) -> Answer:
        clip = self._clip
        if len(payload) != 1:
            return BAD_LENGTH, b""
        if payload[0] & ~1:
            return OUT_OF_RANGE, b""
        if clip.kind != "ready":
            return BAD_STATE, b""
        clip.kind, clip.profiled = "done", payload[0] == 1
        clip.output = self.engine.network(clip.input)
        digests = [blake(16, self._nonce, data) for data in (bytes(clip.data), clip.output)]
        return OK, struct.pack("<QQ", self.engine.network_time, clip.frontend_time) + b"".join(digests)

    def _read_profile(self, payload: bytes) -> Answer:
        if len(payload) != 2:
            return BAD_LENGTH, b""
        if self._clip.kind != "done" or not self._clip.profiled:
            return BAD_STATE, b""
        (first,) = struct.unpack("<H", payload)
        if first >= self.engine.n_operators:
            return OUT_OF_RANGE, b""
        return OK, b"".join(struct.pack("<Q", time) for time in self.engine.profile[first : first + 126])
