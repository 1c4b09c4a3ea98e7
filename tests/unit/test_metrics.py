"""The figures against scikit-learn, scipy and the sums written out."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix
from sklearn.metrics import label_ranking_average_precision_score
from sklearn.metrics import log_loss as sklearn_log_loss

from asc_kit.scores import metrics

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@st.composite
def taggings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties, as int8 has, and a truth with at least one label."""
    shape = (draw(st.integers(1, 12)), draw(st.integers(1, 9)))
    scores = draw(arrays(np.float64, shape, elements=st.integers(0, 8).map(lambda step: step / 8)))
    truth = draw(arrays(np.bool_, shape))
    assume(truth.any())
    return scores, truth


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=50))
def test_confusion_matrix(pairs: list[tuple[int, int]]) -> None:
    true, predicted = (np.array(column) for column in zip(*pairs, strict=True))
    expected = sklearn_confusion_matrix(true, predicted, labels=range(4))
    assert np.array_equal(metrics.confusion_matrix(4, true, predicted), expected)


def test_probabilities_of_each_activation() -> None:
    outputs = np.array([[1.0, 2.0, 5.0]])
    powers = [math.e, math.e**2, math.e**5]
    np.testing.assert_allclose(metrics.probabilities(outputs, "logits")[0], np.array(powers) / sum(powers))
    np.testing.assert_allclose(metrics.probabilities(outputs, "softmax")[0], [1 / 8, 2 / 8, 5 / 8])
    assert metrics.probabilities(outputs, "sigmoid") is outputs
    np.testing.assert_allclose(metrics.probabilities(outputs, "label_logits")[0], 1 / (1 + 1 / np.array(powers)))
    assert metrics.probabilities(np.array([[1e5, -1e5, 0.0]]), "label_logits").tolist() == [[1.0, 0.0, 0.5]]
    # far beyond what exp can take
    assert metrics.probabilities(np.array([[1e5, 0.0]]), "logits").tolist() == [[1.0, 0.0]]


def test_log_loss_is_natural_and_a_certain_mistake_is_finite() -> None:
    rng = np.random.default_rng(1)
    scores = rng.dirichlet(np.ones(5), 200)
    truth = rng.integers(0, 5, 200)
    losses = metrics.log_losses(scores, truth)
    np.testing.assert_allclose(losses.mean(), sklearn_log_loss(truth, scores, labels=range(5)))
    certain = metrics.log_losses(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([1, 0]))
    np.testing.assert_allclose(certain, [-math.log(1e-15), 0], atol=2e-15)


def test_binary_log_loss() -> None:
    rng = np.random.default_rng(2)
    scores, truth = rng.uniform(size=(50, 4)), rng.uniform(size=(50, 4)) < 0.3
    expected = [sklearn_log_loss(truth[:, column], scores[:, column], labels=[0, 1]) for column in range(4)]
    np.testing.assert_allclose(metrics.binary_log_losses(scores, truth).mean(), np.mean(expected))
    assert np.all(np.isfinite(metrics.binary_log_losses(np.array([[0.0, 1.0]]), np.array([[True, False]]))))


def test_calibration_by_hand() -> None:
    # confidences 0.6 (right), 0.65 (wrong), 0.95 (right), 1 (wrong): bins (8/15, 9/15], (9/15, 10/15], (14/15, 1]
    top = np.array([0.6, 0.65, 0.95, 1.0])
    bins = metrics.calibration(np.stack([top, 1 - top], axis=1), np.array([True, False, True, False]))
    assert bins.shape == (15, 3)
    assert np.flatnonzero(bins[:, 0]).tolist() == [8, 9, 14]
    np.testing.assert_allclose(bins[14], [2, 0.975, 0.5])
    expected = (abs(1 - 0.6) + abs(0 - 0.65) + 2 * abs(0.5 - 0.975)) / 4
    assert metrics.expected_calibration_error(bins) == pytest.approx(expected)


def test_a_model_that_is_as_often_right_as_it_says_has_no_calibration_error() -> None:
    rng = np.random.default_rng(3)
    scores = rng.dirichlet(np.ones(4), 100_000)
    truth = (rng.uniform(size=(len(scores), 1)) > scores.cumsum(axis=1)).sum(axis=1)
    correct = scores.argmax(axis=1) == truth
    # a bin of 5,000 clips or so is off by 0.007 at most (one standard deviation)
    assert metrics.expected_calibration_error(metrics.calibration(scores, correct)) < 0.01
    assert metrics.expected_calibration_error(metrics.calibration(scores, ~correct)) > 0.1


