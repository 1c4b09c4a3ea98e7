"""`asc-kit predict` on recordings of any rate and length."""

import csv
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tagged_tones import write_tagged_tones
from tone_bundle import FRONTEND, LABELS, make_tone_bundle, tone
from wav_files import pcm_bytes, wav

from asc_kit.bundle import Bundle
from asc_kit.dataset import read_dataset
from asc_kit.device_runner.classifier import SceneClassifier
from asc_kit.device_runner.commands.demo_bundle import demo_folder
from asc_kit.device_runner.predict import predict_file
from asc_kit.errors import DataError
from asc_kit.inference.int8_scores import clip_scores
from asc_kit.inference.interpreter import Int8Model
from asc_kit.recordings.audio import from_int16, load_clip
from asc_kit.train.recipe import load_recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tone_bundle(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="module")
def classifier(folder: Path) -> SceneClassifier:
    return SceneClassifier(Bundle.open(folder), "reference")


def record(path: Path, samples: np.ndarray, rate: int = 8000) -> Path:
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000])
@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.3, 25.0])
def test_any_rate_and_length(classifier: SceneClassifier, tmp_path: Path, rate: int, seconds: float) -> None:
    found = predict_file(classifier, record(tmp_path / "x.wav", tone(440, seconds, rate), rate))
    assert found.ranking[0][0] == "low" and found.seconds == pytest.approx(seconds, abs=0.001)


