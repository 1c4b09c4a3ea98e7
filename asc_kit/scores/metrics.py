"""Figures of merit on plain arrays. Classes and groups come from the data; records of them are in `evaluation`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

OutputActivation = Literal["logits", "label_logits", "softmax", "sigmoid"]

PROBABILITY_FLOOR = 1e-15
"""Probabilities are clipped to [floor, 1 - floor] before a logarithm; a certain mistake then costs 34.5 nats.

int8 has probabilities of 0; without a floor one such clip would make the mean infinite."""
CALIBRATION_BINS = 15
"""Number of bins of the expected calibration error, as in Guo et al. (2017)."""
Z_95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""


def probabilities(outputs: NDArray[np.float64], activation: OutputActivation) -> NDArray[np.float64]:
    """Turn a network's outputs, shape [..., n_labels], into probabilities.

    Logits go through a softmax; logits of labels, each by itself, through a sigmoid; softmax outputs, which int8
    rounds, are scaled to the sum 1; sigmoid outputs are probabilities already, each label by itself.
    """
    if activation == "label_logits":
        # 1 / (1 + exp(-x)), without an overflow
        return np.asarray(np.exp(-np.logaddexp(0.0, -outputs)))
    if activation == "sigmoid":
        return outputs
    if activation == "softmax":
        return np.asarray(outputs / outputs.sum(axis=-1, keepdims=True))
    powers = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def log_losses(scores: NDArray[np.float64], truth: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the multi-class log loss of each clip: -ln of the probability of its class, in nats.

    Parameters
    ----------
    scores
        Probabilities, shape [n_clips, n_labels].
    truth
        Index of each clip's class, shape [n_clips].
    """
    of_truth = scores[np.arange(len(truth)), truth]
    return -np.log(np.clip(of_truth, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR))


def binary_log_losses(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return each clip's binary cross-entropy, the mean over the labels of -ln of the right answer's probability.

    Parameters
    ----------
    scores, truth
        Probabilities and whether the clip has the label, shape [n_clips, n_labels].
    """
    right = np.where(truth, scores, 1 - scores)
    return np.asarray(-np.log(np.clip(right, PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)).mean(axis=1))


def confusion_matrix(n_labels: int, truth: NDArray[np.intp], predicted: NDArray[np.intp]) -> NDArray[np.int64]:
    """Count clips by true class (row) and predicted class (column): shape [n_labels, n_labels]."""
    counts = np.bincount(truth * n_labels + predicted, minlength=n_labels**2)
    return np.asarray(counts.reshape(n_labels, n_labels), np.int64)


def calibration(scores: NDArray[np.float64], correct: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Compare the confidence of a model with its share of right answers.

    Clips are sorted by confidence, the probability of the likeliest class, into CALIBRATION_BINS bins of equal
    width; bin b is (b / B, (b + 1) / B].

    Returns
    -------
    NDArray[np.float64]
        Shape [CALIBRATION_BINS, 3]: number of clips, mean confidence, share classified rightly; zeros in an empty bin.

    Notes
    -----
    Source: Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks (ICML 2017).
    """
    confidence = scores.max(axis=1)
    bins = np.clip(np.ceil(confidence * CALIBRATION_BINS).astype(np.intp) - 1, 0, CALIBRATION_BINS - 1)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS).astype(np.float64)
    sums = [np.bincount(bins, weights, CALIBRATION_BINS) for weights in (confidence, correct)]
    return np.stack([counts, *(total / np.maximum(counts, 1) for total in sums)], axis=1)


def expected_calibration_error(bins: NDArray[np.float64]) -> float:
    """Return the ECE of the result of `calibration`: sum over bins of n_b / n * |share right - mean confidence|."""
    counts, confidence, right = bins.T
    return float(np.sum(counts * np.abs(right - confidence)) / counts.sum())


