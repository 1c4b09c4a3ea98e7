"""Which layout a folder has: read on evidence, asked about without it, never guessed."""

import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from data_layouts import (
    META_HEADER,
    SPLIT_HEADER,
    URBANSOUND,
    sound,
    write_folders,
    write_fsd50k,
    write_fsdkaggle2018,
    write_sound,
    write_tagging,
    write_tau,
    write_urbansound,
)
from hypothesis import given
from hypothesis import strategies as st

from asc_kit.cli.options import LAYOUTS
from asc_kit.dataset import TEST_SPLITS, TRAIN_SPLITS, Layout, find_layout, read_dataset, test_split_for
from asc_kit.dataset.folder_names import Role, role_of
from asc_kit.dataset.spelling import composed, find_twins, label_key
from asc_kit.errors import DataError
from asc_kit.train.datasets.check import check
from asc_kit.train.datasets.info import describe

NFC, NFD = unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")


def counts(root: Path, layout: Layout | None = None) -> dict[str, int]:
    return {row["kind"]: row["count"] for row in check(root, layout=layout)["findings"]}


# splits as folders

PAIRS = [
    ("train", "val"),
    ("train", "valid"),
    ("Train", "Test"),
    ("training", "testing"),
    ("dev", "eval"),
    ("TRAIN", "Validation"),
    ("development", "evaluation"),
    ("audio_train", "audio_test"),
    ("train_set", "val-set"),
    ("Training Data", "test.wav"),
]


def in_splits(root: Path, *splits: str, classes: tuple[str, ...] = ("bus", "park")) -> Path:
    return write_folders(root, *(f"{s}/{c}/{s} {c} {n}.wav" for s in splits for c in classes for n in range(2)))


@pytest.mark.parametrize(("train", "test"), PAIRS)
def test_folders_of_a_training_and_an_evaluation_are_splits(tmp_path: Path, train: str, test: str) -> None:
    root = in_splits(tmp_path, train, test)
    dataset = read_dataset(root)
    assert find_layout(root) is Layout.SPLIT_FOLDERS and dataset.labels == ("bus", "park")
    trained, tested = dataset.split(*TRAIN_SPLITS), dataset.split(*TEST_SPLITS)
    assert {clip.filename.partition("/")[0] for clip in trained.clips} == {train} and len(trained.clips) == 4
    assert {clip.filename.partition("/")[0] for clip in tested.clips} == {test} and len(tested.clips) == 4
    # a split goes by the name of its folder too
    assert dataset.split(train).clips == trained.clips
    report = check(root)
    assert report["findings"] == [] and len(report["pairs"]) == 1
    assert describe(root)["layout"] == "split_folders"


