"""Synthetic data sets: their layout, their splits, and that the same seed gives the same bytes."""

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from asc_kit.dataset import TRAIN_SPLITS, read_dataset
from asc_kit.errors import AscKitError, DataError
from asc_kit.train.datasets.info import describe
from asc_kit.train.synth import SCENES, SynthSpec, plan_clips, synthesize
from asc_kit.train.synth.layout import SPLIT_PERCENTAGES, TEST_RECORDING_DEVICES, TRAIN_RECORDING_DEVICES
from asc_kit.train.synth.layout import training_splits as splits_of

SMALL = SynthSpec(clips=100, seed=3, sample_rate_hz=16000, seconds=0.25)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data") / "set"
    synthesize(out, SMALL)
    return out


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_same_seed_same_bytes_whatever_the_jobs(folder: Path, tmp_path: Path) -> None:
    synthesize(tmp_path / "again", SMALL, jobs=2)
    assert digest(tmp_path / "again") == digest(folder)


def test_another_seed_is_another_set(folder: Path, tmp_path: Path) -> None:
    synthesize(tmp_path / "other", SynthSpec(clips=100, seed=4, sample_rate_hz=16000, seconds=0.25))
    one, other = digest(folder), digest(tmp_path / "other")
    shared = [name for name in one if name.endswith(".wav") and other.get(name) == one[name]]
    assert shared == []


def test_the_tables_are_those_of_the_challenge(folder: Path) -> None:
    lines = (folder / "meta.csv").read_text().splitlines()
    assert lines[0] == "filename\tscene_label\tidentifier\tsource_label"
    name, scene, identifier, recording_device = lines[1].split("\t")
    # audio/airport-lisbon-1000-40000-0-a.wav
    parts = Path(name).stem.split("-")
    assert name.startswith("audio/") and name.endswith(".wav")
    assert parts[0] == scene and "-".join(parts[1:3]) == identifier and parts[5] == recording_device
    assert (folder / "test.csv").read_text().splitlines()[0] == "filename\tscene_label"


def test_clips_are_what_was_asked_for(folder: Path) -> None:
    dataset = read_dataset(folder)
    assert len(dataset.clips) == 100
    assert dataset.labels == tuple(sorted(SCENES))
    for clip in dataset.clips:
        header = soundfile.info(dataset.path(clip))
        assert (header.samplerate, header.frames, header.channels) == (16000, 4000, 1)
        assert (header.format, header.subtype) == ("WAV", "PCM_16")
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.wav")}
    assert files == {clip.filename for clip in dataset.clips}


def test_clips_have_sound_in_them(folder: Path) -> None:
    dataset = read_dataset(folder)
    levels = []
    for clip in dataset.clips:
        samples, _ = soundfile.read(dataset.path(clip))
        assert np.max(np.abs(samples)) < 1.0, clip
        levels.append(20 * np.log10(np.sqrt(np.mean(samples**2)) + 1e-9))
    assert -65 < min(levels) and max(levels) < -8


def test_training_and_test_split_are_found_and_do_not_overlap(folder: Path) -> None:
    dataset = read_dataset(folder)
    train, test = dataset.split(*TRAIN_SPLITS), dataset.split("test")
    assert train.split_name == "split100"
    assert {c.filename for c in train.clips} | {c.filename for c in test.clips} == {c.filename for c in dataset.clips}
    assert not {c.identifier for c in train.clips} & {c.identifier for c in test.clips}
    assert train.recording_devices == TRAIN_RECORDING_DEVICES
    assert set(test.recording_devices) <= set(TEST_RECORDING_DEVICES)


@settings(max_examples=25, deadline=None)
@given(clips=st.integers(100, 3000), seed=st.integers(0, 2**32))
def test_every_plan_keeps_the_rules(clips: int, seed: int) -> None:
    moments = plan_clips(SynthSpec(clips=clips, seed=seed))
    names = [m.filename(device) for m in moments for device in m.recording_devices]
    assert len(names) == len(set(names)) == clips
    train, test = [m for m in moments if not m.test], [m for m in moments if m.test]
    # a place, and a stretch of time in it, is wholly on one side
    assert not {m.location for m in train} & {m.location for m in test}
    assert not {m.segment for m in train} & {m.segment for m in test}
    # a place has one city and one scene
    for key in ("location", "segment"):
        assert all(
            len({(m.city, m.scene) for m in moments if getattr(m, key) == value}) == 1
            for value in {getattr(m, key) for m in moments}
        )
    assert {d for m in train for d in m.recording_devices} == set(TRAIN_RECORDING_DEVICES)
    per_scene = Counter(m.scene for m in moments for _ in m.recording_devices)
    assert set(per_scene) == set(SCENES) and max(per_scene.values()) - min(per_scene.values()) <= 1
    share = sum(len(m.recording_devices) for m in test) / clips
    assert 0.25 < share < 0.35


@settings(max_examples=25, deadline=None)
@given(clips=st.integers(100, 3000), seed=st.integers(0, 2**32))
def test_splits_are_nested_stratified_and_keep_segments_whole(clips: int, seed: int) -> None:
    moments = plan_clips(SynthSpec(clips=clips, seed=seed))
    splits = splits_of(moments, seed)
    train = {m for m in moments if not m.test}
    assert tuple(splits) == SPLIT_PERCENTAGES and set(splits[100]) == train
    for smaller, larger in zip(SPLIT_PERCENTAGES, SPLIT_PERCENTAGES[1:], strict=False):
        assert set(splits[smaller]) <= set(splits[larger])
    for chosen in splits.values():
        segments = {m.segment for m in chosen}
        assert {m for m in train if m.segment in segments} == set(chosen)
        assert {m.scene for m in chosen} == set(SCENES)


