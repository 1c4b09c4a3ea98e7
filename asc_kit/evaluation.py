"""How well a model does on a data set: overall, by scene, by recording device, seen and unseen devices."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from asc_kit.console import progress_bar
from asc_kit.dataset import Dataset
from asc_kit.interpreter import Int8Model
from asc_kit.metrics import group_accuracy, macro_accuracy, subset_accuracy
from asc_kit.records import STRICT
from asc_kit.result import Group


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Accuracy of one model on one split."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    split: str
    """Name of the split; ``all`` for the whole data set."""
    data_id: str
    """Fingerprint of its clips."""
    clips: Annotated[int, Field(gt=0)]
    """Number of clips."""
    accuracy: float
    """Share of clips classified rightly, 0 to 1."""
    macro_accuracy: float
    """Mean over the classes of the share classified rightly, 0 to 1."""
    per_scene: tuple[Group, ...]
    """By class."""
    per_recording_device: tuple[Group, ...]
    """By recording device."""
    seen_devices: Group | None
    """Clips of recording devices heard in training; None when there are none."""
    unseen_devices: Group | None
    """Clips of the others; None when there are none."""


def evaluation_of(
    dataset: Dataset,
    scores: NDArray[np.float64],
    labels: Sequence[str],
    train_recording_devices: Collection[str],
) -> Evaluation:
    """Compare a model's scores with the truth.

    Parameters
    ----------
    dataset
        The clips.
    scores
        Probabilities, shape [n_clips, n_labels].
    labels
        The model's classes, in the order of the scores.
    train_recording_devices
        What was heard in training.
    """
    scenes = [clip.scene_label for clip in dataset.clips]
    devices = [clip.recording_device for clip in dataset.clips]
    predicted = [labels[index] for index in scores.argmax(axis=1)]
    correct = [scene == guess for scene, guess in zip(scenes, predicted, strict=True)]
    return Evaluation(
        split=dataset.split_name or "all",
        data_id=dataset.data_id,
        clips=len(correct),
        accuracy=sum(correct) / len(correct),
        macro_accuracy=macro_accuracy(scenes, correct),
        per_scene=group_accuracy(scenes, correct),
        per_recording_device=group_accuracy(devices, correct),
        seen_devices=subset_accuracy("seen", (name in train_recording_devices for name in devices), correct),
        unseen_devices=subset_accuracy("unseen", (name not in train_recording_devices for name in devices), correct),
    )


def run_int8(model: bytes, inputs: NDArray[np.int8], title: str = "reference kernels") -> NDArray[np.int8]:
    """Run an int8 model on many inputs with TFLite's reference kernels.

    Parameters
    ----------
    model
        The flatbuffer.
    inputs
        Shape [n, ...], each one the model's input without its batch axis.
    title
        What the progress bar says.

    Returns
    -------
    NDArray[np.int8]
        Shape [n, n_outputs].
    """
    workers = max(1, min(os.cpu_count() or 1, 8, len(inputs)))
    idle: SimpleQueue[Int8Model] = SimpleQueue()
    for _ in range(workers):
        idle.put(Int8Model(model))

    def one(quantized: NDArray[np.int8]) -> NDArray[np.int8]:
        interpreter = idle.get()
        try:
            return interpreter.run(quantized[np.newaxis]).reshape(-1)
        finally:
            idle.put(interpreter)

    outputs = []
    pool = ThreadPoolExecutor(workers)
    try:
        with progress_bar(title, len(inputs)) as (bar, task):
            for output in pool.map(one, inputs):
                outputs.append(output)
                bar.advance(task)
    finally:
        pool.shutdown(cancel_futures=True)  # on Ctrl-C, nobody waits for the rest
    return np.stack(outputs)
