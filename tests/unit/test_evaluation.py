"""Records of an evaluation: groups, seen and unseen devices, tags; and what is refused."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import label_ranking_average_precision_score, log_loss, recall_score

from asc_kit.dataset import Clip, Dataset
from asc_kit.errors import DataError, ModelError
from asc_kit.records.record import parse_record, to_plain
from asc_kit.scores.evaluation import (
    AnyEvaluation,
    Evaluation,
    TaggingEvaluation,
    check_labels,
    evaluation_of,
    headline,
)
from asc_kit.scores.metrics import wilson_interval

LABELS = ("bus", "park", "tram")
DEVICES = ("a", "b", "s5")


def dataset(labels: list[tuple[str, ...]], devices: list[str], **changes: object) -> Dataset:
    clips = tuple(
        Clip(filename=f"{number}.wav", labels=names, identifier="lyon-1", recording_device=device)
        for number, (names, device) in enumerate(zip(labels, devices, strict=True))
    )
    return Dataset(root=Path("data"), labels=LABELS, clips=clips, **changes)  # type: ignore[arg-type]


def test_every_figure_of_an_evaluation() -> None:
    rng = np.random.default_rng(1)
    truth, devices = rng.integers(0, 3, 300), [DEVICES[n] for n in rng.integers(0, 3, 300)]
    scores = rng.dirichlet(np.ones(3), 300) + 0.3 * np.eye(3)[truth]
    scores /= scores.sum(axis=1, keepdims=True)
    found = evaluation_of(dataset([(LABELS[n],) for n in truth], devices), scores, LABELS, ("a", "b"))
    assert isinstance(found, Evaluation)
    predicted = scores.argmax(axis=1)
    assert found.correct == sum(found.confusion[n][n] for n in range(3)) == int((predicted == truth).sum())
    assert found.macro_accuracy == pytest.approx(recall_score(truth, predicted, average="macro"))
    assert found.log_loss == pytest.approx(log_loss(truth, scores))
    assert found.accuracy_interval == wilson_interval(found.correct, 300)
    assert sum(cell.clips for cell in found.calibration) == 300
    for groups, names, all_names in (
        (found.per_scene, [LABELS[n] for n in truth], LABELS),
        (found.per_recording_device, devices, DEVICES),
    ):
        assert [group.name for group in groups] == list(all_names)
        for group in groups:
            chosen = np.array(names) == group.name
            assert (group.clips, group.correct) == (chosen.sum(), (predicted == truth)[chosen].sum())
            assert group.log_loss == pytest.approx(log_loss(truth[chosen], scores[chosen], labels=range(3)))
            assert group.interval[0] < group.accuracy < group.interval[1]
    assert found.macro_log_loss == pytest.approx(np.mean([group.log_loss for group in found.per_scene]))
    unheard = np.array(devices) == "s5"
    assert found.seen_devices is not None and found.unseen_devices is not None
    assert found.unseen_devices.clips == unheard.sum() and found.seen_devices.clips == (~unheard).sum()
    assert found.unseen_devices.log_loss == pytest.approx(log_loss(truth[unheard], scores[unheard], labels=range(3)))
    assert headline(found) == ("macro accuracy", found.macro_accuracy)


def test_classes_without_clips_and_devices_all_heard() -> None:
    scores = np.array([[0.7, 0.2, 0.1], [0.2, 0.2, 0.6]])
    found = evaluation_of(dataset([("bus",), ("bus",)], ["a", "a"], split_name="test"), scores, LABELS, ("a",))
    assert isinstance(found, Evaluation)
    assert [group.name for group in found.per_scene] == ["bus"] and found.macro_accuracy == 0.5
    assert found.unseen_devices is None and found.seen_devices is not None and found.split == "test"
    assert found.confusion == ((1, 0, 1), (0, 0, 0), (0, 0, 0))


def test_every_figure_of_tags() -> None:
    rng = np.random.default_rng(2)
    truth = rng.uniform(size=(200, 3)) < np.array([0.5, 0.3, 0.1])
    devices = [DEVICES[n] for n in rng.integers(0, 3, 200)]
    names = [tuple(label for label, has in zip(LABELS, row, strict=True) if has) for row in truth]
    scores = rng.uniform(size=truth.shape)
    found = evaluation_of(dataset(names, devices, task="multi_label"), scores, LABELS, ("a",))
    assert isinstance(found, TaggingEvaluation)
    assert found.lwlrap == pytest.approx(
        label_ranking_average_precision_score(truth, scores, sample_weight=truth.sum(axis=1))
    )
    assert found.lwlrap_interval[0] < found.lwlrap < found.lwlrap_interval[1]
    assert [(label.name, label.clips) for label in found.per_label] == list(zip(LABELS, truth.sum(axis=0), strict=True))
    # the property the measure was made for
    assert sum(label.weight * label.lwlrap for label in found.per_label) == pytest.approx(found.lwlrap)
    assert sum(label.weight for label in found.per_label) == pytest.approx(1)
    assert found.macro_lwlrap == pytest.approx(np.mean([label.lwlrap for label in found.per_label]))
    labelled = truth.any(axis=1)
    for group in found.per_recording_device:
        chosen = labelled & (np.array(devices) == group.name)
        weights = truth[chosen].sum(axis=1)
        expected = label_ranking_average_precision_score(truth[chosen], scores[chosen], sample_weight=weights)
        assert group.lwlrap == pytest.approx(expected) and group.clips == chosen.sum()
    assert found.seen_devices == found.per_recording_device[0].__class__(
        name="seen", clips=found.per_recording_device[0].clips, lwlrap=found.per_recording_device[0].lwlrap,
        log_loss=found.per_recording_device[0].log_loss,
    )  # fmt: skip
    assert headline(found) == ("lwlrap", found.lwlrap)


def test_both_kinds_come_back_from_disk() -> None:
    single = evaluation_of(dataset([("bus",)], ["a"]), np.array([[0.2, 0.5, 0.3]]), LABELS, ())
    tags = evaluation_of(dataset([("bus", "tram")], ["a"], task="multi_label"), np.array([[0.2, 0.5, 0.3]]), LABELS, ())
    for record in (single, tags):
        assert parse_record(AnyEvaluation, to_plain(record), where="here") == record  # type: ignore[arg-type]


def test_what_cannot_be_evaluated() -> None:
    with pytest.raises(DataError, match="^1.wav .* 'zebra', which the model does not know; unknown .* all: 2"):
        evaluation_of(dataset([("bus",), ("zebra",), ("gnu",)], ["a"] * 3), np.ones((3, 3)) / 3, LABELS, ())
    with pytest.raises(DataError, match="one class to each clip, but the model was trained to give any number"):
        check_labels(dataset([("bus",)], ["a"]), LABELS, "multi_label")
    with pytest.raises(ModelError, match="scores of 1 of 2 clips are not finite numbers, those of 1.wav"):
        evaluation_of(dataset([("bus",)] * 2, ["a"] * 2), np.array([[1, 0, 0], [np.nan, 0, 0]]), LABELS, ())
    with pytest.raises(DataError, match="has a label"):
        evaluation_of(dataset([()], ["a"], task="multi_label"), np.ones((1, 3)), LABELS, ())
