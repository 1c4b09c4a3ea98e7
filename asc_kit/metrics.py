"""Accuracy, overall and by group. Classes and groups come from the data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asc_kit.result import Group

OutputActivation = Literal["logits", "softmax", "sigmoid"]


def probabilities(outputs: NDArray[np.float64], activation: OutputActivation) -> NDArray[np.float64]:
    """Turn a network's outputs, shape [..., n_labels], into probabilities.

    Logits go through a softmax; softmax outputs, which int8 rounds, are scaled to the sum 1; sigmoid outputs are
    probabilities already, each class by itself.
    """
    if activation == "sigmoid":
        return outputs
    if activation == "softmax":
        return np.asarray(outputs / outputs.sum(axis=-1, keepdims=True))
    powers = np.exp(outputs - outputs.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def group_accuracy(names: Sequence[str], correct: Sequence[bool]) -> tuple[Group, ...]:
    """Count clips and right answers by the name that stands beside each, names sorted."""
    groups = []
    for name in sorted(set(names)):
        hits = [hit for other, hit in zip(names, correct, strict=True) if other == name]
        groups.append(_group(name, hits))
    return tuple(groups)


def subset_accuracy(name: str, members: Iterable[bool], correct: Sequence[bool]) -> Group | None:
    """Count the clips that are members of a subset; None when there are none."""
    hits = [hit for member, hit in zip(members, correct, strict=True) if member]
    return _group(name, hits) if hits else None


def macro_accuracy(labels: Sequence[str], correct: Sequence[bool]) -> float:
    """Return the mean over the classes present in `labels` of the share classified rightly, 0 to 1."""
    return float(np.mean([group.accuracy for group in group_accuracy(labels, correct)]))


def confusion_matrix(labels: Sequence[str], true: Sequence[str], predicted: Sequence[str]) -> list[list[int]]:
    """Count clips by true class (row) and predicted class (column), both in the order of `labels`."""
    position = {label: index for index, label in enumerate(labels)}
    matrix = [[0] * len(labels) for _ in labels]
    for row, column in zip(true, predicted, strict=True):
        matrix[position[row]][position[column]] += 1
    return matrix


def _group(name: str, hits: Sequence[bool]) -> Group:
    return Group(name=name, clips=len(hits), correct=sum(hits), accuracy=sum(hits) / len(hits))
