"""Augmentation of the model's input, float32 [batch, mels or frames, frames or mels, channels]."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from .draws import mixing_weights, partners, per_clip, streams

_VARIANCE_FLOOR = 1e-6  # keeps a band that never moves (silence) from being divided by zero


def frequency_mask(
    features: Any, max_bands: int, fill: float | Sequence[float], axis: int, seed: Any, *, count: int = 1
) -> Any:
    """Silence runs of mel bands of each clip: frequency masking.

    Parameters
    ----------
    features
        float32 [batch, …, channels].
    max_bands
        The width of a run is drawn from 0 to max_bands - 1 (at most all bands), its start from where it fits.
    fill
        Value of silence: a number, or a number for each channel. All channels are masked alike.
    axis
        Which axis of `features` is that of the mel bands.
    seed
        int64 [2].
    count
        Number of runs; they may overlap.

    Notes
    -----
    Source: D. S. Park et al., *SpecAugment* (2019). There runs are filled with the mean of features that have mean 0;
    here the fill is the value that a board computes for silence.
    """
    return _masked(features, max_bands, fill, axis, count, seed)


def time_mask(
    features: Any, max_frames: int, fill: float | Sequence[float], axis: int, seed: Any, *, count: int = 1
) -> Any:
    """Silence runs of frames of each clip: time masking. As `frequency_mask`, along the axis of frames."""
    return _masked(features, max_frames, fill, axis, count, seed)


def freq_mixstyle(features: Any, probability: float, alpha: float, time_axis: int, seed: Any) -> Any:
    """Freq-MixStyle: with `probability`, give each clip a mixture of its own and another clip's spectral style.

    The style is mean and standard deviation over time, band by band and channel by channel: mostly the effect of the
    recording device. The course over time stays. One draw decides for the whole batch; partners and weights, from
    Beta(alpha, alpha), are drawn for each clip.

    Notes
    -----
    Source: B. Kim et al., *Domain generalization with relaxed instance frequency-wise normalization* (2022);
    F. Schmid et al., DCASE 2023 Task 1, for its use here.
    """
    coin, pairing, drawing = streams(seed, 3)

    def mixed() -> Any:
        batch = tf.shape(features)[0]
        mean, variance = tf.nn.moments(features, [time_axis], keepdims=True)
        deviation = tf.sqrt(variance + _VARIANCE_FLOOR)
        order, weight = partners(batch, pairing), per_clip(mixing_weights(batch, alpha, drawing), features)
        new_mean = weight * mean + (1.0 - weight) * tf.gather(mean, order)
        new_deviation = weight * deviation + (1.0 - weight) * tf.gather(deviation, order)
        return (features - mean) / deviation * new_deviation + new_mean

    return tf.cond(tf.random.stateless_uniform((), coin) < probability, mixed, lambda: features)


def _masked(features: Any, limit: int, fill: float | Sequence[float], axis: int, count: int, seed: Any) -> Any:
    batch, length = tf.shape(features)[0], int(features.shape[axis])
    width_seed, start_seed = streams(seed, 2)
    width = tf.random.stateless_uniform((batch, count, 1), width_seed, 0, min(limit, length + 1), tf.int32)
    places = tf.cast(length + 1 - width, tf.float32)
    first = tf.cast(tf.random.stateless_uniform((batch, count, 1), start_seed) * places, tf.int32)
    position = tf.range(length)
    silent = tf.reduce_any((position >= first) & (position < first + width), axis=1)
    shape = [1] * len(features.shape)
    shape[0], shape[axis] = -1, length
    return tf.where(tf.reshape(silent, shape), tf.constant(fill, features.dtype), features)