def test_development_is_training_or_validation_as_its_neighbours_are(tmp_path: Path) -> None:
    dataset = read_dataset(in_splits(tmp_path, "train", "dev", "eval"))
    assert set(dataset.split_names) == {"train", "validation", "test"}
    assert dataset.split("dev").split_name == "validation"


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("train/park/1.wav", "train/bus/1.wav"), "train looks like a split, without another"),
        (("val/park/1.wav", "test/park/1.wav"), "look like splits, without another"),
        (("train/1.wav", "val/2.wav"), "recordings lie in train, val itself"),
        (("train/park/1.wav", "test/1.wav"), "recordings lie in test itself"),
        (("train/park/1.wav", "test/park/1.wav", "noise/1.wav"), "noise beside them does not"),
        (("train/park/1.wav", "test/park/2.wav", "Test/park/3.wav"), "test, Test|Test, test"),
        (("train/park/1.wav", "test/bus/1.wav"), "test has no class of train"),
        (("train/fold1/1.wav", "train/fold2/1.wav", "test/fold1/1.wav"), "train/fold1.* are no classes"),
        (("training/1.wav", "bus/2.wav"), "training looks like a split, but bus"),
        (("bus/1.wav", "val/2.wav", "park/3.wav"), "val looks like a split"),
        (("fold1/1.wav", "fold2/1.wav"), "fold1, fold2 look like folds"),
        (("fold_01/park/1.wav", "fold_02/park/1.wav"), "look like folds"),
        (("park/train/1.wav", "park/test/2.wav", "bus/train/3.wav"), "look like splits within classes"),
        (("a/park/1.wav", "a/bus/2.wav", "b/park/3.wav", "b/bus/4.wav"), "hold folders of the same names, bus, park"),
        (("archive1/1.wav", "archive2/2.wav"), "archive1, archive2 look like parts of an archive"),
        (("archive1/1.wav", "part2/2.wav"), "look like parts of an archive"),
        (("TAU-urban-acoustic-scenes-2022-mobile-development.audio.1/a.wav", "bus/2.wav"), "part.* of an archive"),
        (("scenes.zip/1.wav", "more.zip/2.wav"), "look like parts of an archive"),
        (("audio/1.wav", "recordings/2.wav"), "say that there is audio"),
        (("wav_16k/1.wav", "bus/2.wav"), "wav_16k says that there is audio"),
        (("site-1/1.wav", "site-2/2.wav", "site-3/3.wav"), "differ by a number alone"),
        (
            ("x/park-lyon-1-1-a.wav", "x/bus-lyon-2-2-a.wav", "y/park-lyon-3-3-b.wav"),
            "recordings in x are named after several scenes: bus, park",
        ),
        (("park/1.wav",), "one folder of recordings"),
        (("FSD50K.dev_audio/1.wav", "FSD50K.eval_audio/2.wav"), "look like splits"),
        (("audio_train/1.wav", "audio_test/2.wav"), "look like splits"),
    ],
)
def test_what_is_not_certain_is_asked(tmp_path: Path, names: tuple[str, ...], says: str) -> None:
    root = write_folders(tmp_path, *names)
    for read in (read_dataset, find_layout, check, describe):
        with pytest.raises(DataError, match=says) as caught:
            read(root)
        assert caught.value.hint
    # and each has an answer
    folders = {name.partition("/")[0] for name in names}
    assert set(read_dataset(root, layout=Layout.FOLDERS).labels) == folders
    if all(name.count("/") == 2 for name in names):
        answered = read_dataset(root, layout=Layout.SPLIT_FOLDERS)
        assert set(answered.labels) == {name.split("/")[1] for name in names}
        assert len(answered.split_names) == len(folders)


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (("park/1.wav", "bus/2.wav"), ("bus", "park")),
        (("train/1.wav", "bus/2.wav", "tram/3.wav"), ("bus", "train", "tram")),
        (("0/a.wav", "1/b.wav", "2/c.wav"), ("0", "1", "2")),
        (("class1/a.wav", "class2/b.wav"), ("class1", "class2")),
        (("yes/site/1.wav", "no/place/2.wav"), ("no", "yes")),
        (("park/2024-05-01/1.wav", "bus/2024-05-01/2.wav"), ("bus", "park")),
        (("metro_station/1.wav", "public_square/2.wav"), ("metro_station", "public_square")),
        (("urban_park/1.wav", "public/2.wav", "tube/3.wav"), ("public", "tube", "urban_park")),
        (("disk/1.wav", "party/2.wav", "testbench/3.wav"), ("disk", "party", "testbench")),
        (("rue/1.wav", "forêt/2.wav"), ("forêt", "rue")),
        (("公园/1.wav", "地铁/2.wav"), ("公园", "地铁")),
    ],
)
def test_folders_of_classes_stay_classes(tmp_path: Path, names: tuple[str, ...], labels: tuple[str, ...]) -> None:
    root = write_folders(tmp_path, *names)
    assert find_layout(root) is Layout.FOLDERS and read_dataset(root).labels == labels


SCENES = [
    *("airport", "bus", "metro", "metro_station", "park", "public_square", "shopping_mall", "street_pedestrian"),
    *("street_traffic", "tram", "beach", "cafe/restaurant", "car", "city_center", "forest_path", "grocery_store"),
    *("home", "library", "office", "residential_area", "train", "lakeside", "dog_bark", "gun_shot", "siren"),
]


@pytest.mark.parametrize("scene", [scene for scene in SCENES if scene != "train"])
def test_no_scene_is_taken_for_something_else(scene: str) -> None:
    assert role_of(scene) is None


