"""A board in Python that looks like a pyserial port: the protocol's other side, written from docs/protocol.md."""

from __future__ import annotations

import struct
from collections.abc import Callable

from cobs import cobs

from asc_kit.protocol import Frame, Hello, ProtocolError, TimerUnit

OK, BAD_OPCODE, BAD_LENGTH, OUT_OF_RANGE, BAD_STATE, BAD_VERSION = range(6)
Damage = Callable[[bytes], bytes]


def a_hello(**changes: object) -> Hello:
    values: dict[str, object] = {
        "protocol_version": 1,
        "flags": 3,
        "timer_unit": TimerUnit.CYCLES,
        "timer_hz": 1000,
        "max_payload_bytes": 1024,
        "n_operators": 300,
        "input_bytes": 3000,
        "output_bytes": 4,
        "sample_rate_hz": 8000,
        "clip_samples": 1100,
        "arena_bytes": 4000,
        "spec_id": "0011223344556677",
        "firmware_id": "8899aabbccddeeff",
        "model_sha256": "ab" * 32,
        "board": "fake",
    }
    return Hello(**(values | changes))  # type: ignore[arg-type]


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class FakeBoard:
    """The network gives the input's first four values; features are the samples' high bytes, repeated.

    `to_board` and `to_host` hold what happens to the next writes and the next answers: each entry changes one of them.
    """

    port = "fake://board"
    baudrate = 1_000_000

    def __init__(self, hello: Hello | None = None) -> None:
        self.hello = hello or a_hello()
        self.clock = Clock()
        self.to_board: list[Damage] = []
        self.to_host: list[Damage] = []
        self.executed: list[tuple[int, bytes]] = []
        self.is_silent = False
        self._wire = b""
        self._out = bytearray()
        self._last: tuple[tuple[int, int, bytes], bytes] | None = None
        self._input = bytearray()
        self._output = b""
        self._samples = 0

    # the port's side
    @property
    def in_waiting(self) -> int:
        return len(self._out)

    def read(self, size: int) -> bytes:
        if not self._out:
            self.clock.now += 0.05
            return b""
        data = bytes(self._out[:size])
        del self._out[:size]
        return data

    def write(self, data: bytes) -> int:
        received = self.to_board.pop(0)(data) if self.to_board else data
        *frames, self._wire = (self._wire + received).split(b"\0")
        for stuffed in filter(None, frames):
            self._receive(stuffed)
        return len(data)

    def close(self) -> None:
        pass

    def say(self, data: bytes) -> None:
        """Send bytes nobody asked for."""
        self._out += data

    # the board's side
    def _receive(self, stuffed: bytes) -> None:
        try:
            frame = Frame.unpack(cobs.decode(stuffed))
        except (cobs.DecodeError, ProtocolError):
            return
        if self.is_silent:
            return
        key = (frame.sequence, frame.type, frame.payload)
        if self._last is None or self._last[0] != key or frame.type == 1:
            self.executed.append((frame.type, frame.payload))
            self._last = (key, self._execute(frame.type, frame.payload))
        answer = Frame(sequence=frame.sequence, type=frame.type | 0x80, payload=self._last[1])
        data = b"\0" + cobs.encode(answer.pack()) + b"\0"
        self._out += self.to_host.pop(0)(data) if self.to_host else data

    def _execute(self, opcode: int, payload: bytes) -> bytes:
        match opcode:
            case 0x01:
                if payload != bytes((self.hello.protocol_version,)):
                    return bytes((BAD_VERSION, self.hello.protocol_version))
                return bytes((OK,)) + self.hello.pack()
            case 0x02:
                (offset,) = struct.unpack_from("<I", payload)
                if offset != (len(self._input) if offset else 0):
                    return bytes((BAD_STATE,))
                self._input[offset:] = payload[4:]
                return struct.pack("<BI", OK, len(self._input))
            case 0x04:
                self._samples, self._input = 0, bytearray()
                return struct.pack("<BI", OK, 0)
            case 0x05:
                if struct.unpack_from("<I", payload)[0] != self._samples:
                    return bytes((BAD_STATE,))
                self._samples += (len(payload) - 4) // 2
                self._input += payload[5::2]
                if self._samples == self.hello.clip_samples:
                    size = self.hello.input_bytes
                    self._input = (self._input * (1 + size // len(self._input)))[:size]
                return struct.pack("<BI", OK, self._samples)
            case 0x06:
                if len(self._input) != self.hello.input_bytes:
                    return bytes((BAD_STATE,))
                self._output, self._input = bytes(self._input[:4]), bytearray()
                return struct.pack("<BQQ", OK, 100, self._samples)
            case 0x03 | 0x07:
                data = self._input if opcode == 3 else self._output
                offset, count = struct.unpack("<IH", payload)
                return bytes((OK,)) + data[offset : offset + count]
            case 0x08:
                (first,) = struct.unpack("<H", payload)
                times = range(first, min(self.hello.n_operators, first + 127))
                return bytes((OK,)) + b"".join(struct.pack("<Q", time) for time in times)
            case 0x09:
                return struct.pack("<BIIII", OK, 100, 1000, len(self.executed), 0)
        return bytes((BAD_OPCODE,))
