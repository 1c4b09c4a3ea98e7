"""The run folder, which training writes and export reads.

``run.json``, ``saved_model/`` (TensorFlow's format, the network in inference form, float features in, logits out),
``model.keras`` (the network as Keras saves it, heads that only training has included), ``recipe.toml`` (the recipe as
it was trained; a model's file of the user's beside it), ``history.csv`` (loss and accuracy by epoch), ``logs/`` (the
same for TensorBoard) and, if the recipe wants them, ``checkpoints/`` (weights of some epochs).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.dataset import Layout, Task
from asc_kit.errors import SpecError
from asc_kit.frontend import FrontEndSpec
from asc_kit.quantization import QuantizationSettings
from asc_kit.records.fields import (
    AnyPath,
    Count,
    Devices,
    Epochs,
    Labels,
    Macs,
    Name,
    PositiveCount,
    Seconds,
    Seed,
    ShortId,
    Tools,
    differ,
    require,
)
from asc_kit.records.files import temporary_folder
from asc_kit.records.folder import read_manifest
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT
from asc_kit.scores.evaluation import AnyEvaluation, Evaluation
from asc_kit.scores.metrics import OutputActivation

MANIFEST = "run.json"
SAVED_MODEL = "saved_model"
KERAS_MODEL = "model.keras"
HISTORY = "history.csv"
LOGS = "logs"
CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunManifest:
    """The content of ``run.json``."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit train RECIPE --data DIR --out RUN"

    schema_version: Literal[3]
    """Version of this record."""
    asc_kit: Name
    """Version of asc-kit that trained."""
    tools: Tools
    """Versions of the packages that trained."""
    name: Name
    """Name of the recipe."""
    recipe: Annotated[dict[Name, Any], Field(max_length=1000)]
    """The whole recipe as it was trained, overrides included; only training reads into it."""
    seed: Seed
    """Seed of weights, order of clips and augmentation."""
    labels: Annotated[Labels, Field(min_length=2)]
    """Classes, in the order of the outputs."""
    frontend: FrontEndSpec
    """The features."""
    task: Task
    """Whether each clip has exactly one class."""
    output_activation: OutputActivation
    """Kind of the outputs."""
    quantization: QuantizationSettings
    """Settings of the quantization."""
    hop_samples: PositiveCount | None = None
    """Distance of the windows a longer recording is cut into, in samples; its score is the mean over the windows.
    None: the first window stands for the recording."""
    data_root: AnyPath
    """The data set's folder, absolute, when the run was made."""
    class_map: AnyPath | None = None
    """Table of the classes and their order, if it was not the data set's own."""
    layout: Layout | None = None
    """Layout of the data set, if the user named it."""
    train_split: Name
    """Name of the split that was trained on."""
    train_data_id: ShortId
    """Fingerprint of its clips."""
    train_clips: Count
    """Number of its clips."""
    train_windows: Count
    """Number of windows they were cut into."""
    train_recording_devices: Devices
    """Recording devices heard in training; all others are unseen."""
    test_split: Name
    """Name of the split that was evaluated."""
    warm_start: AnyPath | None = None
    """The run whose weights it began with; None for fresh weights."""
    teacher: AnyPath | None = None
    """The run that it learned from beside the labels, or None."""
    workers: PositiveCount = 1
    """Number of processes that trained together."""
    parameters: Count
    """Parameters, with two per channel for batch normalization."""
    macs: Macs
    """Multiply-accumulates per clip by the challenges' rule."""
    epochs: Epochs
    """Epochs trained."""
    train_seconds: Seconds
    """Wall time of training in seconds, without loading and evaluation."""
    evaluation: AnyEvaluation
    """The float model on the test split."""

    def __post_init__(self) -> None:
        require(
            (differ(self.labels), "labels must differ"),
            (self.evaluation.task == self.task, "the evaluation is of another task"),
            (
                not isinstance(self.evaluation, Evaluation) or self.evaluation.labels == self.labels,
                "the evaluation is of other labels",
            ),
        )


@contextmanager
def without_wildcards(path: Path) -> Iterator[Path]:
    """Give a path to the same folder that holds none of a pattern's characters.

    TensorFlow reads the name of a SavedModel as a pattern: a folder called ``run [2]`` is not found.
    """
    if not set("*?[]{}\\") & set(os.fspath(path)):
        yield path
        return
    with temporary_folder("link") as folder:
        link = folder / path.name
        link.symlink_to(path.absolute(), target_is_directory=True)
        yield link


@dataclass(frozen=True, slots=True)
class Run:
    """An opened run folder."""

    path: Path
    """The folder."""
    manifest: RunManifest
    """Its run.json."""

    def with_layout(self, layout: Layout | None) -> Run:
        """Return this run with another layout of its data set; None for the run's own."""
        return self if layout is None else replace(self, manifest=replace(self.manifest, layout=layout))

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open a run folder.

        Raises
        ------
        SpecError
            If it is missing, incomplete or has another schema version.
        """
        hint = "make a run with: asc-kit train RECIPE --data DIR --out RUN"
        manifest = read_manifest(RunManifest, path, MANIFEST, kind="run", hint=hint, error=SpecError)
        for name in (SAVED_MODEL, KERAS_MODEL):
            if not (path / name).exists():
                raise SpecError(f"the run is not complete: {path / name} is missing", hint="train again")
        return cls(path, manifest)

    @property
    def saved_model_path(self) -> Path:
        """The network in TensorFlow's SavedModel format."""
        return self.path / SAVED_MODEL

    @property
    def keras_model_path(self) -> Path:
        """The network in Keras's own format."""
        return self.path / KERAS_MODEL
