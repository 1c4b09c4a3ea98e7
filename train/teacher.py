"""Soft targets for knowledge distillation: what an earlier run says of every training window.

Source: G. Hinton, O. Vinyals, J. Dean, *Distilling the knowledge in a neural network* (2015).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.clips import load_windows
from asc_kit.dataset import Dataset
from asc_kit.errors import SpecError
from asc_kit.run import Run

_LEAST_PROBABILITY = 1e-6  # a sigmoid that float32 rounds to 0 or 1 has no logit


def teacher_logits(path: Path, dataset: Dataset, labels: tuple[str, ...], hop_s: float | None) -> NDArray[np.float32]:
    """Return a run's logits of all windows of a data set, shape [n_windows, n_labels].

    The teacher hears the windows unvaried, through its own front end.

    Parameters
    ----------
    path
        The teacher's run folder.
    dataset
        The training clips.
    labels
        The student's classes.
    hop_s
        Distance of windows, in seconds; None for the first window of each clip alone.

    Raises
    ------
    SpecError
        When its classes are not the student's.
    """
    from .network import load_saved_model, predict

    run = Run.open(path)
    if run.manifest.labels != labels:
        raise SpecError(
            f"teacher {path} has other classes: {', '.join(run.manifest.labels)}, expected {', '.join(labels)}",
            hint="train the teacher on the same data set",
        )
    spec = run.manifest.frontend
    hop_samples = None if hop_s is None else max(1, round(hop_s * spec.sample_rate_hz))
    windows = load_windows(dataset, spec, hop_samples, "clips for the teacher")
    outputs = predict(load_saved_model(run.saved_model_path), spec, windows.samples, "teacher")
    if run.manifest.output_activation == "logits":
        return outputs
    share = np.clip(outputs, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    logits = np.log(share)
    return np.asarray(logits - np.log1p(-share) if run.manifest.output_activation == "sigmoid" else logits)