def wilson_interval(correct: int, clips: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share: the score interval of Wilson (1927).

    Formula: (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n) with p = correct / clips. Clips count as independent.
    """
    share, spread = correct / clips, Z_95**2 / clips
    centre = (share + spread / 2) / (1 + spread)
    half = Z_95 * np.sqrt(share * (1 - share) / clips + spread / (4 * clips)) / (1 + spread)
    # at 0 and 1 the formula gives the end exactly, but for rounding
    lower = 0.0 if correct == 0 else float(centre - half)
    upper = 1.0 if correct == clips else float(centre + half)
    return max(0.0, lower), min(1.0, upper)


def macro_interval(correct: Sequence[int], clips: Sequence[int]) -> tuple[float, float]:
    """Return the 95 % confidence interval of the mean of the classes' shares.

    Formula: with m classes, x_k of n_k clips right and p_k = (x_k + 2/m) / (n_k + 4/m), the interval is
    mean(p_k) ± z / m * sqrt(sum p_k (1 - p_k) / (n_k + 4/m)), cut to [0, 1]. The normal approximation of a mean of
    binomials, with four made-up clips spread over the classes so that it does not vanish where all are right.

    Source: Price and Bonett: An improved confidence interval for a linear function of binomial proportions
    (Computational Statistics & Data Analysis 45, 2004).
    """
    m = len(clips)
    sizes = np.asarray(clips, np.float64) + 4 / m
    shares = (np.asarray(correct, np.float64) + 2 / m) / sizes
    half = Z_95 / m * float(np.sqrt(np.sum(shares * (1 - shares) / sizes)))
    centre = float(shares.mean())
    return max(0.0, centre - half), min(1.0, centre + half)


def label_precisions(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return, for each label of a clip, the share of right labels among the labels ranked at least as high.

    Formula: precision(i, c) = |{j in truth(i): s_j >= s_c}| / |{j: s_j >= s_c}|. Of labels with equal scores, which
    int8 often gives, each is ranked behind the others: ties never help.

    Parameters
    ----------
    scores, truth
        Scores and whether the clip has the label, shape [n_clips, n_labels].

    Returns
    -------
    NDArray[np.float64]
        Shape [n_clips, n_labels]; NaN where the clip does not have the label.
    """
    precision = np.full(scores.shape, np.nan)
    for row, (clip_scores, clip_truth) in enumerate(zip(scores, truth, strict=True)):
        at_least = clip_scores >= clip_scores[clip_truth][:, np.newaxis]
        precision[row, clip_truth] = at_least[:, clip_truth].sum(axis=1) / at_least.sum(axis=1)
    return precision


def lwlrap(precisions: NDArray[np.float64]) -> float:
    """Return the label-weighted label-ranking average precision of what `label_precisions` gives, 0 to 1.

    Formula: the mean of precision(i, c) over all pairs of a clip i and a label c that it has. Every label counts the
    same, wherever it stands, so a clip with three labels counts three times. It is also the mean of the classes'
    own lwlrap (the mean of a column) weighted with their shares of the labels.

    Source: task 2 of DCASE 2019, "Audio tagging with noisy labels and minimal supervision".
    """
    return float(np.nanmean(precisions))


def lwlrap_interval(precisions: NDArray[np.float64]) -> tuple[float, float]:
    """Return a 95 % confidence interval of lwlrap, cut to [0, 1]; clips count as independent.

    Formula: lwlrap is a ratio of two sums over clips, precisions by labels: L = sum r_i / sum n_i, r_i the sum of a
    clip's precisions, n_i the number of its labels. Its variance to first order is sum (r_i - L n_i)² / (sum n_i)²,
    and the interval L ± z * sqrt(variance). As in `macro_interval`, four made-up clips keep it from vanishing where
    all is right: of one label each, two ranked first, two last.
    """
    labels = np.append(np.sum(~np.isnan(precisions), axis=1), [1, 1, 1, 1])
    sums = np.append(np.nansum(precisions, axis=1), [1, 1, 0, 0])
    centre = float(sums.sum() / labels.sum())
    half = Z_95 * float(np.sqrt(np.sum((sums - centre * labels) ** 2)) / labels.sum())
    return max(0.0, centre - half), min(1.0, centre + half)
