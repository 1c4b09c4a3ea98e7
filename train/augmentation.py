"""What is varied in training: small functions on a batch, each drawing from a seed of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from asc_kit.frontend import FrontEndSpec

from .recipe import Augmentation

_VARIANCE_FLOOR = 1e-6  # keeps a band that never moves (silence) from being divided by zero


def time_roll(audio: Any, max_shift: int, seed: Any) -> Any:
    """Rotate each clip, [batch, samples], by a number of samples drawn from -max_shift to max_shift."""
    batch, samples = tf.shape(audio)[0], tf.shape(audio)[1]
    shift = tf.random.stateless_uniform((batch, 1), seed, -max_shift, max_shift + 1, tf.int32)
    return tf.gather(audio, (tf.range(samples)[tf.newaxis] - shift) % samples, batch_dims=1)


def frequency_mask(features: Any, max_bands: int, fill: float, axis: int, seed: Any) -> Any:
    """Set one run of mel bands of each clip to `fill`, the level of silence.

    Its width is drawn from [0, max_bands), then its start from where it fits. `axis` is that of the mel bands in
    `features`, [batch, …, 1]. Source: D. S. Park et al., *SpecAugment* (2019), eq. for frequency masking.
    """
    batch, n_mels = tf.shape(features)[0], tf.shape(features)[axis]
    seeds = tf.random.split(seed, 2)
    width = tf.random.stateless_uniform((batch, 1), seeds[0], 0.0, float(max_bands))
    start = tf.random.stateless_uniform((batch, 1), seeds[1]) * (tf.cast(n_mels, tf.float32) - width)
    first = tf.floor(start)
    band = tf.range(tf.cast(n_mels, tf.float32))[tf.newaxis]
    masked = (band >= first) & (band < first + tf.floor(width))
    shape = [batch, 1, 1, 1]
    shape[axis] = n_mels
    return tf.where(tf.reshape(masked, shape), tf.constant(fill, features.dtype), features)


def freq_mixstyle(features: Any, probability: float, alpha: float, time_axis: int, seed: Any) -> Any:
    """Freq-MixStyle: with `probability`, give each clip a mixture of its own and another clip's spectral style.

    The style is mean and standard deviation over time, band by band: mostly what the recording device did to the
    sound. Mixing weights are drawn from Beta(alpha, alpha).
    Source: B. Kim et al., *Domain generalization with relaxed instance frequency-wise normalization* (2022);
    F. Schmid et al., DCASE 2023 Task 1, for its use here.
    """
    coin, pairing, first, second = tf.unstack(tf.random.split(seed, 4))

    def mixed() -> Any:
        batch = tf.shape(features)[0]
        mean, variance = tf.nn.moments(features, [time_axis], keepdims=True)
        deviation = tf.sqrt(variance + _VARIANCE_FLOOR)
        order = tf.argsort(tf.random.stateless_uniform((batch,), pairing))
        one = tf.random.stateless_gamma((batch, 1, 1, 1), first, alpha)
        other = tf.random.stateless_gamma((batch, 1, 1, 1), second, alpha)
        weight = tf.math.divide_no_nan(one, one + other)
        new_mean = weight * mean + (1.0 - weight) * tf.gather(mean, order)
        new_deviation = weight * deviation + (1.0 - weight) * tf.gather(deviation, order)
        return (features - mean) / deviation * new_deviation + new_mean

    return tf.cond(tf.random.stateless_uniform((), coin) < probability, mixed, lambda: features)


def augmented_front_end(
    front_end: Callable[[Any], Any], spec: FrontEndSpec, settings: Augmentation
) -> Callable[[Any, Any], Any]:
    """Return a function (audio [batch, clip_samples], seed) -> model input, with the recipe's augmentation."""
    max_shift = round(settings.time_roll_s * spec.sample_rate_hz)
    mel_axis, time_axis = (1, 2) if spec.layout == "mel_time" else (2, 1)

    def features_of(audio: Any, seed: Any) -> Any:
        roll, mask, style = tf.unstack(tf.random.split(seed, 3))
        if max_shift:
            audio = time_roll(audio, max_shift, roll)
        features = front_end(audio)
        if settings.frequency_mask_bands:
            features = frequency_mask(features, settings.frequency_mask_bands, spec.silence_feature, mel_axis, mask)
        if settings.mixstyle_p:
            features = freq_mixstyle(features, settings.mixstyle_p, settings.mixstyle_alpha, time_axis, style)
        return features

    return features_of
