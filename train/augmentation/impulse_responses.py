"""Impulse responses of microphones: read from a folder, or made."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from asc_kit.errors import DataError
from asc_kit.recordings.audio import read_audio, resample
from asc_kit.recordings.doubts import Doubt, mention_doubts

_SUFFIXES = (".wav", ".flac")
_BEFORE_PEAK_S = 0.001  # what linear-phase filters ring ahead of the peak
_AFTER_PEAK_S = 0.05  # a period of 20 Hz; what comes later is the room, not the microphone
_FADE_S = 0.01
_SILENT = 1e-6  # highest peak, full scale 1, of what cannot be a response: below the last bit of 20


def load_impulse_responses(folder: Path, rate_hz: int) -> NDArray[np.float32]:
    """Read all impulse responses, WAV or FLAC, in a folder.

    Parameters
    ----------
    folder
        Folder; other files in it (a licence, a table) are skipped.
    rate_hz
        Sampling rate of the audio they are meant for; they are resampled to it.

    Returns
    -------
    NDArray[np.float32]
        Shape [n_responses, n_taps], in the order of the file names: from 1 ms before the highest peak to 50 ms after
        it, the last 10 ms faded out, shorter ones padded with zeros; each of unit energy.

    Raises
    ------
    DataError
        When the folder is missing or has no such file, or a file is not audio or silent.
    """
    if not folder.is_dir():
        raise DataError(f"folder of impulse responses {folder} does not exist")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise DataError(
            f"folder {folder} holds no impulse responses: no file ends in {' or '.join(_SUFFIXES)}",
            hint="leave device_ir_folder empty for synthetic ones",
        )
    return np.stack([_around_peak(path, rate_hz) for path in paths])


def synthetic_impulse_responses(rate_hz: int, n: int = 32, seed: int = 0) -> NDArray[np.float32]:
    """Make a family of microphones' impulse responses.

    Each is a cascade of filters with parameters drawn at random (uniformly, frequencies on a logarithmic scale):

    - band limits: Butterworth high-pass of order 1 or 2 at 30–250 Hz; low-pass of order 2 to 4 at 5–16 kHz, left out
      where that is beyond 0.45 of the sampling rate
    - tilt: a first-order shelf, lifting or lowering all above 500–3000 Hz by up to 8 dB
    - resonances: two to five peaks or dips at 200 Hz–10 kHz, Q from 0.7 to 3, up to ±9 dB

    Parameters
    ----------
    rate_hz
        Sampling rate, in hertz.
    n
        Number of responses.
    seed
        Another seed, another family.

    Returns
    -------
    NDArray[np.float32]
        Shape [n, n_taps], 51 ms long, each of unit energy and minimum phase: no zero outside of the unit circle.

    Notes
    -----
    The devices of train/synth/recording_devices.py must stay unseen in training, so nothing is taken from there: the
    construction is another (rational filters, which they have none of; no reflections, compression or noise), no value
    is shared, and a test compares each response with each device (third octaves, overall level aside: 4 to 5 dB apart
    in the median, 1.2 dB for the nearest pair).
    Source: for peaks, R. Bristow-Johnson, *Cookbook formulae for audio equalizer biquad filter coefficients*; the
    ranges are what data sheets of phones' and recorders' microphones show.
    """
    rng = np.random.default_rng([seed, 0x1A])  # the rate left out: the same microphones at every rate
    impulse = np.zeros(_n_taps(rate_hz))
    impulse[0] = 1.0
    responses = [_faded(sosfilt(_microphone(rng, rate_hz), impulse), rate_hz) for _ in range(n)]
    return np.stack([_unit_energy(response) for response in responses])


def align_peaks(responses: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
    """Pad responses, [n_responses, n_taps], with zeros so that all highest peaks share a tap; return the tap too."""
    peaks = np.abs(responses).argmax(axis=1)
    tap, extra = int(peaks.max()), int(peaks.max() - peaks.min())
    aligned = np.zeros((len(responses), responses.shape[1] + extra), np.float32)
    for row, response, peak in zip(aligned, responses, peaks, strict=True):
        row[tap - peak : tap - peak + len(response)] = response
    return aligned, tap


def _around_peak(path: Path, rate_hz: int) -> NDArray[np.float32]:
    doubts: list[Doubt] = []
    # they are brought to unit energy, so any scale will do
    samples, file_rate_hz = read_audio(path, doubts, loudest=np.inf)
    mention_doubts(doubts)
    samples = resample(samples, file_rate_hz, rate_hz)
    if np.abs(samples).max(initial=0.0) < _SILENT:
        raise DataError(f"impulse response {path} is silent", hint="remove it from the folder")
    first = int(np.abs(samples).argmax()) - round(_BEFORE_PEAK_S * rate_hz)
    padded = np.pad(samples.astype(np.float64), (max(0, -first), _n_taps(rate_hz)))
    taken = padded[max(0, first) :][: _n_taps(rate_hz)]
    return _unit_energy(_faded(taken, rate_hz))


def _n_taps(rate_hz: int) -> int:
    return round(_BEFORE_PEAK_S * rate_hz) + 1 + round(_AFTER_PEAK_S * rate_hz)


def _faded(response: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    faded = response.copy()
    n = round(_FADE_S * rate_hz)
    faded[-n:] *= 0.5 + 0.5 * np.cos(np.pi * np.arange(1, n + 1) / n)
    return faded


def _unit_energy(response: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.asarray(response / np.sqrt(np.sum(response * response)), np.float32)


def _microphone(rng: np.random.Generator, rate_hz: int) -> NDArray[np.float64]:
    """Draw the second-order sections of one microphone, [n_sections, 6]."""

    def frequency(low_hz: float, high_hz: float) -> float:
        return float(np.exp(rng.uniform(np.log(low_hz), np.log(high_hz))))

    low_hz, high_hz = frequency(30.0, 250.0), frequency(5000.0, 16000.0)
    sections = [butter(int(rng.integers(1, 3)), low_hz, "highpass", fs=rate_hz, output="sos")]
    order = int(rng.integers(2, 5))
    if high_hz < 0.45 * rate_hz:
        sections.append(butter(order, high_hz, "lowpass", fs=rate_hz, output="sos"))
    sections.append(_shelf(frequency(500.0, 3000.0), float(rng.uniform(-8.0, 8.0)), rate_hz))
    for _ in range(int(rng.integers(2, 6))):
        centre_hz, quality = frequency(200.0, 10000.0), float(rng.uniform(0.7, 3.0))
        level_db = float(rng.uniform(-9.0, 9.0))
        if centre_hz < 0.45 * rate_hz:
            sections.append(_peak(centre_hz, quality, level_db, rate_hz))
    return np.concatenate(sections)


def _shelf(corner_hz: float, level_db: float, rate_hz: int) -> NDArray[np.float64]:
    """Return a first-order high shelf, [1, 6]: H(s) = (1 + s / zero) / (1 + s / pole), by the bilinear transform.

    It is 1 at 0 Hz and pole / zero, the level, at half the rate; zero and pole lie evenly around the corner.
    """
    turn = math.tan(math.pi * min(corner_hz, 0.4 * rate_hz) / rate_hz)
    ratio = 10.0 ** (level_db / 40.0)
    zero, pole = turn / ratio, turn * ratio
    b = np.array([1.0 + zero, zero - 1.0, 0.0]) / zero
    a = np.array([1.0 + pole, pole - 1.0, 0.0]) / pole
    return np.concatenate([b / a[0], a / a[0]])[np.newaxis]


def _peak(centre_hz: float, quality: float, level_db: float, rate_hz: int) -> NDArray[np.float64]:
    """Return a peaking filter, [1, 6]."""
    turn = 2.0 * math.pi * centre_hz / rate_hz
    amplitude, alpha = 10.0 ** (level_db / 40.0), math.sin(turn) / (2.0 * quality)
    b = np.array([1.0 + alpha * amplitude, -2.0 * math.cos(turn), 1.0 - alpha * amplitude])
    a = np.array([1.0 + alpha / amplitude, -2.0 * math.cos(turn), 1.0 - alpha / amplitude])
    return np.concatenate([b / a[0], a / a[0]])[np.newaxis]
