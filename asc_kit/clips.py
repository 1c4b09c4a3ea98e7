"""Read many recordings at once, as the front end takes them."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.audio import load_clip, to_int16
from asc_kit.console import progress_bar
from asc_kit.dataset import Dataset
from asc_kit.frontend import FrontEndSpec

# Above this the samples go to a file that the system pages in and out, so that a whole challenge data set
# (230,350 clips of 1 s at 32 kHz: 15 GB) can be trained on with the memory of a laptop.
_IN_MEMORY_BYTES = 4 * 2**30


def load_clips(dataset: Dataset, spec: FrontEndSpec, title: str) -> NDArray[np.int16]:
    """Decode and resample all clips of a data set in parallel, with a progress bar.

    Returns
    -------
    NDArray[np.int16]
        Shape [n_clips, clip_samples], in the order of the data set.

    Raises
    ------
    DataError
        When a recording is missing, unreadable or empty.
    """
    samples = _allocate((len(dataset.clips), spec.clip_samples))

    def load(index: int) -> None:
        samples[index] = to_int16(load_clip(dataset.path(dataset.clips[index]), spec))

    pool = ThreadPoolExecutor(os.cpu_count() or 1)
    try:
        with progress_bar(title, len(dataset.clips)) as (bar, task):
            for _ in pool.map(load, range(len(dataset.clips))):
                bar.advance(task)
    finally:
        # a failure or Ctrl-C must not wait for thousands of clips still queued
        pool.shutdown(cancel_futures=True)
    return samples


def _allocate(shape: tuple[int, int]) -> NDArray[np.int16]:
    if 2 * shape[0] * shape[1] <= _IN_MEMORY_BYTES:
        return np.empty(shape, np.int16)
    handle, name = tempfile.mkstemp(prefix="asc-kit-clips.")
    os.close(handle)
    mapped = np.memmap(name, np.int16, "w+", shape=shape)
    # the mapping keeps the file alive; without a name it vanishes with the process, however that ends
    Path(name).unlink()
    return mapped
