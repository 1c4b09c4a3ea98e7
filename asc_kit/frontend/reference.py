"""The NumPy reference of the front end: the truth the graph and the board are held against."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.fft import rfft

from asc_kit.errors import DataError
from asc_kit.frontend.spec import FrontEndSpec
from asc_kit.frontend.tables import mel_filter_bank, window


@lru_cache(maxsize=8)
def _tables(spec: FrontEndSpec) -> tuple[NDArray[np.float64], sparse.csr_matrix]:
    return window(spec), sparse.csr_matrix(mel_filter_bank(spec).T)


def log_mel(audio: NDArray[np.float32], spec: FrontEndSpec) -> NDArray[np.float32]:
    """Compute the features of one clip.

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
        When `audio` is not of the length the front end takes.

    Notes
    -----
    Formula: log(offset + sum_k filter[m, k] * |X[t, k]|**power), X the transform of the windowed frame.
    Error: computed in float64 and rounded once, so within 1 unit in the last place of float32.
    """
    signal = np.asarray(audio, np.float64)
    if signal.shape != (spec.clip_samples,):
        raise DataError(f"the front end takes {spec.clip_samples} samples of one channel. Received: {signal.shape}")
    taper, filters = _tables(spec)
    offset = (spec.n_fft - spec.win_length) // 2
    if spec.center:
        signal = np.pad(signal, spec.n_fft // 2, mode=spec.pad_mode)
    frames = np.lib.stride_tricks.sliding_window_view(signal[offset:], spec.win_length)
    frames = frames[:: spec.hop_length][: spec.n_frames] * taper
    spectrum = rfft(frames, spec.n_fft, axis=1)
    energy = spectrum.real**2 + spectrum.imag**2
    if spec.power == 1:
        energy = np.sqrt(energy)
    bands = (filters @ energy.T).T + spec.log_offset
    return np.asarray(np.log(bands) if spec.log == "natural" else np.log10(bands), np.float32)


def model_input(features: NDArray[np.float32], spec: FrontEndSpec) -> NDArray[np.float32]:
    """Arrange features [n_frames, n_mels] as the model takes them: NHWC, batch 1, one channel."""
    arranged = features.T if spec.layout == "mel_time" else features
    return np.ascontiguousarray(arranged, np.float32).reshape(spec.input_shape)
