"""Sequences of requests as a host, strangers and a bad line make them: mostly sensible, so that they lead somewhere."""

from __future__ import annotations

import binascii
import random
import struct
from collections.abc import Callable

import fake_firmware
from cobs import cobs
from server_model import ServerModel, frame_bytes

INPUT, CLIP = fake_firmware.INPUT_BYTES, fake_firmware.CLIP_SAMPLES


class Sequences:
    """An endless line of bytes for a board, drawn with the model at hand to know what would be sensible next."""

    def __init__(self, model: ServerModel, seed: int) -> None:
        self._model = model
        self._random = random.Random(seed)
        self._nonce = 0
        self._sequence = 0
        self._past: list[bytes] = []
        self._damages: tuple[Callable[[bytes], bytes], ...] = (
            lambda data: data + data,
            lambda data: data[: self._random.randrange(len(data))],
            lambda data: self._random.choice(self._past) + data,
            lambda data: data + self._random.choice(self._past),
            lambda data: self._random.randbytes(self._random.randrange(40)) + data,
            self._flipped,
            self._flipped,
            self._forged,
            self._forged,
            lambda data: self._old_hello(),
            lambda data: b"\0" + bytes(self._random.choices(range(1, 256), k=1500)) + data,
        )

    def next(self) -> bytes:
        """Bytes of one step: a request, or what a line makes of it."""
        draw = self._random
        # a tenth of the steps go wrong somewhere before the request
        if self._nonce != self._model._nonce or self._nonce == 0 or draw.random() < 0.02:
            data = self._hello()
        else:
            data = self._request()
        self._past = [*self._past[-50:], data]
        return draw.choice(self._damages)(data) if draw.random() < 0.25 else data

    def _frame(self, kind: int, payload: bytes) -> bytes:
        draw = self._random
        self._sequence += draw.choice((1, 1, 1, 1, 1, 1, 2, 1000, 0))
        nonce, sequence = self._nonce, self._sequence
        if draw.random() < 0.03:
            nonce = draw.choice((0, nonce ^ 1, draw.getrandbits(32)))
        if draw.random() < 0.03:
            sequence = draw.choice((0, sequence - 1 if sequence else 0, 2**32 - 1, draw.getrandbits(32)))
        return frame_bytes(nonce, sequence, kind, payload)

    def _hello(self) -> bytes:
        draw = self._random
        model = self._model
        self._nonce = draw.choice((draw.getrandbits(32), draw.getrandbits(32), 1, 2, 0))
        self._sequence = draw.choice((0, 0, 0, 5, draw.getrandbits(32)))
        holder = (model._nonce, model._requests)
        if draw.random() < 0.2:
            holder = draw.choice(((0, 0), (model._nonce, model._requests + 1), (model._nonce ^ 1, model._requests)))
        name = bytes(draw.choices(range(256), k=draw.choice((1, 10, 48, 0, 49)) if draw.random() < 0.3 else 12))
        payload = struct.pack("<BBIIB", 2, draw.random() < 0.03, *holder, len(name)) + name
        return self._frame(1, self._resized(payload))

    def _resized(self, payload: bytes) -> bytes:
        draw = self._random
        if draw.random() < 0.9:
            return payload
        if draw.random() < 0.3:
            return bytes((draw.randrange(256),)) + payload[1:]
        return payload[: draw.randrange(len(payload) + 1)] + bytes(draw.randrange(3))

    def _request(self) -> bytes:
        draw = self._random
        clip = self._model._clip
        kinds = [2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 0, 0x0B, 0x0C, 0x7E, 0x7F, 0x85, 0xFF]
        # what fits the state is the likeliest
        likely = {"none": [2, 4], "features": [2], "audio": [5], "ready": [6, 6, 3, 3], "done": [7, 7, 8, 8, 2, 4]}
        kind = draw.choice(likely[clip.kind]) if draw.random() < 0.8 else draw.choice(kinds)
        match kind:
            case 2:
                index, offset = clip.place if clip.kind == "features" else (0, 0)
                rest = self._model.engine.input_sizes[index] - offset
                size = draw.choice((rest, rest, 0, 1, 700, draw.randrange(1020)))
                if draw.random() < 0.02:
                    index += 1
                payload = struct.pack("<BI", index, self._near(offset)) + draw.randbytes(min(size, 1019))
            case 4:
                payload = struct.pack("<I", self._near(CLIP))
            case 5:
                offset = len(clip.data) // 2 if clip.kind == "audio" else 0
                size = draw.choice((510, 510, min(510, max(0, CLIP - offset)), 1, 0, 300))
                payload = struct.pack("<I", self._near(offset)) + draw.randbytes(2 * size + (draw.random() < 0.02))
            case 3 | 7:
                engine = self._model.engine
                sizes = engine.input_sizes if kind == 3 else engine.output_sizes
                index = draw.randrange(len(sizes))
                size = sizes[index]
                offset = self._near(draw.choice((0, 0, draw.randrange(size))))
                count = draw.choice((min(1015, size), 1, 0, max(0, min(1015, size - offset)), 1016, 0xFFFF))
                if draw.random() < 0.02:
                    index += 1
                payload = struct.pack("<BIH", index, offset, count)
            case 6:
                payload = bytes((draw.choice((0, 0, 1, 1, 2, 255)),))
            case 8:
                payload = struct.pack("<H", draw.choice((0, 0, 126, 199, 200, 0xFFFF)))
            case 1:
                payload = struct.pack("<BBIIB", 2, 0, 0, 0, 1) + b"x"
            case _:
                payload = b""
        return self._frame(kind, self._resized(payload))

    def _near(self, value: int) -> int:
        draw = self._random
        return (
            value
            if draw.random() < 0.95
            else draw.choice((0, value + 1, max(0, value - 1), INPUT, INPUT + 1, 2**32 - 1))
        )

    def _flipped(self, data: bytes) -> bytes:
        damaged = bytearray(data)
        for _ in range(self._random.randint(1, 8)):
            damaged[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)
        return bytes(damaged)

    def _forged(self, data: bytes) -> bytes:
        """Another frame with a right checksum."""
        try:
            body = bytearray(cobs.decode(data.strip(b"\0"))[:-4])
        except cobs.DecodeError:
            return data
        for _ in range(self._random.randint(1, 3)):
            body[self._random.choice((self._random.randrange(len(body)), self._random.randrange(9)))] ^= (
                1 << self._random.randrange(8)
            )
        return b"\0" + cobs.encode(bytes(body) + struct.pack("<I", binascii.crc32(body))) + b"\0"

    def _old_hello(self) -> bytes:
        body = bytes((self._random.randrange(256), self._random.choice((1, 1, 1, 2)), self._random.randrange(4)))
        crc = binascii.crc_hqx(body, 0xFFFF) ^ (self._random.random() < 0.1)
        return b"\0" + cobs.encode(body + struct.pack("<H", crc)) + b"\0"
