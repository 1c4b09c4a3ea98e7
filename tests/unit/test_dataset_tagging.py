"""Multi-label data sets in the layout of FSDKaggle2019."""

from pathlib import Path

import pytest
from data_layouts import write_sound, write_tagging

from asc_kit.dataset import TEST_SPLITS, TRAIN_SPLITS, Layout, find_layout, read_dataset
from asc_kit.errors import DataError

CURATED = {"a.wav": "Bark", "b.wav": "Slam,Walk", "c.wav": "Walk"}
TABLES = {"train_curated": CURATED, "test": {"d.wav": "Bark,Slam"}}


def test_every_table_is_a_split_and_labels_are_sorted(tmp_path: Path) -> None:
    dataset = read_dataset(write_tagging(tmp_path, TABLES))
    assert find_layout(tmp_path) is Layout.TAGGING and dataset.task == "multi_label"
    assert dataset.labels == ("Bark", "Slam", "Walk") and set(dataset.split_names) == {"train_curated", "test"}
    train, test = dataset.split(*TRAIN_SPLITS), dataset.split(*TEST_SPLITS)
    assert (train.split_name, test.split_name) == ("train_curated", "test")
    assert [clip.labels for clip in train.clips] == [("Bark",), ("Slam", "Walk"), ("Walk",)]
    assert train.clips[1].scene_label == "Slam,Walk" and train.labels == dataset.labels
    assert all(train.path(clip).is_file() for clip in train.clips)
    assert len(dataset.clips) == 4 and train.data_id != test.data_id


def test_the_files_of_zenodo_are_found_under_their_own_names(tmp_path: Path) -> None:
    tables = {f"FSDKaggle2019.meta/{name}_post_competition": rows for name, rows in TABLES.items()}
    audio = {
        f"FSDKaggle2019.meta/{name}_post_competition": f"FSDKaggle2019.audio_{name}" for name in TABLES
    }  # fmt: skip
    dataset = read_dataset(write_tagging(tmp_path, tables, audio))
    assert set(dataset.split_names) == {"train_curated", "test"}
    (clip,) = dataset.split("test_post_competition").clips
    assert clip.filename == "FSDKaggle2019.audio_test/d.wav" and dataset.path(clip).is_file()


@pytest.mark.parametrize("folder", ["audio", ".", "train_curated"])
def test_recordings_lie_where_people_put_them(tmp_path: Path, folder: str) -> None:
    dataset = read_dataset(write_tagging(tmp_path, {"train_curated": CURATED}, {"train_curated": folder}))
    assert all(dataset.path(clip).is_file() for clip in dataset.split("train_curated").clips)


def test_a_held_out_table_uses_the_recordings_of_the_table_it_was_cut_from(tmp_path: Path) -> None:
    write_tagging(tmp_path, TABLES)
    (tmp_path / "train_curated.csv").write_text("fname,labels\na.wav,Bark\n")
    (tmp_path / "validation.csv").write_text('fname,labels\nb.wav,"Slam,Walk"\nc.wav,Walk\n')
    (tmp_path / "test.csv").unlink()
    dataset = read_dataset(tmp_path)
    assert dataset.split(*TEST_SPLITS).split_name == "validation"
    assert [clip.filename for clip in dataset.split("validation").clips] == [
        "train_curated/b.wav",
        "train_curated/c.wav",
    ]


def test_other_columns_and_other_tables_are_passed_over(tmp_path: Path) -> None:
    write_tagging(tmp_path, TABLES)
    (tmp_path / "test.csv").write_text('license,fname,usage,labels\nCC0,d.wav,Public," Slam, Bark,Slam"\n')
    (tmp_path / "sample_submission.csv").write_text("fname,Bark,Slam\nd.wav,0,0\n")
    dataset = read_dataset(tmp_path)
    assert dataset.split("test").clips[0].labels == ("Slam", "Bark")
    assert "sample_submission" not in dataset.split_names


