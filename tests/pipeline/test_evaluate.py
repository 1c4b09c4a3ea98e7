"""`asc-kit evaluate` on what training and export wrote: floats, int8, windows, tags, several at once, checkpoints."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from click.testing import CliRunner, Result
from tagged_tones import write_tagged_tones
from tone_data import write_recipe, write_tone_data

from asc_kit.bundle import Bundle
from asc_kit.cli import cli
from asc_kit.dataset import read_dataset
from asc_kit.errors import AscKitError, DataError
from asc_kit.export.bundling import export_run
from asc_kit.export.representative import representative_clips
from asc_kit.frontend import log_mel, model_input
from asc_kit.quantization import QuantizationSettings
from asc_kit.records.record import read_record, to_plain
from asc_kit.run import Run
from asc_kit.scores.evaluation import TaggingEvaluation
from asc_kit.train.evaluation.checkpoints import CheckpointRecord
from asc_kit.train.recipe import load_recipe
from asc_kit.train.session import Session

HOP_S = 0.128


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs that differ in their seed, one of tags with windows, and bundles."""
    base = tmp_path_factory.mktemp("evaluate")
    recipe = write_recipe(base)
    write_tone_data(base / "data")
    write_tagged_tones(base / "tags", n_train=36, n_validation=12)
    for seed in (1, 2):
        settings = load_recipe(recipe, ["epochs=3", "checkpoint_epochs=1"])
        Session(recipe=settings, data=base / "data", out=base / f"run{seed}", seed=seed).train()
    settings = load_recipe(recipe, ["task=multi_label", f"hop_s={HOP_S}", "epochs=6", "checkpoint_epochs=2"])
    Session(recipe=settings, data=base / "tags", out=base / "tagger").train()
    for run, bundle, n_clips in (("run1", "bundle1", 30), ("tagger", "tagging_bundle", 12)):
        quantization = QuantizationSettings(representative_clips=n_clips)
        export_run(Run.open(base / run), base / bundle, settings=quantization)
    return base


