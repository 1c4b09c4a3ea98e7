"""Training end to end on a small data set: what a run holds, how it repeats, what is refused."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tone_data import BANDS_HZ, write_tone_data

import asc_kit.train.layers  # noqa: F401  a saved network needs its layers known
from asc_kit.errors import AscKitError, DataError, ModelError
from asc_kit.outputs import INVENTORY
from asc_kit.records.record import read_record
from asc_kit.run import Run, RunManifest
from asc_kit.scores.evaluation import Evaluation
from asc_kit.train.recipe import Recipe, load_recipe, resolved
from asc_kit.train.session import Session


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data: Path, recipe_path: str) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run [2] *"  # a pattern, if it were read as one
    command = [sys.executable, "-m", "asc_kit", "train", recipe_path, "--data", str(data), "--out", str(out), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((out / "run.json").read_text())
    return out


def train_run(recipe: Recipe, data: Path, out: Path, **options: Any) -> RunManifest | None:
    return Session(recipe=recipe, data=data, out=out, **options).train()


def weights(run: Path) -> list[np.ndarray]:
    return keras.models.load_model(run / "model.keras").get_weights()


def test_it_learns(run: Path) -> None:
    manifest = Run.open(run).manifest
    assert manifest.evaluation.accuracy >= 0.8
    epochs = (run / "history.csv").read_text().splitlines()
    assert epochs[0] == "epoch,learning_rate,loss,accuracy,seconds"
    assert len(epochs) == 1 + manifest.epochs
    losses = [float(line.split(",")[2]) for line in epochs[1:]]
    assert losses[-1] < 0.7 * losses[0]


def test_the_record_says_what_was_done(run: Path, data: Path) -> None:
    manifest = read_record(RunManifest, run / "run.json")
    assert manifest.labels == tuple(sorted(BANDS_HZ))
    assert manifest.seed == 1
    assert manifest.data_root == str(data.resolve())
    assert (manifest.train_split, manifest.test_split, manifest.train_clips) == ("train", "test", 60)
    assert manifest.train_recording_devices == ("a", "b")
    evaluation = manifest.evaluation
    assert isinstance(evaluation, Evaluation) and evaluation.clips == 24
    assert [group.name for group in evaluation.per_recording_device] == ["a", "b", "c"]
    assert [group.name for group in evaluation.per_scene] == sorted(BANDS_HZ)
    assert sum(group.correct for group in evaluation.per_scene) == round(evaluation.accuracy * 24)
    assert evaluation.seen_devices is not None
    assert evaluation.unseen_devices is not None
    assert evaluation.seen_devices.clips + evaluation.unseen_devices.clips == 24
    assert manifest.recipe["training"]["epochs"] == 10
    assert manifest.recipe["training"]["label_smoothing"] == 0.0  # resolved: defaults are written out
    assert {"tensorflow", "keras", "numpy", "python"} <= set(manifest.tools)
    assert (manifest.train_windows, manifest.workers, manifest.teacher, manifest.warm_start) == (60, 1, None, None)
    assert sorted(path.name for path in run.parent.iterdir()) == [run.name]
    assert sorted(path.name for path in run.iterdir()) == [
        INVENTORY, "history.csv", "logs", "model.keras", "recipe.toml", "run.json", "saved_model",
    ]  # fmt: skip


def test_the_resolved_recipe_is_the_one_that_was_trained(run: Path, recipe_path: str) -> None:
    again = load_recipe(str(run / "recipe.toml"))
    assert resolved(again) == resolved(load_recipe(recipe_path)) == Run.open(run).manifest.recipe
    assert "channel_multiplier" in again.model_settings  # a default, written out


def test_tensorboard_reads_the_logs(run: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "logs"))
    events.Reload()
    lines = (run / "history.csv").read_text().splitlines()[1:]
    tensors = [float(tensor_value(event)) for event in events.Tensors("training/loss")]
    np.testing.assert_allclose(tensors, [float(line.split(",")[2]) for line in lines], rtol=1e-6)


def tensor_value(event: Any) -> Any:
    from tensorboard.util import tensor_util

    return tensor_util.make_ndarray(event.tensor_proto)


def test_evaluate_gives_the_figures_of_the_run(run: Path, data: Path) -> None:
    command = [sys.executable, "-m", "asc_kit", "evaluate", str(run), "--data", str(data), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((run / "run.json").read_text())["evaluation"]


def test_divergence_is_an_error_and_the_earlier_run_stays(
    tmp_path: Path, run: Path, data: Path, recipe_path: str
) -> None:
    out = tmp_path / "run"
    shutil.copytree(run, out)
    earlier = (out / "run.json").read_text()
    with pytest.raises(ModelError, match="diverged: the loss is nan in epoch .*no longer finite, first") as caught:
        train_run(load_recipe(recipe_path, ["learning_rate=1e6", "warmup_steps=0"]), data, out)
    assert "learning_rate" in (caught.value.hint or "")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert (out / "run.json").read_text() == earlier


def edit(data: Path, name: str, old: str, new: str) -> None:
    text = (data / name).read_text()
    assert old in text
    (data / name).write_text(text.replace(old, new))


def break_split_label(data: Path) -> None:
    edit(data, "train.csv", "audio/high-0.wav\thigh", "audio/high-0.wav\twhistle")


def break_overlap(data: Path) -> None:
    (data / "test.csv").write_text((data / "train.csv").read_text())


def break_class(data: Path) -> None:
    lines = (data / "train.csv").read_text().splitlines(keepends=True)
    (data / "train.csv").write_text("".join(line for line in lines if "mid" not in line))


def break_empty_wav(data: Path) -> None:
    (data / "audio/low-3.wav").write_bytes((data / "audio/low-3.wav").read_bytes()[:44])


def break_text_wav(data: Path) -> None:
    (data / "audio/low-3.wav").write_text("not audio")


def break_missing_wav(data: Path) -> None:
    (data / "audio/low-3.wav").unlink()


def break_no_test(data: Path) -> None:
    (data / "test.csv").unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (break_split_label, "unknown label 'whistle'"),
        (break_overlap, "also in split"),
        (break_class, "no clips of mid"),
        (break_empty_wav, "low-3.wav"),
        (break_text_wav, "low-3.wav"),
        (break_missing_wav, "low-3.wav"),
        (break_no_test, "no split file test.csv"),
    ],
)
def test_bad_data_is_refused_before_anything_is_written(
    tmp_path: Path, recipe_path: str, damage: object, message: str
) -> None:
    data = write_tone_data(tmp_path / "data", n_train=4, n_test=2)
    damage(data)  # type: ignore[operator]
    with pytest.raises(DataError) as caught:
        train_run(load_recipe(recipe_path), data, tmp_path / "out" / "run")
    assert message in caught.value.message
    assert not (tmp_path / "out" / "run").exists()
    assert not any((tmp_path / "out").glob(".*")) if (tmp_path / "out").exists() else True


def test_a_folder_of_the_users_is_left_alone(tmp_path: Path, data: Path, recipe_path: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("years")
    with pytest.raises(AscKitError, match="was not written by this command"):
        train_run(load_recipe(recipe_path), data, tmp_path / "run")
    assert (tmp_path / "run" / "thesis.txt").read_text() == "years"


def test_evaluating_what_is_neither_run_nor_bundle(tmp_path: Path, data: Path) -> None:
    command = [sys.executable, "-m", "asc_kit", "evaluate", str(tmp_path), "--data", str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "neither a run nor a bundle" in done.stderr
