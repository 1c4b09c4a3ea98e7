"""Classify whole recordings of any rate and length, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import DataError
from asc_kit.recordings.audio import Mixer, fit_length
from asc_kit.recordings.doubts import Doubt

from .classifier import SceneClassifier
from .media.pcm import PcmFormat
from .media.reading import Recording, open_blocks

Progress = Callable[[float, float | None], None]
"""Called with the seconds read so far, and all seconds of the recording if they are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The classification of a part of a recording."""

    start_s: float
    """Its start, in seconds."""
    end_s: float
    """Its end: the next one's start, or the end of the recording."""
    windows: int
    """Windows that begin in it."""
    probabilities: NDArray[np.float64]
    """Mean over these windows, [n_labels], in the bundle's order."""


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
    periods: tuple[Period, ...]
    """Its parts, in order; the whole recording is one, unless others were asked for."""
    doubts: tuple[Doubt, ...] = ()
    """Oddities of the recording."""


def predict_file(
    classifier: SceneClassifier,
    path: Path,
    *,
    top: int | None = 1,
    threshold: float = 0.0,
    every_s: float | None = None,
    pcm: PcmFormat | None = None,
    progress: Progress | None = None,
) -> FilePrediction:
    """Classify a recording: average the probabilities of its windows, `classifier.hop_samples` apart.

    Without a hop in the bundle, windows overlap by half. A recording shorter than the front end's clip is padded with
    silence; the last window of a longer recording ends where it ends.

    Parameters
    ----------
    path
        A file, a FIFO, or ``-`` for standard input.
    every_s
        Length of the parts that are also classified, in seconds; None for the whole alone.
    pcm
        Format of raw samples; None if a header says it.
    progress
        Called after each block of audio.

    Raises
    ------
    DataError
        If the recording is missing, is not audio, or holds no samples.
    """
    rate = classifier.frontend.sample_rate_hz
    n_window = classifier.frontend.clip_samples
    n_every = None if every_s is None else max(1, round(every_s * rate))
    sums: list[tuple[NDArray[np.float64], int]] = []
    n_samples = 0
    doubts: list[Doubt] = []
    with open_blocks(path, doubts, pcm=pcm) as recording:
        blocks = _blocks(path, recording, rate, doubts, progress)
        for window, start, n_samples in _windows(blocks, n_window, classifier.hop_samples):  # noqa: B007
            number = 0 if n_every is None else start // n_every
            while len(sums) <= number:
                sums.append((np.zeros(len(classifier.labels)), 0))
            total, count = sums[number]
            sums[number] = (total + classifier.probabilities(window), count + 1)
    windows = sum(count for _, count in sums)
    # one after the other, as windows came
    whole = sums[0][0]
    for total, _ in sums[1:]:
        whole = whole + total
    return FilePrediction(
        path=path,
        seconds=n_samples / rate,
        windows=windows,
        likeliest=classifier.ranking(whole / windows, 1)[0],
        ranking=tuple(classifier.ranking(whole / windows, top, threshold)),
        periods=_periods(sums, n_samples / rate, None if n_every is None else n_every / rate),
        doubts=tuple(doubts),
    )


def _periods(sums: list[tuple[NDArray[np.float64], int]], seconds: float, every_s: float | None) -> tuple[Period, ...]:
    """Return the parts in which windows begin; each reaches to the next, the last to the end."""
    held = [(number, total, count) for number, (total, count) in enumerate(sums) if count]
    starts = [0.0 if every_s is None else number * every_s for number, _, _ in held]
    return tuple(
        Period(start_s=start_s, end_s=end_s, windows=count, probabilities=total / count)
        for (_, total, count), start_s, end_s in zip(held, starts, [*starts[1:], seconds], strict=True)
    )


def _windows(
    blocks: Iterable[NDArray[np.float32]], n_window: int, hop: int
) -> Iterator[tuple[NDArray[np.float32], int, int]]:
    """Cut a stream into the windows of `asc_kit.recordings.clips`; yield each with its start and the samples read."""
    held = np.zeros(0, np.float32)
    held_from = next_start = read = 0
    for block in blocks:
        held = np.concatenate([held, block])
        read += len(block)
        while next_start + n_window <= read:
            yield held[next_start - held_from : next_start - held_from + n_window], next_start, read
            next_start += hop
        keep_from = min(next_start, max(0, read - n_window))
        held, held_from = held[keep_from - held_from :], keep_from
    if read < n_window:
        yield fit_length(held, n_window), 0, read
    # a resampler's length may be off by a sample or two, which makes no window
    elif read - (next_start - hop + n_window) > n_window // 100:
        yield held[-n_window:], read - n_window, read


def _blocks(
    path: Path, recording: Recording, target_hz: int, doubts: list[Doubt], progress: Progress | None
) -> Iterator[NDArray[np.float32]]:
    """Read a recording block by block: mono, at `target_hz`; oddities go to `doubts`."""
    import soxr

    mixer = Mixer(path)
    stream = soxr.ResampleStream(recording.rate_hz, target_hz, 1, dtype="float32", quality="HQ")

    def resampled(mono: NDArray[np.float32], *, last: bool) -> NDArray[np.float32]:
        return mono if recording.rate_hz == target_hz else np.asarray(stream.resample_chunk(mono, last=last))

    # the resampler must be told which block is the last
    held: NDArray[np.float32] | None = None
    read = 0
    for block in recording.blocks:
        if held is not None:
            yield resampled(held, last=False)
        read += len(block)
        held = mixer.mix(block)
        if progress is not None:
            progress(read / recording.rate_hz, recording.seconds)
    if held is None:
        raise DataError(f"recording {path} is empty: it holds no samples")
    yield resampled(held, last=True)
    doubt = mixer.doubt()
    if doubt is not None:
        doubts.append(doubt)
