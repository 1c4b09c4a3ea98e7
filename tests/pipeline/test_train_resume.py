"""Interrupted trainings: what they leave, what goes on from it, and that it ends where it would have ended."""

import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tone_data import RECIPE

import asc_kit.train.layers  # noqa: F401  a saved network needs its layers known
from asc_kit.dataset import read_dataset
from asc_kit.errors import AscKitError, ModelError, SpecError
from asc_kit.outputs import INVENTORY, partial_folder
from asc_kit.run import Run
from asc_kit.train.fitting import loop, working_folder
from asc_kit.train.fitting.checkpoint import Checkpoint, Epoch, Progress
from asc_kit.train.fitting.run_log import RunLog
from asc_kit.train.fitting.working_folder import STATE, Diverged
from asc_kit.train.recipe import load_recipe
from asc_kit.train.session import Session
from asc_kit.train.warm_start import WarmStart

MICRO_SETTINGS = """
[model_settings]
input_channels = 8
blocks = [{ channels = 8, pool = true }, { channels = 8 }]
dropout = 0.3

"""


@pytest.fixture(scope="module")
def recipe_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tiny recipe with another network: one with dropout, whose random numbers must go on as well."""
    before, _, after = RECIPE.partition("[model_settings]")
    path = tmp_path_factory.mktemp("recipe") / "dropout.toml"
    path.write_text(before.replace("cp_mobile", "micro_scene") + MICRO_SETTINGS + after[after.index("[frontend]") :])
    return str(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, data: Path, recipe_path: str) -> Path:
    """A training of three epochs, five steps each, that nothing interrupts."""
    out = tmp_path_factory.mktemp("whole") / "run"
    session(data, recipe_path, out).train()
    return out


def session(data: Path, recipe_path: str, out: Path, *overrides: str, **options: Any) -> Session:
    recipe = load_recipe(recipe_path, ["epochs=3", *overrides])
    return Session(recipe=recipe, data=data, out=out, **{"seed": 5, **options})


def weights(run: Path) -> list[np.ndarray]:
    return keras.models.load_model(run / "model.keras").get_weights()


def same(a: Path, b: Path) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(weights(a), weights(b), strict=True))


def interrupt_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Let Ctrl-C come while the given step, counted over all epochs, is at work."""
    taken = 0
    original = loop.training_step

    def counted(*args: Any, **kwargs: Any) -> Callable[..., Any]:
        import tensorflow as tf

        step = original(*args, **kwargs)

        def count() -> np.int32:
            nonlocal taken
            taken += 1
            if taken == steps:
                os.kill(os.getpid(), signal.SIGINT)
            return np.int32(0)

        def wrapped(*batch: Any) -> Any:
            tf.numpy_function(count, [], tf.int32)
            return step(*batch)

        return wrapped

    monkeypatch.setattr(loop, "training_step", counted)


