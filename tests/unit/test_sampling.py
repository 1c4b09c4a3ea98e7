"""--limit: a sample that stands for the whole, the same one every time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asc_kit.dataset import Clip, Dataset
from asc_kit.recordings.sampling import proportional


def a_dataset(counts: dict[tuple[str, str], int]) -> Dataset:
    clips = tuple(
        Clip(filename=f"{scene}-{device}-{n}.wav", labels=(scene,), identifier="x", recording_device=device)
        for (scene, device), count in counts.items()
        for n in range(count)
    )
    return Dataset(root=Path("nowhere"), labels=tuple(sorted({c.scene_label for c in clips})), clips=clips)


TAU = a_dataset({(scene, device): 12 for scene in "klmnopqrst" for device in ("a", "b", "c", "s1", "s4", "s5")})


@pytest.mark.parametrize("n", [10, 30, 60, 100])
def test_shares_are_even(n: int) -> None:
    chosen = proportional(TAU, n).clips
    assert len(chosen) == n
    scenes = Counter(clip.scene_label for clip in chosen)
    devices = Counter(clip.recording_device for clip in chosen)
    assert len(scenes) == 10 and max(scenes.values()) - min(scenes.values()) <= 1
    assert len(devices) == 6 and max(devices.values()) - min(devices.values()) <= 1


def test_uneven_data_keeps_its_shares() -> None:
    data = a_dataset({("park", "a"): 60, ("park", "b"): 20, ("bus", "a"): 15, ("bus", "b"): 5})
    chosen = proportional(data, 20).clips
    assert Counter((c.scene_label, c.recording_device) for c in chosen) == {
        ("park", "a"): 12,
        ("park", "b"): 4,
        ("bus", "a"): 3,
        ("bus", "b"): 1,
    }


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("xyz"), st.sampled_from("ab")), st.integers(1, 9), min_size=1, max_size=6
    ),
    st.integers(1, 60),
)
def test_any_data_any_number(counts: dict[tuple[str, str], int], n: int) -> None:
    data = a_dataset(counts)
    chosen = proportional(data, n)
    assert len(chosen.clips) == min(n, len(data.clips)) == len(set(chosen.clips))
    order = {clip: index for index, clip in enumerate(data.clips)}
    assert [order[clip] for clip in chosen.clips] == sorted(order[clip] for clip in chosen.clips)
    assert chosen == proportional(data, n)


def test_it_is_not_the_first_ones_and_does_not_depend_on_the_order_of_the_table() -> None:
    chosen = proportional(TAU, 60).clips
    assert any(not clip.filename.endswith("-0.wav") for clip in chosen)
    backwards = Dataset(root=TAU.root, labels=TAU.labels, clips=TAU.clips[::-1])
    assert set(proportional(backwards, 60).clips) == set(chosen)