def test_an_incomplete_copy_can_be_used_as_far_as_it_goes(tmp_path: Path) -> None:
    write_tagging(tmp_path, {**TABLES, "train_noisy": {"n.wav": "Bark"}})
    (tmp_path / "train_noisy" / "n.wav").unlink()
    dataset = read_dataset(tmp_path)
    assert len(dataset.split("train_curated").clips) == 3
    with pytest.raises(DataError, match=r"1 of 1 recordings of .*train_noisy\.csv do not exist, n\.wav") as failure:
        dataset.split("train_noisy")
    hint = failure.value.hint or ""
    assert all(str(tmp_path / name) in hint for name in ("train_noisy", "FSDKaggle2019.audio_train_noisy", "audio"))


def test_a_table_without_labels_cannot_be_evaluated_and_hides_no_other(tmp_path: Path) -> None:
    write_tagging(tmp_path, {**TABLES, "validation": {"e.wav": "Walk"}})
    (tmp_path / "test.csv").write_text("fname,labels\nd.wav,\n")
    dataset = read_dataset(tmp_path)
    with pytest.raises(DataError, match="has no labels") as failure:
        dataset.split("test")
    assert "asc-kit predict" in (failure.value.hint or "")
    assert dataset.split(*TEST_SPLITS).split_name == "validation"


def test_a_class_map_gives_the_order(tmp_path: Path) -> None:
    write_tagging(tmp_path, TABLES)
    (tmp_path / "class_map.csv").write_text("0,Walk\n1,Zipper_(clothing)\n2,Slam\n3,Bark\n")
    assert read_dataset(tmp_path).labels == ("Walk", "Zipper_(clothing)", "Slam", "Bark")
    (tmp_path / "class_map.csv").write_text("0,Walk\n1,Slamming\n2,Bark\n")
    with pytest.raises(DataError, match=r"line \d: label 'Slam' is not in .*; nearest: Slamming"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("fname,labels\na.wav,Bark\na.wav,Bark\n", "line 3: a.wav stands there twice"),
        ("fname,labels\na.wav,Bark\nb.wav,\n", "line 3"),
        ('fname,labels\na.wav,","\n', "line 2: a.wav has no label"),
        ("fname,labels\na.wav,Slam,Walk\n", "line 2"),
        ('fname,labels\na.wav,"Slam\n', "cannot be read"),
        ("fname,labels\n", "name no clips"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, table: str, says: str) -> None:
    write_sound(tmp_path / "train_curated" / "a.wav")
    (tmp_path / "train_curated.csv").write_text(table)
    with pytest.raises(DataError, match=says):
        read_dataset(tmp_path)


def test_tables_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    write_tagging(tmp_path, TABLES)
    (tmp_path / "validation.csv").write_text("fname,labels\na.wav,Slam\n")
    with pytest.raises(DataError, match="a.wav is labelled 'Slam', but 'Bark' in another table"):
        read_dataset(tmp_path)


def test_a_split_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    write_tagging(tmp_path, {**TABLES, "test_post_competition": {"d.wav": "Bark,Slam"}})
    with pytest.raises(DataError, match="split test of .* is there twice"):
        read_dataset(tmp_path)


def test_a_split_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no split train_noisy") as failure:
        read_dataset(write_tagging(tmp_path, TABLES)).split("train_noisy")
    assert "train_curated" in (failure.value.hint or "")


def test_an_equal_name_in_another_tables_folder_is_another_recording(tmp_path: Path) -> None:
    write_tagging(tmp_path, {"train": {"1.wav": "Bark", "2.wav": "Slam"}, "test": {"1.wav": "Slam"}})
    (tmp_path / "train" / "1.wav").unlink()
    with pytest.raises(DataError, match=r"1 of 2 recordings of .*train\.csv do not exist, 1\.wav"):
        read_dataset(tmp_path).split("train")
    (tmp_path / "validation.csv").write_text("fname,labels\n2.wav,Slam\n")
    assert read_dataset(tmp_path).split("validation").clips[0].filename == "train/2.wav"
    write_sound(tmp_path / "test" / "2.wav")
    with pytest.raises(DataError, match=r"2\.wav is in several folders: test/2\.wav, train/2\.wav"):
        read_dataset(tmp_path)
