"""Evaluate the checkpoints of a run in order; an interrupted evaluation continues."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict

from asc_kit.dataset import Dataset
from asc_kit.errors import ModelError, SpecError
from asc_kit.outputs import OutputKind, check_file, write_file
from asc_kit.process.console import progress_bar
from asc_kit.recordings.clips import Windows
from asc_kit.records.fields import Epochs, Sha256
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT, json_bytes, read_record, sha256_file
from asc_kit.run import CHECKPOINTS, Run, RunManifest
from asc_kit.scores.evaluation import AnyEvaluation, Evaluation, TaggingEvaluation, evaluation_of
from asc_kit.scores.metrics import label_precisions, lwlrap, probabilities

from ..tensorflow_start import start_tensorflow
from .document import figures_of

LOGS = "logs"
RECORD = OutputKind(name="checkpoint record", command="asc-kit evaluate --checkpoints", is_guest=True)
_BATCH = 64
_NAME = re.compile(r"epoch_(\d+)\.weights\.h5")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRecord:
    """The evaluation of a checkpoint: ``epoch_NNNN.json``."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit evaluate RUN --checkpoints --data DIR --out DIR"

    schema_version: Literal[1]
    """Version of this record."""
    epoch: Epochs
    """Number of epochs trained."""
    weights_sha256: Sha256
    """Hash of the checkpoint."""
    evaluation: AnyEvaluation
    """The figures."""


def checkpoints_of(run: Run, every: int) -> list[tuple[int, Path]]:
    """Return the checkpoints of a run with their epochs: every `every`-th, and the last.

    Raises
    ------
    SpecError
        When there are none.
    """
    checkpoints = sorted(
        (int(match[1]), path) for path in (run.path / CHECKPOINTS).glob("*") if (match := _NAME.fullmatch(path.name))
    )
    if not checkpoints:
        raise SpecError(
            f"run {run.path} has no checkpoints in {CHECKPOINTS}/", hint="train with: --set checkpoint_epochs=1"
        )
    return [
        each for number, each in enumerate(checkpoints, start=1) if number % every == 0 or number == len(checkpoints)
    ]


def evaluate_checkpoints(
    run: Run, dataset: Dataset, windows: Windows, out: Path, every: int, *, trust_code: bool = False
) -> Iterator[tuple[CheckpointRecord, bool]]:
    """Evaluate checkpoints in the order of their epochs; yield each record, and whether it existed before.

    `trust_code` is as of `load_run_network`. Records go to `out`, figures for TensorBoard to ``logs`` in it. An
    existing record of the same weights and clips is reused.

    Raises
    ------
    SpecError
        When the run has no checkpoints.
    ModelError
        When a checkpoint does not fit the network.
    """
    network: _Network | None = None
    for epoch, path in checkpoints_of(run, every):
        record_path = out / f"epoch_{epoch:04d}.json"
        sha256 = sha256_file(path)
        known = _known(record_path, sha256, dataset)
        if known is not None:
            yield known, True
            continue
        check_file(record_path, RECORD)
        if network is None:  # TensorFlow's seconds of start-up only when there is something to do
            network = _Network(run, trust_code=trust_code)
        network.load(path)
        scores = network.clip_scores(dataset, windows, f"epoch {epoch}")
        manifest = run.manifest
        record = CheckpointRecord(
            schema_version=1,
            epoch=epoch,
            weights_sha256=sha256,
            evaluation=evaluation_of(dataset, scores, manifest.labels, manifest.train_recording_devices),
        )
        write_file(record_path, RECORD, json_bytes(record))
        _write_scalars(out / LOGS, record)
        yield record, False


def _known(path: Path, sha256: str, dataset: Dataset) -> CheckpointRecord | None:
    if not path.is_file():
        return None
    try:
        record = read_record(CheckpointRecord, path)
    except SpecError:
        return None  # of another version, or no such record: it is made again
    evaluation = record.evaluation
    same = (record.weights_sha256, evaluation.data_id, evaluation.split) == (
        sha256,
        dataset.data_id,
        dataset.split_name or "all",
    )
    return record if same else None


class _Network:
    """The network of a run: traced once, with exchangeable weights."""

    def __init__(self, run: Run, *, trust_code: bool) -> None:
        start_tensorflow()
        from ..network import inference_model, load_run_network, with_front_end

        self._manifest: RunManifest = run.manifest
        self._model = load_run_network(run, trust_code=trust_code)
        deployed = inference_model(self._model)
        self._graph = with_front_end(lambda features: deployed(features, training=False), run.manifest.frontend)

    def load(self, path: Path) -> None:
        """Take the weights of a checkpoint."""
        try:
            self._model.load_weights(path)
        except (OSError, ValueError, KeyError) as failure:
            raise ModelError(
                f"checkpoint {path} does not fit the network of its run: {failure}", hint="remove it, or train again"
            ) from failure

    def clip_scores(self, dataset: Dataset, windows: Windows, title: str) -> NDArray[np.float64]:
        """Return each clip's probabilities, [n_clips, n_labels]; the bar shows the lwlrap of the clips so far."""
        import tensorflow as tf

        is_tagging = dataset.task == "multi_label"
        labels = self._manifest.labels
        truth = np.array([[label in clip.labels for label in labels] for clip in dataset.clips])
        done: list[NDArray[np.float64]] = []
        with progress_bar(title, len(windows.samples)) as (bar, task):
            for number, start in enumerate(range(0, len(windows.samples), _BATCH)):
                outputs = self._graph(tf.constant(windows.samples[start : start + _BATCH])).numpy()
                done.append(probabilities(outputs.astype(np.float64), self._manifest.output_activation))
                bar.advance(task, len(outputs))
                if is_tagging and number % 10 == 9:
                    so_far = np.concatenate(done)
                    clips = Windows(samples=windows.samples, clip=windows.clip[: len(so_far)]).clip_means(so_far)
                    figure = lwlrap(label_precisions(clips, truth[: len(clips)]))
                    bar.update(task, note=f"lwlrap {100 * figure:.1f} % so far")
        return windows.clip_means(np.concatenate(done))


def _write_scalars(folder: Path, record: CheckpointRecord) -> None:
    import tensorflow as tf

    evaluation: Evaluation | TaggingEvaluation = record.evaluation
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for name, value in figures_of(evaluation).items():
            tf.summary.scalar(name, value, step=record.epoch)
        if isinstance(evaluation, TaggingEvaluation):
            for label in evaluation.per_label:
                tf.summary.scalar(f"lwlrap/{label.name}", label.lwlrap, step=record.epoch)
    writer.close()
