"""Scores of an int8 model on this machine, with TFLite's reference kernels: many inputs, or whole data sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from asc_kit.bundle import Bundle
from asc_kit.dataset import Dataset
from asc_kit.inference.interpreter import Int8Model
from asc_kit.process.parallel import in_parallel
from asc_kit.recordings.audio import from_int16
from asc_kit.recordings.clips import read_windows

M = TypeVar("M")
T = TypeVar("T")


def clip_scores(bundle: Bundle, dataset: Dataset, title: str = "reference kernels") -> NDArray[np.float64]:
    """Return the probabilities of a bundle's labels for each clip: the mean over its windows.

    Recordings are read as they are needed, so that memory does not grow with the data set.

    Returns
    -------
    NDArray[np.float64]
        Shape [n_clips, n_labels].

    Raises
    ------
    DataError
        When a recording is missing, unreadable or empty.
    """
    manifest = bundle.manifest

    def score_clip(interpreter: Int8Model, index: int) -> NDArray[np.float64]:
        windows = read_windows(dataset, manifest.frontend, manifest.hop_samples, index)
        outputs = [interpreter.run(bundle.audio_to_input(from_int16(window))).reshape(-1) for window in windows]
        return np.asarray(bundle.probabilities(np.stack(outputs)).mean(axis=0))

    return np.stack(map_int8(bundle.model_path.read_bytes(), score_clip, len(dataset.clips), title))


def map_int8(model: bytes, work: Callable[[Int8Model, int], T], count: int, title: str) -> Sequence[T]:
    """Call a function with an int8 model for each number from 0 to `count` - 1, on all cores, with a progress bar.

    Each thread has its own interpreter with reference kernels; the results are in the order of the numbers.
    """
    return map_models(lambda: Int8Model(model), work, count, title)


def map_models(make: Callable[[], M], work: Callable[[M, int], T], count: int, title: str) -> Sequence[T]:
    """Call a function with a model for each number from 0 to `count` - 1, as `map_int8` does.

    Parameters
    ----------
    make
        Function that returns an interpreter; called once for each thread.
    """
    workers = max(1, min(os.cpu_count() or 1, 8, count))
    idle: SimpleQueue[M] = SimpleQueue()
    for _ in range(workers):
        idle.put(make())

    def work_on(index: int) -> T:
        model = idle.get()
        try:
            return work(model, index)
        finally:
            idle.put(model)

    return in_parallel(work_on, range(count), title, threads=workers)
