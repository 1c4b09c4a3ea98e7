"""`asc-kit predict` on recordings of any rate and length."""

import json
import os
import subprocess
import sys
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
from asc_kit.device_runner.predict import predict_file
from asc_kit.errors import DataError
from asc_kit.inference.int8_scores import clip_scores
from asc_kit.inference.interpreter import Int8Model
from asc_kit.recordings.audio import load_clip


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
