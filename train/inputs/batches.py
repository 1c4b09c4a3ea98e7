"""The input pipeline: windows in the order of an epoch, as a ``tf.data.Dataset``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

_PREFETCH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """All windows of a training set, side by side."""

    inputs: NDArray[Any]
    """Audio, int16 [n, clip_samples], or log-mel values from a cache, float32 [n, frames, n_mels]."""
    targets: NDArray[np.float32]
    """1 for each class a window has, else 0; shape [n, n_labels]."""
    recording_device: NDArray[np.int32]
    """Index of the recording device, shape [n]."""
    teacher_logits: NDArray[np.float32] | None = None
    """A teacher's logits of each window, shape [n, n_labels]; None without a teacher."""

    @property
    def is_audio(self) -> bool:
        """Whether the inputs are audio."""
        return self.inputs.ndim == 2

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """The part of every batch that this process takes, when several train together."""

    index: int = 0
    """Number of the process."""
    count: int = 1
    """Number of processes."""


def steps_per_epoch(examples: Examples, batch_size: int) -> int:
    """Return the number of whole batches; a set smaller than a batch is a batch."""
    return max(1, len(examples) // batch_size)


def epoch_batches(
    examples: Examples, batch_size: int, seed: int, epoch: int, *, skip: int = 0, shard: Shard | None = None
) -> Any:
    """Return one epoch: a data set of tuples (inputs, targets, recording_device[, teacher_logits]).

    It holds all windows in the order of this epoch, which follows from seed and epoch; windows that fill no batch are
    left out.

    Parameters
    ----------
    examples
        The windows.
    batch_size
        Windows per step, over all processes.
    seed
        Seed of the order.
    epoch
        Number of the epoch, from 1.
    skip
        Completed steps of this epoch.
    shard
        The part of every batch to return; None for all of it.
    """
    shard = shard if shard is not None else Shard()
    batch_size = min(batch_size, len(examples))
    size = batch_size // shard.count
    columns = [examples.inputs, examples.targets, examples.recording_device]
    if examples.teacher_logits is not None:
        columns.append(examples.teacher_logits)
    order = np.random.default_rng([seed, epoch]).permutation(len(examples))
    steps = len(examples) // batch_size
    order = order[: steps * batch_size].reshape(steps, batch_size)[skip:]
    order = order[:, shard.index * size : (shard.index + 1) * size]

    def fetch(index: NDArray[np.int64]) -> list[NDArray[Any]]:
        # sorted, for inputs may be a file on disk
        rows = np.sort(index)
        return [np.asarray(column[rows])[np.searchsorted(rows, index)] for column in columns]

    def shaped(index: Any) -> tuple[Any, ...]:
        kinds = [tf.as_dtype(column.dtype) for column in columns]
        values = tf.numpy_function(fetch, [index], kinds, stateful=False)
        return tuple(
            tf.ensure_shape(value, (size, *column.shape[1:])) for value, column in zip(values, columns, strict=True)
        )

    dataset = tf.data.Dataset.from_tensor_slices(order).map(shaped, num_parallel_calls=2, deterministic=True)
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options).prefetch(_PREFETCH)
