"""A bundle on this machine: audio in, probabilities out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asc_kit.audio import from_int16, to_int16
from asc_kit.bundle import Bundle
from asc_kit.interpreter import Int8Model, Kernels


class SceneClassifier:
    """The whole chain of a bundle: front end, int8 network, probabilities.

    Parameters
    ----------
    bundle
        The bundle.
    kernels
        ``fast`` for the runtime's own kernels, ``reference`` for bit for bit what a board computes.
    """

    def __init__(self, bundle: Bundle, kernels: Kernels = "fast") -> None:
        self.bundle = bundle
        self.frontend = bundle.manifest.frontend
        self.labels = bundle.manifest.labels
        self.task = bundle.manifest.task
        self.hop_samples = bundle.manifest.hop_samples or max(1, self.frontend.clip_samples // 2)
        self._model = Int8Model(bundle.model_path.read_bytes(), kernels)
        self.runtime = self._model.runtime

    def probabilities(self, clip: NDArray[np.float32]) -> NDArray[np.float64]:
        """Classify one clip.

        Parameters
        ----------
        clip
            Shape [clip_samples], mono at the front end's rate, full scale ±1. It is rounded to 16 bit first, as
            in training and on a board.

        Returns
        -------
        NDArray[np.float64]
            Shape [n_labels], in the bundle's order; their sum is 1 unless a clip may have several labels.
        """
        rounded = from_int16(to_int16(clip))
        return self.bundle.probabilities(self._model.run(self.bundle.audio_to_input(rounded)).reshape(-1))

    def ranking(
        self, probabilities: NDArray[np.float64], top: int | None = None, threshold: float = 0.0
    ) -> list[tuple[str, float]]:
        """Return labels with their probabilities, the likeliest first.

        Parameters
        ----------
        probabilities
            Shape [n_labels].
        top
            At most so many; None for all.
        threshold
            Only those at least this likely.
        """
        order = np.argsort(-probabilities, kind="stable")[:top]
        return [(self.labels[i], float(probabilities[i])) for i in order if probabilities[i] >= threshold]