@given(
    st.sampled_from(["train", "valid", "TEST", "Eval", "dev", "fold", "Training", "holdout"]),
    st.sampled_from(["", "audio", "data", "set"]),
    st.sampled_from(["_", "-", " ", "."]),
    st.sampled_from(["", "1", "02"]),
    st.booleans(),
)
def test_splits_are_known_in_any_spelling(word: str, more: str, separator: str, number: str, first: bool) -> None:
    parts = [part for part in ((word, more, number) if first else (more, word, number)) if part]
    name = separator.join(parts)
    # parts of archives end so: train.audio.1
    assert role_of(name) not in (None, Role.CONTAINER, Role.ARCHIVE) or ".audio." in name


# tables


@pytest.mark.parametrize("table", ["metadata/UrbanSound8K.csv", "UrbanSound8K.csv"])
@pytest.mark.parametrize("inside", [False, True])
def test_urbansound8k_is_read_by_its_table(tmp_path: Path, table: str, inside: bool) -> None:
    root = write_urbansound(tmp_path / "UrbanSound8K", table)
    data = root / "audio" if inside else root
    dataset = read_dataset(data)
    assert find_layout(data) is Layout.URBANSOUND8K and dataset.task == "single_label"
    assert dataset.labels == ("air_conditioner", "car_horn", "children_playing") and len(dataset.clips) == 20
    assert all(dataset.path(clip).is_file() for clip in dataset.clips)
    assert len(dataset.split_names) == 20
    # without a name, the first fold is the test, as elsewhere
    train, test = dataset.split(*TRAIN_SPLITS), dataset.split(*test_split_for(None))
    assert (train.split_name, test.split_name) == ("fold1_train", "fold1_evaluate")
    for fold in range(1, 11):
        train = dataset.split(f"fold{fold}_train")
        test = dataset.split(*test_split_for(f"fold{fold}_train"))
        assert {Path(clip.filename).name for clip in test.clips} == {n for n, (f, _) in URBANSOUND.items() if f == fold}
        assert len(train.clips) == 18 and not set(train.clips) & set(test.clips)
        assert not {clip.identifier for clip in train.clips} & {clip.identifier for clip in test.clips}
    report = check(data)
    assert report["errors"] == 0 and len(report["pairs"]) == 10
    assert describe(data)["places"] == 20


def test_a_third_split_of_another_name_has_its_answer(tmp_path: Path) -> None:
    """As the data of DCASE Task 2 has it: the cure was to move folders, though an option reads them as they are."""
    write_folders(tmp_path, *(f"{split}/{label}/1.wav" for split in ("train", "test", "extra") for label in ("a", "b")))
    with pytest.raises(DataError, match="extra beside them does not") as caught:
        find_layout(tmp_path)
    assert "if each is a split, say so: --layout split_folders" in str(caught.value.hint)
    assert len(read_dataset(tmp_path, layout=Layout.SPLIT_FOLDERS).clips) == 6


def test_urbansound8k_without_its_table_is_asked_about(tmp_path: Path) -> None:
    root = write_urbansound(tmp_path, None)
    with pytest.raises(DataError, match="fold1, fold10, fold2, fold3 … look like folds") as caught:
        read_dataset(root / "audio")
    assert "table" in (caught.value.hint or "") and "--layout folders" in (caught.value.hint or "")
    with pytest.raises(DataError, match="audio says that there is audio"):
        read_dataset(root)


def test_a_recording_that_leaks_between_folds_is_found(tmp_path: Path) -> None:
    root = write_urbansound(tmp_path)
    table = root / "metadata" / "UrbanSound8K.csv"
    table.write_text(table.read_text().replace("2-2-0-2.wav,2,", "2-2-0-2.wav,1,"))
    assert counts(root)["leaking_place"] > 0
    (root / "audio" / "fold1" / "1-1-0-1.wav").unlink()
    with table.open("a") as stream:
        stream.write("2-2-0-2.wav,1,0.0,0.1,1,2,2,children_playing\n")
    found = counts(root)
    assert (found["missing"], found["table"]) == (1, 1)


