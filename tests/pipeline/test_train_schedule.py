"""The learning rate's course."""

import numpy as np

from asc_kit.train.fitting.schedule import schedule_of
from asc_kit.train.recipe import Training


def test_learning_rate_rises_then_falls_to_nothing() -> None:
    training = Training(epochs=10, batch_size=8, learning_rate=0.01, weight_decay=0.0, warmup_steps=20)
    schedule = schedule_of(training, steps_per_epoch=10)
    rates = np.array([float(schedule(step)) for step in range(100)])
    assert np.allclose(rates[:20], 0.01 * np.arange(1, 21) / 20)
    assert np.all(np.diff(rates[20:]) < 0)
    assert np.isclose(rates[59], 0.005)  # half way down
    assert rates[-1] < 1e-8
    # a warm-up longer than the training is cut to a quarter of it
    assert schedule_of(training, steps_per_epoch=1).warmup_steps == 2


def test_other_schedules() -> None:
    settings = {"epochs": 10, "batch_size": 8, "learning_rate": 0.01, "weight_decay": 0.0, "warmup_steps": 0}
    decay = Training(**settings, schedule="exponential", decay_rate=0.5, decay_epochs=2.0)
    schedule = schedule_of(decay, steps_per_epoch=10)
    assert np.allclose([float(schedule(step - 1)) for step in (20, 40, 60)], [0.005, 0.0025, 0.00125])
    schedule = schedule_of(Training(**settings, schedule="constant"), steps_per_epoch=10)
    assert np.allclose([float(schedule(step)) for step in range(0, 100, 7)], 0.01)
