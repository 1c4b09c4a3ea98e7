"""From the recordings of a training set to the inputs of the training loop: windows, targets and augmentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from asc_kit.dataset import Dataset
from asc_kit.errors import DataError
from asc_kit.process.console import progress_bar
from asc_kit.recordings.clips import Windows

from ..augmentation import Augmenter, device_responses, load_impulse_responses, synthetic_impulse_responses
from ..frontend_graph import log_mel_graph
from ..recipe import Recipe
from .batches import Examples
from .feature_cache import cached_log_mel
from .teacher import open_teacher, teacher_logits

_BATCH = 64


def make_examples(
    recipe: Recipe, train_set: Dataset, windows: Windows | None, cache: Path | None, teacher: Path | None
) -> Examples:
    """Return the training set.

    Parameters
    ----------
    recipe
        Features and windows.
    train_set
        The clips.
    windows
        Their audio; None to take log-mel values from the cache.
    cache
        Folder of the cache.
    teacher
        Run folder of a teacher; None for none.
    """
    inputs: NDArray[Any]
    if windows is not None:
        inputs, clip = windows.samples, windows.clip
    else:
        assert cache is not None
        inputs, clip = cached_log_mel(train_set, recipe.frontend, recipe.hop_samples, cache)
    devices = train_set.recording_devices
    device_of_clip = np.array([devices.index(item.recording_device) for item in train_set.clips], np.int32)
    logits = None
    if teacher is not None:
        run = open_teacher(teacher, train_set.labels, recipe.task)
        logits = teacher_logits(run, train_set, recipe.hop_s, clip)
    return Examples(
        inputs=inputs,
        targets=targets_of(train_set)[clip],
        recording_device=device_of_clip[clip],
        teacher_logits=logits,
    )


def targets_of(dataset: Dataset) -> NDArray[np.float32]:
    """Return 1 for each class a clip has, else 0: shape [n_clips, n_labels]."""
    position = {label: index for index, label in enumerate(dataset.labels)}
    targets = np.zeros((len(dataset.clips), len(dataset.labels)), np.float32)
    for row, clip in enumerate(dataset.clips):
        targets[row, [position[label] for label in clip.labels]] = 1.0
    return targets


def make_augmenter(recipe: Recipe, train_set: Dataset, examples: Examples) -> Augmenter:
    """Return the augmentation of the training set, with the statistics that it needs from the set.

    Raises
    ------
    DataError
        When device correction is wanted and no clip is from its reference device, or impulse responses are wanted
        and their folder holds none.
    """
    settings, rate = recipe.augmentation, recipe.frontend.sample_rate_hz
    impulse_responses = responses = reference = None
    if settings.device_ir_p:
        folder = settings.device_ir_folder
        impulse_responses = load_impulse_responses(Path(folder), rate) if folder else synthetic_impulse_responses(rate)
    if settings.device_correction_p:
        devices = train_set.recording_devices
        if settings.reference_device not in devices:
            raise DataError(
                f"device correction: no training clip is from the reference device {settings.reference_device!r}",
                hint=f"recording devices here: {', '.join(devices)}; name one with --set reference_device=NAME, "
                "or switch it off with --set device_correction_p=0",
            )
        reference = devices.index(settings.reference_device)
        label = examples.targets.argmax(axis=1)
        spectra = _mean_spectra(recipe, examples)
        responses = device_responses(spectra, examples.recording_device, label, reference)
    return Augmenter(
        recipe.frontend,
        settings,
        device_responses=responses,
        reference_index=reference,
        impulse_responses=impulse_responses,
    )


def _mean_spectra(recipe: Recipe, examples: Examples) -> NDArray[np.float32]:
    """Return the log-mel values of each window, averaged over its frames: [n, n_mels]."""
    if not examples.is_audio:
        return np.stack([np.mean(values, axis=0) for values in examples.inputs])
    log_mel = log_mel_graph(recipe.frontend)
    graph = tf.function(lambda audio: tf.reduce_mean(log_mel(tf.cast(audio, tf.float32) / 32768.0), axis=1))
    spectra = []
    with progress_bar("spectra of the devices", len(examples)) as (bar, task):
        for start in range(0, len(examples), _BATCH):
            batch = examples.inputs[start : start + _BATCH]
            spectra.append(graph(tf.constant(batch)).numpy())
            bar.advance(task, len(batch))
    return np.concatenate(spectra)
