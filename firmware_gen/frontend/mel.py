"""The mel filters as the C front end takes them: rising slopes bin by bin, or as lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asc_kit.frontend import FrontEndSpec
from asc_kit.frontend.tables import hz_to_mel, mel_to_hz


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MelSlopes:
    """Triangular filters: at each bin the share of the upper of two neighbours; the lower one has the rest."""

    first_bin: int
    """First bin above the lower edge of the first filter."""
    counts: NDArray[np.uint16]
    """Shape [n_mels + 1], bins from one edge to the next."""
    slopes: NDArray[np.float64]
    """Shape [sum of counts], from 0 to 1."""
    shares: NDArray[np.float64]
    """Shape [n_mels + 1, 2], between two edges: how much slopes change by bin, and the falling slope of the last bin;
    in row 0 the rising slope of the first bin. Zeros where there is no bin."""
    scales: NDArray[np.float64]
    """Shape [n_mels], factor of each filter."""


def mel_slopes(spec: FrontEndSpec) -> MelSlopes:
    """Make the slopes of a specification: those of `mel_filter_bank`, arranged by edges."""
    bins_hz = np.linspace(0.0, spec.sample_rate_hz / 2.0, spec.n_freqs)
    limits = hz_to_mel(np.array([spec.f_min_hz, spec.f_max_hz]), spec.mel_scale)
    edges_hz = mel_to_hz(np.linspace(limits[0], limits[1], spec.n_mels + 2), spec.mel_scale)
    upper = np.searchsorted(edges_hz, bins_hz, side="right")  # index of the edge above each bin
    inside = (upper > 0) & (upper < len(edges_hz))
    bins_hz, upper = bins_hz[inside], upper[inside]
    slopes = (bins_hz - edges_hz[upper - 1]) / (edges_hz[upper] - edges_hz[upper - 1])
    scales = np.ones(spec.n_mels) if spec.mel_norm == "none" else 2.0 / (edges_hz[2:] - edges_hz[:-2])
    slopes = np.clip(slopes, 0.0, 1.0)
    counts = np.bincount(upper - 1, minlength=spec.n_mels + 1)
    changes = spec.sample_rate_hz / spec.n_fft / np.diff(edges_hz)
    last = np.cumsum(counts) - 1
    ends = np.concatenate([slopes[:1], 1.0 - slopes[last[1:]]]) if len(slopes) else np.zeros(len(counts))
    return MelSlopes(
        first_bin=int(np.argmax(inside)),
        counts=counts.astype(np.uint16),
        slopes=slopes,
        shares=np.where(counts[:, np.newaxis] > 0, np.stack([changes, ends], axis=1), 0.0),
        scales=scales,
    )
