"""A bundle on this machine: audio in, probabilities out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asc_kit.bundle import Bundle, VariantName
from asc_kit.frontend import log_mel, model_input
from asc_kit.inference.float_scores import find_variant, input_probabilities, open_variant
from asc_kit.inference.interpreter import FloatModel, Int8Model, Kernels
from asc_kit.recordings.audio import from_int16, to_int16


class SceneClassifier:
    """The whole chain of a bundle: front end, network, probabilities.

    Parameters
    ----------
    bundle
        The bundle.
    kernels
        Kernels of the int8 network: ``fast`` for the runtime's own, ``reference`` for a board's results, bit for bit.
    variant
        Another form of the network than int8; it always uses the runtime's own kernels.

    Raises
    ------
    BundleError
        If the bundle has no such variant.
    ModelError
        If the runtime cannot run the network.
    """

    def __init__(self, bundle: Bundle, kernels: Kernels = "fast", variant: VariantName | None = None) -> None:
        self.bundle = bundle
        self.frontend = bundle.manifest.frontend
        self.labels = bundle.manifest.labels
        self.task = bundle.manifest.task
        self.hop_samples = bundle.manifest.hop_samples or max(1, self.frontend.clip_samples // 2)
        self.variant = variant
        self._model: Int8Model | FloatModel
        if variant is None:
            self.model_sha256 = bundle.manifest.model_sha256
            self._model = Int8Model(bundle.model_path.read_bytes(), kernels)
        else:
            self.model_sha256 = find_variant(bundle, variant).sha256
            self._model = open_variant(bundle, variant)
        self.runtime = self._model.runtime

    def probabilities(self, clip: NDArray[np.float32]) -> NDArray[np.float64]:
        """Classify a clip.

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
        return self.features_probabilities(log_mel(from_int16(to_int16(clip)), self.frontend))

    def features_probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Classify log-mel values [n_frames, n_mels], of a clip or of a window of a stream; as `probabilities`."""
        if isinstance(self._model, FloatModel):
            return input_probabilities(self._model, model_input(features, self.frontend), self.bundle.manifest)
        return self.bundle.probabilities(self._model.run(self.bundle.features_to_input(features)).reshape(-1))

    def ranking(
        self, probabilities: NDArray[np.float64], top: int | None = None, threshold: float = 0.0
    ) -> list[tuple[str, float]]:
        """Return labels with their probabilities, the most probable first.

        Parameters
        ----------
        probabilities
            Shape [n_labels].
        top
            Most labels to return; None for all.
        threshold
            Least probability of a label.
        """
        order = np.argsort(-probabilities, kind="stable")[:top]
        return [(self.labels[i], float(probabilities[i])) for i in order if probabilities[i] >= threshold]
