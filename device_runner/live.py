"""Listen to a stream of audio and say, hop by hop, what it sounds like."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .classifier import SceneClassifier

# What digital silence is shown as: below the noise of any 16-bit recording.
_FLOOR_DBFS = -120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one window sounds like."""

    time_s: float
    """End of the window, since listening began."""
    ranking: tuple[tuple[str, float], ...]
    """Labels and probabilities, the likeliest first."""
    latency_ms: float
    """Wall time of features and network on this machine, in milliseconds."""
    level_dbfs: float
    """Level (RMS) of the window against full scale."""
    skipped: int
    """Windows left out since the last one, because this machine was too slow for the hop."""


def listen(
    classifier: SceneClassifier,
    blocks: Iterable[NDArray[np.float32]],
    rate_hz: int,
    *,
    hop_s: float,
    duration_s: float | None = None,
    top: int = 3,
) -> Iterator[Heard]:
    """Classify a sliding window of a stream.

    Parameters
    ----------
    blocks
        Mono audio in blocks of any length, at `rate_hz`, full scale ±1.
    hop_s
        Seconds from one window to the next.
    duration_s
        Stop after so many seconds of audio; None for as long as blocks come.

    Notes
    -----
    When several hops arrive in one block, only the newest window is classified: the answer must not fall
    behind the sound.
    """
    import soxr

    target_hz = classifier.frontend.sample_rate_hz
    n_window = classifier.frontend.clip_samples
    hop = max(1, round(hop_s * target_hz))
    end = None if duration_s is None else max(n_window, round(duration_s * target_hz))
    stream = soxr.ResampleStream(rate_hz, target_hz, 1, dtype="float32", quality="HQ")
    ring = np.zeros(0, np.float32)
    heard, due = 0, n_window
    for block in blocks:
        audio = block if rate_hz == target_hz else stream.resample_chunk(block)
        if end is not None:
            audio = audio[: end - heard]
        heard += len(audio)
        ring = np.concatenate([ring, audio])[-(n_window + hop) :]
        if heard >= due:
            hops = (heard - due) // hop
            # the window that was due last; the ring holds it, for it ended less than a hop ago
            late = heard - due - hops * hop
            window = ring[len(ring) - late - n_window : len(ring) - late]
            began = time.perf_counter()
            probabilities = classifier.probabilities(window)
            latency_ms = 1000 * (time.perf_counter() - began)
            yield Heard(
                time_s=(heard - late) / target_hz,
                ranking=tuple(classifier.ranking(probabilities, top)),
                latency_ms=latency_ms,
                level_dbfs=level_dbfs(window),
                skipped=hops,
            )
            due += (hops + 1) * hop
        if end is not None and heard >= end:
            return


def level_dbfs(audio: NDArray[np.float32]) -> float:
    """Return the level (RMS) of audio in decibels below full scale, at least -120."""
    power = float(np.mean(np.square(audio, dtype=np.float64)))
    return max(_FLOOR_DBFS, 10 * float(np.log10(power))) if power > 0 else _FLOOR_DBFS