def test_a_clip_of_one_window_is_what_bench_classifies(
    classifier: SceneClassifier, folder: Path, tmp_path: Path
) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 22050)
    path = record(tmp_path / "x.wav", noise[: 22050 // 2], 22050)
    bundle = Bundle.open(folder)
    output = Int8Model(bundle.model_path.read_bytes()).run(bundle.audio_to_input(load_clip(path, FRONTEND)))
    expected = bundle.probabilities(output.reshape(-1))
    found = predict_file(classifier, path, top=3)
    assert found.windows == 1
    assert dict(found.ranking) == pytest.approx(dict(zip(LABELS, expected, strict=True)), abs=0)


def test_the_mean_over_half_overlapping_windows(classifier: SceneClassifier, tmp_path: Path) -> None:
    # 1.15 s: windows of 0.5 s begin at 0, 0.25 and 0.5, and the last ends with the recording
    audio = np.concatenate([tone(300, 0.6, 8000), tone(3000, 0.55, 8000)])
    path = record(tmp_path / "x.wav", audio)
    samples, _ = soundfile.read(path, dtype="float32")
    starts = [0, 2000, 4000, len(samples) - 4000]
    expected = np.mean([classifier.probabilities(samples[s : s + 4000]) for s in starts], axis=0)
    found = predict_file(classifier, path, top=3)
    assert found.windows == 4
    assert dict(found.ranking) == pytest.approx(dict(zip(LABELS, expected, strict=True)), abs=1e-12)
    probabilities = [p for _, p in found.ranking]
    assert probabilities == sorted(probabilities, reverse=True) and sum(probabilities) == pytest.approx(1)


def test_windows_of_a_long_recording_cross_its_blocks(classifier: SceneClassifier, tmp_path: Path) -> None:
    # read in blocks of ten seconds: 21 s in windows every quarter second
    found = predict_file(classifier, record(tmp_path / "x.wav", tone(440, 21.0, 8000)))
    assert found.windows == 83


def test_what_cannot_be_read(classifier: SceneClassifier, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        predict_file(classifier, tmp_path / "absent.wav")
    (tmp_path / "text.wav").write_text("no recording")
    with pytest.raises(DataError, match="cannot be read"):
        predict_file(classifier, tmp_path / "text.wav")
    with pytest.raises(DataError, match="is empty"):
        predict_file(classifier, record(tmp_path / "empty.wav", np.zeros(0)))


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "asc_kit", "predict", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_one_line_per_recording_and_a_bad_one_stops_none(folder: Path, tmp_path: Path) -> None:
    low = record(tmp_path / "low.wav", tone(300, 1.0, 44100), 44100)
    high = record(tmp_path / "high.flac", tone(3000, 1.0, 16000), 16000)
    done = run(folder, low, tmp_path / "absent.wav", high, "--top", 2)
    assert done.returncode == 1
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines] == [[str(low), "low"], [str(high), "high"]]
    assert all(len(line) == 5 and float(line[2]) > 0.9 > float(line[4]) for line in lines)
    assert f"{tmp_path / 'absent.wav'} does not exist" in done.stderr
    assert "1 of 3 recordings could not be classified" in done.stderr and "Traceback" not in done.stderr


def test_json(folder: Path, tmp_path: Path) -> None:
    low = record(tmp_path / "low.wav", tone(300, 1.0, 44100), 44100)
    done = run(folder, low, "--json", "--kernels", "reference", "--top", 3)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["kernels"] == "reference"
    (entry,) = document["files"]
    assert (entry["label"], entry["windows"], entry["seconds"]) == ("low", 3, 1.0)
    assert [each["label"] for each in entry["top"]][0] == "low" and len(entry["top"]) == 3


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    done = run(tmp_path, tmp_path / "x.wav")
    assert done.returncode == 1 and "is not a bundle" in done.stderr and "asc-kit export" in done.stderr


@pytest.mark.parametrize("rate", [8000, 48000])
def test_a_single_sample_is_padded_as_in_training(classifier: SceneClassifier, tmp_path: Path, rate: int) -> None:
    path = record(tmp_path / "x.wav", np.array([0.5]), rate)
    found = predict_file(classifier, path, top=len(LABELS))
    expected = classifier.ranking(classifier.probabilities(load_clip(path, FRONTEND)), len(LABELS))
    assert found.windows == 1 and list(found.ranking) == expected


def test_a_name_that_is_no_text_is_shown_with_escapes(folder: Path, tmp_path: Path) -> None:
    path = record(tmp_path / "x.wav", tone(440, 0.5, 8000)).rename(tmp_path / os.fsdecode(b"\xe9.wav"))
    done = run(folder, path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{tmp_path}/\\udce9.wav\tlow\t")


def test_the_runtimes_own_chatter_is_not_shown(folder: Path, tmp_path: Path) -> None:
    assert run(folder, record(tmp_path / "x.wav", tone(440, 0.5, 8000))).stderr == ""


def test_what_is_strange_about_a_recording_is_said(folder: Path, tmp_path: Path) -> None:
    audio = tone(440, 1.0, 8000)
    short, cancelled, cut = tmp_path / "short.wav", tmp_path / "cancelled.wav", tmp_path / "cut.wav"
    short.write_bytes(wav(pcm_bytes(audio), declared=2048))
    record(cancelled, np.stack([audio, -audio], 1))
    cut.write_bytes(wav(pcm_bytes(audio))[:-4000])
    done = run(folder, short, cancelled, cut, "--json")
    assert done.returncode == 0
    files = json.loads(done.stdout)["files"]
    assert [[warning["kind"] for warning in file["warnings"]] for file in files] == [
        ["longer_than_header"],
        ["channels_cancel"],
        ["cut_off"],
    ]
    # all of it is classified
    assert (files[0]["seconds"], files[0]["label"]) == (1.0, "low")
    assert f"Warning: {short}: its header says 2,048 bytes of audio (1,024 samples)" in done.stderr
    assert f"Warning: {cancelled}: the mean of its 2 channels is" in done.stderr
    assert f"Warning: {cut}: cut off: its header says" in done.stderr


def test_another_scale_is_refused(classifier: SceneClassifier, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", 32768 * tone(440, 1.0, 8000), 8000, subtype="FLOAT")
    with pytest.raises(DataError, match="Expected: full scale from -1 to 1"):
        predict_file(classifier, tmp_path / "x.wav")


def test_a_folder_a_pipe_and_what_is_compressed(folder: Path, tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    (recordings / "more").mkdir(parents=True)
    low = record(recordings / "a.wav", tone(300, 1.0, 8000))
    high = recordings / "more" / "b.ogg"
    soundfile.write(high, tone(3000, 1.0, 8000), 8000, subtype="VORBIS")
    (recordings / "notes.txt").touch()
    (recordings / "._a.wav").touch()
    done = run(folder, recordings)
    assert [line.split("\t")[:2] for line in done.stdout.splitlines()] == [[str(low), "low"], [str(high), "high"]]
    assert done.stderr.splitlines() == [f"{recordings}: 1 other file left out"]
    command = [sys.executable, "-m", "asc_kit", "predict", str(folder), "-"]
    piped = subprocess.run(command, input=low.read_bytes(), capture_output=True, timeout=120)
    assert piped.stdout.decode().split("\t")[:2] == ["-", "low"], piped.stderr
    raw = subprocess.run([*command, "--pcm", "8000"], input=low.read_bytes()[44:], capture_output=True, timeout=120)
    assert raw.stdout == piped.stdout
    none = subprocess.run(command, input=b"", capture_output=True, timeout=120)
    assert none.returncode == 1 and b"standard input holds no audio" in none.stderr


def test_rows_by_time(folder: Path, tmp_path: Path, classifier: SceneClassifier) -> None:
    audio = np.concatenate([tone(300, 12, 8000), tone(3000, 10.5, 8000)])
    path = record(tmp_path / "x.wav", audio)
    found = predict_file(classifier, path, every_s=5.0)
    assert [(p.start_s, p.end_s) for p in found.periods] == [(0, 5), (5, 10), (10, 15), (15, 20), (20, 22.5)]
    whole = predict_file(classifier, path)
    assert sum(p.windows for p in found.periods) == found.windows == whole.windows
    assert found.likeliest == pytest.approx(whole.likeliest)
    likeliest = [LABELS[p.probabilities.argmax()] for p in found.periods]
    assert likeliest == ["low", "low", "high", "high", "high"]
    rows = list(csv.DictReader(run(folder, path, "--every", 5, "--csv").stdout.splitlines()))
    assert [row["label"] for row in rows] == likeliest and rows[1]["start_s"] == "5.000"
    assert all(sum(float(row[label]) for label in LABELS) == pytest.approx(1, abs=2e-4) for row in rows)
    lines = [line.split("\t") for line in run(folder, path, "--every", 5).stdout.splitlines()]
    assert [line[:4] for line in lines[:2]] == [[str(path), "0.00", "5.00", "low"], [str(path), "5.00", "10.00", "low"]]
    periods = json.loads(run(folder, path, "--every", 5, "--json").stdout)["files"][0]["periods"]
    assert [period["top"][0]["label"] for period in periods] == likeliest
    table = run(folder, path, "--every", 5, "--table").stdout
    assert "0:00:20.0" in table and table.count("low") >= 2


def test_a_long_recording_takes_no_more_memory(classifier: SceneClassifier, tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        path = record(tmp_path / "x.wav", np.zeros(0))
        with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16") as file:
            for _ in range(seconds // 60):
                file.write(np.zeros(60 * 8000))
        tracemalloc.start()
        told: list[float] = []
        predict_file(classifier, path, progress=lambda at, _: told.append(at))
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert told[-1] == seconds and len(told) == seconds // 10
        return highest

    # 240 s more are 7.7 MB of audio
    assert peak(300) < peak(60) + 2_000_000


def test_the_demos_network_says_what_it_is(tmp_path: Path) -> None:
    path = record(tmp_path / "x.wav", tone(300, 1.0, 8000))
    done = run("--demo", path)
    assert done.returncode == 0 and done.stdout.rstrip().endswith("\t[demo]")
    assert "trained on synthetic scenes" in done.stderr
    assert "synthetic" in json.loads(run("--demo", path, "--json").stdout)["demo"]


def test_the_demos_bundle_is_of_this_version() -> None:
    opened = Bundle.open(demo_folder())
    manifest = opened.manifest
    files = [path for path in demo_folder().rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 150_000
    assert manifest.frontend == load_recipe("micro_1m").frontend
    assert manifest.provenance.metrics_int8.macro_accuracy > 0.7
    (entry,) = manifest.golden
    golden = opened.golden(entry)
    np.testing.assert_array_equal(opened.audio_to_input(from_int16(golden.audio)), golden.input)
    np.testing.assert_array_equal(Int8Model(opened.model_path.read_bytes()).run(golden.input), golden.output)


# recordings with several labels


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose windows overlap by three quarters."""
    return make_tone_bundle(tmp_path_factory.mktemp("tags"), task="multi_label", hop_samples=1000)


def test_windows_are_those_of_an_evaluation(tagger: Path, tmp_path: Path) -> None:
    bundle = Bundle.open(tagger)
    dataset = read_dataset(write_tagged_tones(tmp_path / "data")).split("validation")
    scores = clip_scores(bundle, dataset)
    classifier = SceneClassifier(bundle, "reference")
    for clip, expected in zip(dataset.clips, scores, strict=True):
        found = predict_file(classifier, dataset.path(clip), top=None)
        assert dict(found.ranking) == pytest.approx(dict(zip(LABELS, expected, strict=True)), abs=1e-12)


def test_labels_above_the_threshold_are_listed(tagger: Path, tmp_path: Path) -> None:
    both = record(tmp_path / "both.wav", tone(440, 1.0, 8000) + tone(3000, 1.0, 8000))
    low = record(tmp_path / "low.wav", tone(440, 1.0, 8000))
    silence = record(tmp_path / "silence.wav", np.zeros(8000))
    lines = [line.split("\t") for line in run(tagger, both, low, silence).stdout.splitlines()]
    assert [sorted(line[1::2]) for line in lines] == [["high", "low"], ["low"], []]
    # any that is likely at all, and no more than asked for
    (line,) = run(tagger, low, "--threshold", 0.01).stdout.splitlines()
    assert line.split("\t")[1::2] == ["low", "high", "quiet"]
    (line,) = run(tagger, low, "--top", 2).stdout.splitlines()
    assert line.split("\t")[1::2] == ["low", "high"]
    (line,) = run(tagger, both, "--top", 2, "--threshold", 0.99999).stdout.splitlines()
    assert line == str(both)


def test_json_names_the_likeliest_even_when_none_is_likely(tagger: Path, tmp_path: Path) -> None:
    document = json.loads(run(tagger, record(tmp_path / "x.wav", np.zeros(8000)), "--json").stdout)
    assert document["task"] == "multi_label"
    assert document["files"][0]["label"] == "quiet" and document["files"][0]["top"] == []


def test_a_threshold_needs_several_labels(folder: Path, tmp_path: Path) -> None:
    done = run(folder, record(tmp_path / "x.wav", np.zeros(8000)), "--threshold", 0.5)
    assert done.returncode == 2 and "gives each recording one class" in done.stderr
