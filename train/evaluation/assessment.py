"""Open runs and bundles, and score any recordings with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from asc_kit.bundle import MANIFEST as BUNDLE_MANIFEST
from asc_kit.bundle import Bundle, VariantName
from asc_kit.dataset import TEST_SPLITS, Clip, Dataset, Layout, Task, read_dataset
from asc_kit.errors import DataError, SpecError
from asc_kit.frontend import FrontEndSpec
from asc_kit.inference.float_scores import find_variant, float_scores
from asc_kit.inference.int8_scores import clip_scores
from asc_kit.recordings.clips import Windows, load_windows
from asc_kit.run import MANIFEST as RUN_MANIFEST
from asc_kit.run import Run, RunManifest
from asc_kit.scores.evaluation import check_labels
from asc_kit.scores.metrics import probabilities

from ..tensorflow_start import start_tensorflow

Kind: TypeAlias = Literal["float", "int8"] | VariantName
"""Arithmetic of a model: a run's, a bundle's, or a variant's."""

_RECORDINGS = (".wav", ".flac")


@dataclass(slots=True)
class Recordings:
    """The clips of a data set, and the windows read last: several models may hear the same windows."""

    dataset: Dataset
    """The clips."""
    _read: tuple[tuple[int, int, int | None], Windows] | None = field(default=None, repr=False)

    def windows(self, spec: FrontEndSpec, hop_samples: int | None) -> Windows:
        """Return the windows for a front end."""
        key = (spec.sample_rate_hz, spec.clip_samples, hop_samples)
        if self._read is None or self._read[0] != key:
            self._read = None  # the old ones go before the new ones come
            self._read = key, load_windows(self.dataset, spec, hop_samples, "clips")
        return self._read[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A model to evaluate: a run (float) or a bundle (int8, or one of its variants)."""

    path: Path
    """Its folder."""
    name: str
    """Name of the recipe."""
    kind: Kind
    """Its arithmetic."""
    seed: int
    """Seed of the training."""
    labels: tuple[str, ...]
    """Classes, in the order of the scores."""
    task: Task
    """Whether each clip has exactly one class."""
    heard: tuple[str, ...]
    """Recording devices of the training."""
    train_data_id: str
    """Fingerprint of the training clips."""
    train_split: str | None
    """Name of the split it was trained on; None for a bundle."""
    test_split: str
    """Name of the split that its training evaluated it on."""
    settings: dict[str, Any] | None
    """The recipe of the training, with the runs it learned from or began with; None for a bundle."""
    score: Callable[[Recordings], NDArray[np.float64]]
    """Return each clip's probabilities, [n_clips, n_labels]: the mean over its windows."""

    @property
    def title(self) -> str:
        """Title: name and arithmetic."""
        kernels = {"float": "", "int8": ", reference kernels"}.get(self.kind, ", this machine's kernels")
        return f"{self.name}, {self.kind}{kernels}"


def open_subject(path: Path, variant: VariantName | None = None) -> Subject:
    """Open a run folder or a bundle.

    Parameters
    ----------
    path
        The folder.
    variant
        Form of a bundle's network; None for int8. A run has only its float network.

    Raises
    ------
    SpecError, BundleError
        If `path` is neither, is damaged, or is a bundle without that variant.
    """
    if (path / BUNDLE_MANIFEST).is_file():
        return _bundle(path, variant)
    if (path / RUN_MANIFEST).is_file():
        return _run(path)
    raise SpecError(
        f"{path} is neither a run nor a bundle: it has no {RUN_MANIFEST} and no {BUNDLE_MANIFEST}",
        hint="give the folder that asc-kit train or asc-kit export wrote",
    )


def _bundle(path: Path, variant: VariantName | None) -> Subject:
    bundle = Bundle.open(path)
    manifest = bundle.manifest
    if variant is not None:
        find_variant(bundle, variant)  # that it is not there must show before the recordings are read

    def score(recordings: Recordings) -> NDArray[np.float64]:
        if variant is None:
            return clip_scores(bundle, recordings.dataset)
        model = (path / find_variant(bundle, variant).filename).read_bytes()
        return float_scores(model, manifest, recordings.dataset, variant)

    return Subject(
        path=path,
        name=manifest.name,
        kind=variant or "int8",
        seed=manifest.provenance.seed,
        labels=manifest.labels,
        task=manifest.task,
        heard=manifest.provenance.train_recording_devices,
        train_data_id=manifest.provenance.train_data_id,
        train_split=None,
        test_split=manifest.provenance.metrics_int8.split,
        settings=None,
        score=score,
    )


def _run(path: Path) -> Subject:
    run = Run.open(path)
    manifest = run.manifest

    def score(recordings: Recordings) -> NDArray[np.float64]:
        windows = recordings.windows(manifest.frontend, manifest.hop_samples)
        start_tensorflow()
        from ..network import load_saved_model, predict

        network = load_saved_model(run.saved_model_path)
        outputs = predict(network, manifest.frontend, windows.samples, "evaluation").astype(np.float64)
        return windows.clip_means(probabilities(outputs, manifest.output_activation))

    return Subject(
        path=path,
        name=manifest.name,
        kind="float",
        seed=manifest.seed,
        labels=manifest.labels,
        task=manifest.task,
        heard=manifest.train_recording_devices,
        train_data_id=manifest.train_data_id,
        train_split=manifest.train_split,
        test_split=manifest.test_split,
        settings=_settings(manifest),
        score=score,
    )


def _settings(manifest: RunManifest) -> dict[str, Any]:
    """Return everything that decides the result of a training, except its seed and its clips."""
    # two runs of a recipe differ if one of them learned from another run
    settings = {**manifest.recipe, "teacher": manifest.teacher, "warm_start": manifest.warm_start}
    # neither the format of the recipe nor the number of checkpoints changes the weights
    settings.pop("schema_version", None)
    training = settings.get("training")
    if isinstance(training, dict):
        settings["training"] = {key: value for key, value in training.items() if key != "checkpoint_epochs"}
    return settings


def labelled_clips(data: Path, split: str | None, subjects: Sequence[Subject], layout: Layout | None = None) -> Dataset:
    """Read the clips to evaluate on.

    Parameters
    ----------
    data
        Folder of the data set.
    split
        Name of the split; ``all`` for the whole data set; None for the split on which training evaluated the models, or
        the data set's test split.
    subjects
        The models.
    layout
        Layout that the user names; None to detect it.

    Raises
    ------
    DataError
        If the data set is broken, or has labels that a model does not know.
    """
    tasks = {subject.task for subject in subjects}
    dataset = read_dataset(data, layout=layout)
    if len(tasks) == 1:
        dataset = dataset.for_task(tasks.pop())
    if split != "all":
        own = {subject.test_split for subject in subjects}
        usual = (*own, *TEST_SPLITS) if len(own) == 1 else TEST_SPLITS
        dataset = dataset.split(*((split,) if split else usual))
    for subject in subjects:
        check_labels(dataset, subject.labels, subject.task)
    return dataset


def unlabelled_clips(data: Path, subject: Subject) -> Dataset:
    """Return all recordings below a folder, without labels, ordered by name, numbers by value.

    Raises
    ------
    DataError
        If there are none.
    """
    if not data.is_dir():
        raise DataError(f"folder {data} does not exist")
    names = [
        path.relative_to(data).as_posix()
        for path in data.rglob("*")
        if path.suffix.lower() in _RECORDINGS and path.is_file()
    ]
    if not names:
        raise DataError(f"there are no recordings below {data}", hint=f"looked for {' and '.join(_RECORDINGS)}")
    clips = (
        Clip(filename=name, labels=(), identifier="", recording_device="unknown")
        for name in sorted(names, key=_natural)
    )
    return Dataset(root=data, labels=subject.labels, clips=tuple(clips), task=subject.task)


def _natural(name: str) -> list[tuple[int, str]]:
    """Order 9.wav before 10.wav."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
