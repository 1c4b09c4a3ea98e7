"""Read recordings: any sampling rate, WAV of 16, 24 or 32 bit, FLAC; mono out.

Impossible samples are refused: NaN, infinity, or another scale than ±1. Oddities (a wrong header, channels that cancel)
are added to the caller's list of doubts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import DataError
from asc_kit.frontend.spec import FrontEndSpec
from asc_kit.recordings.doubts import Doubt, DoubtKind
from asc_kit.recordings.wav_header import HeaderFault, WavExtent, find_extent

LOUDEST = 8.0
"""Highest sample that can be audio of full scale ±1: 18 dB above it. Floats that hold 16-bit steps go beyond that as
soon as they are louder than -72 dBFS."""
CANCELLED_SHARE = 0.02
"""Channels cancel when the power of their mean is below this share of what independent channels would have: for two
channels, 20 dB below the channels themselves. A choice of ours: no pair of microphones in one place comes near."""

LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 1_000, 10_000_000
"""Sampling rates that recordings have. A header that says 1 Hz makes days of a few megabytes, and resampling them to
audio would take all memory."""

_BLOCK_FRAMES = 2**20
_PIECE_FRAMES = 2**14
_MOST_FRAMES = 2**48  # 180 years at 48 kHz: no length, but a word for none
_DOUBTS: Mapping[HeaderFault, DoubtKind] = {"longer": "longer_than_header", "off": "header_off", "cut_off": "cut_off"}


class ScaleError(DataError):
    """Samples on another scale than ±1."""


class NotFiniteError(DataError):
    """Samples that are no numbers."""


@contextmanager
def open_recording(path: Path, doubts: list[Doubt] | None = None) -> Iterator[Any]:
    """Open a recording to read, as a ``soundfile.SoundFile``.

    A WAV file that holds more than its header says is read to its end.

    Parameters
    ----------
    path
        The file.
    doubts
        List that receives faults of its header.

    Raises
    ------
    DataError
        If the file is missing or is not audio, or if its audio proves unreadable while it is open.
    """
    import soundfile

    hint = "it must be a WAV or FLAC file; record or copy it again"
    if not path.is_file():
        raise DataError(f"recording {path} does not exist", hint="asc-kit data check finds all that are missing")
    if path.suffix.lower() == ".raw":
        # soundfile takes this ending for samples without a header, and demands their format
        raise DataError(
            f"recording {path} cannot be read: nothing says what rate and format raw samples have", hint=hint
        )
    try:
        extent = find_extent(path)
        if extent is not None and extent.fault is not None and doubts is not None:
            doubts.append(Doubt(kind=_DOUBTS[extent.fault], path=path, says=extent.says))
        with _source(path, extent) as source, _open(source) as recording:
            _check_rate(path, recording.samplerate)
            yield recording
    except (soundfile.SoundFileError, OSError) as failure:
        reason = getattr(failure, "error_string", failure)
        raise DataError(f"recording {path} cannot be read: {reason}", hint=hint) from failure


def _check_rate(path: Path, rate_hz: int) -> None:
    if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
        raise DataError(
            f"recording {path} cannot be read: its header says {rate_hz:,} samples per second. "
            f"Expected: {LOWEST_RATE_HZ:,} to {HIGHEST_RATE_HZ:,}",
            hint="write the rate it was recorded with into its header, or leave it out",
        )


@contextmanager
def _source(path: Path, extent: WavExtent | None) -> Iterator[Any]:
    if extent is not None and extent.must_be_repaired:
        with extent.open_repaired() as stream:
            yield stream
    else:
        # the name as bytes, for soundfile refuses names that are not valid Unicode
        yield os.fsencode(path)


def _open(source: Any) -> Any:
    import soundfile

    recording = soundfile.SoundFile(source)
    if recording.frames <= _MOST_FRAMES:
        return recording
    recording.close()
    return _unmeasured()(source)


@cache
def _unmeasured() -> Any:
    """Return a `soundfile.SoundFile` for FLAC that was written to a pipe: its header leaves the length open."""
    import soundfile

    class Unmeasured(soundfile.SoundFile):  # type: ignore[misc]
        def __init__(self, source: bytes) -> None:
            # the end is found by decoding to it; libsndfile fails to seek there
            self._counted = 0
            with soundfile.SoundFile(source) as other:
                other.seekable = lambda: False
                while len(block := other.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
                    self._counted += len(block)
            super().__init__(source)

        @property
        def frames(self) -> int:
            return self._counted

        def seekable(self) -> bool:
            return False

    return Unmeasured


class Mixer:
    """Mix the channels of a recording to one, block by block, and judge the mix."""

    def __init__(self, path: Path, loudest: float = LOUDEST) -> None:
        self._path = path
        self._loudest = loudest
        self._n_channels = 1
        self._n_frames = 0
        self._mix = np.zeros(2)  # sum, and sum of squares
        self._channels = np.zeros((2, 1))
        self.extremes = (0.0, 0.0)
        """Lowest and highest sample of the last block, over all channels."""

    def mix(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean over channels of a block, shape [n, channels].

        Raises
        ------
        NotFiniteError
            If a sample is no number.
        ScaleError
            When a sample is louder than may be.
        """
        if len(block) == 0:
            return np.zeros(0, np.float32)
        self.extremes = float(block.min()), float(block.max())
        check_scale(self._path, *self.extremes, self._loudest)
        if block.shape[1] == 1:
            return np.ascontiguousarray(block[:, 0])
        if self._n_frames == 0:
            self._n_channels = block.shape[1]
            self._channels = np.zeros((2, self._n_channels))
        self._n_frames += len(block)
        mono = np.empty(len(block), np.float32)
        # in pieces that fit a cache, and channel after channel: several times faster than a mean over rows
        for start in range(0, len(block), _PIECE_FRAMES):
            piece = mono[start : start + _PIECE_FRAMES]
            channels = np.ascontiguousarray(block[start : start + _PIECE_FRAMES].T)
            piece[:] = channels[0]
            for channel in channels[1:]:
                piece += channel
            piece /= np.float32(self._n_channels)
            self._mix += _sums(piece)
            for number, channel in enumerate(channels):
                self._channels[:, number] += _sums(channel)
        return mono

    def doubt(self) -> Doubt | None:
        """Return a message if the channels cancel, as far as they were mixed; None if they do not.

        A constant offset of a channel is no part of its power.
        """
        if self._n_channels == 1:
            return None
        mix_power = _variance(self._mix, self._n_frames)
        channel_power = float(np.mean(_variance(self._channels, self._n_frames)))
        # below half a step of 16 bit there is nothing to cancel
        if channel_power < 2.0**-32 or mix_power * self._n_channels >= CANCELLED_SHARE * channel_power:
            return None
        below_db = -10 * np.log10(max(float(mix_power) / channel_power, 1e-12))
        says = f"the mean of its {self._n_channels} channels is {below_db:.0f} dB below them"
        return Doubt(kind="channels_cancel", path=self._path, says=says)