def test_fsd50k_is_read(tmp_path: Path) -> None:
    root = write_fsd50k(tmp_path)
    dataset = read_dataset(root)
    assert find_layout(root) is Layout.TAGGING and dataset.task == "multi_label"
    assert dataset.labels == ("Bark", "Dog", "Slam") and len(dataset.clips) == 5
    assert all(dataset.path(clip).is_file() for clip in dataset.clips)
    names = {name: [Path(clip.filename).stem for clip in dataset.split(name).clips] for name in dataset.split_names}
    assert names == {"dev": ["1", "2", "3"], "train": ["1", "2"], "validation": ["3"], "test": ["4", "5"]}
    assert dataset.split(*TRAIN_SPLITS).split_name == "train" and dataset.split(*TEST_SPLITS).split_name == "test"
    assert dataset.split("eval").split_name == "test"
    report = check(root)
    assert report["findings"] == [] and report["splits"] == {"dev": 3, "train": 2, "validation": 1, "test": 2}
    (root / "FSD50K.dev_audio" / "3.wav").unlink()
    assert len(read_dataset(root).split("train").clips) == 2
    with pytest.raises(DataError, match="1 of 1 recordings of .*dev.csv do not exist"):
        read_dataset(root).split("validation")


@pytest.mark.parametrize("zenodo", [False, True])
def test_fsdkaggle2018_is_read(tmp_path: Path, zenodo: bool) -> None:
    root = write_fsdkaggle2018(tmp_path, zenodo=zenodo)
    dataset = read_dataset(root)
    assert find_layout(root) is Layout.LABELLED and dataset.task == "single_label"
    assert dataset.labels == ("Bark", "Hi-hat") and set(dataset.split_names) == {"train", "test"}
    assert [clip.labels for clip in dataset.split("train").clips] == [("Bark",), ("Hi-hat",), ("Bark",)]
    assert all(dataset.path(clip).is_file() for clip in dataset.clips)
    assert check(root)["findings"] == []


def test_a_class_may_have_a_comma_where_each_clip_has_one(tmp_path: Path) -> None:
    write_sound(tmp_path / "train" / "a.wav")
    (tmp_path / "train.csv").write_text('fname,label\na.wav,"Slam, door"\n')
    assert read_dataset(tmp_path).labels == ("Slam, door",)


def test_tables_of_two_layouts_are_asked_about(tmp_path: Path) -> None:
    rows = [("audio/1.wav", "park", "lyon-1", "a"), ("audio/2.wav", "bus", "lyon-2", "a")]
    root = write_tau(tmp_path, rows, {"train": ["audio/1.wav"], "test": ["audio/2.wav"]})
    write_tagging(root, {"curated": {"3.wav": "Bark"}})
    with pytest.raises(
        DataError, match=r"tables of several layouts: meta\.csv \(tau\); curated\.csv \(tagging\)"
    ) as one:
        read_dataset(root)
    assert "--layout tau or --layout tagging" in (one.value.hint or "")
    assert read_dataset(root, layout=Layout.TAU).labels == ("bus", "park")
    assert read_dataset(root, layout=Layout.TAGGING).labels == ("Bark",)


@pytest.mark.parametrize("layout", list(Layout))
def test_an_answer_that_cannot_be_right_is_refused(tmp_path: Path, layout: Layout) -> None:
    with pytest.raises(DataError, match=f"is not of layout {layout}: it has no"):
        read_dataset(tmp_path, layout=layout)


def test_a_folder_of_nothing_known_is_described(tmp_path: Path) -> None:
    write_sound(tmp_path / "1.wav")
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "esc50.csv").write_text("filename,fold,target,category\n1.wav,1,0,dog\n")
    with pytest.raises(DataError, match=r"It has: 1 recordings; folders meta; tables meta/esc50\.csv \(filename,fold"):
        read_dataset(tmp_path)


