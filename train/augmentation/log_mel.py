"""Augmentation of log-mel values, float32 [batch, frames, n_mels], before they become the model's input."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from asc_kit.errors import DataError

from .draws import chosen, mixing_weights, partners, per_clip, streams


def mixup(log_mel: Any, mixed: tuple[Any, ...], alpha: float, seed: Any) -> tuple[Any, tuple[Any, ...]]:
    """Mix each clip with another of the batch, with a weight of its own drawn from Beta(alpha, alpha).

    Parameters
    ----------
    log_mel
        float32 [batch, frames, n_mels].
    mixed
        Values to mix with the same partner and weight: targets, a teacher's soft targets; float32 [batch, …].
    alpha
        Both parameters of the beta distribution; small ones leave most clips almost as they are.
    seed
        int64 [2].

    Returns
    -------
    tuple
        The mixtures weight * own + (1 - weight) * other: of log_mel, and of each tensor in `mixed`.

    Notes
    -----
    Source: H. Zhang et al., *mixup: beyond empirical risk minimization* (2018); there with one weight per batch.
    """
    pairing, drawing = streams(seed, 2)
    batch = tf.shape(log_mel)[0]
    order, weights = partners(batch, pairing), mixing_weights(batch, alpha, drawing)

    def mixture(values: Any) -> Any:
        weight = per_clip(weights, values)
        return weight * values + (1.0 - weight) * tf.gather(values, order)

    return mixture(log_mel), tuple(mixture(values) for values in mixed)


def device_correction(
    log_mel: Any,
    recording_device: Any,
    responses: NDArray[np.float32],
    reference_index: int,
    probability: float,
    floor: float,
    seed: Any,
) -> Any:
    """Give clips of the reference device, with a probability, the average spectrum of another recording device.

    Parameters
    ----------
    log_mel
        float32 [batch, frames, n_mels].
    recording_device
        Index of the recording device of each clip, integer [batch].
    responses
        Result of `device_responses`, float32 [n_devices, n_mels]; each clip draws one row.
    reference_index
        Index of the reference device; clips of others return as they are.
    probability
        Share of the reference device's clips that are changed.
    floor
        Log-mel value of silence; no value falls below it.
    seed
        int64 [2].

    Notes
    -----
    Source: T. Nguyen, F. Pernkopf, M. Kosmider, *Acoustic scene classification for mismatched recording devices using
    heated-up softmax and spectrum correction* (2020).
    """
    coin, choice = streams(seed, 2)
    batch = tf.shape(log_mel)[0]
    which = tf.random.stateless_uniform((batch,), choice, 0, len(responses), tf.int32)
    other = tf.gather(tf.constant(responses, tf.float32), which)[:, tf.newaxis]
    happens = chosen(batch, probability, coin) & (tf.cast(recording_device, tf.int32) == reference_index)
    return tf.where(per_clip(happens, log_mel), tf.maximum(log_mel + other, floor), log_mel)


def device_responses(
    clip_spectra: NDArray[np.float32],
    recording_device: NDArray[np.integer],
    label: NDArray[np.integer],
    reference_index: int,
) -> NDArray[np.float32]:
    """Return how the average spectrum of each recording device differs from the reference device's.

    Clips are averaged within a class first, and devices compared class by class, so that a device which recorded more
    trams than the others does not appear to sound like a tram.

    Parameters
    ----------
    clip_spectra
        Log-mel values of each training clip, averaged over its frames, float32 [n_clips, n_mels].
    recording_device, label
        Index of the recording device and of the class of each clip, [n_clips].
    reference_index
        Index of the reference device.

    Returns
    -------
    NDArray[np.float32]
        Other device minus reference device, in the unit of the log-mel values, [n_others, n_mels], in the order of
        their indices. A device that has no class in common with the reference is left out.

    Raises
    ------
    DataError
        When no clip is from the reference device.
    """
    averages = {
        (device, scene): np.mean(
            clip_spectra[(recording_device == device) & (label == scene)], axis=0, dtype=np.float64
        )
        for device, scene in {(int(d), int(s)) for d, s in zip(recording_device, label, strict=True)}
    }
    reference = {scene: average for (device, scene), average in averages.items() if device == reference_index}
    if not reference:
        raise DataError(
            "device correction: no training clip is from the reference device",
            hint="name another with --set reference_device=NAME, or switch it off with --set device_correction_p=0",
        )
    differences = []
    for other in sorted({device for device, _ in averages} - {reference_index}):
        shared = sorted(scene for device, scene in averages if device == other and scene in reference)
        if shared:
            differences.append(np.mean([averages[other, scene] - reference[scene] for scene in shared], axis=0))
    return np.array(differences, np.float32).reshape(-1, clip_spectra.shape[1])
