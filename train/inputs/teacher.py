"""Soft targets for knowledge distillation: the logits of an earlier run for every training window.

Source: G. Hinton, O. Vinyals, J. Dean, *Distilling the knowledge in a neural network* (2015).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.dataset import Dataset, Task
from asc_kit.errors import SpecError
from asc_kit.recordings.clips import load_windows
from asc_kit.run import Run


def open_teacher(path: Path, labels: tuple[str, ...], task: Task) -> Run:
    """Open the teacher's run.

    Raises
    ------
    SpecError
        If there is none, or if its classes or its task differ from the student's.
    """
    run = Run.open(path)
    if run.manifest.labels != labels:
        raise SpecError(
            f"teacher {path} has other classes: {', '.join(run.manifest.labels)}, expected {', '.join(labels)}",
            hint="train the teacher on the same data set",
        )
    if run.manifest.task != task:
        raise SpecError(
            f"teacher {path} is a {run.manifest.task} network, the student is {task}",
            hint="train the teacher with a recipe of the student's task",
        )
    return run


def teacher_logits(run: Run, dataset: Dataset, hop_s: float | None, clip: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return a run's logits of all windows of a data set, shape [n_windows, n_labels].

    The teacher hears the windows unvaried, through its own front end.

    Parameters
    ----------
    run
        The teacher.
    dataset
        The training clips.
    hop_s
        Distance of windows, in seconds; None for only the first window of each clip.
    clip
        The clip of each of the student's windows, [n_windows].

    Raises
    ------
    SpecError
        If teacher and student have different numbers of windows, because their lengths differ.
    """
    from ..network import load_saved_model, predict

    spec = run.manifest.frontend
    hop_samples = None if hop_s is None else max(1, round(hop_s * spec.sample_rate_hz))
    windows = load_windows(dataset, spec, hop_samples, "clips for the teacher")
    if not np.array_equal(windows.clip, clip):
        raise SpecError(
            f"teacher {run.path} hears windows of {spec.clip_seconds:g} s, {len(windows.clip):,} of these clips, the "
            f"student hears {len(clip):,}: its logits do not fit the student's windows",
            hint="take a teacher whose windows are as long as the student's",
        )
    return predict(load_saved_model(run.saved_model_path), spec, windows.samples, "teacher")
