"""Log-mel values of a whole data set on disk, so that the front end runs once and not in every epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.dataset import Dataset
from asc_kit.errors import AscKitError
from asc_kit.frontend import FrontEndSpec
from asc_kit.process.console import console, progress_bar
from asc_kit.recordings.clips import load_windows
from asc_kit.records.files import replacement
from asc_kit.records.record import reserve, short_id

_VERSION = 1  # of what the files hold
_BATCH = 64


def cached_log_mel(
    dataset: Dataset, spec: FrontEndSpec, hop_samples: int | None, folder: Path
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Return the log-mel values of all windows of a data set, from the cache or computed into it.

    The files' names hold the fingerprints of the front end and of the recordings (names, sizes, times of change), so
    that another front end or a changed recording never meets old values.

    Parameters
    ----------
    dataset
        The clips.
    spec
        The front end.
    hop_samples
        Distance of windows, in samples; None for only the first window of each clip.
    folder
        Folder of the cache; made if it does not exist.

    Returns
    -------
    tuple
        Log-mel values [n_windows, n_frames, n_mels], mapped from the file; the clip of each window, [n_windows].

    Raises
    ------
    AscKitError
        If nothing can be written there.
    """
    name = f"{spec.spec_id}-{_fingerprint(dataset, hop_samples)}"
    paths = folder / f"{name}.log_mel.npy", folder / f"{name}.clip.npy"
    cached = _read(paths, spec)
    if cached is not None:
        return cached
    console.print(f"feature cache: nothing yet of front end {spec.spec_id} for these clips in {folder}", soft_wrap=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _fill(paths, dataset, spec, hop_samples)
    except OSError as failure:
        raise AscKitError(
            f"the feature cache {folder} cannot be written: {failure}", hint="make room, or leave --cache out"
        ) from failure
    cached = _read(paths, spec)
    assert cached is not None
    return cached


def _fingerprint(dataset: Dataset, hop_samples: int | None) -> str:
    stats = [(clip.filename, dataset.path(clip).stat()) for clip in dataset.clips if dataset.path(clip).is_file()]
    return short_id([_VERSION, hop_samples, [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats]])


def _read(paths: tuple[Path, Path], spec: FrontEndSpec) -> tuple[NDArray[np.float32], NDArray[np.int32]] | None:
    try:
        values, clip = np.load(paths[0], mmap_mode="r"), np.load(paths[1])
    except (OSError, ValueError, EOFError):
        return None
    fits = values.dtype == np.float32 and values.shape == (len(clip), spec.n_frames, spec.n_mels)
    return (values, clip) if fits else None


def _fill(paths: tuple[Path, Path], dataset: Dataset, spec: FrontEndSpec, hop_samples: int | None) -> None:
    import tensorflow as tf

    from ..frontend_graph import log_mel_graph

    windows = load_windows(dataset, spec, hop_samples, "clips")
    graph: Any = tf.function(log_mel_graph(spec), reduce_retracing=True)
    # moved into place last: the cache holds what the name of this file promises, or nothing
    with replacement(paths[0]) as temporary:
        shape = (len(windows.clip), spec.n_frames, spec.n_mels)
        values = np.lib.format.open_memmap(temporary, "w+", np.float32, shape)
        reserve(temporary)
        with progress_bar("features", len(values)) as (bar, task):
            for start in range(0, len(values), _BATCH):
                audio = windows.samples[start : start + _BATCH].astype(np.float32) / 32768
                values[start : start + _BATCH] = graph(audio).numpy()
                bar.advance(task, len(audio))
        values.flush()
        del values
        np.save(paths[1], windows.clip)