def asc_kit(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "asc_kit", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_commands_ask_and_take_the_answer(tmp_path: Path) -> None:
    root = write_folders(tmp_path, *(f"part{number}/{clip}.wav" for number in (1, 2) for clip in range(2)))
    for name in ("check", "info", "splits"):
        asked = asc_kit("data", name, "--data", root)
        assert asked.returncode == 1 and "look like parts of an archive" in asked.stderr
        assert "--layout folders" in asked.stderr and "Traceback" not in asked.stderr
    answered = asc_kit("data", "info", "--data", root, "--layout", "folders", "--json")
    assert answered.returncode == 0 and '"part1": 2' in answered.stdout
    assert asc_kit("data", "info", "--data", root, "--layout", "parts").returncode == 2


def test_every_command_with_data_takes_the_answer() -> None:
    assert tuple(LAYOUTS) == tuple(layout.value for layout in Layout)
    for words in ("train", "evaluate", "export", "inspect", "bench", "data check", "data info", "data splits"):
        said = asc_kit(*words.split(), "--help").stdout
        assert "--data" in said and "--layout" in said, words


# names and labels


def test_labels_lose_the_spaces_around_them(tmp_path: Path) -> None:
    rows = [("1.wav", "park", "x-1", "a"), ("2.wav", "park ", "x-2", " a"), ("3.wav", "\u00a0bus", "x-3", "a")]
    root = write_tau(tmp_path / "tau", rows, {"train": ["1.wav", "2.wav"], "test": ["3.wav"]})
    dataset = read_dataset(root)
    assert dataset.labels == ("bus", "park") and dataset.recording_devices == ("a",)
    assert len(dataset.split("train").clips) == 2
    assert "label_twins" not in counts(root)
    (root / "train.csv").write_text(SPLIT_HEADER + "1.wav\t park\n2.wav\tpark\n")
    assert len(read_dataset(root).split("train").clips) == 2
    write_folders(tmp_path / "folders", "park/1.wav", "park /2.wav", "bus/3.wav")
    assert read_dataset(tmp_path / "folders").labels == ("bus", "park")
    write_sound(tmp_path / "kaggle" / "1.wav")
    (tmp_path / "kaggle" / "train.csv").write_text("fname,label\n1.wav, park \n")
    assert read_dataset(tmp_path / "kaggle").labels == ("park",)


TWINS = [
    ("park", "Park"),
    (NFC, NFD),
    ("metro station", "metro_station"),
    ("metro station", "metro  station"),
    ("park", "park\u200b"),
    ("ﬁre", "fire"),
]


@pytest.mark.parametrize(("one", "other"), TWINS)
def test_labels_that_are_likely_meant_to_be_one_are_told(tmp_path: Path, one: str, other: str) -> None:
    rows = [
        (f"{number}.wav", label, f"x-{number}", "a") for number, label in enumerate([one, other, one, other, "bus"])
    ]
    root = write_tau(tmp_path / "tau", rows, {})
    (finding,) = [row for row in check(root)["findings"] if row["kind"] == "label_twins"]
    assert (finding["severity"], finding["count"]) == ("warning", 1)
    # two names that look alike are told apart
    assert len(set(finding["examples"][0].split(", "))) == 2 and finding["examples"][0].isprintable()
    write_folders(tmp_path / "folders", f"{one}/1.wav", f"{one}/2.wav", f"{other}/3.wav", f"{other}/4.wav")
    assert counts(tmp_path / "folders") == {"label_twins": 1}
    write_tagging(tmp_path / "tagging", {"train": {"1.wav": f"{one},bus", "2.wav": other}})
    assert counts(tmp_path / "tagging")["label_twins"] == 1


def test_a_split_that_spells_a_label_otherwise_is_told_why(tmp_path: Path) -> None:
    rows = [("1.wav", NFC, "x-1", "a"), ("2.wav", "bus", "x-2", "a")]
    root = write_tau(tmp_path, rows, {})
    (root / "train.csv").write_text(SPLIT_HEADER + f"1.wav\t{NFD}\n")
    with pytest.raises(
        DataError, match=r"'cafe\\u0301', but 'caf\\xe9' in meta.csv: they differ in case, spaces or Uni"
    ):
        read_dataset(root).split("train")
    (root / "class_map.csv").write_text(f"0,{NFD}\n1,bus\n")
    with pytest.raises(DataError, match="differ in case, spaces or Unicode form"):
        read_dataset(root)


@given(st.lists(st.text(min_size=1, max_size=6), max_size=8))
def test_labels_are_twins_of_their_other_forms_and_of_nothing_plain(labels: list[str]) -> None:
    for label in labels:
        for form in ("NFC", "NFD", "NFKC"):
            assert label_key(unicodedata.normalize(form, label)) == label_key(label)
        assert label_key(label_key(label)) == label_key(label)
    assert find_twins(["park", "parc", "bus", "busy", "metro", "metro_station"]) == []


@pytest.mark.parametrize(("in_table", "on_disk"), [(NFC, NFD), (NFD, NFC), (NFC, NFC), (NFD, NFD)])
def test_a_name_is_the_same_in_either_form(tmp_path: Path, in_table: str, on_disk: str) -> None:
    def check_all(root: Path, filename: str) -> None:
        dataset = read_dataset(root)
        assert all(dataset.path(clip).is_file() for clip in dataset.clips)
        assert any(dataset.path(clip) == root / filename for clip in dataset.clips)
        assert set(counts(root)) <= {"class_not_tested", "class_not_trained"}

    tau = tmp_path / "tau"
    for folder in (on_disk, "plain"):
        write_sound(tau / folder / f"{on_disk} 1.wav")
    other = NFC if in_table == NFD else NFD
    (tau / "meta.csv").write_text(
        META_HEADER + f"{in_table}/{in_table} 1.wav\tpark\tx-1\ta\nplain/{in_table} 1.wav\tpark\tx-2\ta\n"
    )
    (tau / "train.csv").write_text(SPLIT_HEADER + f"{other}/{in_table} 1.wav\tpark\n")
    (tau / "test.csv").write_text(SPLIT_HEADER + f"plain/{other} 1.wav\tpark\n")
    write_sound(tau / "plain" / f"{on_disk} 1.wav", rate=8000, samples=sound("plain"))
    check_all(tau, f"{on_disk}/{on_disk} 1.wav")
    assert len(read_dataset(tau).split("train").clips) == 1 == len(read_dataset(tau).split("test").clips)

    tagging = tmp_path / "tagging"
    for folder in ("train", "test"):
        write_sound(tagging / folder / f"{on_disk} {folder}.wav")
        (tagging / f"{folder}.csv").write_text(f"fname,labels\n{in_table} {folder}.wav,Bark\n")
    check_all(tagging, f"train/{on_disk} train.wav")
    assert len(read_dataset(tagging).split("train").clips) == 1

    urban = write_urbansound(tmp_path / "urban")
    first = next(iter(URBANSOUND))
    (urban / "audio" / "fold1" / first).rename(urban / "audio" / "fold1" / f"{on_disk}.wav")
    table = urban / "metadata" / "UrbanSound8K.csv"
    table.write_text(table.read_text().replace(first, f"{in_table}.wav"))
    check_all(urban, f"audio/fold1/{on_disk}.wav")

    folders = write_folders(
        tmp_path / "folders", f"{on_disk}/{on_disk} {1}.wav", f"{on_disk}/2.wav", "b/3.wav", "b/4.wav"
    )
    check_all(folders, f"{on_disk}/{on_disk} 1.wav")


def test_two_files_that_differ_in_form_are_two(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for name in (NFC, NFD):
        write_sound(root / "train" / f"{name}.wav")
    if len(list((root / "train").iterdir())) == 1:
        pytest.skip("this file system does not keep two forms of a name")
    (root / "train.csv").write_text(f"fname,labels\n{NFD}.wav,Bark\n")
    dataset = read_dataset(root)
    assert dataset.path(dataset.clips[0]) == root / "train" / f"{NFD}.wav"
    assert counts(root) == {"unlisted": 1}
    assert composed(NFD) == composed(NFC) == NFC


def test_a_name_that_stands_there_in_both_forms_is_there_twice(tmp_path: Path) -> None:
    write_sound(tmp_path / f"{NFC}.wav")
    (tmp_path / "meta.csv").write_text(META_HEADER + f"{NFC}.wav\tpark\tx\ta\n{NFD}.wav\tpark\tx\ta\n")
    with pytest.raises(DataError, match="line 3: .* stands there twice"):
        read_dataset(tmp_path)
    assert counts(tmp_path) == {"table": 1}


def test_recordings_beside_the_classes_are_told(tmp_path: Path) -> None:
    root = write_folders(tmp_path, "park/1.wav", "park/2.wav", "bus/3.wav", "bus/4.wav", "5.wav", "_noise/6.wav")
    assert counts(root) == {"unlisted": 1}


@pytest.mark.parametrize(
    "write", [write_urbansound, write_fsd50k, lambda root: write_fsdkaggle2018(root, zenodo=False)]
)
def test_the_folder_above_a_data_set_names_it(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    root = write(tmp_path / "sets" / "this one")
    for more in ((), ("another/1.wav",)):
        write_folders(tmp_path / "sets", *more)
        with pytest.raises(DataError) as caught:
            read_dataset(tmp_path / "sets")
        assert (caught.value.hint or "").startswith(f"{root} has the tables of a data set")
