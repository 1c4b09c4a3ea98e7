"""Scores of a network's variants, float32 in and out, on this machine: one input, or whole data sets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from asc_kit.bundle import Bundle, BundleManifest, Variant, VariantName
from asc_kit.dataset import Dataset
from asc_kit.errors import BundleError
from asc_kit.inference.int8_scores import map_models
from asc_kit.inference.interpreter import FloatModel
from asc_kit.recordings.clips import read_windows
from asc_kit.recordings.features import input_features
from asc_kit.run import RunManifest
from asc_kit.scores.metrics import probabilities


def find_variant(bundle: Bundle, name: VariantName) -> Variant:
    """Return the record of a bundle's variant.

    Raises
    ------
    BundleError
        When it has no such variant.
    """
    for variant in bundle.manifest.variants:
        if variant.name == name:
            return variant
    others = ", ".join(variant.name for variant in bundle.manifest.variants)
    raise BundleError(
        f"bundle {bundle.path} has no variant {name}. It has: {others or 'none, only the int8 network'}",
        hint=f"make it with: asc-kit export RUN --out BUNDLE --variant {name}",
    )


def open_variant(bundle: Bundle, name: VariantName) -> FloatModel:
    """Prepare a variant of a bundle to run.

    Raises
    ------
    BundleError
        When it has no such variant.
    ModelError
        When the variant is not a network with the bundle's input and labels.
    """
    return load_variant((bundle.path / find_variant(bundle, name).filename).read_bytes(), bundle.manifest)


def load_variant(model: bytes, manifest: BundleManifest | RunManifest) -> FloatModel:
    """Prepare a variant of a network to run, from its flatbuffer.

    Raises
    ------
    ModelError
        If it is not a network with that input and those labels.
    """
    return FloatModel(model, input_shape=manifest.frontend.input_shape, n_outputs=len(manifest.labels))


def window_probabilities(
    model: FloatModel, window: NDArray[np.int16], manifest: BundleManifest | RunManifest
) -> NDArray[np.float64]:
    """Classify one window: int16 [clip_samples] in, probabilities [n_labels] out; no quantization on the way."""
    return input_probabilities(model, input_features(window, manifest.frontend), manifest)


def input_probabilities(
    model: FloatModel, features: NDArray[np.float32], manifest: BundleManifest | RunManifest
) -> NDArray[np.float64]:
    """Classify the features of a window, of the shape of the network's input; probabilities [n_labels]."""
    return probabilities(model.run(features).reshape(-1).astype(np.float64), manifest.output_activation)


def float_scores(
    model: bytes, manifest: BundleManifest | RunManifest, dataset: Dataset, title: str
) -> NDArray[np.float64]:
    """Return the probabilities of the labels for each clip: the mean over its windows. On all cores.

    Parameters
    ----------
    model
        Flatbuffer of a variant.
    manifest
        Of the bundle or the run: front end, windows, labels.
    dataset
        The clips; recordings are read as they are needed.
    title
        Title of the progress bar.

    Returns
    -------
    NDArray[np.float64]
        Shape [n_clips, n_labels].

    Raises
    ------
    DataError
        If a recording is missing, unreadable or empty.
    ModelError
        If the model does not fit the manifest.
    """

    def score_clip(interpreter: FloatModel, index: int) -> NDArray[np.float64]:
        windows = read_windows(dataset, manifest.frontend, manifest.hop_samples, index)
        return np.asarray(np.mean([window_probabilities(interpreter, each, manifest) for each in windows], axis=0))

    return np.stack(map_models(lambda: load_variant(model, manifest), score_clip, len(dataset.clips), title))
