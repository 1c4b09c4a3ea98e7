"""Samples that come as bytes, piece by piece: WAV with its header, or raw with a format that the user names."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import AscKitError
from asc_kit.recordings.audio import HIGHEST_RATE_HZ, LOWEST_RATE_HZ

_BYTES = {"u8": 1, "s16le": 2, "s24le": 3, "s32le": 4, "f32le": 4, "f64le": 8}
# (tag of the format, bits per sample) in a WAV header
_ENCODINGS = {(1, 8): "u8", (1, 16): "s16le", (1, 24): "s24le", (1, 32): "s32le", (3, 32): "f32le", (3, 64): "f64le"}
_EXTENSIBLE = 0xFFFE
# Writers to a pipe do not know the length: 0, or close to 2 GiB or 4 GiB (`asc_kit.recordings.wav_header`).
_NO_LENGTH_FROM = 0x7FFFE000
_MOST_HEADER = 1 << 20
_MOST_CHANNELS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class PcmFormat:
    """The format of samples without a header."""

    rate_hz: int
    """Sampling rate."""
    channels: int
    """Channels, interleaved."""
    encoding: str
    """ffmpeg's name of the samples' type, as ``s16le``."""

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * _BYTES[self.encoding]


def read_format(text: str) -> PcmFormat:
    """Read ``RATE[:CHANNELS[:ENCODING]]``; without them one channel, and ``s16le``.

    Raises
    ------
    AscKitError
        When it is no such text.
    """
    match = re.fullmatch(r"(\d{1,8})(?::(\d{1,2}))?(?::(\w+))?", text)
    if match is not None:
        rate_hz, channels, encoding = int(match[1]), int(match[2] or 1), match[3] or "s16le"
        in_range = LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ and 1 <= channels <= _MOST_CHANNELS
        if in_range and encoding in _BYTES:
            return PcmFormat(rate_hz=rate_hz, channels=channels, encoding=encoding)
    raise AscKitError(
        f"{text!r} is not a format of raw samples. Expected: RATE[:CHANNELS[:ENCODING]], as 48000 or 44100:2:s16le",
        hint=f"encodings: {', '.join(_BYTES)}",
    )


class PcmDecoder:
    """Decodes bytes as they come.

    Parameters
    ----------
    name
        The source, for errors.
    pcm
        Format of raw samples; None for WAV.
    """

    def __init__(self, name: str, pcm: PcmFormat | None = None) -> None:
        self.format = pcm
        """The format; None until the header has come."""
        self._name = name
        self._held = b""
        # bytes of audio still to come; None where nothing says
        self._left: int | None = None

    def decode(self, data: bytes) -> NDArray[np.float32]:
        """Decode the next bytes; frames that are not whole wait for the bytes after them.

        Returns
        -------
        NDArray[np.float32]
            Shape [frames, channels], full scale ±1; no frames before the header is whole.

        Raises
        ------
        AscKitError
            When there is no WAV header, or one of another kind of samples.
        """
        self._held += data
        if self.format is None:
            self._read_header()
        if self.format is None:
            return np.zeros((0, 1), np.float32)
        n_bytes = len(self._held) if self._left is None else min(len(self._held), self._left)
        n_bytes -= n_bytes % self.format.frame_bytes
        audio, self._held = self._held[:n_bytes], self._held[n_bytes:]
        if self._left is not None:
            self._left -= n_bytes
            if self._left < self.format.frame_bytes:
                self._held = b""  # chunks behind the audio
        return _to_float(audio, self.format)

    def _read_header(self) -> None:
        held = self._held
        if len(held) < 12 and b"RIFF".startswith(held[:4]):
            return
        if held[:4] != b"RIFF" or held[8:12] != b"WAVE":
            raise AscKitError(
                f"{self._name} is not WAV",
                hint="raw samples need a format, as --pcm 48000:1:s16le; other sound: ffmpeg … -f wav - | asc-kit …",
            )
        place, fmt = 12, None
        while len(held) >= place + 8:
            chunk, n_bytes = struct.unpack_from("<4sI", held, place)
            if chunk == b"data":
                if fmt is None:
                    raise AscKitError(f"the WAV header of {self._name} does not say what its samples are")
                self.format = fmt
                self._left = n_bytes if 0 < n_bytes < _NO_LENGTH_FROM else None
                self._held = held[place + 8 :]
                return
            if chunk == b"fmt " and len(held) >= place + 8 + min(n_bytes, 40):
                fmt = self._read_fmt(held[place + 8 : place + 8 + n_bytes])
            place += 8 + n_bytes + n_bytes % 2
        if len(held) > _MOST_HEADER:
            raise AscKitError(f"the WAV header of {self._name} is not followed by audio")

    def _read_fmt(self, body: bytes) -> PcmFormat:
        if len(body) < 16:
            raise AscKitError(f"the WAV header of {self._name} is damaged")
        tag, channels, rate_hz, _, _, bits = struct.unpack_from("<HHIIHH", body)
        if tag == _EXTENSIBLE and len(body) >= 26:
            tag = struct.unpack_from("<H", body, 24)[0]
        encoding = _ENCODINGS.get((tag, bits))
        if encoding is None:
            raise AscKitError(
                f"{self._name} gives WAV of format {tag}, {bits} bits. Expected: integers of 8 to 32 bits, or floats",
                hint="convert it: ffmpeg -i - -f wav -c:a pcm_s16le -",
            )
        if not (LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ and 1 <= channels <= _MOST_CHANNELS):
            raise AscKitError(f"the WAV header of {self._name} says {channels} channels at {rate_hz:,} Hz")
        return PcmFormat(rate_hz=rate_hz, channels=channels, encoding=encoding)


def _to_float(audio: bytes, pcm: PcmFormat) -> NDArray[np.float32]:
    if pcm.encoding == "s24le":
        # three bytes into the upper ones of four
        wide = np.zeros((len(audio) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(audio, np.uint8).reshape(-1, 3)
        samples = wide.view("<i4").reshape(-1).astype(np.float32) / np.float32(2**31)
    elif pcm.encoding == "u8":
        samples = (np.frombuffer(audio, np.uint8).astype(np.float32) - 128) / np.float32(128)
    elif pcm.encoding == "s16le":
        samples = np.frombuffer(audio, "<i2").astype(np.float32) / np.float32(2**15)
    elif pcm.encoding == "s32le":
        samples = np.frombuffer(audio, "<i4").astype(np.float32) / np.float32(2**31)
    else:
        with np.errstate(over="ignore", invalid="ignore"):
            samples = np.frombuffer(audio, f"<{pcm.encoding[0]}{_BYTES[pcm.encoding]}").astype(np.float32)
    return samples.reshape(-1, pcm.channels)
