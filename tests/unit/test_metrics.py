import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix
from sklearn.metrics import recall_score

from asc_kit.metrics import confusion_matrix, group_accuracy, macro_accuracy, subset_accuracy

LABELS = ("bus", "park", "tram")


@given(st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=50))
def test_against_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    true, predicted = (list(column) for column in zip(*pairs, strict=True))
    expected = sklearn_confusion_matrix(true, predicted, labels=LABELS)
    assert np.array_equal(confusion_matrix(LABELS, true, predicted), expected)
    present = sorted(set(true))
    recall = recall_score(true, predicted, labels=present, average="macro")
    np.testing.assert_allclose(macro_accuracy(true, [t == p for t, p in pairs]), recall)


def test_groups_count_their_own_clips() -> None:
    devices, correct = ["b", "a", "b", "b"], [True, False, False, True]
    a, b = group_accuracy(devices, correct)
    assert (a.name, a.clips, a.correct, a.accuracy) == ("a", 1, 0, 0.0)
    assert (b.name, b.clips, b.correct, b.accuracy) == ("b", 3, 2, 2 / 3)
    assert subset_accuracy("seen", [False] * 4, correct) is None
    seen = subset_accuracy("seen", [d == "b" for d in devices], correct)
    assert seen is not None and (seen.clips, seen.correct) == (3, 2)
