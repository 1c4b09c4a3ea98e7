"""Trainings that build on others or save work: warm starts, teachers, cached features; long recordings, many labels."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_training import PLAIN, losses, network, train
from tone_data import BANDS_HZ, write_tone_data

import asc_kit.train.layers  # noqa: F401  a saved network needs its layers known
from asc_kit.dataset import read_dataset
from asc_kit.errors import AscKitError, SpecError
from asc_kit.run import Run
from asc_kit.train.frontend_graph import log_mel_graph
from asc_kit.train.inputs.feature_cache import cached_log_mel
from asc_kit.train.inputs.teacher import open_teacher, teacher_logits
from asc_kit.train.recipe import load_recipe
from asc_kit.train.warm_start import WarmStart, warm_start


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data: Path, recipe_path: str) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run"
    train(data, recipe_path, out, *PLAIN, "epochs=4")
    return out


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, data: Path, recipe_path: str) -> Path:
    out = tmp_path_factory.mktemp("trained") / "teacher"
    assert train(data, recipe_path, out, *PLAIN, "epochs=15").evaluation.accuracy > 0.9
    return out


# warm start


def test_a_warm_start_takes_what_matches_and_nothing_else(run: Path, data: Path, recipe_path: str) -> None:
    source, model = network(run), network(run)
    fresh = {weight.path: np.zeros(weight.shape) for weight in model.weights}
    for weight in model.weights:
        weight.assign(fresh[weight.path])
    wish = WarmStart(run=run, include=("b1_*", "classifier_conv"), exclude=("*/moving_mean", "b1_expand_bn"))
    taken = warm_start(model, wish)
    values = {weight.path: np.asarray(weight) for weight in source.weights}
    changed = {weight.path for weight in model.weights if np.any(np.asarray(weight) != 0)}
    expected = {
        path
        for path in values
        if (path.startswith("b1_") or path.startswith("classifier_conv/"))
        and not path.endswith("/moving_mean")
        and not path.startswith("b1_expand_bn/")
    }
    assert changed == expected
    assert taken == len(expected)
    assert all(np.array_equal(np.asarray(w), values[w.path]) for w in model.weights if w.path in expected)


def test_a_warm_start_goes_on_where_the_run_stopped(tmp_path: Path, run: Path, data: Path, recipe_path: str) -> None:
    manifest = train(
        data, recipe_path, tmp_path / "on", *PLAIN, "epochs=1", "learning_rate=1e-6", warm_start=WarmStart(run=run)
    )
    assert manifest.warm_start == str(run.resolve())
    assert losses(tmp_path / "on")[0] < 1.1 * losses(run)[-1] < 0.9 * losses(run)[0]


def test_another_architecture_is_refused_with_the_layers_to_leave_out(
    tmp_path: Path, run: Path, data: Path, recipe_path: str
) -> None:
    wide = ("base_channels=16", *PLAIN, "epochs=1")
    with pytest.raises(SpecError, match="does not fit this network: in_c0_conv/kernel has shape") as caught:
        train(data, recipe_path, tmp_path / "wide", *wide, warm_start=WarmStart(run=run))
    assert "--exclude in_c0_conv" in (caught.value.hint or "")
    with pytest.raises(SpecError, match="no weight matches") as caught:
        train(data, recipe_path, tmp_path / "none", *PLAIN, warm_start=WarmStart(run=run, include=("fc*",)))
    assert "classifier_conv" in (caught.value.hint or "")
    assert list(tmp_path.iterdir()) == []


# teacher


def test_a_teacher_says_what_its_network_says(teacher: Path, data: Path) -> None:
    train_set = read_dataset(data).split("train")
    logits = teacher_logits(Run.open(teacher), train_set, None, np.arange(60, dtype=np.int32))
    assert logits.shape == (60, 3)
    guesses = [train_set.labels[index] for index in logits.argmax(axis=1)]
    hits = sum(guess == clip.scene_label for guess, clip in zip(guesses, train_set.clips, strict=True))
    assert hits > 50  # chance: 20


def test_a_student_that_hears_its_teacher_alone_learns_from_it(
    tmp_path: Path, teacher: Path, data: Path, recipe_path: str
) -> None:
    # the true labels have no weight: whatever it learns comes from the teacher
    manifest = train(data, recipe_path, tmp_path / "s", *PLAIN, "teacher_weight=1.0", "epochs=15", teacher=teacher)
    assert manifest.teacher == str(teacher.resolve())
    assert manifest.evaluation.accuracy > 0.7


def test_a_teacher_of_other_classes_is_refused(run: Path, data: Path) -> None:
    with pytest.raises(SpecError, match="has other classes: high, low, mid"):
        open_teacher(run, ("x", "y", "z"), "single_label")
    with pytest.raises(SpecError, match="the student is multi_label"):
        open_teacher(run, ("high", "low", "mid"), "multi_label")


def test_a_teacher_whose_windows_are_of_another_length_is_refused(run: Path, data: Path) -> None:
    train_set = read_dataset(data).split("train")
    halves = np.repeat(np.arange(60, dtype=np.int32), 2)  # of a student that hears half of a clip at a time
    with pytest.raises(SpecError, match=r"windows of 0.256 s, 60 of these clips, the student hears 120"):
        teacher_logits(Run.open(run), train_set, 0.128, halves)


# cached features


def test_cached_features_are_the_features_and_are_computed_once(
    tmp_path: Path, data: Path, recipe_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = load_recipe(recipe_path).frontend
    train_set = read_dataset(data).split("train")
    values, clip = cached_log_mel(train_set, spec, None, tmp_path)
    audio, _ = soundfile.read(train_set.path(train_set.clips[7]), dtype="float32")
    np.testing.assert_array_equal(values[7], log_mel_graph(spec)(audio[np.newaxis])[0].numpy())
    assert clip.tolist() == list(range(60))

    monkeypatch.setattr("asc_kit.train.inputs.feature_cache.load_windows", None)  # would fail if it were called again
    again, _ = cached_log_mel(train_set, spec, None, tmp_path)
    np.testing.assert_array_equal(again, values)
    other = load_recipe(recipe_path, ["n_mels=23"]).frontend
    for call in (
        lambda: cached_log_mel(train_set, other, None, tmp_path),
        lambda: cached_log_mel(train_set, spec, 1000, tmp_path),
        lambda: cached_log_mel(read_dataset(data).split("test"), spec, None, tmp_path),
    ):
        with pytest.raises(TypeError):
            call()  # type: ignore[no-untyped-call]


def test_a_changed_recording_or_a_damaged_cache_is_not_believed(tmp_path: Path, recipe_path: str) -> None:
    data = write_tone_data(tmp_path / "data", n_train=2, n_test=1)
    spec = load_recipe(recipe_path).frontend
    train_set = read_dataset(data).split("train")
    before, _ = cached_log_mel(train_set, spec, None, tmp_path / "cache")
    path = train_set.path(train_set.clips[0])
    stat = path.stat()
    audio, rate = soundfile.read(path)
    soundfile.write(path, audio[::-1], rate, subtype="PCM_16")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))  # the same size, a moment later
    after, _ = cached_log_mel(train_set, spec, None, tmp_path / "cache")
    assert not np.array_equal(before[0], after[0])
    assert np.array_equal(before[1:], after[1:])

    after = np.array(after)  # the file it is mapped from is about to shrink
    for damaged in (tmp_path / "cache").glob("*.log_mel.npy"):
        damaged.write_bytes(damaged.read_bytes()[:200])
    repaired, _ = cached_log_mel(train_set, spec, None, tmp_path / "cache")
    np.testing.assert_array_equal(repaired, after)


def test_training_from_a_cache_is_training_from_audio(tmp_path: Path, run: Path, data: Path, recipe_path: str) -> None:
    cache = tmp_path / "cache"
    train(data, recipe_path, tmp_path / "cached", *PLAIN, "epochs=4", cache=cache)
    np.testing.assert_allclose(losses(tmp_path / "cached"), losses(run), rtol=1e-3)
    with pytest.raises(SpecError, match=r"varies the audio \(time_roll_s\)") as caught:
        train(data, recipe_path, tmp_path / "roll", cache=cache)
    assert "--set time_roll_s=0" in (caught.value.hint or "")


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path, data: Path, recipe_path: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AscKitError, match="feature cache"):
        train(data, recipe_path, tmp_path / "run", *PLAIN, cache=tmp_path / "file")


# windows and labels


def test_long_recordings_are_heard_window_by_window(tmp_path: Path, recipe_path: str) -> None:
    data = write_tone_data(tmp_path / "data", n_train=4, n_test=2)
    rng = np.random.default_rng(3)
    for clip in read_dataset(data).clips:
        audio, rate = soundfile.read(data / clip.filename)
        # what the class sounds like comes in the second half: the first window alone says nothing
        long = np.concatenate([0.01 * rng.standard_normal(len(audio)), audio])
        soundfile.write(data / clip.filename, long.clip(-1, 1), rate, subtype="PCM_16")
    manifest = train(data, recipe_path, tmp_path / "run", *PLAIN, "epochs=2", "hop_s=0.128")
    assert (manifest.hop_samples, manifest.train_clips, manifest.train_windows) == (1024, 12, 36)
    assert manifest.evaluation.clips == 6


def test_multi_label_training(tmp_path: Path, recipe_path: str) -> None:
    rng = np.random.default_rng(5)
    names = sorted(BANDS_HZ)
    for split, count in (("train", 60), ("validation", 20)):
        (tmp_path / "data" / split).mkdir(parents=True)
        rows = ["fname,labels"]
        for index in range(count):
            chosen = [names[index % 3], *([names[(index + 1) % 3]] if index % 2 else [])]
            tones = [np.sin(2 * np.pi * rng.uniform(*BANDS_HZ[n]) * np.arange(4000) / 8000) for n in chosen]
            audio = 0.2 * np.sum(tones, axis=0) + 0.01 * rng.standard_normal(4000)
            soundfile.write(tmp_path / "data" / split / f"{index}.wav", audio, 8000, subtype="PCM_16")
            rows.append(f'{index}.wav,"{",".join(chosen)}"')
        (tmp_path / "data" / f"{split}.csv").write_text("\n".join(rows) + "\n")
    manifest = train(
        tmp_path / "data", recipe_path, tmp_path / "run", *PLAIN, "task=multi_label", "hop_s=0.128", "epochs=8"
    )
    assert (manifest.task, manifest.output_activation) == ("multi_label", "label_logits")
    assert manifest.evaluation.task == "multi_label"
    assert manifest.evaluation.lwlrap > 0.8  # chance: about 0.6
    outputs = network(tmp_path / "run").outputs[0]
    assert outputs.shape == (None, 3)
    with pytest.raises(AscKitError, match="several labels"):
        train(tmp_path / "data", recipe_path, tmp_path / "single", *PLAIN)
