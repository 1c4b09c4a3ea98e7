"""The training loop: clips in, a fitted Keras model out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from asc_kit.console import console, progress_bar
from asc_kit.errors import ModelError

from .augmentation import augmented_front_end
from .checkpoint import Checkpoint, Epoch
from .frontend_graph import front_end_graph
from .recipe import Recipe, Training

# how often a log gets a line when there is no terminal to draw a bar on
_LOG_INTERVAL_S = 60.0


@keras.saving.register_keras_serializable(package="asc_kit")
class WarmupCosine(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """Learning rate that rises linearly over the warm-up and falls to zero along half a cosine."""

    def __init__(self, peak: float, warmup_steps: int, total_steps: int) -> None:
        super().__init__()
        self.peak = peak
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step, counted from 0."""
        # the first step learns too: step 0 of a warm-up of n has 1 / n of the peak
        done = tf.cast(step, tf.float32) + 1.0
        rising = done / float(max(1, self.warmup_steps))
        progress = (done - self.warmup_steps) / float(max(1, self.total_steps - self.warmup_steps))
        falling = 0.5 * (1.0 + tf.cos(math.pi * tf.clip_by_value(progress, 0.0, 1.0)))
        return self.peak * tf.minimum(rising, falling)

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {"peak": self.peak, "warmup_steps": self.warmup_steps, "total_steps": self.total_steps}


def schedule_of(training: Training, steps_per_epoch: int) -> WarmupCosine:
    """Return the learning rate's course; the warm-up takes at most a quarter of it."""
    total = training.epochs * steps_per_epoch
    return WarmupCosine(training.learning_rate, min(training.warmup_steps, total // 4), total)


def fit(
    model: Any,
    recipe: Recipe,
    samples: NDArray[np.int16],
    targets: NDArray[np.int32],
    seed: int,
    checkpoint: Checkpoint,
    resume: bool,
) -> list[Epoch]:
    """Train `model` in place; gives the history.

    Parameters
    ----------
    model
        Keras model, features in, logits out.
    recipe
        Features, training and augmentation.
    samples
        Audio, shape [n_clips, clip_samples].
    targets
        Class of each clip, shape [n_clips].
    seed
        Order of clips and augmentation; the same seed gives the same weights on the same machine.
    checkpoint
        Written between epochs.
    resume
        Whether to go on from the checkpoint.

    Raises
    ------
    ModelError
        When the loss is no longer a number.
    SpecError
        When there is no checkpoint to go on from.
    """
    training = recipe.training
    batch_size = min(training.batch_size, len(samples))
    steps = len(samples) // batch_size
    schedule = schedule_of(training, steps)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=training.weight_decay)
    optimizer.build(model.trainable_variables)
    variables = [*model.variables, *optimizer.variables]
    history = checkpoint.restore(variables) if resume else []
    step = _step_function(model, optimizer, recipe, seed)
    last_line = time.monotonic()
    with progress_bar("training", training.epochs * steps) as (bar, task):
        bar.advance(task, len(history) * steps)
        for number in range(len(history) + 1, training.epochs + 1):
            start = time.monotonic()
            loss_sum = hits = 0.0
            for position, (audio, target) in enumerate(_batches(samples, targets, batch_size, seed, number), start=1):
                loss, correct = (float(value) for value in step(audio, target, optimizer.iterations))
                if not math.isfinite(loss):
                    raise ModelError(
                        f"training diverged: the loss is {loss} in epoch {number}, step {position}",
                        hint=f"lower the learning rate: --set learning_rate={training.learning_rate / 3:.2g}",
                    )
                loss_sum, hits = loss_sum + loss, hits + correct
                seen = position * batch_size
                note = f"epoch {number}  loss {loss_sum / position:.3f}  accuracy {hits / seen:.1%}"
                bar.update(task, advance=1, note=note)
            if bar.disable and time.monotonic() - last_line > _LOG_INTERVAL_S:
                last_line = time.monotonic()
                console.print(f"training: {note}, of {training.epochs} epochs", soft_wrap=True)
            history.append(
                Epoch(
                    epoch=number,
                    learning_rate=float(schedule(optimizer.iterations - 1)),
                    loss=loss_sum / steps,
                    accuracy=hits / (steps * batch_size),
                    seconds=round(time.monotonic() - start, 3),
                )
            )
            checkpoint.save(variables, history)
    return history


def _step_function(model: Any, optimizer: Any, recipe: Recipe, seed: int) -> Callable[..., tuple[Any, Any]]:
    features_of = augmented_front_end(front_end_graph(recipe.frontend), recipe.frontend, recipe.augmentation)
    n_labels = model.output_shape[-1]
    smoothing = recipe.training.label_smoothing

    def step(audio: Any, target: Any, number: Any) -> tuple[Any, Any]:
        draw = tf.stack([tf.constant(seed, tf.int64), tf.cast(number, tf.int64)])
        features = features_of(tf.cast(audio, tf.float32) / 32768.0, draw)
        wanted = tf.one_hot(target, n_labels) * (1.0 - smoothing) + smoothing / n_labels
        with tf.GradientTape() as tape:
            logits = model(features, training=True)
            loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(wanted, logits))
        optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
        hits = tf.reduce_sum(tf.cast(tf.argmax(logits, 1, tf.int32) == target, tf.float32))
        return loss, hits

    graph: Callable[..., tuple[Any, Any]] = tf.function(step)
    return graph


def _batches(samples: NDArray[np.int16], targets: NDArray[np.int32], batch_size: int, seed: int, epoch: int) -> Any:
    """Return a data set of (audio, target): all clips in the order of this epoch, what fills no batch left out."""

    def fetch(index: NDArray[np.int64]) -> tuple[NDArray[np.int16], NDArray[np.int32]]:
        return samples[index], targets[index]

    def shaped(index: Any) -> tuple[Any, Any]:
        audio, target = tf.numpy_function(fetch, [index], (tf.int16, tf.int32), stateful=False)
        return tf.ensure_shape(audio, (batch_size, samples.shape[1])), tf.ensure_shape(target, (batch_size,))

    order = np.random.default_rng([seed, epoch]).permutation(len(samples))
    return tf.data.Dataset.from_tensor_slices(order).batch(batch_size, drop_remainder=True).map(shaped).prefetch(2)
