"""The clips that an inspection measures on: a bundle's golden clips, or clips of a test split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.bundle import Bundle
from asc_kit.dataset import Dataset, Layout, read_dataset
from asc_kit.errors import BundleError, DataError
from asc_kit.frontend import model_input
from asc_kit.process.parallel import in_parallel
from asc_kit.recordings.clips import read_windows
from asc_kit.recordings.features import input_features
from asc_kit.recordings.sampling import proportional

from .document import ClipsRecord

# -80 dB below full scale: what remains of a muted microphone
_SILENT_PEAK = 3
# of a recording that is cut into windows: first, middle and last, as when ranges were found
_WINDOWS_PER_CLIP = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeardClips:
    """Inputs of the network, and the right answers."""

    record: ClipsRecord
    """Their number and source."""
    features: NDArray[np.float32]
    """Inputs of the float network, [n_windows, *inner]."""
    clip: NDArray[np.intp]
    """The clip of each window, [n_windows], rising."""
    truth: NDArray[np.bool_]
    """Whether a clip has a label, [n_clips, n_labels]."""

    def clip_means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean over each clip's windows of values [n_windows, n]."""
        counts = np.bincount(self.clip)
        sums = np.add.reduceat(values, np.cumsum([0, *counts[:-1]]), axis=0)
        return np.asarray(sums / counts[:, np.newaxis])


def golden_clips(bundle: Bundle) -> HeardClips:
    """Return the golden clips of a bundle.

    Raises
    ------
    BundleError
        When there are none, or their classes are not the bundle's.
    DataError
        When most are silent.
    """
    manifest = bundle.manifest
    if not manifest.golden:
        raise BundleError(
            f"bundle {bundle.path} has no golden clips", hint="name recordings with --run RUN or --data DIR"
        )
    golden = [bundle.golden(entry) for entry in manifest.golden]
    _refuse_silence([(entry.filename, clip.audio) for entry, clip in zip(manifest.golden, golden, strict=True)])
    labels = [tuple(entry.scene_label.split(",")) for entry in manifest.golden]
    unknown = sorted({label for each in labels for label in each} - set(manifest.labels))
    if unknown:
        raise BundleError(f"golden clips of {bundle.path} have labels that the bundle does not: {', '.join(unknown)}")
    return HeardClips(
        record=ClipsRecord(source="golden", clips=len(golden), windows=len(golden), data_id=None),
        features=np.stack([model_input(clip.features, manifest.frontend)[0] for clip in golden]),
        clip=np.arange(len(golden)),
        truth=_truth(labels, manifest.labels),
    )


def split_clips(
    bundle: Bundle, data: Path, n_clips: int, *, data_id: str | None = None, layout: Layout | None = None
) -> HeardClips:
    """Return clips of the split that a bundle's network was tested on, in the proportions of that split.

    Parameters
    ----------
    bundle
        Gives the front end, the labels and the name of the split.
    data
        Folder of the data set.
    n_clips
        Most clips to take.
    data_id
        Fingerprint that the split must have; None for any.
    layout
        Layout of the data set, as the user names it; None to detect it.

    Raises
    ------
    DataError
        When the data set is missing, is another one or has other labels, or most of the clips are silent.
    """
    manifest = bundle.manifest
    split = manifest.provenance.metrics_int8.split
    whole = read_dataset(data, layout=layout).for_task(manifest.task).split(split)
    if data_id is not None and whole.data_id != data_id:
        raise DataError(
            f"split {split} of {data} is not the split that the run was evaluated on: fingerprint {whole.data_id}, "
            f"expected {data_id}",
            hint="give the data set the run was trained on with --data DIR",
        )
    chosen = proportional(whole, n_clips)
    unknown = sorted({label for clip in chosen.clips for label in clip.labels} - set(manifest.labels))
    if unknown:
        raise DataError(
            f"{data} has other classes than the bundle: {', '.join(unknown)}. Expected: {', '.join(manifest.labels)}",
            hint="give the data set the network was trained on with --data DIR",
        )
    windows = _windows(chosen, bundle)
    _refuse_silence([(clip.filename, audio) for clip, audio in zip(chosen.clips, windows, strict=True)])
    spec = manifest.frontend
    samples = np.concatenate(windows)
    features = in_parallel(lambda index: input_features(samples[index], spec)[0], range(len(samples)), "features")
    return HeardClips(
        record=ClipsRecord(source=split, clips=len(chosen.clips), windows=len(samples), data_id=chosen.data_id),
        features=np.stack(features),
        clip=np.repeat(np.arange(len(windows)), [len(each) for each in windows]),
        truth=_truth([clip.labels for clip in chosen.clips], manifest.labels),
    )


def _windows(dataset: Dataset, bundle: Bundle) -> list[NDArray[np.int16]]:
    def load(index: int) -> NDArray[np.int16]:
        windows = read_windows(dataset, bundle.manifest.frontend, bundle.manifest.hop_samples, index)
        if len(windows) <= _WINDOWS_PER_CLIP:
            return windows
        return windows[np.linspace(0, len(windows) - 1, _WINDOWS_PER_CLIP).round().astype(np.intp)]

    return in_parallel(load, range(len(dataset.clips)), "clips")


def _truth(labels: list[tuple[str, ...]], names: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.array([[name in each for name in names] for each in labels])


def _refuse_silence(clips: list[tuple[str, NDArray[np.int16]]]) -> None:
    silent = [name for name, audio in clips if np.abs(audio.astype(np.int32)).max() <= _SILENT_PEAK]
    if len(silent) > len(clips) // 2:
        raise DataError(
            f"{len(silent)} of {len(clips)} clips are silent (below -80 dB of full scale), {silent[0]} among them",
            hint="silence says nothing about a network: check the recordings, or name others with --data DIR",
        )
