"""``asc-kit data check``: every fault that is planted is found and counted, and nothing else is."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from data_layouts import META_HEADER, SAMPLES, sound, write_sound, write_tagging, write_tau
from wav_files import pcm_bytes, wav

from asc_kit.errors import DataError
from asc_kit.train.datasets.check import check
from asc_kit.train.datasets.findings import KINDS, Findings
from asc_kit.train.datasets.info import describe
from asc_kit.train.datasets.recording_facts import examine


def tau_rows() -> list[tuple[str, str, str, str]]:
    """Two scenes, two places each of which one is the test's, two devices, two parts of one segment."""
    return [
        (f"audio/{scene}-lyon-{place}-{place}0-{part}-{device}.wav", scene, f"lyon-{place}", device)
        for number, scene in enumerate(("park", "tram"))
        for place in (10 + 2 * number, 11 + 2 * number)
        for part in (0, 1)
        for device in ("a", "b")
    ]


ROWS = tau_rows()
TRAIN = [row[0] for row in ROWS if int(row[2][-2:]) % 2 == 0]
TEST = [row[0] for row in ROWS if int(row[2][-2:]) % 2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_tau(tmp_path / "data", ROWS, {"train": TRAIN, "test": TEST})


def counts(root: Path, **options: Any) -> dict[str, int]:
    return {row["kind"]: row["count"] for row in check(root, **options)["findings"]}


def append(path: Path, text: str) -> None:
    with path.open("a") as stream:
        stream.write(text)


def test_a_good_data_set_has_no_findings(data: Path) -> None:
    report = check(data)
    assert (report["clips"], report["errors"], report["warnings"], report["findings"]) == (16, 0, 0, [])
    assert report["pairs"] == [["train", "test"]] and report["splits"] == {"test": 8, "train": 8}


def replace_with(samples: np.ndarray | None = None, **options: Any) -> Callable[[Path], None]:
    return lambda root: write_sound(root / TEST[0], samples, **options)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-200])


def not_a_number() -> np.ndarray:
    samples = sound("x")
    samples[700] = np.nan
    return samples


