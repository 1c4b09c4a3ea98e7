"""Read many recordings at once, as the front end takes them."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.dataset import Dataset
from asc_kit.errors import AscKitError
from asc_kit.frontend import FrontEndSpec
from asc_kit.process.parallel import in_parallel
from asc_kit.recordings.audio import fit_length, load_clip, open_recording, read_audio, resample, to_int16
from asc_kit.recordings.doubts import Doubt, mention_doubts, show_doubts
from asc_kit.records.record import reserve

# Above this the samples go to a file that the system pages in and out, so that a whole challenge data set
# (230,350 clips of 1 s at 32 kHz: 15 GB) can be trained on with the memory of a laptop.
_IN_MEMORY_BYTES = 4 * 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """The windows of a data set: pieces of the recordings, each as long as the front end's clip."""

    samples: NDArray[np.int16]
    """Shape [n_windows, clip_samples]; the windows of one clip follow one another."""
    clip: NDArray[np.int32]
    """Index of each window's clip, shape [n_windows], rising."""

    def clip_means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean over each clip's windows of values [n_windows, ...]: shape [n_clips, ...]."""
        first = np.searchsorted(self.clip, np.arange(self.clip[-1] + 1))
        counts = np.diff(np.append(first, len(self.clip)))
        sums = np.add.reduceat(values, first, axis=0)
        return np.asarray(sums / counts.reshape(-1, *[1] * (values.ndim - 1)))


def window_starts(n_samples: int, clip_samples: int, hop_samples: int) -> list[int]:
    """Return the starts of a recording's windows, in samples.

    A recording shorter than a window has one window, padded with silence. The last window of a longer recording ends
    where it ends, unless hardly anything (a hundredth of a window) would be new in it.
    """
    starts = list(range(0, max(1, n_samples - clip_samples + 1), hop_samples))
    if n_samples - (starts[-1] + clip_samples) > clip_samples // 100:
        starts.append(n_samples - clip_samples)
    return starts


def load_windows(dataset: Dataset, spec: FrontEndSpec, hop_samples: int | None, title: str) -> Windows:
    """Decode and resample all clips of a data set in parallel and cut them into windows, with a progress bar.

    Parameters
    ----------
    dataset
        The clips.
    spec
        The front end: sampling rate and length of a window.
    hop_samples
        Distance of windows, in samples; None for only the first window of each clip.
    title
        What the progress bar says.

    Raises
    ------
    DataError
        When a recording is missing, unreadable or empty.
    """
    if hop_samples is None:
        return Windows(samples=load_clips(dataset, spec, title), clip=np.arange(len(dataset.clips), dtype=np.int32))

    doubts: list[Doubt] = []
    lengths = in_parallel(lambda index: _resampled_length(dataset, spec, index), range(len(dataset.clips)), "headers")
    starts = [window_starts(length, spec.clip_samples, hop_samples) for length in lengths]
    first = np.cumsum([0, *map(len, starts)])
    samples = _allocate((int(first[-1]), spec.clip_samples))

    def load(index: int) -> None:
        samples[first[index] : first[index + 1]] = _cut(dataset, spec, index, lengths[index], starts[index], doubts)

    in_parallel(load, range(len(dataset.clips)), title)
    show_doubts(doubts)
    return Windows(samples=samples, clip=np.repeat(np.arange(len(starts), dtype=np.int32), [len(s) for s in starts]))


def read_windows(dataset: Dataset, spec: FrontEndSpec, hop_samples: int | None, index: int) -> NDArray[np.int16]:
    """Decode and resample one clip of a data set and cut it into windows, the same ones as `load_windows`.

    Parameters
    ----------
    dataset, spec, hop_samples
        As for `load_windows`.
    index
        Index of the clip.

    Returns
    -------
    NDArray[np.int16]
        Shape [n_windows, clip_samples], at least one window.

    Raises
    ------
    DataError
        If the recording is missing, unreadable or empty.
    """
    doubts: list[Doubt] = []
    if hop_samples is None:
        windows = to_int16(load_clip(dataset.path(dataset.clips[index]), spec, doubts))[np.newaxis]
    else:
        length = _resampled_length(dataset, spec, index)
        windows = _cut(dataset, spec, index, length, window_starts(length, spec.clip_samples, hop_samples), doubts)
    mention_doubts(doubts)
    return windows


def load_clips(dataset: Dataset, spec: FrontEndSpec, title: str) -> NDArray[np.int16]:
    """Decode and resample the first window of all clips of a data set in parallel, with a progress bar.

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
    doubts: list[Doubt] = []

    def load(index: int) -> None:
        samples[index] = to_int16(load_clip(dataset.path(dataset.clips[index]), spec, doubts))

    in_parallel(load, range(len(dataset.clips)), title)
    show_doubts(doubts)
    return samples


def _cut(
    dataset: Dataset, spec: FrontEndSpec, index: int, length: int, starts: list[int], doubts: list[Doubt]
) -> NDArray[np.int16]:
    audio, rate = read_audio(dataset.path(dataset.clips[index]), doubts)
    # a window may be longer than the recording, and a header wrong by a sample
    whole = to_int16(fit_length(resample(audio, rate, spec.sample_rate_hz), max(length, spec.clip_samples)))
    return np.stack([whole[start : start + spec.clip_samples] for start in starts])


def _resampled_length(dataset: Dataset, spec: FrontEndSpec, index: int) -> int:
    with open_recording(dataset.path(dataset.clips[index])) as recording:
        seconds: float = recording.frames / recording.samplerate
    return round(seconds * spec.sample_rate_hz)


def _allocate(shape: tuple[int, int]) -> NDArray[np.int16]:
    if 2 * shape[0] * shape[1] <= _IN_MEMORY_BYTES:
        return np.empty(shape, np.int16)
    handle, name = tempfile.mkstemp(prefix="asc-kit-clips.")
    os.close(handle)
    path = Path(name)
    try:
        mapped = np.memmap(path, np.int16, "w+", shape=shape)
        reserve(path)
    except OSError as failure:
        size_gb = 2 * shape[0] * shape[1] / 1e9
        raise AscKitError(
            f"{size_gb:.1f} GB of decoded recordings do not fit into {path.parent}: {failure}",
            hint="make room, or set the environment variable TMPDIR to a folder that has it",
        ) from failure
    finally:
        # the mapping keeps the file alive; without a name it vanishes with the process, however that ends
        path.unlink()
    return mapped
