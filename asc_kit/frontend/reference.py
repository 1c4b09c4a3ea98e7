"""The NumPy reference of the front end, with which the graph and the board are compared."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from asc_kit.errors import DataError
from asc_kit.frontend.spec import STD_FLOOR, FrontEndSpec
from asc_kit.frontend.tables import mel_filter_bank, window


class _FilterBank:
    """The mel filters without their zeros: few bins belong to a band."""

    def __init__(self, filters: NDArray[np.float64]) -> None:
        """Take the filters, [n_freqs, n_mels]."""
        self.n_bands = filters.shape[1]
        band, self.bins = np.nonzero(filters.T)
        self.weights = filters[self.bins, band][:, np.newaxis]
        # a band between two bins has no bins, and stays zero
        self.filled, self.starts = np.unique(band, return_index=True)

    def apply(self, energy: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum the energies of each band, bin after bin from the lowest: [n_frames, n_freqs] to [n_frames, n_mels]."""
        bands = np.zeros((self.n_bands, len(energy)))
        # along the first axis NumPy adds one row after the other, so that the sum is the same on every machine
        bands[self.filled] = np.add.reduceat(energy.T[self.bins] * self.weights, self.starts, axis=0)
        return bands.T


@lru_cache(maxsize=8)
def _tables(spec: FrontEndSpec) -> tuple[NDArray[np.float64], _FilterBank]:
    return window(spec), _FilterBank(mel_filter_bank(spec))


def log_mel(audio: NDArray[np.float32], spec: FrontEndSpec) -> NDArray[np.float32]:
    """Compute the log-mel values of a clip, from which `model_input` makes features.

    Parameters
    ----------
    audio
        Shape [clip_samples], mono, full scale is ±1.
    spec
        The front end.

    Returns
    -------
    NDArray[np.float32]
        Shape [n_frames, n_mels], in units of the logarithm.

    Raises
    ------
    DataError
        If `audio` does not have the front end's length.

    Notes
    -----
    Formula: log(offset + sum_k filter[m, k] * |X[t, k]|**power), X the transform of the windowed frame.
    Error: computed in float64 and rounded once, so within 1 unit in the last place of float32.
    """
    signal = np.asarray(audio, np.float64)
    if signal.shape != (spec.clip_samples,):
        raise DataError(f"the front end takes {spec.clip_samples} samples of one channel. Received: {signal.shape}")
    if spec.center:
        signal = np.pad(signal, spec.n_fft // 2, mode=spec.pad_mode)
    return log_mel_frames(signal[(spec.n_fft - spec.win_length) // 2 :], spec, spec.n_frames)


def log_mel_frames(
    samples: NDArray[np.float32] | NDArray[np.float64], spec: FrontEndSpec, n_frames: int
) -> NDArray[np.float32]:
    """Compute the log-mel values of frames, each by itself, as `log_mel` does: the same bits, however many at once.

    Parameters
    ----------
    samples
        Shape [at least (n_frames - 1) * hop_length + win_length], full scale ±1; frame t begins at t * hop_length.
    spec
        The front end.
    n_frames
        How many, at least one.

    Returns
    -------
    NDArray[np.float32]
        Shape [n_frames, n_mels].
    """
    taper, filters = _tables(spec)
    frames = np.lib.stride_tricks.sliding_window_view(np.asarray(samples, np.float64), spec.win_length)
    frames = frames[:: spec.hop_length][:n_frames] * taper
    spectrum = np.fft.rfft(frames, spec.n_fft, axis=1)
    energy = spectrum.real**2 + spectrum.imag**2
    if spec.power == 1:
        energy = np.sqrt(energy)
    bands = filters.apply(energy) + spec.log_offset
    return np.asarray(np.log(bands) if spec.log == "natural" else np.log10(bands), np.float32)


def model_input(features: NDArray[np.float32], spec: FrontEndSpec) -> NDArray[np.float32]:
    """Turn log-mel values into the model's input: standardise, add deltas and arrange, as the spec asks.

    Parameters
    ----------
    features
        Shape [n_frames, n_mels], from `log_mel`.
    spec
        The front end; without `standardize` and `delta_width` the values stay as they are.

    Returns
    -------
    NDArray[np.float32]
        Shape `spec.input_shape`: NHWC, batch 1.

    Notes
    -----
    Error: computed in float64 and rounded once.
    """
    channels = np.asarray(features, np.float64)[..., np.newaxis]
    if spec.standardize == "clip":
        channels = standardize(channels)
    if spec.delta_width:
        slopes = deltas(channels, spec.delta_width)
        channels = np.concatenate([channels, standardize(slopes) if spec.standardize == "clip" else slopes], axis=-1)
    arranged = channels.swapaxes(0, 1) if spec.layout == "mel_time" else channels
    return np.ascontiguousarray(arranged, np.float32).reshape(spec.input_shape)


def standardize(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract the mean of all values and divide by their standard deviation, or by STD_FLOOR if that is larger.

    The deviation has n - 1 in the denominator. Values that are all equal become zeros, not rounding errors.
    """
    # with a value subtracted first, the mean of equal values is exactly 0
    shifted = values - values.flat[0]
    centred = shifted - shifted.mean()
    return np.asarray(centred / max(float(centred.std(ddof=1)), STD_FLOOR))


def deltas(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the slopes of the lines fitted to `width` frames around each frame, over axis 0; same shape.

    Formula: sum_n n (c[t + n] - c[t - n]) / (2 sum_n n**2), n from 1 to width // 2; the first and the last frame are
    repeated beyond the ends.
    Source: S. Furui, *Speaker-independent isolated word recognition using dynamic features of speech spectrum* (1986).
    """
    frames, last = np.arange(len(values)), len(values) - 1
    steps = range(1, width // 2 + 1)
    sums = [n * (values[np.minimum(frames + n, last)] - values[np.maximum(frames - n, 0)]) for n in steps]
    return np.asarray(np.sum(sums, axis=0) / (2 * sum(n * n for n in steps)))
