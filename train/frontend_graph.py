"""The front end as a TensorFlow graph, for whole batches while training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from asc_kit.frontend import STD_FLOOR, FrontEndSpec, mel_filter_bank, window

_CHUNK = 16
_GROUP = 32


def front_end_graph(spec: FrontEndSpec) -> Callable[[Any], Any]:
    """Return a function from audio to the model's input.

    The function takes audio, float32 [batch, clip_samples], full scale ±1, and returns float32
    [batch, *input_shape[1:]], as `asc_kit.frontend.log_mel` and `model_input` do clip by clip.
    """
    log_mel, arrange = log_mel_graph(spec), model_input_graph(spec)
    return lambda audio: arrange(log_mel(audio))


def log_mel_graph(spec: FrontEndSpec, *, fast: bool = False) -> Callable[[Any], Any]:
    """Return a function from audio, float32 [batch, clip_samples], to log-mel values, float32 [batch, frames, n_mels].

    Parameters
    ----------
    spec
        The front end.
    fast
        Compute in float32 throughout, in half the time. For training, whose augmentation changes features far more.

    Notes
    -----
    Formula: as in `asc_kit.frontend.log_mel`, in float64 up to the energies, unless `fast`: a float32 transform of a
    full-scale tone leaves rounding noise in the empty bins that the logarithm lifts to 3e-3 (power 2) or even 1
    (power 1). TensorFlow's own mel matrix is not used either: it is computed in float32 and off by up to 1.6e-3.
    Error: at most 5e-6; `fast`, at most 1e-3 where a band holds more than rounding noise. See
    tests/pipeline/test_frontend_graph.py.
    """
    dtype = tf.float32 if fast else tf.float64
    taper = tf.constant(window(spec), dtype)
    filters = _filter_groups(spec)
    offset = (spec.n_fft - spec.win_length) // 2
    pad = spec.n_fft // 2 if spec.center else 0
    mode = "REFLECT" if spec.pad_mode == "reflect" else "CONSTANT"

    def clips(audio: Any) -> Any:
        signal = tf.cast(audio, dtype)
        if pad:
            signal = tf.pad(signal, [[0, 0], [pad, pad]], mode)
        # a frame starts where its window starts; the zeros around the window turn phases, not magnitudes
        frames = tf.signal.frame(signal[:, offset:], spec.win_length, spec.hop_length)[:, : spec.n_frames]
        spectrum = tf.signal.rfft(frames * taper, [spec.n_fft])
        energy = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
        if spec.power == 1:
            energy = tf.sqrt(energy)
        # all terms are positive from here on, so float32 loses nothing but its own last place
        energy = tf.cast(energy, tf.float32)
        bands = [tf.matmul(energy[..., first:last], part) for first, last, part in filters]
        features = tf.math.log(tf.concat(bands, axis=-1) + spec.log_offset)
        return features / tf.math.log(10.0) if spec.log == "log10" else features

    def graph(audio: Any) -> Any:
        batch = audio.shape[0]
        if batch is None or batch <= _CHUNK:
            return clips(audio)
        # a few clips at a time fit into the processor's cache
        sizes = [_CHUNK] * (batch // _CHUNK) + ([batch % _CHUNK] if batch % _CHUNK else [])
        return tf.concat([clips(part) for part in tf.split(audio, sizes)], axis=0)

    return graph


def _filter_groups(spec: FrontEndSpec) -> list[tuple[int, int, Any]]:
    """Return the mel filters in groups of neighbours, each with the range of bins outside of which all are zero."""
    bank = mel_filter_bank(spec)
    groups = []
    for start in range(0, spec.n_mels, _GROUP):
        part = bank[:, start : start + _GROUP]
        bins = np.flatnonzero(part.any(axis=1))
        first, last = (int(bins[0]), int(bins[-1]) + 1) if len(bins) else (0, 1)
        groups.append((first, last, tf.constant(part[first:last], tf.float32)))
    return groups


def model_input_graph(spec: FrontEndSpec) -> Callable[[Any], Any]:
    """Return a function from log-mel values [batch, frames, n_mels] to the model's input [batch, *input_shape[1:]].

    Notes
    -----
    Formula: as in `asc_kit.frontend.model_input`, standardised in float64. Error: the error of the log-mel values,
    divided by the same number; see tests/pipeline/test_frontend_graph.py.
    """

    def graph(features: Any) -> Any:
        channels = [features]
        if spec.standardize == "clip":
            channels = [_standardized(tf.cast(features, tf.float64))]
        if spec.delta_width:
            slopes = _deltas(channels[0], spec)
            channels.append(_standardized(slopes) if spec.standardize == "clip" else slopes)
        stacked = tf.cast(tf.stack(channels, axis=-1), tf.float32)
        return tf.transpose(stacked, (0, 2, 1, 3)) if spec.layout == "mel_time" else stacked

    return graph


def _standardized(values: Any) -> Any:
    """Standardise each clip of [batch, frames, n_mels]."""
    # with a value subtracted first, the mean of equal values is exactly 0
    shifted = values - values[:, :1, :1]
    centred = shifted - tf.reduce_mean(shifted, (1, 2), keepdims=True)
    count = tf.cast(tf.reduce_prod(tf.shape(values)[1:]), values.dtype)
    variance = tf.reduce_sum(tf.square(centred), (1, 2), keepdims=True) / (count - 1.0)
    return centred / tf.maximum(tf.sqrt(variance), STD_FLOOR)


def _deltas(values: Any, spec: FrontEndSpec) -> Any:
    """Return the slopes over time of [batch, frames, n_mels], same shape."""
    reach, last = spec.delta_width // 2, spec.n_frames - 1
    frames = np.arange(spec.n_frames)
    slopes = tf.zeros_like(values)
    for n in range(1, reach + 1):
        ahead = tf.gather(values, np.minimum(frames + n, last), axis=1)
        slopes += n * (ahead - tf.gather(values, np.maximum(frames - n, 0), axis=1))
    return slopes / (2 * sum(n * n for n in range(1, reach + 1)))