@pytest.mark.parametrize("steps", [1, 7, 10])
def test_going_on_ends_where_it_would_have_ended(
    tmp_path: Path, data: Path, recipe_path: str, whole: Path, monkeypatch: pytest.MonkeyPatch, steps: int,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "cut"
    interrupt_after(monkeypatch, steps)
    with pytest.raises(KeyboardInterrupt):
        session(data, recipe_path, out).train()
    monkeypatch.undo()
    assert [path.name for path in tmp_path.iterdir()] == ["cut.partial"]
    assert (tmp_path / "cut.partial" / STATE).is_file()
    assert "cut.partial is kept: the same command with --resume goes on from it" in capfd.readouterr().err

    with pytest.raises(SpecError, match="was interrupted"):
        session(data, recipe_path, out).train()
    with pytest.raises(SpecError, match="another training"):
        session(data, recipe_path, out, seed=6, resume=True).train()
    with pytest.raises(SpecError, match="another training"):
        session(data, recipe_path, out, "batch_size=10", resume=True).train()
    # what was asked for in vain is not what lies there
    assert load_recipe(str(partial_folder(out) / "recipe.toml")).training.batch_size != 10

    session(data, recipe_path, out, resume=True).train()
    assert same(out, whole)
    assert [path.name for path in tmp_path.iterdir()] == ["cut"]
    columns = [[line.split(",")[:4] for line in (run / "history.csv").read_text().splitlines()] for run in (out, whole)]
    assert columns[0] == columns[1]
    with pytest.raises(SpecError, match="no interrupted training"):
        session(data, recipe_path, out, resume=True).train()


def test_ctrl_c_after_the_last_step_is_not_lost(
    tmp_path: Path, data: Path, recipe_path: str, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Any, epoch: int) -> None:
        if epoch == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(loop.Fitting, "_keep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        session(data, recipe_path, tmp_path / "cut").train()
    monkeypatch.undo()
    session(data, recipe_path, tmp_path / "cut", resume=True).train()
    assert same(tmp_path / "cut", whole)


def test_only_the_same_training_may_go_on(tmp_path: Path, data: Path, recipe_path: str, whole: Path) -> None:
    train_set = read_dataset(data).split("train")
    moved, changed = tmp_path / "moved", tmp_path / "changed"
    shutil.copytree(whole, moved)
    shutil.copytree(whole, changed)
    (changed / "model.keras").write_bytes(b"another")

    def identity(train_set: Any = train_set, **options: Any) -> str:
        return session(data, recipe_path, tmp_path / "run", **options)._identity(train_set)

    assert identity(teacher=whole) == identity(teacher=moved)
    begun = WarmStart(run=whole)
    others = [
        identity(),
        identity(replace(train_set, labels=train_set.labels[::-1])),  # another class map: other outputs
        identity(seed=6),
        identity(cache=tmp_path),
        identity(teacher=whole),
        identity(teacher=changed),
        identity(warm_start=begun),
        identity(warm_start=replace(begun, run=changed)),
        identity(warm_start=replace(begun, exclude=("b1_*",))),
    ]
    assert len(set(others)) == len(others)


def test_epochs_that_are_trained_again_are_logged_once(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    def epoch(number: int, loss: float) -> Epoch:
        return Epoch(epoch=number, learning_rate=0.1, loss=loss, accuracy=0.5, seconds=1.0)

    killed = [epoch(1, 4.0), epoch(2, 3.0), epoch(3, 2.0)]
    with closing(RunLog(tmp_path)) as log:
        for number in (1, 2, 3):
            log.write(killed[:number])
    with closing(RunLog(tmp_path)) as log:  # the last checkpoint was of epoch 1
        log.write([*killed[:1], epoch(2, 3.5)])
    events = EventAccumulator(str(tmp_path / "logs"))
    events.Reload()
    assert [event.step for event in events.Tensors("training/loss")] == [1, 2]
    assert (tmp_path / "history.csv").read_text().splitlines()[2].startswith("2,0.1,3.5,")


@pytest.mark.parametrize(("failure", "stays"), [(ModelError, True), (OSError, True), (Diverged, False)])
def test_what_fails_after_hours_keeps_the_checkpoint(tmp_path: Path, failure: type[Exception], stays: bool) -> None:
    with pytest.raises(failure), working_folder.working_folder(tmp_path / "run", resume=False) as folder:
        (folder / STATE).write_text("hours")
        raise failure("no")
    assert (tmp_path / "run.partial" / STATE).is_file() == stays


def test_a_run_that_cannot_be_moved_into_place_keeps_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*folders: object, **options: object) -> None:
        raise OSError("no")

    monkeypatch.setattr(working_folder, "publish", refuse)
    with pytest.raises(OSError, match="no"), working_folder.working_folder(tmp_path / "run", resume=False) as folder:
        (folder / STATE).write_text("hours")
    monkeypatch.undo()
    with working_folder.working_folder(tmp_path / "run", resume=True) as folder:
        assert (folder / STATE).read_text() == "hours"
        (folder / "run.json").write_text("{}")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [INVENTORY, "run.json"]


def test_another_seed_gives_other_weights(tmp_path: Path, data: Path, recipe_path: str, whole: Path) -> None:
    session(data, recipe_path, tmp_path / "run", seed=6).train()
    assert not same(tmp_path / "run", whole)


def test_ctrl_c_at_the_command_line_ends_with_130_and_keeps_the_training(
    tmp_path: Path, data: Path, recipe_path: str
) -> None:
    command = [sys.executable, "-m", "asc_kit", "train", recipe_path, "--data", str(data), "--out", "run"]
    process = subprocess.Popen(
        [*command, "--epochs", "100000"], cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    assert "parameters" in process.stderr.readline()
    deadline = time.monotonic() + 60
    while not (tmp_path / "run.partial" / "history.csv").is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in errors
    assert errors.strip().endswith("Interrupted.")
    assert [path.name for path in tmp_path.iterdir()] == ["run.partial"]


def test_a_folder_where_another_process_trains_is_left_alone(tmp_path: Path, data: Path, recipe_path: str) -> None:
    folder = partial_folder(tmp_path / "run")
    folder.mkdir()
    with (folder / "training.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (folder / "history.csv").write_text("theirs")
        with pytest.raises(AscKitError, match="another process is training"):
            session(data, recipe_path, tmp_path / "run").train()
    assert (folder / "history.csv").read_text() == "theirs"


def test_a_partial_folder_of_the_users_is_left_alone(tmp_path: Path, data: Path, recipe_path: str) -> None:
    folder = partial_folder(tmp_path / "run")
    folder.mkdir()
    (folder / "thesis.txt").write_text("years")
    with pytest.raises(AscKitError, match="not written by this command"):
        session(data, recipe_path, tmp_path / "run").train()
    assert (folder / "thesis.txt").read_text() == "years"


class Variable:
    """As much of a variable as a checkpoint needs."""

    def __init__(self, value: np.ndarray) -> None:
        self.value, self.shape = value, value.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.value

    def assign(self, value: np.ndarray) -> None:
        self.value = value


def save_limited(checkpoint: Checkpoint, variables: Sequence[Any], limit: int) -> None:
    """Save with no room for more than `limit` bytes in a file, as on a full disk."""
    earlier = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, earlier[1]))
    try:
        checkpoint.save(variables, Progress(step=2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, earlier)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    variables = [Variable(np.arange(10_000.0))]
    checkpoint = Checkpoint(tmp_path / STATE, "id")
    checkpoint.save(variables, Progress(step=1))
    variables[0].value = variables[0].value + 1
    with pytest.raises(AscKitError, match="cannot be written") as caught:
        save_limited(checkpoint, variables, 4096)
    assert "the one before is kept" in (caught.value.hint or "")
    assert [path.name for path in tmp_path.iterdir()] == [STATE]
    assert checkpoint.restore(variables) == Progress(step=1)
    assert np.array_equal(variables[0].value, np.arange(10_000.0))


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 half"])
def test_a_damaged_checkpoint_is_named(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / STATE).write_bytes(damage)
    with pytest.raises(SpecError, match="cannot be read"):
        Checkpoint(tmp_path / STATE, "id").restore([])


def test_kept_checkpoints_are_the_weights_of_their_epochs(tmp_path: Path, data: Path, recipe_path: str) -> None:
    out = tmp_path / "run"
    session(data, recipe_path, out, "checkpoint_epochs=1", "epochs=2").train()
    names = sorted(path.name for path in (out / "checkpoints").iterdir())
    assert names == ["epoch_0001.weights.h5", "epoch_0002.weights.h5"]
    network = keras.models.load_model(Run.open(out).keras_model_path)
    final = network.get_weights()
    network.load_weights(out / "checkpoints" / names[0])
    assert not all(np.array_equal(a, b) for a, b in zip(network.get_weights(), final, strict=True))
    network.load_weights(out / "checkpoints" / names[1])
    assert all(np.array_equal(a, b) for a, b in zip(network.get_weights(), final, strict=True))
