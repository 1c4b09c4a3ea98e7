"""A few seconds of what `make fuzz` does for minutes; always the same damage."""

from __future__ import annotations

from collections import Counter

import numpy as np
from damaged_models import corpus, damage_bytes, damage_meaning, judge, memory_cap

N = 200


def test_whole_models_are_compiled() -> None:
    assert {judge(model) for model in corpus()} == {"compiled"}


def test_damaged_bytes_are_refused_in_words() -> None:
    models, seen = corpus(), Counter[str]()
    with memory_cap():
        for number in range(N):
            rng = np.random.default_rng([1, number])
            seen[judge(damage_bytes(models[rng.integers(len(models))], rng))] += 1
    assert seen["refused"] > N / 4 and seen["compiled"] > 0


def test_damaged_tables_are_refused_in_words() -> None:
    models, seen = corpus(), Counter[str]()
    with memory_cap():
        for number in range(N):
            rng = np.random.default_rng([2, number])
            seen[judge(damage_meaning(models[rng.integers(len(models))], rng))] += 1
    assert seen["refused"] > N / 4 and seen["compiled"] > 0