@given(counts)
def test_wilson_interval(count: tuple[int, int]) -> None:
    expected = binomtest(*count).proportion_ci(0.95, "wilson")
    np.testing.assert_allclose(metrics.wilson_interval(*count), expected, atol=1e-12)


@given(st.lists(counts, min_size=1, max_size=10))
def test_macro_interval_holds_the_middle_and_does_not_vanish(groups: list[tuple[int, int]]) -> None:
    correct, clips = zip(*groups, strict=True)
    lower, upper = metrics.macro_interval(correct, clips)
    assert 0 <= lower < upper <= 1
    # the other way round, mirrored
    mirrored = metrics.macro_interval([n - x for x, n in groups], clips)
    np.testing.assert_allclose((1 - mirrored[1], 1 - mirrored[0]), (lower, upper), atol=1e-12)


def test_intervals_hold_the_truth_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(4)
    shares, clips = np.array([0.5, 0.7, 0.9, 0.97, 1.0]), np.array([40, 30, 50, 20, 25])
    draws = rng.binomial(clips, shares, (4000, 5))
    hits = [low <= shares.mean() <= high for low, high in (metrics.macro_interval(x, clips) for x in draws)]
    # 4,000 draws: a standard deviation of 0.3 %; the approximation itself is good to a percent or two
    assert 0.93 <= np.mean(hits) <= 0.98


def naive_lwlrap(scores: np.ndarray, truth: np.ndarray) -> tuple[float, dict[int, float], dict[int, float]]:
    """Overall, per class and weights, as the words of the definition have it."""
    precisions: dict[int, list[float]] = {}
    for s, t in zip(scores, truth, strict=True):
        for label in range(len(s)):
            if t[label]:
                ahead = [other for other in range(len(s)) if s[other] >= s[label]]
                precisions.setdefault(label, []).append(sum(bool(t[other]) for other in ahead) / len(ahead))
    total = sum(map(len, precisions.values()))
    per_class = {label: sum(values) / len(values) for label, values in precisions.items()}
    weights = {label: len(values) / total for label, values in precisions.items()}
    return sum(per_class[label] * weights[label] for label in per_class), per_class, weights


@given(taggings())
def test_lwlrap_against_a_loop_and_scikit_learn(tagging: tuple[np.ndarray, np.ndarray]) -> None:
    scores, truth = tagging
    precisions = metrics.label_precisions(scores, truth)
    overall, per_class, _ = naive_lwlrap(scores, truth)
    assert metrics.lwlrap(precisions) == pytest.approx(overall)
    for label, expected in per_class.items():
        assert metrics.lwlrap(precisions[:, label]) == pytest.approx(expected)
    if truth.shape[1] > 1:
        # clips weighted with their number of labels: those without any do not count
        sklearn = label_ranking_average_precision_score(truth, scores, sample_weight=truth.sum(axis=1))
        assert metrics.lwlrap(precisions) == pytest.approx(sklearn)


def test_lwlrap_at_its_ends() -> None:
    truth = np.array([[True, False, True], [False, True, False]])
    assert metrics.lwlrap(metrics.label_precisions(truth.astype(float), truth)) == 1
    # all scores equal: each label stands last, so the share of right labels is what remains
    expected = (2 * 2 / 3 + 1 / 3) / 3
    assert metrics.lwlrap(metrics.label_precisions(np.zeros((2, 3)), truth)) == pytest.approx(expected)


def test_lwlrap_interval_is_as_wide_as_the_bootstraps() -> None:
    rng = np.random.default_rng(5)
    truth = rng.uniform(size=(400, 10)) < 0.15
    scores = rng.uniform(size=truth.shape) + 0.5 * truth
    precisions = metrics.label_precisions(scores, truth)
    low, high = metrics.lwlrap_interval(precisions)
    draws = [metrics.lwlrap(precisions[rng.integers(0, 400, 400)]) for _ in range(2000)]
    np.testing.assert_allclose((low, high), np.quantile(draws, [0.025, 0.975]), atol=0.006)
    assert 0.03 < high - low < 0.07
