"""A training session: recordings in, a run folder out."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from asc_kit import __version__
from asc_kit.dataset import TRAIN_SPLITS, Dataset, Layout, read_dataset, test_split_for, warn_of_twins
from asc_kit.errors import DataError, SpecError
from asc_kit.outputs import partial_folder
from asc_kit.process.console import console
from asc_kit.recordings.clips import Windows, load_windows
from asc_kit.records.files import temporary_folder
from asc_kit.records.record import sha256_file, short_id, write_json
from asc_kit.run import KERAS_MODEL, MANIFEST, SAVED_MODEL, Run, RunManifest
from asc_kit.scores.evaluation import evaluation_of
from asc_kit.scores.metrics import OutputActivation, probabilities

from .fitting.working_folder import STATE, check_working_folder, working_folder
from .inputs.teacher import open_teacher
from .models import build_model
from .recipe import Recipe, model_code, resolved, write_recipe
from .warm_start import WarmStart


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Recipe, data and output of a training."""

    recipe: Recipe
    """The recipe."""
    data: Path
    """Folder of the data set."""
    out: Path
    """The run folder; an earlier run there is replaced, once the new one is complete."""
    split: str | None = None
    """Split to train on; None for the data set's training split."""
    class_map: Path | None = None
    """Table of the classes and their order; None for the data set's own."""
    seed: int = 1
    """Seed of weights, order of windows and augmentation."""
    resume: bool = False
    """Whether to continue an interrupted training to the same `out`."""
    cache: Path | None = None
    """Folder of cached features; None to compute them in every step."""
    warm_start: WarmStart | None = None
    """An earlier run to begin with; None for fresh weights."""
    layout: Layout | None = None
    """Layout of the data set; None to detect it."""
    teacher: Path | None = None
    """An earlier run to learn from; None for only the labels."""

    def train(self) -> RunManifest | None:
        """Train and write the run; return None if another process of the same training writes it.

        An interrupted training leaves its folder, `out` with ``.partial`` at the end, if it came as far as a
        checkpoint; any other failure leaves nothing.

        Raises
        ------
        SpecError
            If there is nothing to resume, or settings do not fit the data.
        DataError
            If the data set lacks a split or a recording, or has fewer than two classes.
        ModelError
            If training diverges.
        """
        check_working_folder(self.out, resume=self.resume)
        dataset = read_dataset(self.data, self.class_map, self.layout).for_task(self.recipe.task)
        warn_of_twins(dataset.labels)
        train_set = dataset.split(*((self.split,) if self.split else TRAIN_SPLITS))
        test_set = dataset.split(*test_split_for(self.split))
        _check(self.recipe, train_set, test_set)
        _check_cache(self.recipe, self.cache)
        if self.teacher is not None:
            open_teacher(self.teacher, train_set.labels, self.recipe.task)
        if self.warm_start is not None:
            Run.open(self.warm_start.run)
        # faults of recordings must show before TensorFlow's seconds of start-up
        examples = None if self.cache is not None else self._windows(train_set, "training clips")
        test_windows = self._windows(test_set, "test clips")

        from .fitting.distribution import start_distribution

        distribution = start_distribution()
        if not distribution.is_chief:
            with temporary_folder("worker") as folder:
                self._fit(folder, train_set, examples, distribution)
            return None
        with working_folder(self.out, resume=self.resume) as folder:
            if not self.resume:  # a resumption that is refused must not take away what the right one needs
                write_recipe(self.recipe, folder / "recipe.toml")
            fitted = self._fit(folder, train_set, examples, distribution)
            manifest = self._finish(folder, fitted, train_set, test_set, test_windows, distribution.workers)
            write_json(folder / MANIFEST, manifest)
        return manifest

    def _windows(self, dataset: Dataset, title: str) -> Windows:
        return load_windows(dataset, self.recipe.frontend, self.recipe.hop_samples, title)

    def _fit(self, folder: Path, train_set: Dataset, windows: Windows | None, distribution: Any) -> _Fitted:
        import keras

        from .complexity.counting import complexity_of
        from .fitting.checkpoint import Checkpoint
        from .fitting.loop import Fitting
        from .inputs.examples import make_augmenter, make_examples
        from .network import inference_model
        from .warm_start import warm_start

        recipe, spec = self.recipe, self.recipe.frontend
        keras.utils.set_random_seed(self.seed)
        with distribution.scope():
            model = build_model(recipe.model, recipe.model_settings, spec, len(train_set.labels))
        complexity = complexity_of(inference_model(model), spec.clip_seconds)
        started = (
            "" if self.warm_start is None else f", {warm_start(model, self.warm_start)} weights from an earlier run"
        )
        examples = make_examples(recipe, train_set, windows, self.cache, self.teacher)
        console.print(
            f"{recipe.name}: {complexity.parameters:,} parameters, {complexity.macs:,} MACs per window; "
            f"{len(examples):,} windows of {len(train_set.clips):,} clips of {len(train_set.labels)} classes{started}",
            soft_wrap=True,
        )
        state = Checkpoint(partial_folder(self.out) / STATE, self._identity(train_set))
        fitting = Fitting(
            model=model,
            recipe=recipe,
            labels=train_set.labels,
            examples=examples,
            augmenter=make_augmenter(recipe, train_set, examples),
            seed=self.seed,
            distribution=distribution,
            folder=folder if distribution.is_chief else None,
            checkpoint=state if distribution.is_chief else None,
        )
        history = fitting.fit(state if self.resume else None)
        return _Fitted(model=model, history=history, windows=len(examples))

    def _identity(self, train_set: Dataset) -> str:
        """Return the fingerprint of everything that determines the weights."""
        start, code = self.warm_start, model_code(self.recipe)
        return short_id(
            {
                # recipes with a network of the kit have the fingerprint they always had
                **({} if code is None else {"model_code": code}),
                # neither its format nor its quantization affects the weights
                "recipe": {
                    key: value
                    for key, value in resolved(self.recipe).items()
                    if key not in ("schema_version", "quantization")
                },
                "seed": self.seed,
                "data": train_set.data_id,
                "labels": train_set.labels,
                "cached": self.cache is not None,
                "teacher": None if self.teacher is None else _weights_of(self.teacher),
                "warm_start": None if start is None else [_weights_of(start.run), start.include, start.exclude],
            }
        )

    def _finish(
        self,
        folder: Path,
        fitted: _Fitted,
        train_set: Dataset,
        test_set: Dataset,
        test_windows: Windows,
        workers: int,
    ) -> RunManifest:
        from .complexity.counting import complexity_of
        from .network import inference_model, load_saved_model, predict, write_saved_model

        recipe, spec = self.recipe, self.recipe.frontend
        network = inference_model(fitted.model)
        complexity = complexity_of(network, spec.clip_seconds)
        fitted.model.save(folder / KERAS_MODEL)
        write_saved_model(network, spec, folder / SAVED_MODEL)
        # evaluated as it was written, not as it is in memory
        outputs = predict(load_saved_model(folder / SAVED_MODEL), spec, test_windows.samples, "evaluation")
        activation: OutputActivation = "label_logits" if recipe.task == "multi_label" else "logits"
        scores = test_windows.clip_means(probabilities(outputs.astype(np.float64), activation))
        return RunManifest(
            schema_version=3,
            asc_kit=__version__,
            tools=_tools(),
            name=recipe.name,
            recipe=resolved(recipe),
            seed=self.seed,
            labels=train_set.labels,
            frontend=spec,
            task=recipe.task,
            output_activation=activation,
            quantization=recipe.quantization,
            hop_samples=recipe.hop_samples,
            class_map=None if self.class_map is None else os.fspath(self.class_map.resolve()),
            layout=self.layout,
            data_root=os.fspath(train_set.root.resolve()),
            train_split=train_set.split_name or "",
            train_data_id=train_set.data_id,
            train_clips=len(train_set.clips),
            train_windows=fitted.windows,
            train_recording_devices=train_set.recording_devices,
            test_split=test_set.split_name or "",
            warm_start=None if self.warm_start is None else os.fspath(self.warm_start.run.resolve()),
            teacher=None if self.teacher is None else os.fspath(self.teacher.resolve()),
            workers=workers,
            parameters=complexity.parameters,
            macs=complexity.macs,
            epochs=recipe.training.epochs,
            train_seconds=round(sum(epoch.seconds for epoch in fitted.history), 3),
            evaluation=evaluation_of(test_set, scores, train_set.labels, train_set.recording_devices),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitted:
    """Result of the training loop."""

    model: Any
    history: tuple[Any, ...]
    windows: int


def _weights_of(run: Path) -> str:
    return sha256_file(Run.open(run).keras_model_path)


def _check(recipe: Recipe, train_set: Dataset, test_set: Dataset) -> None:
    if len(train_set.labels) < 2:
        raise DataError(f"{train_set.root} has one class only: {train_set.labels[0]}", hint="a classifier needs two")
    if recipe.task == "single_label" and train_set.task == "multi_label":
        raise DataError(
            f"clips of {train_set.root} have several labels, recipe {recipe.name} takes one class per clip",
            hint="take a multi-label recipe, such as dcase2019_task2",
        )
    missing = set(train_set.labels) - {label for clip in train_set.clips for label in clip.labels}
    if missing:
        raise DataError(
            f"split {train_set.split_name} has no clips of {', '.join(sorted(missing))}",
            hint="each class of the data set needs training clips",
        )
    shared = {clip.filename for clip in train_set.clips} & {clip.filename for clip in test_set.clips}
    if shared:
        raise DataError(
            f"{len(shared)} clips are in split {train_set.split_name} and also in split {test_set.split_name}, "
            f"{min(shared)} among them",
            hint="a model must not be tested on what it was trained on",
        )


def _check_cache(recipe: Recipe, cache: Path | None) -> None:
    settings = recipe.augmentation
    on_audio = [name for name in settings.ON_AUDIO if getattr(settings, name)]
    if cache is not None and on_audio:
        raise SpecError(
            f"recipe {recipe.name} varies the audio ({', '.join(on_audio)}), which cached features do not have",
            hint="leave --cache out, or " + " ".join(f"--set {name}=0" for name in on_audio),
        )


def _tools() -> dict[str, str]:
    versions = {name: metadata.version(name) for name in ("keras", "numpy", "scipy", "soxr")}
    import tensorflow as tf

    return {"python": platform.python_version(), "tensorflow": tf.__version__, **versions}
