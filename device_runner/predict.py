"""Classify whole recordings of any rate and length, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import DataError
from asc_kit.recordings.audio import Mixer, fit_length, open_recording
from asc_kit.recordings.doubts import Doubt

from .classifier import SceneClassifier

_BLOCK_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePrediction:
    """The classification of a recording."""

    path: Path
    """The recording."""
    seconds: float
    """Its length, in seconds."""
    windows: int
    """Number of windows classified."""
    likeliest: tuple[str, float]
    """The most probable label and its probability (mean over the windows)."""
    ranking: tuple[tuple[str, float], ...]
    """The requested labels with their probabilities, the most probable first; with a threshold there may be none."""
    doubts: tuple[Doubt, ...] = ()
    """Oddities of the recording."""


def predict_file(
    classifier: SceneClassifier, path: Path, *, top: int | None = 1, threshold: float = 0.0
) -> FilePrediction:
    """Classify a recording: average the probabilities of its windows, `classifier.hop_samples` apart.

    Without a hop in the bundle, windows overlap by half. A recording shorter than the front end's clip is padded with
    silence; the last window of a longer recording ends where it ends.

    Raises
    ------
    DataError
        If the recording is missing, is not audio, or holds no samples.
    """
    rate = classifier.frontend.sample_rate_hz
    total = np.zeros(len(classifier.labels))
    windows, n_samples = 0, 0
    doubts: list[Doubt] = []
    blocks = _blocks(path, rate, doubts)
    for window, n_samples in _windows(blocks, classifier.frontend.clip_samples, classifier.hop_samples):  # noqa: B007
        total += classifier.probabilities(window)
        windows += 1
    return FilePrediction(
        path=path,
        seconds=n_samples / rate,
        windows=windows,
        likeliest=classifier.ranking(total / windows, 1)[0],
        ranking=tuple(classifier.ranking(total / windows, top, threshold)),
        doubts=tuple(doubts),
    )


def _windows(
    blocks: Iterator[NDArray[np.float32]], n_window: int, hop: int
) -> Iterator[tuple[NDArray[np.float32], int]]:
    """Cut a stream into the windows of `asc_kit.recordings.clips`; yield each with the number of samples read."""
    held = np.zeros(0, np.float32)
    held_from = next_start = read = 0
    for block in blocks:
        held = np.concatenate([held, block])
        read += len(block)
        while next_start + n_window <= read:
            yield held[next_start - held_from : next_start - held_from + n_window], read
            next_start += hop
        keep_from = min(next_start, max(0, read - n_window))
        held, held_from = held[keep_from - held_from :], keep_from
    if read < n_window:
        yield fit_length(held, n_window), read
    # a resampler's length may be off by a sample or two, which makes no window
    elif read - (next_start - hop + n_window) > n_window // 100:
        yield held[-n_window:], read


def _blocks(path: Path, target_hz: int, doubts: list[Doubt]) -> Iterator[NDArray[np.float32]]:
    """Read a recording block by block: mono, at `target_hz`; oddities go to `doubts`."""
    import soxr

    mixer = Mixer(path)
    with open_recording(path, doubts) as recording:
        stream = soxr.ResampleStream(recording.samplerate, target_hz, 1, dtype="float32", quality="HQ")
        left, read = recording.frames, 0
        while left > 0:
            block = recording.read(_BLOCK_S * recording.samplerate, dtype="float32", always_2d=True)
            read += len(block)
            # a header may promise more than the file holds
            left = left - len(block) if len(block) else 0
            mono = mixer.mix(block)
            yield mono if recording.samplerate == target_hz else stream.resample_chunk(mono, last=left == 0)
    if read == 0:
        raise DataError(f"recording {path} is empty: it holds no samples")
    doubt = mixer.doubt()
    if doubt is not None:
        doubts.append(doubt)
