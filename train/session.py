"""One training session: recordings in, a run folder out."""

from __future__ import annotations

import csv
import os
import platform
from dataclasses import asdict, fields
from importlib import metadata
from pathlib import Path

import numpy as np

from asc_kit import __version__
from asc_kit.clips import load_clips
from asc_kit.console import console
from asc_kit.dataset import TEST_SPLITS, TRAIN_SPLITS, Dataset, read_dataset
from asc_kit.errors import DataError
from asc_kit.evaluation import evaluation_of
from asc_kit.metrics import probabilities
from asc_kit.records import new_folder, short_id, to_plain, write_json
from asc_kit.run import HISTORY, KERAS_MODEL, MANIFEST, SAVED_MODEL, RunManifest

from .checkpoint import Checkpoint, Epoch
from .models import build_model
from .recipe import Recipe
from .tensorflow_start import start_tensorflow


def train_run(
    recipe: Recipe, data: Path, out: Path, *, split: str | None = None, seed: int = 1, resume: bool = False
) -> RunManifest:
    """Train a recipe and write its run folder; on failure or interruption nothing is left of it.

    A training of some length leaves its last checkpoint, beside the run folder.

    Parameters
    ----------
    recipe
        What to train.
    data
        Folder of the data set.
    out
        The run folder; an earlier run there is replaced, once the new one is complete.
    split
        Split to train on; None for the data set's own training split.
    seed
        Weights, order of clips and augmentation follow from it.
    resume
        Whether to go on from the checkpoint that an interrupted training to the same `out` left.

    Raises
    ------
    SpecError
        When there is no such checkpoint.
    DataError
        When the data set lacks a split or a recording, or has fewer than two classes.
    ModelError
        When training diverges.
    """
    dataset = read_dataset(data)
    train_set = dataset.split(*((split,) if split else TRAIN_SPLITS))
    test_set = dataset.split(*TEST_SPLITS)
    _check(train_set, test_set)
    identity = short_id([to_plain(recipe), seed, train_set.data_id])
    folder_name = os.path.abspath(out)  # "." has no name of its own
    checkpoint = Checkpoint(Path(f"{folder_name}.checkpoint.npz"), identity)
    try:
        with new_folder(out, marker=MANIFEST) as folder:
            manifest = _train_into(folder, recipe, train_set, test_set, seed, checkpoint, resume)
            write_json(folder / MANIFEST, manifest)
    except KeyboardInterrupt:
        if checkpoint.saved:
            console.print(
                f"{checkpoint.path} is kept: the same command with --resume goes on from it",
                soft_wrap=True,
                markup=False,
            )
        raise
    checkpoint.remove()
    return manifest


def _check(train_set: Dataset, test_set: Dataset) -> None:
    if len(train_set.labels) < 2:
        raise DataError(f"{train_set.root} has one class only: {train_set.labels[0]}", hint="a classifier needs two")
    missing = set(train_set.labels) - {clip.scene_label for clip in train_set.clips}
    if missing:
        raise DataError(
            f"split {train_set.split_name} has no clips of {', '.join(sorted(missing))}",
            hint="each class of meta.csv needs training clips",
        )
    shared = {clip.filename for clip in train_set.clips} & {clip.filename for clip in test_set.clips}
    if shared:
        raise DataError(
            f"{len(shared)} clips are in split {train_set.split_name} and in split {test_set.split_name} as well, "
            f"{min(shared)} among them",
            hint="a model must not be tested on what it was trained on",
        )


def _train_into(
    folder: Path,
    recipe: Recipe,
    train_set: Dataset,
    test_set: Dataset,
    seed: int,
    checkpoint: Checkpoint,
    resume: bool,
) -> RunManifest:
    spec = recipe.frontend
    train_samples = load_clips(train_set, spec, "training clips")
    test_samples = load_clips(test_set, spec, "test clips")

    # after the data has been read, so that mistakes in it show before TensorFlow's seconds of start-up
    start_tensorflow()
    import keras

    from .complexity import complexity_of
    from .fitting import fit
    from .network import load_saved_model, predict, write_saved_model

    keras.utils.set_random_seed(seed)
    model = build_model(recipe.model, recipe.model_settings, spec, len(train_set.labels))
    complexity = complexity_of(model, spec.clip_seconds)
    console.print(
        f"{recipe.name}: {complexity.parameters:,} parameters, {complexity.macs:,} MACs per clip; "
        f"{len(train_set.clips):,} training clips of {len(train_set.labels)} classes",
        soft_wrap=True,
    )
    targets = np.array([train_set.labels.index(clip.scene_label) for clip in train_set.clips], np.int32)
    history = fit(model, recipe, train_samples, targets, seed, checkpoint, resume)

    with (folder / HISTORY).open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Epoch)])
        writer.writeheader()
        writer.writerows(asdict(epoch) for epoch in history)
    model.save(folder / KERAS_MODEL)
    write_saved_model(model, spec, folder / SAVED_MODEL)
    # evaluated as it was written, not as it is in memory
    outputs = predict(load_saved_model(folder / SAVED_MODEL), spec, test_samples, "evaluation")
    scores = probabilities(outputs.astype(np.float64), "logits")
    return RunManifest(
        schema_version=1,
        asc_kit=__version__,
        tools=_tools(),
        name=recipe.name,
        recipe=to_plain(recipe),
        seed=seed,
        labels=train_set.labels,
        frontend=spec,
        task=recipe.task,
        output_activation="logits",
        data_root=os.fspath(train_set.root.resolve()),
        train_split=train_set.split_name or "",
        train_data_id=train_set.data_id,
        train_clips=len(train_set.clips),
        train_recording_devices=train_set.recording_devices,
        test_split=test_set.split_name or "",
        parameters=complexity.parameters,
        macs=complexity.macs,
        epochs=recipe.training.epochs,
        train_seconds=round(sum(epoch.seconds for epoch in history), 3),
        evaluation=evaluation_of(test_set, scores, train_set.labels, train_set.recording_devices),
    )


def _tools() -> dict[str, str]:
    versions = {name: metadata.version(name) for name in ("keras", "numpy", "scipy", "soxr")}
    import tensorflow as tf

    return {"python": platform.python_version(), "tensorflow": tf.__version__, **versions}
