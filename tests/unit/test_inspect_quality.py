"""Figures of outputs, by hand."""

import numpy as np
import pytest

from asc_kit.dataset import Task
from asc_kit.export.inspection.clips import HeardClips
from asc_kit.export.inspection.document import ClipsRecord
from asc_kit.export.inspection.quality import Judge


def judge(task: Task, truth: list[list[int]], clip: list[int]) -> Judge:
    heard = HeardClips(
        record=ClipsRecord(source="golden", clips=len(truth), windows=len(clip), data_id=None),
        features=np.zeros((len(clip), 1), np.float32),
        clip=np.array(clip),
        truth=np.array(truth, bool),
    )
    return Judge(clips=heard, task=task, activation="softmax" if task == "single_label" else "sigmoid")


def test_one_class_to_a_clip() -> None:
    found = judge("single_label", [[1, 0], [0, 1]], [0, 0, 1])
    # the first clip is the mean of its windows: 0.7, 0.3
    scores = found.scores(np.array([[0.9, 0.1], [0.5, 0.5], [0.6, 0.4]], np.float32))
    np.testing.assert_allclose(scores, [[0.7, 0.3], [0.6, 0.4]], atol=1e-7)
    quality = found.quality(scores, np.array([[0.8, 0.2], [0.4, 0.6]]))
    assert quality.score == 0.5
    assert quality.log_loss == pytest.approx(-(np.log(0.7) + np.log(0.4)) / 2)
    assert quality.moved == pytest.approx((0.1 + 0.2) / 2)
    assert found.credits(scores).tolist() == [1, 0]


def test_any_number_of_labels() -> None:
    found = judge("multi_label", [[1, 0, 1], [0, 1, 0]], [0, 1])
    scores = found.scores(np.array([[0.9, 0.5, 0.1], [0.2, 0.8, 0.3]], np.float32))
    quality = found.quality(scores, np.zeros((2, 3)))
    # labels ranked first of all, third with one wrong before it, first: 1, 2/3, 1
    assert quality.score == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert quality.moved == pytest.approx((1.5 + 1.3) / 6)
    assert found.credits(scores) == pytest.approx([5 / 3, 1])


def test_windows_of_clips_of_any_length() -> None:
    found = judge("single_label", [[1, 0]] * 3, [0, 1, 1, 1, 2])
    values = np.arange(5.0)[:, np.newaxis]
    assert found.clips.clip_means(values)[:, 0].tolist() == [0, 2, 4]
