"""The reader of TAU's layout: what it takes, and what it says about what it does not take."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asc_kit.dataset import TEST_SPLITS, TRAIN_SPLITS, read_dataset, test_split_for
from asc_kit.dataset.class_map import read_class_map
from asc_kit.dataset.pins import PinnedFile, Pins
from asc_kit.dataset.tau import parse_name
from asc_kit.errors import DataError
from asc_kit.records.record import sha256_file, write_json
from asc_kit.scores.evaluation import check_labels
from asc_kit.train.synth.layout import SynthSpec, plan_clips

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


def test_one_class_to_a_clip_serves_models_of_many_labels_too(tmp_path: Path) -> None:
    dataset = read_dataset(write(tmp_path, test="filename\tscene_label\naudio/p2.wav\tpark\n"))
    tags = dataset.for_task("multi_label")
    assert (dataset.task, tags.task, tags.split("test").task) == ("single_label", "multi_label", "multi_label")
    assert (tags.clips, tags.data_id) == (dataset.clips, dataset.data_id)
    check_labels(tags.split("test"), dataset.labels, "multi_label")
    # the other way round some clips would lose labels
    with pytest.raises(DataError, match="any number of labels"):
        check_labels(tags.for_task("single_label"), dataset.labels, "single_label")


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
    (tmp_path / "meta.csv").write_text("")
    with pytest.raises(DataError, match="is a file"):
        read_dataset(tmp_path / "meta.csv")


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


def test_a_missing_official_split_names_the_command_that_brings_it(tmp_path: Path) -> None:
    dataset = read_dataset(write(tmp_path))
    with pytest.raises(DataError) as missing:
        dataset.split("split25")
    assert f"asc-kit data splits --data {tmp_path}" in (missing.value.hint or "")
    with pytest.raises(DataError) as missing:
        dataset.split("mine")
    assert "data splits" not in (missing.value.hint or "")


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("fold2_train", ("evaluation_setup/fold2_evaluate", "evaluation_setup/fold2_test")),
        ("evaluation_setup/fold12_train.csv", ("evaluation_setup/fold12_evaluate", "evaluation_setup/fold12_test")),
        ("split25", TEST_SPLITS),
        ("train", TEST_SPLITS),
        ("fold2_evaluate", TEST_SPLITS),
        (None, TEST_SPLITS),
    ],
)
def test_a_fold_is_tested_on_its_own_half(train: str | None, test: tuple[str, ...]) -> None:
    assert test_split_for(train) == test


@pytest.mark.parametrize(
    ("filename", "identifier", "device"),
    [
        ("audio/airport-lisbon-1000-40000-0-s1.wav", "lisbon-1000", "s1"),  # 2022: one second
        ("audio/airport-lisbon-1000-40000-b.wav", "lisbon-1000", "b"),  # 2019, 2020: ten seconds
        ("audio/mine.wav", "mine", "unknown"),
    ],
)
def test_columns_that_a_year_lacks_come_from_the_names(
    tmp_path: Path, filename: str, identifier: str, device: str
) -> None:
    (clip,) = read_dataset(write(tmp_path, f"filename\tscene_label\n{filename}\tairport\n")).clips
    assert (clip.identifier, clip.recording_device) == (identifier, device)
    meta = f"filename\tscene_label\tidentifier\n{filename}\tairport\toslo-7\n"
    (clip,) = read_dataset(write(tmp_path, meta)).clips
    assert (clip.identifier, clip.recording_device) == ("oslo-7", device)


def test_a_name_of_tau_says_segment_and_part() -> None:
    name = parse_name("audio/street_traffic-lyon-1094-42444-7-s3.wav")
    assert name is not None and (name.scene, name.part, name.segment) == (
        "street_traffic",
        "7",
        "street_traffic-lyon-1094-42444",
    )
    other = parse_name("street_traffic-lyon-1094-42444-8-a.wav")
    assert other is not None and other.segment == name.segment and other.recording != name.recording
    assert parse_name("0_george_1.wav") is None and parse_name("airport-lisbon-x-1-a.wav") is None


def test_a_verified_split_that_changed_is_refused(tmp_path: Path) -> None:
    root = write(tmp_path, test="filename\tscene_label\naudio/p1.wav\tpark\n")
    pin = PinnedFile(sha256=sha256_file(root / "test.csv"), clips=1, source="local")
    write_json(root / "splits.json", Pins(files={"test.csv": pin}))
    assert len(read_dataset(root).split("test").clips) == 1
    with (root / "test.csv").open("a") as stream:
        stream.write("audio/t1.wav\ttram\n")
    with pytest.raises(DataError, match="not the file that was verified"):
        read_dataset(root).split("test")


def test_a_class_map_gives_the_order_and_may_name_more(tmp_path: Path) -> None:
    root = write(tmp_path / "data", test="filename\tscene_label\naudio/p1.wav\tpark\n")
    given = tmp_path / "map.csv"
    given.write_text("index,class\n0,tram\n2,beach\n1,park\n")
    assert read_dataset(root, given).labels == ("tram", "park", "beach")
    assert read_dataset(root, given).split("test").labels == ("tram", "park", "beach")
    (root / "class_map.csv").write_text("0,tram\n1,park\n")
    assert read_dataset(root).labels == ("tram", "park")
    assert "class_map" not in read_dataset(root).split_names


@pytest.mark.parametrize(
    ("class_map", "says"),
    [
        ("0,tram\n1,parc\n", r"meta\.csv, line 2: label 'park' is not in .*nearest: parc"),
        ("0,tram\n2,park\n", "without a gap"),
        ("0,tram\n0,park\n", "line 2: .*twice"),
        ("0,tram\n1,tram\n", "line 2: .*twice"),
        ("0,tram\none,park\n", "line 2: expected index,name"),
        ("0,tram\n1,\n", "line 2: expected index,name"),
        ("index,name\n", "without a gap"),
        ("", "without a gap"),
    ],
)
def test_a_class_map_that_does_not_fit_is_refused(tmp_path: Path, class_map: str, says: str) -> None:
    root = write(tmp_path)
    (root / "class_map.csv").write_text(class_map)
    with pytest.raises(DataError, match=says):
        read_dataset(root)


def test_a_class_map_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="class map .* does not exist"):
        read_dataset(write(tmp_path), tmp_path / "none.csv")


def test_split_names_leave_out_what_is_no_split(tmp_path: Path) -> None:
    header = "filename\tscene_label\n"
    root = write(tmp_path, test=header + "audio/p1.wav\tpark\n", notes="a,b\n1,2\n", empty="")
    (root / "evaluation_setup").mkdir()
    (root / "evaluation_setup" / "fold1_train.csv").write_text(header + "audio/t1.wav\ttram\n")
    (root / "evaluation_setup" / "fold1_test.csv").write_text("filename\naudio/t1.wav\n")
    assert read_dataset(root).split_names == ("test", "evaluation_setup/fold1_train")


def test_a_splits_json_about_something_else_is_left_alone(tmp_path: Path) -> None:
    root = write(tmp_path, test="filename\tscene_label\naudio/p1.wav\tpark\n")
    (root / "splits.json").write_text('{"folds": 5}')
    assert len(read_dataset(root).split("test").clips) == 1


def test_synthetic_names_are_read_as_they_are_written() -> None:
    for moment in plan_clips(SynthSpec(clips=300)):
        for device in moment.recording_devices:
            name = parse_name(moment.filename(device))
            assert name is not None
            assert (name.scene, name.identifier, name.recording_device) == (moment.scene, moment.identifier, device)


@given(st.permutations(["park", "tram", "bus", "café", "metro station"]), st.booleans())
def test_any_class_map_is_read_back(names: list[str], header: bool) -> None:
    rows = [f"{index},{name}" for index, name in enumerate(names)]
    text = "\n".join([*(["index,class"] if header else []), *reversed(rows)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "map.csv")
        path.write_text(text, encoding="utf-8")
        assert read_class_map(path).names == tuple(names)
