"""Evaluate what was trained or exported on any split of a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from asc_kit.audio import from_int16
from asc_kit.bundle import MANIFEST as BUNDLE_MANIFEST
from asc_kit.bundle import Bundle
from asc_kit.clips import load_clips
from asc_kit.dataset import TEST_SPLITS, Dataset, read_dataset
from asc_kit.errors import DataError, SpecError
from asc_kit.evaluation import Evaluation, evaluation_of, run_int8
from asc_kit.metrics import probabilities
from asc_kit.run import MANIFEST as RUN_MANIFEST
from asc_kit.run import Run

from .tensorflow_start import start_tensorflow


def assess(path: Path, data: Path, split: str | None) -> tuple[str, Evaluation]:
    """Evaluate a run folder or a bundle; gives a title and the figures.

    Raises
    ------
    SpecError
        When `path` is neither.
    DataError
        When the data set has classes that the model does not know.
    """
    if (path / BUNDLE_MANIFEST).is_file():
        bundle = Bundle.open(path)
        labels, heard = bundle.manifest.labels, bundle.manifest.provenance.train_recording_devices
        clips = _clips(data, split, labels)
        samples = load_clips(clips, bundle.manifest.frontend, "clips")
        inputs = np.stack([bundle.audio_to_input(from_int16(clip))[0] for clip in samples])
        scores = bundle.probabilities(run_int8(bundle.model_path.read_bytes(), inputs))
        title = f"{bundle.manifest.name}, int8, reference kernels"
    elif (path / RUN_MANIFEST).is_file():
        run = Run.open(path)
        labels, heard = run.manifest.labels, run.manifest.train_recording_devices
        clips = _clips(data, split, labels)
        samples = load_clips(clips, run.manifest.frontend, "clips")
        start_tensorflow()
        from .network import load_saved_model, predict

        network = load_saved_model(run.saved_model_path)
        outputs = predict(network, run.manifest.frontend, samples, "evaluation").astype(np.float64)
        scores = probabilities(outputs, run.manifest.output_activation)
        title = f"{run.manifest.name}, float"
    else:
        raise SpecError(
            f"{path} is neither a run nor a bundle: it has no {RUN_MANIFEST} and no {BUNDLE_MANIFEST}",
            hint="give the folder that asc-kit train or asc-kit export wrote",
        )
    return title, evaluation_of(clips, scores, labels, heard)


def _clips(data: Path, split: str | None, labels: tuple[str, ...]) -> Dataset:
    dataset = read_dataset(data)
    if split != "all":
        dataset = dataset.split(*((split,) if split else TEST_SPLITS))
    unknown = {clip.scene_label for clip in dataset.clips} - set(labels)
    if unknown:
        raise DataError(
            f"the model does not know {', '.join(sorted(unknown))}, which stand in {data}",
            hint=f"its classes are: {', '.join(labels)}",
        )
    return dataset