def test_test_devices_are_balanced_and_half_of_training_is_device_a() -> None:
    moments = plan_clips(SynthSpec(clips=2000))
    test = Counter(d for m in moments if m.test for d in m.recording_devices)
    assert set(test) == set(TEST_RECORDING_DEVICES) and max(test.values()) - min(test.values()) <= 3
    train = Counter(d for m in moments if not m.test for d in m.recording_devices)
    assert train["a"] / sum(train.values()) == pytest.approx(0.5, abs=0.01)


def test_recording_devices_colour_the_same_sound_differently(folder: Path) -> None:
    dataset = read_dataset(folder)
    by_moment: dict[str, dict[str, Path]] = {}
    for clip in dataset.clips:
        moment, _, _ = clip.filename.rpartition("-")
        by_moment.setdefault(moment, {})[clip.recording_device] = dataset.path(clip)
    pairs = [found for found in by_moment.values() if "a" in found and len(found) > 1]
    assert pairs
    for found in pairs:
        spectra = [np.abs(np.fft.rfft(soundfile.read(path)[0])) for path in found.values()]
        decibels = [20 * np.log10(s[50:1000] + 1e-6) for s in spectra]
        # the same sound: the spectra go together; another device: not the same level everywhere
        assert np.corrcoef(decibels[0], decibels[1])[0, 1] > 0.5
        assert np.std(decibels[0] - decibels[1]) > 1


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"clips": 99}, "at least 100"),
        ({"seed": -1}, "seed"),
        ({"sample_rate_hz": 1000}, "rate"),
        ({"seconds": 0}, "last"),
    ],
)
def test_what_cannot_be_synthesized_is_refused(wrong: dict, named: str) -> None:
    with pytest.raises(DataError, match=named):
        SynthSpec(**wrong)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(AscKitError, match="was not written by this command"):
        synthesize(tmp_path, SMALL)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    def stop(clips: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize(tmp_path / "set", SMALL, on_progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_in_the_middle_of_many_processes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "asc_kit", "data", "synth", "--out", str(tmp_path / "set"), "--clips", "3000"]
    # a group of its own: a terminal sends Ctrl-C to all of them
    process = subprocess.Popen([*command, "--jobs", "2"], stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.rglob("*.wav")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_info_counts_what_is_there(folder: Path) -> None:
    command = [sys.executable, "-m", "asc_kit", "data", "info", "--data", str(folder), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["clips"] == 100 and found["scenes"] == dict.fromkeys(sorted(SCENES), 10)
    assert found["sample_rates_hz"] == {"16000": 100} and found["formats"] == {"WAV PCM_16": 100}
    assert found["seconds"] == {"min": 0.25, "median": 0.25, "max": 0.25}
    splits = {split["name"]: split["clips"] for split in found["splits"]}
    assert splits["test"] == 30 and splits["split100"] == 70
    assert set(splits) == {"test", *(f"split{p}" for p in SPLIT_PERCENTAGES)}
    (folder / "extra.csv").write_text("filename\tscene_label\nnone.wav\tpark\n")
    failed = subprocess.run(command, capture_output=True, text=True, timeout=60)
    (folder / "extra.csv").unlink()
    assert failed.returncode == 1 and "none.wav is not in meta.csv" in failed.stderr


def test_recordings_of_ones_own_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "meta.csv").write_text("filename\tscene_label\tidentifier\tsource_label\n")
    (tmp_path / "audio").mkdir()
    with pytest.raises(AscKitError, match="was not written by this command"):
        synthesize(tmp_path, SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["audio", "meta.csv"]


def test_a_synthetic_set_is_replaced(tmp_path: Path) -> None:
    for seed in (1, 2):
        synthesize(tmp_path / "set", replace(SMALL, seed=seed))
        assert json.loads((tmp_path / "set" / "synth.json").read_text())["seed"] == seed
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_info_takes_the_challenges_own_folders(tmp_path: Path) -> None:
    (tmp_path / "audio [1]").mkdir()
    soundfile.write(tmp_path / "audio [1]" / "x.wav", np.zeros(80), 8000)
    name = "audio [1]/x.wav"
    (tmp_path / "meta.csv").write_text(
        f"filename\tscene_label\tidentifier\tsource_label\n{name}\tpark [bold]\tlyon-1\t[/a]\n"
    )
    (tmp_path / "evaluation_setup").mkdir()
    # the published lists of test clips carry no labels, and other tables may lie about as well
    (tmp_path / "evaluation_setup" / "fold1_test.csv").write_text(f"filename\n{name}\n")
    (tmp_path / "evaluation_setup" / "fold1_evaluate.csv").write_bytes(
        f"\ufefffilename\tscene_label\r\n{name}\tpark [bold]\r\n".encode()
    )
    (tmp_path / "notes.csv").write_bytes(b"a;b\xff\n")
    (split,) = describe(tmp_path)["splits"]
    assert split["name"] == "evaluation_setup/fold1_evaluate" and split["clips"] == 1
    command = [sys.executable, "-m", "asc_kit", "data", "info", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "park [bold]" in done.stderr and "[/a]" in done.stderr


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # a clip of a second has 88,244 bytes

    command = [
        sys.executable,
        "-P",
        "-m",
        "asc_kit",
        "data",
        "synth",
        "--out",
        str(tmp_path / "data"),
        "--clips",
        "100",
    ]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=no_room, timeout=120)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "File too large" in done.stderr and ".wav" in done.stderr
    assert list(tmp_path.iterdir()) == []
