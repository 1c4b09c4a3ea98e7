"""The reader of TAU's layout: what it takes, and what it says about what it does not take."""

from pathlib import Path

import pytest

from asc_kit.dataset import TEST_SPLITS, TRAIN_SPLITS, read_dataset
from asc_kit.errors import DataError

META = (
    "filename\tscene_label\tidentifier\tsource_label\n"
    "audio/p1.wav\tpark\tlyon-1\ta\n"
    "audio/t1.wav\ttram\tlyon-2\tb\n"
    "audio/p2.wav\tpark\toslo-3\ts4\n"
)


def write(root: Path, meta: str | bytes = META, **splits: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "meta.csv").write_bytes(meta if isinstance(meta, bytes) else meta.encode())
    for name, text in splits.items():
        (root / f"{name}.csv").write_text(text)
    return root


def test_labels_and_recording_devices_come_from_the_table(tmp_path: Path) -> None:
    dataset = read_dataset(write(tmp_path))
    assert dataset.labels == ("park", "tram")
    assert dataset.recording_devices == ("a", "b", "s4")
    assert [clip.filename for clip in dataset.clips] == ["audio/p1.wav", "audio/t1.wav", "audio/p2.wav"]
    assert dataset.clips[2].identifier == "oslo-3"
    assert dataset.path(dataset.clips[0]) == tmp_path / "audio/p1.wav"


def test_columns_may_stand_in_any_order_with_more_beside_them(tmp_path: Path) -> None:
    meta = "source_label\tnote\tfilename\tidentifier\tscene_label\r\na\tx\tone.wav\tlyon-1\tpark\r\n"
    (clip,) = read_dataset(write(tmp_path, b"\xef\xbb\xbf" + meta.encode())).clips
    assert (clip.filename, clip.scene_label, clip.recording_device) == ("one.wav", "park", "a")


def test_a_split_keeps_the_classes_of_the_whole(tmp_path: Path) -> None:
    root = write(tmp_path, test="filename\tscene_label\naudio/p2.wav\tpark\n")
    split = read_dataset(root).split(*TEST_SPLITS)
    assert split.labels == ("park", "tram") and split.split_name == "test"
    assert [clip.recording_device for clip in split.clips] == ["s4"]


def test_the_first_split_that_exists_is_taken(tmp_path: Path) -> None:
    header = "filename\tscene_label\n"
    root = write(tmp_path, split100=header + "audio/p1.wav\tpark\n")
    (root / "evaluation_setup").mkdir()
    (root / "evaluation_setup" / "fold1_train.csv").write_text(header + "audio/t1.wav\ttram\n")
    dataset = read_dataset(root)
    assert dataset.split(*TRAIN_SPLITS).split_name == "split100"
    assert dataset.split("fold1_train").clips[0].filename == "audio/t1.wav"
    assert dataset.split("evaluation_setup/fold1_train.csv").clips[0].filename == "audio/t1.wav"


def test_fingerprint_follows_names_labels_and_sizes(tmp_path: Path) -> None:
    root = write(tmp_path)
    (root / "audio").mkdir()
    for name in ("p1", "t1", "p2"):
        (root / "audio" / f"{name}.wav").write_bytes(b"1234")
    first = read_dataset(root).data_id
    assert read_dataset(root).data_id == first and len(first) == 16
    (root / "audio" / "p1.wav").write_bytes(b"12345")
    assert read_dataset(root).data_id != first


@pytest.mark.parametrize(
    ("meta", "says"),
    [
        ("", "an empty file"),
        ("filename,scene_label,identifier,source_label\na.wav,park,lyon-1,a\n", "TAB-separated"),
        ("filename\tlabel\tidentifier\na.wav\tpark\tlyon-1\n", "scene_label"),
        ("filename\tscene_label\tidentifier\tsource_label\n", "names no clips"),
        (META + "audio/p1.wav\tpark\tlyon-1\ta\n", "line 5: audio/p1.wav stands there twice"),
        (META + "audio/p9.wav\tpark\n", "line 5"),
        (META + "audio/p9.wav\t\tlyon-1\ta\n", "line 5"),
        (b"\xff\xfe\x00\x01", "cannot be read"),
    ],
)
def test_a_broken_table_is_refused(tmp_path: Path, meta: str | bytes, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_dataset(write(tmp_path, meta))


def test_a_folder_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist") as missing:
        read_dataset(tmp_path / "nowhere")
    assert "data synth" in (missing.value.hint or "")
    with pytest.raises(DataError, match=r"has no meta\.csv"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("split", "says"),
    [
        ("filename\tscene_label\naudio/p1.wav\tbeach\n", "line 2: unknown label 'beach'"),
        ("filename\tscene_label\naudio/zz.wav\tpark\n", "audio/zz.wav is not in meta.csv"),
        ("filename\tscene_label\naudio/p1.wav\ttram\n", "is labelled 'tram', but 'park' in meta.csv"),
        ("filename\tscene_label\n" + 2 * "audio/p1.wav\tpark\n", "line 3: audio/p1.wav stands there twice"),
        ("filename\tscene_label\n", "names no clips"),
        ("filename\naudio/p1.wav\n", "scene_label"),
    ],
)
def test_a_broken_split_is_refused(tmp_path: Path, split: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_dataset(write(tmp_path, test=split)).split("test")


def test_a_missing_split_names_those_that_are_there(tmp_path: Path) -> None:
    root = write(tmp_path, split5="filename\tscene_label\naudio/p1.wav\tpark\n")
    with pytest.raises(DataError, match=r"no split file test\.csv") as missing:
        read_dataset(root).split("test")
    assert "split5" in (missing.value.hint or "")