FAULTS: dict[str, tuple[Callable[[Path], Any], dict[str, int]]] = {
    "missing": (lambda root: (root / TRAIN[0]).unlink(), {"missing": 1}),
    "no bytes": (lambda root: (root / TRAIN[0]).write_bytes(b""), {"empty": 1}),
    "no samples": (replace_with(np.zeros(0)), {"empty": 1}),
    "not audio": (lambda root: (root / TRAIN[0]).write_text("hello"), {"unreadable": 1}),
    "cut off": (lambda root: cut(root / TRAIN[0]), {"unreadable": 1}),
    "not finite": (replace_with(not_a_number(), subtype="FLOAT"), {"not_finite": 1}),
    "another scale": (replace_with(32768 * sound("x"), subtype="FLOAT"), {"out_of_range": 1}),
    "channels that cancel": (replace_with(np.stack([sound("x"), -sound("x")], 1)), {"channels_cancel": 1}),
    "longer than its header": (
        lambda root: (root / TRAIN[0]).write_bytes(wav(pcm_bytes(sound("x")), declared=400)),
        {"longer_than_header": 1},
    ),
    "a header a few bytes off": (
        lambda root: (root / TRAIN[0]).write_bytes(wav(pcm_bytes(sound("x")), declared=2 * SAMPLES + 44)),
        {"header_off": 1},
    ),
    "a length that was never filled in": (
        lambda root: (root / TRAIN[0]).write_bytes(wav(pcm_bytes(sound("x")), declared=0x80000000)),
        {},
    ),
    "silent": (replace_with(np.zeros(SAMPLES)), {"silent": 1}),
    "constant": (replace_with(np.full(SAMPLES, 0.25)), {"silent": 1}),
    "clipped": (replace_with((4 * sound("x")).clip(-1, 1)), {"clipped": 1}),
    "short": (replace_with(sound("x")[:700]), {"odd_length": 1}),
    "other rate": (replace_with(sound("x", 2 * SAMPLES), rate=16000), {"odd_rate": 1}),
    "unlisted": (lambda root: write_sound(root / "audio" / "stray.wav"), {"unlisted": 1}),
    "copied within a split": (
        lambda root: (root / TRAIN[0]).write_bytes((root / TRAIN[1]).read_bytes()),
        {"duplicate": 1},
    ),
    "copied into the test": (
        lambda root: (root / TEST[0]).write_bytes((root / TRAIN[0]).read_bytes()),
        {"duplicate": 1, "leaking_audio": 1},
    ),
    "copied into another class": (
        lambda root: (root / TRAIN[-1]).write_bytes((root / TRAIN[0]).read_bytes()),
        {"conflicting": 1},
    ),
    "in both splits": (
        lambda root: append(root / "test.csv", f"{TRAIN[0]}\tpark\n"),
        # the clip brings its segment and its place along
        {"leaking_clip": 1, "leaking_segment": 1, "leaking_place": 1},
    ),
    "half a segment in the test": (
        lambda root: (
            append(root / "test.csv", f"{TRAIN[0]}\tpark\n"),
            (root / "train.csv").write_text((root / "train.csv").read_text().replace(f"{TRAIN[0]}\tpark\n", "")),
        ),
        {"leaking_segment": 1, "leaking_place": 1},
    ),
    "wrong label in a split": (
        lambda root: (root / "test.csv").write_text(
            (root / "test.csv").read_text().replace(f"{TEST[0]}\tpark", f"{TEST[0]}\ttram")
        ),
        {"mislabelled": 1},
    ),
    "label nobody knows": (
        lambda root: (root / "test.csv").write_text(
            (root / "test.csv").read_text().replace(f"{TEST[0]}\tpark", f"{TEST[0]}\tbeach")
        ),
        {"mislabelled": 1},
    ),
    "unknown file in a split": (
        lambda root: append(root / "test.csv", "audio/none.wav\tpark\n"),
        {"not_in_meta": 1},
    ),
    "twice in a split": (lambda root: append(root / "test.csv", f"{TEST[0]}\tpark\n"), {"table": 1}),
    "twice in meta": (lambda root: append(root / "meta.csv", "\t".join(ROWS[0]) + "\n"), {"table": 1}),
    "twice in meta with another label": (
        lambda root: append(root / "meta.csv", f"{TRAIN[0]}\ttram\tlyon-10\ta\n"),
        {"table": 1, "mislabelled": 1},
    ),
    "broken rows": (lambda root: append(root / "meta.csv", "x.wav\nx.wav\t\t\t\n"), {"table": 2}),
    "comma-separated split": (
        lambda root: (root / "split5.csv").write_text("filename,scene_label\nx,y\n"),
        {"table": 1},
    ),
    "class only in the test": (
        lambda root: (root / "train.csv").write_text(
            "filename\tscene_label\n" + "".join(f"{n}\tpark\n" for n in TRAIN if "park" in n)
        ),
        {"class_not_trained": 1},
    ),
    "class only in training": (
        lambda root: (root / "test.csv").write_text(
            "filename\tscene_label\n" + "".join(f"{n}\tpark\n" for n in TEST if "park" in n)
        ),
        {"class_not_tested": 1},
    ),
    "label the class map lacks": (
        lambda root: (root / "class_map.csv").write_text("0,park\n1,train\n"),
        {"unknown_label": 8},
    ),
    "broken class map": (lambda root: (root / "class_map.csv").write_text("park\n"), {"table": 1}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_nothing_else(data: Path, fault: str) -> None:
    plant, expected = FAULTS[fault]
    plant(data)
    assert counts(data) == expected


def test_faults_do_not_hide_each_other(data: Path) -> None:
    (data / TRAIN[0]).unlink()
    (data / TRAIN[1]).write_text("hello")
    write_sound(data / TRAIN[2], np.zeros(SAMPLES))
    append(data / "test.csv", "audio/none.wav\tpark\nrubbish\n")
    report = check(data)
    found = {row["kind"]: row["count"] for row in report["findings"]}
    assert found == {"missing": 1, "unreadable": 1, "silent": 1, "not_in_meta": 1, "table": 1}
    assert (report["errors"], report["warnings"]) == (4, 1)


def test_a_place_on_both_sides_counts_its_test_clips(data: Path) -> None:
    meta = (data / "meta.csv").read_text().replace("\tlyon-11\t", "\tlyon-10\t")
    (data / "meta.csv").write_text(meta)
    (row,) = check(data)["findings"]
    assert (row["kind"], row["count"], row["examples"]) == (
        "leaking_place",
        4,
        ["lyon-10: 4 clips in train, 4 in test"],
    )


def test_a_broken_meta_does_not_end_the_check(data: Path) -> None:
    (data / "meta.csv").write_bytes(b"\xff\xfe")
    found = counts(data)
    assert found["table"] == 2 and found["unlisted"] == 16 and found["not_in_meta"] == 16


def test_the_same_audio_in_another_format_is_the_same(data: Path) -> None:
    samples, rate = soundfile.read(data / TRAIN[0])
    other = TRAIN[1].replace(".wav", ".flac")
    for table in ("meta.csv", "train.csv"):
        (data / table).write_text((data / table).read_text().replace(TRAIN[1], other))
    (data / TRAIN[1]).unlink()
    soundfile.write(data / other, samples, rate, subtype="PCM_24")
    assert counts(data) == {"duplicate": 1}


def test_a_flac_that_is_cut_off_is_found(tmp_path: Path) -> None:
    write_sound(tmp_path / "x.flac", sound("x", 20_000))
    assert examine(tmp_path / "x.flac").problem is None
    (tmp_path / "x.flac").write_bytes((tmp_path / "x.flac").read_bytes()[:-4000])
    assert examine(tmp_path / "x.flac").problem == "unreadable"


def test_pairs_are_the_folds_and_the_official_splits(data: Path) -> None:
    (data / "evaluation_setup").mkdir()
    for name, members in (("fold2_train", "train"), ("fold2_evaluate", "test")):
        (data / "evaluation_setup" / f"{name}.csv").write_text((data / f"{members}.csv").read_text())
    (data / "split5.csv").write_text((data / "train.csv").read_text())
    pairs = {tuple(pair) for pair in check(data)["pairs"]}
    folds = ("evaluation_setup/fold2_train", "evaluation_setup/fold2_evaluate")
    assert pairs == {("train", "test"), ("split5", "test"), folds}
    assert counts(data, pairs=[("fold2_evaluate", "test")])["leaking_clip"] == 8
    with pytest.raises(DataError, match="has no split fold3"):
        check(data, pairs=[("fold3", "test")])


def test_a_multi_label_data_set_is_checked_too(tmp_path: Path) -> None:
    root = write_tagging(
        tmp_path, {"train_curated": {"a.wav": "Bark", "b.wav": "Slam,Bark"}, "test": {"c.wav": "Slam"}}
    )
    assert counts(root) == {"class_not_tested": 1}
    (root / "test" / "c.wav").write_bytes((root / "train_curated" / "a.wav").read_bytes())
    (root / "validation.csv").write_text('fname,labels\nb.wav,Slam\nz.wav,Bark\ny.wav,","\n')
    assert counts(root) == {
        "table": 1,
        "missing": 1,
        "mislabelled": 1,
        "conflicting": 1,
        "leaking_audio": 1,
        "class_not_tested": 1,
    }


def test_a_table_without_labels_is_one_warning(tmp_path: Path) -> None:
    root = write_tagging(tmp_path, {"train_curated": {"a.wav": "Bark", "b.wav": "Slam"}})
    (root / "test.csv").write_text("fname,labels\n1.wav,\n2.wav,\n")
    assert counts(root) == {"no_labels": 1}


def test_folders_are_checked_too(tmp_path: Path) -> None:
    for name in ("dog/1.wav", "dog/2.wav", "cat/3.wav", "cat/4.wav"):
        write_sound(tmp_path / name)
    assert counts(tmp_path) == {}
    (tmp_path / "dog" / "1.wav").write_bytes((tmp_path / "cat" / "3.wav").read_bytes())
    assert counts(tmp_path)["conflicting"] == 1


def test_a_finding_has_a_kind_and_counts_once() -> None:
    found = Findings()
    found.add("leaking_place", "lyon", "first", 3)
    found.add("leaking_place", "lyon", "second", 5)
    assert found.count("leaking_place") == 5 and found.as_list(1)[0]["examples"] == ["first"]
    with pytest.raises(ValueError, match="no kind"):
        found.add("nonsense", "x", "x")
    assert all(severity in ("error", "warning") for severity, _ in KINDS.values())


def asc_kit(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "asc_kit", "data", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_command_fails_on_errors_and_not_on_warnings(data: Path) -> None:
    write_sound(data / "stray.wav")
    result = asc_kit("check", "--data", str(data), "--json")
    assert result.returncode == 0 and json.loads(result.stdout)["warnings"] == 1
    (data / TEST[0]).unlink()
    result = asc_kit("check", "--data", str(data), "--split-pair", "train", "test")
    assert result.returncode == 1 and result.stdout == ""
    assert "missing" in result.stderr and "1 errors, 1 warnings" in result.stderr and "Traceback" not in result.stderr
    result = asc_kit("check", "--data", str(data / "audio"))
    assert result.returncode == 1 and "Hint: a data set is one of" in result.stderr


def test_info_describes_every_layout(tmp_path: Path) -> None:
    tau = describe(write_tau(tmp_path / "tau", ROWS, {"train": TRAIN, "test": TEST}))
    assert tau["layout"] == "tau" and tau["scenes"] == {"park": 8, "tram": 8} and tau["places"] == 4
    assert tau["seconds"] == {"min": 0.1, "median": 0.1, "max": 0.1}
    assert tau["scene_seconds"] == {"park": 0.8, "tram": 0.8} and tau["recording_devices"] == {"a": 8, "b": 8}
    tagging = describe(
        write_tagging(
            tmp_path / "fsd", {"train_curated": {"a.wav": "Bark", "b.wav": "Slam,Bark"}, "test": {"c.wav": "Slam"}}
        )
    )
    assert tagging["task"] == "multi_label" and tagging["scenes"] == {"Bark": 2, "Slam": 2}
    assert tagging["labels_per_clip"] == {1: 2, 2: 1} and tagging["places"] is None
    assert [(split["name"], split["clips"]) for split in tagging["splits"]] == [("test", 1), ("train_curated", 2)]
    for name in ("dog/1.wav", "dog/2.wav", "cat/3.wav", "cat/4.wav"):
        write_sound(tmp_path / "folders" / name)
    folders = describe(tmp_path / "folders")
    assert folders["layout"] == "folders" and [split["clips"] for split in folders["splits"]] == [2, 2]
    assert asc_kit("info", "--data", str(tmp_path / "fsd")).returncode == 0


def test_an_empty_meta_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "meta.csv").write_text(META_HEADER)
    report = check(tmp_path)
    assert report["clips"] == 0 and [row["kind"] for row in report["findings"]] == ["table"]


@pytest.mark.parametrize("above", ["", "train/"])
def test_a_class_folder_without_recordings(tmp_path: Path, above: str) -> None:
    for split in ("train/", "test/") if above else ("",):
        for number in range(6):
            write_sound(tmp_path / f"{split}{'ab'[number % 2]}" / f"{split.strip('/')}{number}.wav")
    assert counts(tmp_path) == {}
    (tmp_path / f"{above}empty").mkdir()
    (tmp_path / f"{above}empty" / "notes.txt").write_text("nothing here yet")
    (tmp_path / f"{above}_noise").mkdir()
    assert counts(tmp_path) == {"empty_folder": 1}
