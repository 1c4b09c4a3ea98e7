"""Window and mel filter bank in float64; the graph and the board round these tables to float32.

Sources: D. O'Shaughnessy, *Speech Communication* (1987), p. 150, for the HTK mel formula; M. Slaney, *Auditory Toolbox*
(1998), for his mel formula and for the normalization by area; F. J. Harris, *On the use of windows for harmonic
analysis with the discrete Fourier transform* (1978), for the windows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asc_kit.frontend.spec import FrontEndSpec

Float64Array = NDArray[np.float64]

# Slaney's scale: linear below 1 kHz with 3 mel per 200 Hz, 27 logarithmic steps per factor 6.4 above.
_SLANEY_HZ_PER_MEL = 200.0 / 3.0
_SLANEY_BREAK_HZ = 1000.0
_SLANEY_LOG_STEP = np.log(6.4) / 27.0


def window(spec: FrontEndSpec) -> Float64Array:
    """Return the window, shape [win_length], values from 0 to 1."""
    if spec.win_length == 1:
        return np.ones(1)
    # a window of period n is the first n values of the symmetric window of n + 1
    phase = np.linspace(-np.pi, np.pi, spec.win_length + spec.window_periodic)
    mean = {"hann": 0.5, "hamming": 0.54}[spec.window]
    return np.asarray(mean + (1.0 - mean) * np.cos(phase), np.float64)[: spec.win_length]


def hz_to_mel(hz: Float64Array, scale: str) -> Float64Array:
    """Convert frequencies in hertz to mel; `scale` is ``htk`` or ``slaney``."""
    if scale == "htk":
        return np.asarray(2595.0 * np.log10(1.0 + hz / 700.0))
    linear = hz / _SLANEY_HZ_PER_MEL
    with np.errstate(divide="ignore"):
        logarithmic = _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL + np.log(hz / _SLANEY_BREAK_HZ) / _SLANEY_LOG_STEP
    return np.where(hz < _SLANEY_BREAK_HZ, linear, logarithmic)


def mel_to_hz(mel: Float64Array, scale: str) -> Float64Array:
    """Convert mel to hertz, the inverse of `hz_to_mel`."""
    if scale == "htk":
        return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))
    break_mel = _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL
    logarithmic = _SLANEY_BREAK_HZ * np.exp(_SLANEY_LOG_STEP * (mel - break_mel))
    return np.where(mel < break_mel, mel * _SLANEY_HZ_PER_MEL, logarithmic)


def mel_filter_bank(spec: FrontEndSpec) -> Float64Array:
    """Return the triangular filters, shape [n_freqs, n_mels].

    Band m rises from edge m to edge m + 1 and falls to edge m + 2, the n_mels + 2 edges equally spaced in mel;
    the slopes are straight in hertz. A band so narrow that no bin falls into it is all zeros, as elsewhere.
    """
    bins_hz = np.linspace(0.0, spec.sample_rate_hz / 2.0, spec.n_freqs)
    limits = hz_to_mel(np.array([spec.f_min_hz, spec.f_max_hz]), spec.mel_scale)
    edges_hz = mel_to_hz(np.linspace(limits[0], limits[1], spec.n_mels + 2), spec.mel_scale)
    lower, centre, upper = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (bins_hz[:, None] - lower) / (centre - lower)
    falling = (upper - bins_hz[:, None]) / (upper - centre)
    bank = np.maximum(0.0, np.minimum(rising, falling))
    if spec.mel_norm == "slaney":
        bank = bank * (2.0 / (upper - lower))
    return np.asarray(bank, np.float64)