def check_scale(path: Path, lowest: float, highest: float, loudest: float = LOUDEST) -> None:
    """Refuse samples, given their extremes, that are no numbers or, louder than `loudest`, on another scale than ±1.

    Raises
    ------
    NotFiniteError, ScaleError
        If samples are no numbers, or out of scale.
    """
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        raise NotFiniteError(f"recording {path} holds samples that are not finite numbers")
    if max(-lowest, highest) > loudest:
        raise ScaleError(
            f"recording {path} holds samples from {lowest:.6g} to {highest:.6g}. Expected: full scale from -1 to 1",
            hint="divide the samples by their full scale (32768, if they are 16-bit steps) and write them again",
        )


def read_audio(
    path: Path, doubts: list[Doubt] | None = None, *, loudest: float = LOUDEST
) -> tuple[NDArray[np.float32], int]:
    """Read a recording and mix its channels to one.

    Parameters
    ----------
    path
        The file.
    doubts
        List that receives oddities: a wrong header, channels that cancel.
    loudest
        Level beyond which a sample is refused; infinity if the scale does not matter.

    Returns
    -------
    tuple
        Samples, shape [n], float32, full scale ±1; and the sampling rate in hertz.

    Raises
    ------
    DataError
        If the file is missing, is not audio, holds no samples, or holds samples that are no numbers or too loud.
    """
    with open_recording(path, doubts) as recording:
        samples, rate = _read_all(recording), recording.samplerate
    if len(samples) == 0:
        raise DataError(f"recording {path} is empty: it holds no samples", hint="remove it from meta.csv")
    mixer = Mixer(path, loudest)
    mono = mixer.mix(samples)
    if doubts is not None and (doubt := mixer.doubt()) is not None:
        doubts.append(doubt)
    return mono, int(rate)


def _read_all(recording: Any) -> NDArray[np.float32]:
    if recording.seekable():
        return np.asarray(recording.read(dtype="float32", always_2d=True))
    # GSM 6.10: the remaining length is unknown until it is read
    blocks = []
    while len(block := recording.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
        blocks.append(block)
    return np.concatenate(blocks) if blocks else np.zeros((0, 1), np.float32)


def resample(samples: NDArray[np.float32], rate_hz: int, target_hz: int) -> NDArray[np.float32]:
    """Resample mono audio, shape [n], with a high-quality band-limited filter (soxr HQ)."""
    if rate_hz == target_hz:
        return samples
    import soxr

    return np.asarray(soxr.resample(samples, rate_hz, target_hz, quality="HQ"), np.float32)


def fit_length(samples: NDArray[np.float32], n_samples: int) -> NDArray[np.float32]:
    """Cut audio to its first `n_samples`, or pad it with zeros at the end."""
    if len(samples) >= n_samples:
        return samples[:n_samples]
    return np.pad(samples, (0, n_samples - len(samples)))


def load_clip(path: Path, spec: FrontEndSpec, doubts: list[Doubt] | None = None) -> NDArray[np.float32]:
    """Read a recording as the front end takes it: mono, resampled, padded or cut.

    The samples are rounded to 16 bit, as a board receives them, so that training, the host and the board
    start from the same numbers. `doubts` is as for `read_audio`.

    Returns
    -------
    NDArray[np.float32]
        Shape [clip_samples], full scale ±1.
    """
    samples, rate = read_audio(path, doubts)
    # Resampling is linear: samples beyond the clip's end matter only within the filter's length.
    needed = int(np.ceil((spec.clip_seconds + 0.1) * rate))
    resampled = resample(samples[:needed], rate, spec.sample_rate_hz)
    return from_int16(to_int16(fit_length(resampled, spec.clip_samples)))


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Round float audio, full scale ±1, to int16; samples beyond full scale are clipped."""
    steps = np.rint(np.asarray(samples, np.float32) * np.float32(32768))
    return np.asarray(np.clip(steps, -32768, 32767), np.int16)


def from_int16(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return int16 audio as float32, full scale ±1; exact."""
    return np.asarray(samples, np.float32) / np.float32(32768)


def _sums(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the sum, and the sum of squares."""
    exact = samples.astype(np.float64)
    # not np.dot, which would set threads to work on this
    return np.array([exact.sum(), np.einsum("i,i->", exact, exact)])


def _variance(sums: NDArray[np.float64], n_frames: int) -> Any:
    """Return the variance from the sum and the sum of squares of `n_frames` samples."""
    return np.maximum(sums[1] / n_frames - np.square(sums[0] / n_frames), 0.0)
