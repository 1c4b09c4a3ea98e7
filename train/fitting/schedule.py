"""The learning rate's course: a linear warm-up, then down along a cosine, exponentially, or not at all."""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf

from ..recipe import Training


@keras.saving.register_keras_serializable(package="asc_kit")
class WarmupSchedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Learning rate by step, counted from 0.

    Parameters
    ----------
    peak
        Highest learning rate, reached at the end of the warm-up.
    warmup_steps
        Steps in which it rises linearly.
    kind
        ``cosine``: after the warm-up down to zero along half a cosine, over `fall_steps`. ``exponential``: times
        `decay_rate` every `fall_steps`, smoothly. ``constant``.
    fall_steps
        See `kind`.
    decay_rate
        See `kind`.
    """

    def __init__(self, peak: float, warmup_steps: int, kind: str, fall_steps: float, decay_rate: float) -> None:
        super().__init__()
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.kind = kind
        self.fall_steps = fall_steps
        self.decay_rate = decay_rate

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step."""
        # the first step learns too: step 0 of an n-step warm-up has 1 / n of the peak
        done = tf.cast(step, tf.float32) + 1.0
        rising = done / float(max(1, self.warmup_steps))
        progress = tf.maximum(0.0, done - self.warmup_steps) / float(max(1.0, self.fall_steps))
        falling = tf.ones_like(progress)
        if self.kind == "cosine":
            falling = 0.5 * (1.0 + tf.cos(math.pi * tf.minimum(progress, 1.0)))
        elif self.kind == "exponential":
            falling = self.decay_rate**progress
        return self.peak * tf.minimum(rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor."""
        names = ("peak", "warmup_steps", "kind", "fall_steps", "decay_rate")
        return {name: getattr(self, name) for name in names}


def schedule_of(training: Training, steps_per_epoch: int) -> WarmupSchedule:
    """Return the learning rate's course; the warm-up takes at most a quarter of it."""
    total = training.epochs * steps_per_epoch
    warmup = min(training.warmup_steps, total // 4)
    fall = total - warmup if training.schedule == "cosine" else training.decay_epochs * steps_per_epoch
    return WarmupSchedule(training.learning_rate, warmup, training.schedule, float(fall), training.decay_rate)


def optimizer_of(training: Training, schedule: WarmupSchedule) -> Any:
    """Return the Keras optimizer of a recipe."""
    if training.optimizer == "sgd":
        return keras.optimizers.SGD(schedule)
    if training.optimizer == "adam":
        return keras.optimizers.Adam(schedule, epsilon=training.adam_epsilon)
    return keras.optimizers.AdamW(schedule, weight_decay=training.weight_decay, epsilon=training.adam_epsilon)
