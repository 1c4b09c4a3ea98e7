"""Augmentation of audio, float32 [batch, samples], full scale ±1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from .draws import chosen, streams
from .impulse_responses import align_peaks


def random_gain(audio: Any, max_db: float, seed: Any) -> Any:
    """Make each clip louder or softer, by a gain drawn uniformly from -max_db to max_db decibels.

    The result may exceed full scale: `Augmenter.audio` clips it, as a recording does.
    """
    level_db = tf.random.stateless_uniform((tf.shape(audio)[0], 1), seed, -max_db, max_db)
    return audio * tf.exp(level_db * (math.log(10.0) / 20.0))


def device_impulse_response(audio: Any, responses: NDArray[np.float32], probability: float, seed: Any) -> Any:
    """Filter each clip, with a probability, by the impulse response of another microphone.

    Parameters
    ----------
    audio
        float32 [batch, samples].
    responses
        Impulse responses, float32 [n_responses, n_taps], at the rate of the audio; each clip draws one row.
    probability
        Share of the clips that are filtered; the others return as they are.
    seed
        int64 [2].

    Returns
    -------
    Tensor
        Same shape: the linear convolution, from the response's highest peak on, so that nothing moves in time, and
        cut to the clip. Its RMS is that of the clip; loud moments may exceed full scale.

    Notes
    -----
    Error: float32 transforms, 1e-6 of the clip's peak; compared with scipy.signal.convolve in
    tests/pipeline/test_train_augmentation_audio.py.
    Source: T. Morocutti et al., *Device-robust acoustic scene classification via impulse response augmentation*
    (2023). The level stays, because `random_gain` varies it.
    """
    coin, choice = streams(seed, 2)
    batch, samples = tf.shape(audio)[0], int(audio.shape[1])
    aligned, peak = align_peaks(responses)
    size = int(next_fast_len(samples + aligned.shape[1] - 1, real=True))
    which = tf.random.stateless_uniform((batch,), choice, 0, len(aligned), tf.int32)
    # transformed here rather than kept as spectra, which are far longer than the taps
    spectrum = tf.signal.rfft(tf.gather(tf.constant(aligned), which), [size])
    heard = tf.signal.irfft(tf.signal.rfft(audio, [size]) * spectrum, [size])[:, peak : peak + samples]
    level = tf.math.divide_no_nan(_energy(audio), _energy(heard))
    return tf.where(chosen(batch, probability, coin)[:, tf.newaxis], heard * tf.sqrt(level), audio)


def time_roll(audio: Any, max_shift: int, seed: Any) -> Any:
    """Rotate each clip by a number of samples drawn uniformly from -max_shift to max_shift."""
    batch, samples = tf.shape(audio)[0], int(audio.shape[1])
    shift = tf.random.stateless_uniform((batch,), seed, -max_shift, max_shift + 1, tf.int32)

    def rotated(clip_and_first: tuple[Any, Any]) -> Any:
        clip, first = clip_and_first
        return tf.slice(tf.concat([clip, clip], 0), [first], [samples])

    # clip by clip, because copying two pieces of each takes a third of the time of gathering its samples one by one
    signature = tf.TensorSpec((samples,), audio.dtype)
    return tf.map_fn(rotated, (audio, -shift % samples), fn_output_signature=signature, parallel_iterations=4)


def _energy(audio: Any) -> Any:
    return tf.reduce_sum(tf.square(audio), axis=1, keepdims=True)
