"""Figures of outputs on the clips, and their distance from the float network's outputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asc_kit.dataset import Task
from asc_kit.scores.metrics import (
    OutputActivation,
    binary_log_losses,
    label_precisions,
    log_losses,
    lwlrap,
    probabilities,
)

from .clips import HeardClips
from .document import Quality


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judge:
    """Turns outputs into figures."""

    clips: HeardClips
    """The clips with the right answers."""
    task: Task
    """Whether each clip has exactly one class."""
    activation: OutputActivation
    """What the outputs are."""

    def scores(self, outputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probabilities of each clip, [n_clips, n_labels], from outputs [n_windows, ...]."""
        rows = outputs.astype(np.float64).reshape(len(outputs), -1)
        return self.clips.clip_means(probabilities(rows, self.activation))

    def credits(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return each clip's part of the score: 1 where the likeliest class is right; or its labels' precisions."""
        if self.task == "single_label":
            return np.asarray(self.clips.truth[np.arange(len(scores)), scores.argmax(axis=1)], np.float64)
        return np.asarray(np.nansum(label_precisions(scores, self.clips.truth), axis=1))

    def quality(self, scores: NDArray[np.float64], of_float: NDArray[np.float64]) -> Quality:
        """Return the figures of scores, and their distance from the float network's scores."""
        difference = np.abs(scores - of_float)
        if self.task == "single_label":
            score = float(self.credits(scores).mean())
            losses = log_losses(scores, self.clips.truth.argmax(axis=1))
            moved = 0.5 * difference.sum(axis=1)
        else:
            score = lwlrap(label_precisions(scores, self.clips.truth))
            losses = binary_log_losses(scores, self.clips.truth)
            moved = difference.mean(axis=1)
        return Quality(score=score, log_loss=float(losses.mean()), moved=float(moved.mean()))
