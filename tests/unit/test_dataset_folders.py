"""Data sets without tables: a folder per class."""

from pathlib import Path

import pytest
from data_layouts import write_sound
from hypothesis import given
from hypothesis import strategies as st

from asc_kit.dataset import TEST_SPLITS, TRAIN_SPLITS, Clip, Layout, find_layout, read_dataset
from asc_kit.dataset.folders import hash_split
from asc_kit.errors import DataError


def clip(name: str, label: str) -> Clip:
    return Clip(filename=name, labels=(label,), identifier=name, recording_device="unknown")


def write(root: Path, *names: str) -> Path:
    for name in names:
        write_sound(root / name)
    return root


def test_folders_are_classes_and_may_be_nested(tmp_path: Path) -> None:
    root = write(tmp_path, "dog/1.wav", "dog/far/2.FLAC", "cat/1.wav", "cat/2.flac", "cat/3.wav")
    (root / "dog" / "notes.txt").write_text("not audio")
    (root / "dog" / "._1.wav").write_text("left by another system")
    write(root, "_background_noise_/hum.wav", ".trash/old.wav")
    dataset = read_dataset(root)
    assert find_layout(root) is Layout.FOLDERS and dataset.task == "single_label" and dataset.labels == ("cat", "dog")
    assert [c.filename for c in dataset.clips] == [
        "cat/1.wav",
        "cat/2.flac",
        "cat/3.wav",
        "dog/1.wav",
        "dog/far/2.FLAC",
    ]
    assert {(c.identifier, c.recording_device) for c in dataset.clips} == {(n, "unknown") for n in "123"}


def test_folders_train_and_test_are_splits(tmp_path: Path) -> None:
    write(tmp_path, "train/dog/1.wav", "train/cat/1.wav", "test/dog/9.wav", "validation/cat/7.wav")
    (tmp_path / "extra" / "notes").mkdir(parents=True)
    dataset = read_dataset(tmp_path)
    assert dataset.split_names == ("test", "train", "validation") and dataset.labels == ("cat", "dog")
    assert [c.filename for c in dataset.split(*TEST_SPLITS).clips] == ["test/dog/9.wav"]
    assert [c.scene_label for c in dataset.split(*TRAIN_SPLITS).clips] == ["cat", "dog"]


def test_train_may_be_a_scene(tmp_path: Path) -> None:
    root = write(tmp_path, "train/1.wav", "train/2.wav", "bus/1.wav", "bus/2.wav")
    assert read_dataset(root).labels == ("bus", "train")


def test_without_splits_every_class_is_on_both_sides(tmp_path: Path) -> None:
    names = [f"{label}/{index}.wav" for label, count in (("dog", 2), ("cat", 10)) for index in range(count)]
    dataset = read_dataset(write(tmp_path, *names))
    train, test = dataset.split(*TRAIN_SPLITS), dataset.split(*TEST_SPLITS)
    assert {c.filename for c in train.clips} | {c.filename for c in test.clips} == set(names)
    assert [sorted(c.scene_label for c in s.clips).count("cat") for s in (train, test)] == [8, 2]
    assert [sorted(c.scene_label for c in s.clips).count("dog") for s in (train, test)] == [1, 1]


def test_one_recording_of_a_class_cannot_be_divided(tmp_path: Path) -> None:
    dataset = read_dataset(write(tmp_path, "dog/1.wav", "cat/1.wav", "cat/2.wav"))
    assert len(dataset.clips) == 3
    with pytest.raises(DataError, match="one recording alone of dog"):
        dataset.split("train")


@given(
    st.dictionaries(st.sampled_from("abc"), st.sets(st.integers(0, 999), min_size=2, max_size=40), min_size=1),
    st.randoms(use_true_random=False),
)
def test_the_division_depends_on_names_alone(numbers: dict[str, set[int]], random: object) -> None:
    clips = [clip(f"{label}/{n}.wav", label) for label, ns in numbers.items() for n in ns]
    first = hash_split(clips)
    shuffled = list(clips)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    second = hash_split(shuffled)
    assert {name: set(side) for name, side in first.items()} == {name: set(side) for name, side in second.items()}
    assert set(first["train"]) | set(first["test"]) == set(clips) and not set(first["train"]) & set(first["test"])
    for label, ns in numbers.items():
        n_test = sum(c.scene_label == label for c in first["test"])
        assert 1 <= n_test < len(ns) and abs(n_test - 0.2 * len(ns)) <= 0.6


@given(st.sets(st.integers(0, 999), min_size=3, max_size=60))
def test_a_clip_that_is_added_moves_at_most_one_other(numbers: set[int]) -> None:
    clips = [clip(f"a/{n}.wav", "a") for n in sorted(numbers)]
    with_new, without = hash_split(clips), hash_split(clips[1:])
    moved = set(without["test"]) ^ (set(with_new["test"]) - {clips[0]})
    assert len(moved) <= 1


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("audio/1.wav", "audio/2.wav"),  # TAU without its meta.csv
        ("train_curated/1.wav", "test/2.wav"),  # FSDKaggle2019 without its tables
        ("train/dog/1.wav", "train/cat/1.wav"),  # half a data set
        ("1.wav", "2.wav"),
    ],
)
def test_a_folder_of_no_layout_lists_the_three(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match=r"has no meta\.csv") as failure:
        read_dataset(write(tmp_path, *names))
    hint = failure.value.hint or ""
    assert "meta.csv" in hint and "fname,labels" in hint and "per class" in hint


def test_a_class_map_orders_folders(tmp_path: Path) -> None:
    root = write(tmp_path, "dog/1.wav", "dog/2.wav", "cat/1.wav", "cat/2.wav")
    (root / "class_map.csv").write_text("0,dog\n1,cat\n")
    assert read_dataset(root).labels == ("dog", "cat")
    (root / "class_map.csv").write_text("0,dog\n1,cow\n")
    with pytest.raises(DataError, match="label 'cat' is not in"):
        read_dataset(root)