def evaluate(*words: object) -> Result:
    result = CliRunner().invoke(cli, ["evaluate", *map(str, words)], catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def document(*words: object) -> Any:
    return json.loads(evaluate(*words, "--json").stdout)


def test_a_run_of_tags_gives_the_figures_of_its_training(folder: Path) -> None:
    found = document(folder / "tagger", "--data", folder / "tags")
    assert found == json.loads((folder / "tagger" / "run.json").read_text())["evaluation"]
    assert found["task"] == "multi_label" and found["lwlrap"] > 0.9 and found["split"] == "validation"


def test_scores_are_means_over_windows(folder: Path, tmp_path: Path) -> None:
    """The predictions of the float run, from the samples on, written out."""
    evaluate(folder / "tagger", "--data", folder / "tags", "--predictions", tmp_path / "p.csv")
    rows = list(csv.DictReader((tmp_path / "p.csv").open()))
    run = Run.open(folder / "tagger")
    spec, hop = run.manifest.frontend, round(HOP_S * 8000)
    network = tf.saved_model.load(str(run.saved_model_path))
    clips = read_dataset(folder / "tags").split("validation").clips
    assert [row["fname"] for row in rows] == [Path(clip.filename).name for clip in clips]
    for clip, row in zip(clips[:4], rows, strict=False):
        samples, _ = soundfile.read(folder / "tags" / clip.filename, dtype="float32")
        starts = [*range(0, len(samples) - spec.clip_samples + 1, hop)]
        if len(samples) - starts[-1] - spec.clip_samples > spec.clip_samples // 100:
            starts.append(len(samples) - spec.clip_samples)
        features = [model_input(log_mel(samples[s : s + spec.clip_samples], spec), spec)[0] for s in starts]
        expected = tf.sigmoid(network.batch(tf.constant(np.stack(features)))).numpy().mean(axis=0)
        # the graph's features differ from NumPy's by 1e-5 or so
        np.testing.assert_allclose([float(row[label]) for label in run.manifest.labels], expected, atol=1e-3)


def test_int8_tags_are_as_good_as_float(folder: Path) -> None:
    manifest = Bundle.open(folder / "tagging_bundle").manifest
    assert (manifest.task, manifest.output_activation, manifest.hop_samples) == ("multi_label", "label_logits", 1024)
    of_float, of_int8 = manifest.provenance.metrics_float, manifest.provenance.metrics_int8
    assert isinstance(of_float, TaggingEvaluation) and isinstance(of_int8, TaggingEvaluation)
    assert of_float.lwlrap == pytest.approx(Run.open(folder / "tagger").manifest.evaluation.lwlrap, abs=1e-3)
    assert abs(of_int8.lwlrap - of_float.lwlrap) < 0.05 and abs(of_int8.log_loss - of_float.log_loss) < 0.03
    assert document(folder / "tagging_bundle", "--data", folder / "tags") == to_plain(of_int8)


def test_activation_ranges_come_from_several_windows_of_a_clip(folder: Path) -> None:
    run = Run.open(folder / "tagger")
    chosen = representative_clips(run, folder / "tags", 9)
    assert {label for clip in chosen.dataset.clips for label in clip.labels} == {"high", "low", "quiet"}
    assert len({clip.filename for clip in chosen.dataset.clips}) == 9
    # 0.3 s: two windows; longer ones: three
    lengths = [soundfile.info(folder / "tags" / clip.filename).frames for clip in chosen.dataset.clips]
    assert len(chosen.features) == sum(3 if length > 3072 else 2 for length in lengths)


def test_several_models_and_means(folder: Path, tmp_path: Path) -> None:
    models = [folder / name for name in ("run1", "run2", "bundle1")]
    found = document(*models, "--data", folder / "data", "--out", tmp_path / "out")
    assert found == json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert [group["runs"] for group in found["groups"]] == [2, 1]
    for path, model in zip(models, found["models"], strict=True):
        assert model["evaluation"] == document(path, "--data", folder / "data")
    accuracies = [model["evaluation"]["macro_accuracy"] for model in found["models"][:2]]
    assert found["groups"][0]["figures"]["macro accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert len(list((tmp_path / "out").glob("confusion_?.png"))) == 3
    text = evaluate(*models, "--data", folder / "data").stderr
    assert "tiny, int8" in text and "±" in text


def test_predictions_of_recordings_without_labels(folder: Path, tmp_path: Path) -> None:
    known, unknown = tmp_path / "known.csv", tmp_path / "unknown.csv"
    evaluate(folder / "run1", "--data", folder / "data", "--predictions", known, "--split", "all")
    evaluate(folder / "run1", "--data", folder / "data" / "audio", "--predictions", unknown, "--unlabelled")
    rows = [list(csv.reader(path.read_text().splitlines(), delimiter="\t")) for path in (known, unknown)]
    assert rows[0][0] == rows[1][0] == ["filename", "scene_label", "high", "low", "mid"]
    assert len(rows[0]) == 85
    by_name = [{row[0]: np.array(row[2:], float) for row in table[1:]} for table in rows]
    assert by_name[0].keys() == by_name[1].keys()
    for name, scores in by_name[0].items():  # the same, but in other batches
        np.testing.assert_allclose(scores, by_name[1][name], atol=1e-5)


def test_checkpoints_make_a_curve_that_goes_on(folder: Path, tmp_path: Path) -> None:
    words = (folder / "tagger", "--data", folder / "tags", "--checkpoints", "--out", tmp_path)
    first = evaluate(*words)
    lines = [line for line in first.stderr.splitlines() if line.startswith("epoch")]
    assert len(lines) == 3 and all("lwlrap" in line for line in lines) and "was there" not in first.stderr
    records = [read_record(CheckpointRecord, tmp_path / f"epoch_{epoch:04d}.json") for epoch in (2, 4, 6)]
    # the last one is the run itself, by another way
    assert to_plain(records[-1].evaluation)["lwlrap"] == pytest.approx(
        Run.open(folder / "tagger").manifest.evaluation.lwlrap
    )
    assert records[-1].evaluation.log_loss == pytest.approx(
        Run.open(folder / "tagger").manifest.evaluation.log_loss, abs=1e-5
    )
    assert len({record.evaluation.log_loss for record in records}) == 3

    (tmp_path / "epoch_0004.json").unlink()
    (tmp_path / "epoch_0006.json").write_text("{}")
    with pytest.raises(AscKitError, match="epoch_0006.json"):  # somebody's work, whatever it is
        evaluate(*words)
    (tmp_path / "epoch_0006.json").unlink()
    (tmp_path / "epoch_0004.json").unlink(missing_ok=True)
    again = evaluate(*words).stderr
    assert [("was there" in line) for line in again.splitlines() if line.startswith("epoch")] == [True, False, False]
    assert read_record(CheckpointRecord, tmp_path / "epoch_0004.json") == records[1]
    # other clips: everything anew
    assert "was there" not in evaluate(*words, "--split", "train_curated").stderr

    scalars: dict[str, set[int]] = {}
    for path in (tmp_path / "logs").iterdir():
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            for value in event.summary.value:
                scalars.setdefault(value.tag, set()).add(event.step)
    assert scalars["lwlrap"] == {2, 4, 6} and "lwlrap/high" in scalars


def test_every_kth_checkpoint_and_the_last(folder: Path, tmp_path: Path) -> None:
    found = document(folder / "run1", "--data", folder / "data", "--checkpoints", "--every", 2, "--out", tmp_path)
    assert [record["epoch"] for record in found] == [2, 3]


def test_a_checkpoint_of_another_network_is_refused(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run1", tmp_path / "run")
    shutil.copytree(folder / "tagger" / "checkpoints", tmp_path / "run" / "checkpoints", dirs_exist_ok=True)
    (tmp_path / "run" / "checkpoints" / "epoch_0001.weights.h5").write_bytes(b"no weights")
    with pytest.raises(AscKitError, match="epoch_0001.weights.h5 does not fit the network"):
        evaluate(tmp_path / "run", "--data", folder / "data", "--checkpoints", "--out", tmp_path / "out")
    assert not list((tmp_path / "out").glob("epoch*"))


def test_no_checkpoints(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder / "run1", tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    with pytest.raises(AscKitError, match="has no checkpoints") as caught:
        evaluate(tmp_path / "run", "--data", folder / "data", "--checkpoints", "--out", tmp_path / "out")
    assert "checkpoint_epochs" in (caught.value.hint or "")
    with pytest.raises(AscKitError, match="only a run has checkpoints"):
        evaluate(folder / "bundle1", "--data", folder / "data", "--checkpoints", "--out", tmp_path / "out")


def test_data_of_another_kind_is_refused(folder: Path) -> None:
    with pytest.raises(DataError, match="any number of labels to a clip, but the model was trained to give one class"):
        evaluate(folder / "run1", "--data", folder / "tags")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["run1", "run2", "--predictions", "p.csv"], "take one model"),
        (["run1", "--unlabelled"], "needs --predictions"),
        (["run1", "--checkpoints"], "needs --out"),
        (["run1", "--every", "2"], "goes with --checkpoints"),
        ([], "Missing argument"),
    ],
)
def test_options_that_do_not_go_together(words: list[str], text: str) -> None:
    result = evaluate(*words, "--data", "data")
    assert result.exit_code == 2 and text in result.stderr


def test_the_command_itself(folder: Path) -> None:
    command = [sys.executable, "-m", "asc_kit", "evaluate", "tagging_bundle", "--data", "tags", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "lwlrap" in done.stderr and json.loads(done.stdout)["task"] == "multi_label"
    assert "tensorflow" not in done.stderr.lower()
