"""Read recordings: any sampling rate, WAV of 16, 24 or 32 bit, FLAC; mono out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import DataError
from asc_kit.frontend.spec import FrontEndSpec


@contextmanager
def open_recording(path: Path) -> Iterator[Any]:
    """Open a recording to read, as a ``soundfile.SoundFile``.

    Raises
    ------
    DataError
        When the file is missing or is not audio, or its audio proves unreadable while it is open.
    """
    import soundfile

    hint = "it must be a WAV or FLAC file; record or copy it again"
    if not path.is_file():
        raise DataError(f"recording {path} does not exist", hint="asc-kit data check finds all that are missing")
    if path.suffix.lower() == ".raw":
        # soundfile takes the name for a promise of samples without a header, and wants to be told their format
        raise DataError(
            f"recording {path} cannot be read: nothing says what rate and format raw samples have", hint=hint
        )
    try:
        # the name as bytes, for soundfile refuses names that are not valid Unicode
        with soundfile.SoundFile(os.fsencode(path)) as recording:
            yield recording
    except (soundfile.SoundFileError, OSError) as failure:
        reason = getattr(failure, "error_string", failure)
        raise DataError(f"recording {path} cannot be read: {reason}", hint=hint) from failure


def read_audio(path: Path) -> tuple[NDArray[np.float32], int]:
    """Read a recording and mix its channels to one.

    Returns
    -------
    tuple
        Samples, shape [n], float32, full scale ±1; and the sampling rate in hertz.

    Raises
    ------
    DataError
        When the file is missing, is not audio, or holds no samples.
    """
    with open_recording(path) as recording:
        samples, rate = recording.read(dtype="float32", always_2d=True), recording.samplerate
    if len(samples) == 0:
        raise DataError(f"recording {path} is empty: it holds no samples", hint="remove it from meta.csv")
    mono = samples.mean(axis=1, dtype=np.float32) if samples.shape[1] > 1 else samples[:, 0]
    if not np.all(np.isfinite(mono)):
        raise DataError(f"recording {path} holds samples that are not finite numbers")
    return np.ascontiguousarray(mono), int(rate)


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


def load_clip(path: Path, spec: FrontEndSpec) -> NDArray[np.float32]:
    """Read a recording as the front end takes it: mono, resampled, padded or cut.

    The samples are rounded to 16 bit, as a board receives them, so that training, the host and the board
    start from the same numbers.

    Returns
    -------
    NDArray[np.float32]
        Shape [clip_samples], full scale ±1.
    """
    samples, rate = read_audio(path)
    # Resampling is linear: what lies beyond the clip's end cannot matter but for the filter's own length.
    needed = int(np.ceil((spec.clip_seconds + 0.1) * rate))
    resampled = resample(samples[:needed], rate, spec.sample_rate_hz)
    return from_int16(to_int16(fit_length(resampled, spec.clip_samples)))


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Round float audio, full scale ±1, to int16; what exceeds full scale is clipped."""
    steps = np.rint(np.asarray(samples, np.float32) * np.float32(32768))
    return np.asarray(np.clip(steps, -32768, 32767), np.int16)


def from_int16(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return int16 audio as float32, full scale ±1; exact."""
    return np.asarray(samples, np.float32) / np.float32(32768)
