"""The front end as a TensorFlow graph, for whole batches while training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from asc_kit.frontend import FrontEndSpec, mel_filter_bank, window


def front_end_graph(spec: FrontEndSpec) -> Callable[[Any], Any]:
    """Return a function from audio to the model's input.

    The function takes audio, float32 [batch, clip_samples], full scale ±1, and returns float32
    [batch, *input_shape[1:]], as `asc_kit.frontend.log_mel` and `model_input` do clip by clip.

    Notes
    -----
    Formula: that of `asc_kit.frontend.log_mel`. Up to the energies in float64: a float32 transform of a full-scale
    tone leaves rounding noise in the empty bins that the logarithm lifts to 3e-3 (power 2) or even 1 (power 1).
    TensorFlow's own mel matrix is not used either: it is computed in float32 and off by up to 1.6e-3.
    Error: at most 5e-6, see tests/pipeline/test_frontend_graph.py.
    """
    taper = tf.constant(window(spec), tf.float64)
    filters = tf.constant(mel_filter_bank(spec), tf.float32)
    offset = (spec.n_fft - spec.win_length) // 2
    pad = spec.n_fft // 2 if spec.center else 0
    mode = "REFLECT" if spec.pad_mode == "reflect" else "CONSTANT"

    def graph(audio: Any) -> Any:
        signal = tf.cast(audio, tf.float64)
        if pad:
            signal = tf.pad(signal, [[0, 0], [pad, pad]], mode)
        # a frame starts where its window starts; the zeros around the window turn phases, not magnitudes
        frames = tf.signal.frame(signal[:, offset:], spec.win_length, spec.hop_length)[:, : spec.n_frames]
        spectrum = tf.signal.rfft(frames * taper, [spec.n_fft])
        energy = tf.square(tf.math.real(spectrum)) + tf.square(tf.math.imag(spectrum))
        if spec.power == 1:
            energy = tf.sqrt(energy)
        # all terms are positive from here on, so float32 loses nothing but its own last place
        features = tf.math.log(tf.matmul(tf.cast(energy, tf.float32), filters) + spec.log_offset)
        if spec.log == "log10":
            features = features / tf.math.log(10.0)
        if spec.layout == "mel_time":
            features = tf.transpose(features, (0, 2, 1))
        return features[..., tf.newaxis]

    return graph


def silence_level(spec: FrontEndSpec) -> float:
    """Return the feature of digital silence: the logarithm of the offset."""
    import math

    return math.log(spec.log_offset) if spec.log == "natural" else math.log10(spec.log_offset)
