"""Simulated recording devices: frequency response, a short body reflection, compression, noise, level, 16 bit.

A device is the same for every seed: it is an object, not a draw.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import fft
from scipy.signal import lfilter

from .sources import Audio, gain, noise


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingDevice:
    """The properties of a device."""

    number: int
    """Seed of its ripple and reflections."""
    low_hz: float
    """Lower cut-off."""
    high_hz: float
    """Upper cut-off."""
    tilt_db: float
    """Slope of the response, in decibels per octave around 1 kHz."""
    ripple_db: float
    """Standard deviation of the random bumps of the response, about two per octave."""
    peaks: tuple[tuple[float, float, float], ...]
    """Resonances: centre in hertz, width in octaves, gain in decibels."""
    reflection_db: float
    """Level of the reflections in its case, against the direct sound."""
    threshold_db: float
    """Where compression begins, in decibels below full scale."""
    ratio: float
    """Compression ratio; 1 for none."""
    release_s: float
    """Time constant of the compressor."""
    noise_db: float
    """Level of its noise, in decibels below full scale."""
    gain_db: float
    """Sensitivity, in decibels."""


RECORDING_DEVICES: dict[str, RecordingDevice] = {
    "a": RecordingDevice(
        number=0, low_hz=25, high_hz=20000, tilt_db=0, ripple_db=0.4, peaks=(), reflection_db=-60,
        threshold_db=0, ratio=1, release_s=0.1, noise_db=-78, gain_db=0,
    ),
    "b": RecordingDevice(
        number=1, low_hz=110, high_hz=15000, tilt_db=0.6, ripple_db=1.5, peaks=((3200, 0.5, 4),), reflection_db=-26,
        threshold_db=-32, ratio=1.8, release_s=0.08, noise_db=-66, gain_db=4,
    ),
    "c": RecordingDevice(
        number=2, low_hz=70, high_hz=11000, tilt_db=-0.7, ripple_db=1.8, peaks=((1400, 0.4, 4), (6000, 0.4, -5)),
        reflection_db=-24, threshold_db=-30, ratio=2.0, release_s=0.15, noise_db=-70, gain_db=-3,
    ),
    "s1": RecordingDevice(
        number=3, low_hz=140, high_hz=9500, tilt_db=0.4, ripple_db=2.2, peaks=((2300, 0.35, 6),), reflection_db=-20,
        threshold_db=-36, ratio=2.2, release_s=0.06, noise_db=-64, gain_db=2,
    ),
    "s2": RecordingDevice(
        number=4, low_hz=60, high_hz=14000, tilt_db=-1.0, ripple_db=2.0, peaks=((700, 0.5, 4),), reflection_db=-22,
        threshold_db=-28, ratio=1.6, release_s=0.20, noise_db=-68, gain_db=-5,
    ),
    "s3": RecordingDevice(
        number=5, low_hz=180, high_hz=12000, tilt_db=1.0, ripple_db=2.4, peaks=((4500, 0.4, 5), (1000, 0.3, -4)),
        reflection_db=-20, threshold_db=-38, ratio=2.5, release_s=0.10, noise_db=-62, gain_db=6,
    ),
    "s4": RecordingDevice(
        number=6, low_hz=170, high_hz=9500, tilt_db=1.1, ripple_db=2.1, peaks=((3000, 0.35, 4), (1600, 0.3, -3)),
        reflection_db=-19, threshold_db=-38, ratio=2.6, release_s=0.06, noise_db=-61, gain_db=7,
    ),
    "s5": RecordingDevice(
        number=7, low_hz=90, high_hz=8000, tilt_db=-1.2, ripple_db=2.0, peaks=((500, 0.4, 4), (2600, 0.3, -3)),
        reflection_db=-20, threshold_db=-34, ratio=2.2, release_s=0.12, noise_db=-65, gain_db=-6,
    ),
    "s6": RecordingDevice(
        number=8, low_hz=200, high_hz=9000, tilt_db=0.7, ripple_db=2.3, peaks=((1100, 0.35, 4), (5000, 0.4, 4)),
        reflection_db=-18, threshold_db=-39, ratio=2.8, release_s=0.05, noise_db=-59, gain_db=3,
    ),
}  # fmt: skip


def record(rng: np.random.Generator, sound: Audio, rate_hz: int, device: RecordingDevice) -> Audio:
    """Record a sound, full scale ±1, shape [n], with a device."""
    n = len(sound)
    size = fft.next_fast_len(n + rate_hz // 20, real=True)
    heard = fft.irfft(fft.rfft(sound, size) * _response(device, size, rate_hz), size)[:n]
    heard = heard * gain(device.gain_db)
    heard += gain(device.noise_db) * noise(rng, n, rate_hz, tilt_db=-1.0, low_hz=40, high_hz=device.high_hz)
    if device.ratio > 1:
        heard = _compress(heard, rate_hz, device)
    # a soft knee into full scale: loud moments saturate instead of wrapping
    return np.asarray(np.tanh(heard))


@lru_cache(maxsize=32)
def _response(device: RecordingDevice, size: int, rate_hz: int) -> Audio:
    """Return the complex response at the frequencies of a real transform of `size` points."""
    rng = np.random.default_rng([7411, device.number])
    hz = fft.rfftfreq(size, 1.0 / rate_hz)
    hz[0] = hz[1]
    octaves = np.log2(hz / 1000.0)
    knots = np.linspace(-6.0, 5.0, 23)
    level_db = device.tilt_db * octaves + np.interp(octaves, knots, device.ripple_db * rng.standard_normal(len(knots)))
    for centre, width, peak_db in device.peaks:
        level_db += peak_db * np.exp(-0.5 * ((octaves - np.log2(centre / 1000.0)) / width) ** 2)
    edges = np.sqrt((1.0 + (device.low_hz / hz) ** 4) * (1.0 + (hz / device.high_hz) ** 8))
    magnitude = 10.0 ** (level_db / 20.0) / edges
    body = np.ones(len(hz), np.complex128)
    for delay_s in rng.uniform(0.0004, 0.012, 6):
        sign = rng.choice((-1.0, 1.0))
        body += sign * gain(device.reflection_db) * np.exp(-delay_s / 0.006) * np.exp(-2j * np.pi * hz * delay_s)
    return np.asarray(magnitude * body)


def _compress(audio: Audio, rate_hz: int, device: RecordingDevice) -> Audio:
    """Reduce the dynamic range above the threshold, with one time constant for attack and release."""
    pole = np.exp(-1.0 / (device.release_s * rate_hz))
    power = lfilter([1.0 - pole], [1.0, -pole], audio * audio, zi=[pole * float(np.mean(audio * audio))])[0]
    level_db = 10.0 * np.log10(power + 1e-12)
    over_db = np.maximum(0.0, level_db - device.threshold_db)
    return np.asarray(audio * 10.0 ** (-over_db * (1.0 - 1.0 / device.ratio) / 20.0))
