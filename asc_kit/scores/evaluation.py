"""The quality of a model on a data set: overall, by class, by recording device, for seen and unseen devices.

Two kinds of record: `Evaluation` where each clip has one class, `TaggingEvaluation` where it has any number of labels.
What the figures mean and how they are computed: `asc_kit/scores/metrics.py`, docs/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from asc_kit.dataset import Dataset, Task
from asc_kit.errors import DataError, ModelError
from asc_kit.records.fields import (
    MAX_DEVICES,
    MAX_LABELS,
    Count,
    Figure,
    Interval,
    Label,
    Labels,
    Loss,
    Name,
    PositiveCount,
    Row,
    ShortId,
    differ,
    require,
)
from asc_kit.records.record import STRICT
from asc_kit.scores.metrics import (
    binary_log_losses,
    calibration,
    confusion_matrix,
    expected_calibration_error,
    label_precisions,
    log_losses,
    lwlrap,
    lwlrap_interval,
    macro_interval,
    wilson_interval,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Accuracy over some of the clips: a class, a recording device."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Name
    """Name of the group of clips."""
    clips: Count
    """Number of clips."""
    correct: Count
    """Number of clips classified rightly."""
    accuracy: Figure
    """Share classified rightly, 0 to 1."""
    interval: Interval
    """Of the accuracy, by Wilson."""
    log_loss: Loss
    """Mean of -ln of the probability of the right class, in nats."""

    def __post_init__(self) -> None:
        require((self.correct <= self.clips, f"{self.name}: {self.correct:,} of {self.clips:,} clips are right"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """Clips of similar confidence."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    clips: Count
    """Number of clips."""
    confidence: Figure
    """Mean probability of the likeliest class; 0 where there are no clips."""
    accuracy: Figure
    """Share classified rightly; 0 where there are no clips."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A model on a split, where each clip has one class."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    task: Literal["single_label"] = "single_label"
    """Tells this record from `TaggingEvaluation`."""
    split: Name
    """Name of the split; ``all`` for the whole data set."""
    data_id: ShortId
    """Fingerprint of its clips."""
    clips: PositiveCount
    """Number of clips."""
    correct: Count
    """Number of clips classified rightly."""
    accuracy: Figure
    """Share of clips classified rightly, 0 to 1."""
    accuracy_interval: Interval
    """By Wilson."""
    macro_accuracy: Figure
    """Mean over the classes of the share classified rightly, 0 to 1."""
    macro_accuracy_interval: Interval
    """By Price and Bonett."""
    log_loss: Loss
    """Mean over the clips of -ln of the probability of the right class, in nats."""
    macro_log_loss: Loss
    """Mean over the classes of the mean over their clips."""
    ece: Figure
    """Expected calibration error, 15 bins, 0 to 1."""
    calibration: Annotated[tuple[CalibrationBin, ...], Field(min_length=1, max_length=1000)]
    """The 15 bins, from unsure to sure."""
    labels: Annotated[Labels, Field(min_length=1)]
    """The model's classes: rows and columns of the confusion matrix."""
    confusion: Annotated[tuple[Row, ...], Field(max_length=MAX_LABELS)]
    """Clips by true class (row) and predicted class (column)."""
    per_scene: Annotated[tuple[Group, ...], Field(max_length=MAX_LABELS)]
    """By class, sorted; classes without clips are left out."""
    per_recording_device: Annotated[tuple[Group, ...], Field(max_length=MAX_DEVICES)]
    """By recording device, sorted."""
    seen_devices: Group | None
    """Clips of recording devices heard in training; None when there are none."""
    unseen_devices: Group | None
    """Clips of the others; None when there are none."""

    def __post_init__(self) -> None:
        n = len(self.labels)
        heard = [group.clips for group in (self.seen_devices, self.unseen_devices) if group is not None]
        scenes = [group.name for group in self.per_scene]
        require(
            (differ(self.labels), "labels must differ"),
            (
                len(self.confusion) == n and all(len(row) == n for row in self.confusion),
                f"the confusion matrix of {n} labels must have {n} rows of {n} counts",
            ),
            (sum(map(sum, self.confusion)) == self.clips, f"the confusion matrix does not count {self.clips:,} clips"),
            (
                sum(sum(row[index : index + 1]) for index, row in enumerate(self.confusion)) == self.correct,
                f"the confusion matrix does not have {self.correct:,} clips on its diagonal",
            ),
            (
                sum(each.clips for each in self.calibration) == self.clips,
                f"the bins of the calibration do not count {self.clips:,} clips",
            ),
            (differ(scenes) and set(scenes) <= set(self.labels), "per_scene must name labels, each once"),
            (differ(group.name for group in self.per_recording_device), "recording devices must differ"),
            (
                all(
                    sum(counts) == self.clips
                    for counts in (
                        [group.clips for group in self.per_scene],
                        [group.clips for group in self.per_recording_device],
                        heard,
                    )
                ),
                f"the groups of clips do not add up to {self.clips:,} clips",
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelScore:
    """The ranking of a label."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Label
    """The label."""
    clips: Count
    """Number of clips that have it."""
    weight: Figure
    """Its share of all labels: the overall lwlrap is the sum of weight times lwlrap."""
    lwlrap: Figure
    """Label-weighted label-ranking average precision of this label, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagGroup:
    """Tagging of some of the clips: those of a recording device."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Name
    """Name of the group of clips."""
    clips: Count
    """Number of clips with at least one label."""
    lwlrap: Figure
    """Label-weighted label-ranking average precision, 0 to 1."""
    log_loss: Loss
    """Binary cross-entropy, in nats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggingEvaluation:
    """A model on a split, where a clip has any number of labels."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    task: Literal["multi_label"] = "multi_label"
    """Tells this record from `Evaluation`."""
    split: Name
    """Name of the split; ``all`` for the whole data set."""
    data_id: ShortId
    """Fingerprint of its clips."""
    clips: PositiveCount
    """Number of clips."""
    lwlrap: Figure
    """Label-weighted label-ranking average precision, 0 to 1."""
    lwlrap_interval: Interval
    """To first order, clips being independent."""
    macro_lwlrap: Figure
    """Mean over the labels of their own, each counting the same."""
    log_loss: Loss
    """Binary cross-entropy: mean over clips and labels, in nats."""
    per_label: Annotated[tuple[LabelScore, ...], Field(max_length=MAX_LABELS)]
    """By label, in the model's order; labels without clips are left out."""
    per_recording_device: Annotated[tuple[TagGroup, ...], Field(max_length=MAX_DEVICES)]
    """By recording device, sorted."""
    seen_devices: TagGroup | None
    """Clips of recording devices heard in training; None when there are none."""
    unseen_devices: TagGroup | None
    """Clips of the others; None when there are none."""

    def __post_init__(self) -> None:
        groups = (*self.per_recording_device, self.seen_devices, self.unseen_devices)
        counts = [part.clips for part in (*self.per_label, *groups) if part is not None]
        require(
            (differ(label.name for label in self.per_label), "labels must differ"),
            (differ(group.name for group in self.per_recording_device), "recording devices must differ"),
            (max(counts, default=0) <= self.clips, f"a part has more clips than all together: {self.clips:,}"),
        )


AnyEvaluation: TypeAlias = Annotated[Evaluation | TaggingEvaluation, Field(discriminator="task")]
"""Either kind; on disk, `task` says which."""


def evaluation_of(
    dataset: Dataset,
    scores: NDArray[np.float64],
    labels: Sequence[str],
    train_recording_devices: Collection[str],
) -> Evaluation | TaggingEvaluation:
    """Compare a model's scores with the truth.

    Parameters
    ----------
    dataset
        The clips; its task says which kind of record comes out.
    scores
        Probabilities, shape [n_clips, n_labels].
    labels
        The model's classes, in the order of the scores.
    train_recording_devices
        Recording devices heard in training.

    Raises
    ------
    DataError
        If the data set has a label that is not among `labels`, or none at all.
    ModelError
        If scores are not finite numbers.
    """
    check_labels(dataset, labels, dataset.task)
    broken = np.flatnonzero(~np.isfinite(scores).all(axis=1))
    if len(broken):
        raise ModelError(
            f"the model's scores of {len(broken)} of {len(scores)} clips are not finite numbers, "
            f"those of {dataset.clips[broken[0]].filename} among them",
            hint="its weights are damaged: train again, with a smaller learning rate if it diverged",
        )
    if dataset.task == "multi_label":
        return _tagging_evaluation(dataset, scores, labels, train_recording_devices)
    position = {label: index for index, label in enumerate(labels)}
    truth = np.array([position[clip.labels[0]] for clip in dataset.clips], np.intp)
    predicted = scores.argmax(axis=1)
    correct = truth == predicted
    losses = log_losses(scores, truth)
    bins = calibration(scores, correct)

    def groups(names: Sequence[str]) -> tuple[Group, ...]:
        chosen = np.array(names)
        return tuple(_group(name, correct[chosen == name], losses[chosen == name]) for name in sorted(set(names)))

    scenes = groups([clip.labels[0] for clip in dataset.clips])
    devices = [clip.recording_device for clip in dataset.clips]
    seen = np.array([name in train_recording_devices for name in devices])
    return Evaluation(
        split=dataset.split_name or "all",
        data_id=dataset.data_id,
        clips=len(correct),
        correct=int(correct.sum()),
        accuracy=float(correct.mean()),
        accuracy_interval=wilson_interval(int(correct.sum()), len(correct)),
        macro_accuracy=float(np.mean([group.accuracy for group in scenes])),
        macro_accuracy_interval=macro_interval([g.correct for g in scenes], [g.clips for g in scenes]),
        log_loss=float(losses.mean()),
        macro_log_loss=float(np.mean([group.log_loss for group in scenes])),
        ece=expected_calibration_error(bins),
        calibration=tuple(
            CalibrationBin(clips=int(count), confidence=float(confidence), accuracy=float(right))
            for count, confidence, right in bins
        ),
        labels=tuple(labels),
        confusion=tuple(tuple(map(int, row)) for row in confusion_matrix(len(labels), truth, predicted)),
        per_scene=scenes,
        per_recording_device=groups(devices),
        seen_devices=_group("seen", correct[seen], losses[seen]) if seen.any() else None,
        unseen_devices=_group("unseen", correct[~seen], losses[~seen]) if not seen.all() else None,
    )


def check_labels(dataset: Dataset, labels: Sequence[str], task: Task) -> None:
    """Refuse a data set that a model of these labels cannot be evaluated on.

    Raises
    ------
    DataError
        If it has another task, or a label that the model does not know.
    """
    if dataset.task != task:
        words = {"single_label": "one class to each clip", "multi_label": "any number of labels to a clip"}
        raise DataError(
            f"{dataset.root} gives {words[dataset.task]}, but the model was trained to give {words[task]}",
            hint="evaluate it on a data set of the kind it was trained on",
        )
    unknown = [(label, clip) for clip in dataset.clips for label in clip.labels if label not in labels]
    if unknown:
        label, clip = unknown[0]
        raise DataError(
            f"{clip.filename} in {dataset.root} is labelled {label!r}, which the model does not know; "
            f"unknown labels in all: {len({label for label, _ in unknown})}",
            hint=f"the model's labels: {', '.join(labels)}",
        )


def headline(evaluation: Evaluation | TaggingEvaluation) -> tuple[str, float]:
    """Return the ranking figure of systems of this kind: its name and its value, 0 to 1."""
    if isinstance(evaluation, TaggingEvaluation):
        return "lwlrap", evaluation.lwlrap
    return "macro accuracy", evaluation.macro_accuracy


def _group(name: str, correct: NDArray[np.bool_], losses: NDArray[np.float64]) -> Group:
    return Group(
        name=name,
        clips=len(correct),
        correct=int(correct.sum()),
        accuracy=float(correct.mean()),
        interval=wilson_interval(int(correct.sum()), len(correct)),
        log_loss=float(losses.mean()),
    )


def _tagging_evaluation(
    dataset: Dataset, scores: NDArray[np.float64], labels: Sequence[str], heard: Collection[str]
) -> TaggingEvaluation:
    truth = np.array([[label in clip.labels for label in labels] for clip in dataset.clips])
    if not truth.any():
        raise DataError(f"none of the {len(truth)} clips in {dataset.root} has a label: nothing can be evaluated")
    precisions = label_precisions(scores, truth)
    losses = binary_log_losses(scores, truth)
    counts = truth.sum(axis=0)
    per_label = tuple(
        LabelScore(
            name=label,
            clips=int(count),
            weight=float(count / counts.sum()),
            lwlrap=lwlrap(precisions[:, column]),
        )
        for column, (label, count) in enumerate(zip(labels, counts, strict=True))
        if count
    )
    # a clip without labels does not count in lwlrap, and a group of such clips has none
    labelled = truth.any(axis=1)
    devices = np.array([clip.recording_device for clip in dataset.clips])

    def group(name: str, members: NDArray[np.bool_]) -> TagGroup | None:
        chosen = members & labelled
        if not chosen.any():
            return None
        return TagGroup(
            name=name,
            clips=int(chosen.sum()),
            lwlrap=lwlrap(precisions[chosen]),
            log_loss=float(losses[chosen].mean()),
        )

    seen = np.array([name in heard for name in devices])
    by_device = (group(name, devices == name) for name in sorted(set(devices.tolist())))
    return TaggingEvaluation(
        split=dataset.split_name or "all",
        data_id=dataset.data_id,
        clips=len(dataset.clips),
        lwlrap=lwlrap(precisions),
        lwlrap_interval=lwlrap_interval(precisions),
        macro_lwlrap=float(np.mean([label.lwlrap for label in per_label])),
        log_loss=float(losses.mean()),
        per_label=per_label,
        per_recording_device=tuple(of_device for of_device in by_device if of_device is not None),
        seen_devices=group("seen", seen),
        unseen_devices=group("unseen", ~seen),
    )
