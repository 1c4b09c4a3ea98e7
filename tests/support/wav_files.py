"""WAV files written byte by byte, so that a test decides what their headers say."""

import struct
from collections.abc import Sequence

import numpy as np

RATE_HZ = 8000
_CODES = {8: "u1", 16: "<i2", 24: "<i4", 32: "<i4"}


def pcm_bytes(samples: np.ndarray, bits: int = 16, *, big_endian: bool = False) -> bytes:
    """Encode floats, shape [n] or [n, channels], as whole numbers."""
    if bits == 8:
        return np.asarray(np.rint(samples * 127) + 128, "u1").tobytes()
    steps = np.asarray(np.rint(samples * (2 ** (bits - 1) - 1)), "<i8").reshape(-1)
    rows = steps.astype("<i8").view("u1").reshape(-1, 8)[:, : bits // 8]
    return rows[:, ::-1].tobytes() if big_endian else rows.tobytes()


def chunk(
    name: bytes, body: bytes, *, big_endian: bool = False, pad: bool = True, declared: int | None = None
) -> bytes:
    n_bytes = len(body) if declared is None else declared
    return name + struct.pack(">I" if big_endian else "<I", n_bytes) + body + b"\0" * (len(body) % 2 if pad else 0)


def wav(
    data: bytes,
    *,
    bits: int = 16,
    channels: int = 1,
    tag: int = 1,
    rate: int = RATE_HZ,
    declared: int | None = None,
    before: Sequence[bytes] = (),
    after: Sequence[bytes] = (),
    big_endian: bool = False,
    pad: bool = True,
) -> bytes:
    """Return a WAV file; `declared` is the length that the header gives its audio."""
    frame = channels * bits // 8
    fmt = struct.pack(">HHIIHH" if big_endian else "<HHIIHH", tag, channels, rate, rate * frame, frame, bits)
    body = b"".join(
        [
            chunk(b"fmt ", fmt, big_endian=big_endian),
            *before,
            chunk(b"data", data, big_endian=big_endian, pad=pad, declared=declared),
            *after,
        ]
    )
    n_bytes = min(4 + len(body), 0xFFFFFFFF)
    return (b"RIFX" if big_endian else b"RIFF") + struct.pack(">I" if big_endian else "<I", n_bytes) + b"WAVE" + body
