"""Trainings on several processors: the same as on one, and an end for all when one of them ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tiny_training import PLAIN, losses, network, train

from asc_kit.errors import SpecError
from asc_kit.run import Run
from asc_kit.train.fitting.distribution import Distribution, start_distribution
from asc_kit.train.fitting.working_folder import STATE

SCRIPT = Path(__file__).parents[1] / "support" / "two_processors.py"

TWO_TASKS = """
name = "two_tasks"
summary = "For tests."
model = "two_heads.py"

[model_settings]

[frontend]
sample_rate_hz = 8000
clip_samples = 4096
n_fft = 256
win_length = 256
hop_length = 128
n_mels = 32
f_max_hz = 4000.0
layout = "time_mel"

[training]
epochs = 1
batch_size = 12
learning_rate = 0.1
weight_decay = 0.0
warmup_steps = 0
optimizer = "sgd"
schedule = "constant"
gradients = "pcgrad"
coarse_classes = { squeaky = ["high"], deep = ["low", "mid"] }

[augmentation]
"""
TWO_HEADS = """
from dataclasses import dataclass

import keras
from keras import layers


@dataclass(frozen=True)
class Settings:
    channels: int = 4


def build(settings, input_shape, n_labels):
    features = keras.Input(input_shape)
    x = features
    for _ in range(2):
        x = layers.Conv2D(settings.channels, 3, strides=2, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(features, [layers.Dense(n_labels)(x), layers.Dense(2)(x)])
"""
"""Small: a deep one takes half a minute to trace, and adds nothing to what is asked here."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data: Path, recipe_path: str) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run"
    train(data, recipe_path, out, *PLAIN, "epochs=4")
    return out


def free_ports(n: int) -> list[int]:
    sockets = [socket.socket() for _ in range(n)]
    for each in sockets:
        each.bind(("localhost", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def start_workers(cwd: Path, data: Path, recipe_path: str, *overrides: str) -> list[subprocess.Popen[str]]:
    workers = [f"localhost:{port}" for port in free_ports(2)]
    command = [sys.executable, "-m", "asc_kit", "train", recipe_path, "--data", str(data), "--out", "run"]
    settings = [part for override in (*PLAIN, *overrides) for part in ("--set", override)]
    processes = []
    for index in range(2):
        config = json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})
        processes.append(
            subprocess.Popen(
                [*command, *settings],
                cwd=cwd,
                env={**os.environ, "TF_CONFIG": config},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    return processes


def test_two_workers_follow_the_loss_of_one(tmp_path: Path, run: Path, data: Path, recipe_path: str) -> None:
    processes = start_workers(tmp_path, data, recipe_path, "epochs=4")
    errors = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    assert "the first worker writes the run" in errors[1]
    assert Run.open(tmp_path / "run").manifest.workers == 2
    # batch normalization over the whole batch included: only the order of float sums differs
    np.testing.assert_allclose(losses(tmp_path / "run"), losses(run), rtol=1e-5)
    for ours, theirs in zip(network(tmp_path / "run").get_weights(), network(run).get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def wait_for_an_epoch(cwd: Path) -> None:
    deadline = time.monotonic() + 120
    while not (cwd / "run.partial" / "history.csv").is_file() and time.monotonic() < deadline:
        time.sleep(0.1)


def test_an_interrupted_worker_stops_all_of_them_after_the_same_step(
    tmp_path: Path, data: Path, recipe_path: str
) -> None:
    processes = start_workers(tmp_path, data, recipe_path, "epochs=100000")
    wait_for_an_epoch(tmp_path)
    processes[1].send_signal(signal.SIGINT)
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [130, 130], errors
    assert "--resume" in errors[0]
    assert (tmp_path / "run.partial" / STATE).is_file()


def test_a_worker_that_is_gone_ends_the_others_with_a_word(tmp_path: Path, data: Path, recipe_path: str) -> None:
    processes = start_workers(tmp_path, data, recipe_path, "epochs=100000")
    wait_for_an_epoch(tmp_path)
    processes[1].kill()
    errors = processes[0].communicate(timeout=120)[1]
    processes[1].communicate()
    assert processes[0].returncode == 1
    assert "another worker has stopped" in errors
    assert "Traceback" not in errors


def test_two_processors_follow_one_with_conflicting_tasks_too(tmp_path: Path) -> None:
    """The tasks' gradients are weighed against each other over the whole batch, not in each processor's half of it."""
    (tmp_path / "two_tasks.toml").write_text(TWO_TASKS)
    (tmp_path / "two_heads.py").write_text(TWO_HEADS)
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / "two_tasks.toml"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"ps": ["a:1"], "worker": ["a:2"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": "a:1,b:2"}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": {"0": "a:1", "1": "b:2"}}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "b:x"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "b"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "b:2"]}, "task": {"type": "worker", "index": true}}',
    ],
)
def test_a_wrong_tf_config_is_an_error(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(SpecError, match="TF_CONFIG"):
        start_distribution()


def test_a_batch_that_cannot_be_shared_is_an_error() -> None:
    class Two:
        num_replicas_in_sync = 2

    with pytest.raises(SpecError, match="batch of 25") as caught:
        Distribution(strategy=Two(), workers=2).check_batch(25)
    # not 26: where 25 is all there is, a larger batch would be 25 again
    assert "batch_size=24" in (caught.value.hint or "")
