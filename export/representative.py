"""The audio that sets the activation ranges of post-training quantization: real clips from training, or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.dataset import Dataset, read_dataset
from asc_kit.errors import DataError
from asc_kit.process.console import console
from asc_kit.recordings.clips import read_windows
from asc_kit.recordings.features import input_features
from asc_kit.recordings.sampling import balance
from asc_kit.run import Run

# -80 dB below full scale: what remains of a muted microphone
_SILENT_PEAK = 3
# of a recording that is cut into windows: first, middle and last; neighbours sound alike, and each costs an inference
_WINDOWS_PER_CLIP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RepresentativeClips:
    """Chosen clips and their features."""

    dataset: Dataset
    """The clips."""
    features: NDArray[np.float32]
    """Shape [n_windows, *input_shape[1:]], by the NumPy reference: the first window of each clip, in the order of the
    clips, then the second window of clips that have several, and so on. So the first windows are of many clips."""


def representative_clips(run: Run, data: Path, n_clips: int) -> RepresentativeClips:
    """Choose, load and check the representative clips of a run from its own training split.

    A multi-label run may know labels that no training clip has: a note says so, and the ranges come without them.

    Raises
    ------
    DataError
        When the data set is missing or not the one the run was trained on, when fewer clips are asked for or
        exist than there are classes, or when they are silent.
    """
    manifest = run.manifest
    train_set = training_clips(run, data)
    needed = len(manifest.labels)
    if n_clips < needed:
        raise DataError(
            f"{n_clips} representative clips are too few: at least one per class, {needed}, are needed",
            hint="leave --representative out, or give a larger number",
        )
    chosen = balance(train_set, n_clips)
    absent = set(manifest.labels) - {label for clip in chosen.clips for label in clip.labels}
    if absent:
        message = f"split {train_set.split_name} of {data} has no clips of {', '.join(sorted(absent))}"
        if manifest.task == "single_label":
            raise DataError(message)
        console.print(f"note: {message}; the activation ranges come without them", soft_wrap=True, markup=False)
    spec = manifest.frontend
    windows = [
        spread(read_windows(chosen, spec, manifest.hop_samples, index), _WINDOWS_PER_CLIP)
        for index in range(len(chosen.clips))
    ]
    silent = [
        clip.filename
        for clip, samples in zip(chosen.clips, windows, strict=True)
        if np.abs(samples.astype(np.int32)).max() <= _SILENT_PEAK
    ]
    if len(silent) > len(chosen.clips) // 2:
        raise DataError(
            f"{len(silent)} of {len(chosen.clips)} representative clips are silent (below -80 dB of full scale), "
            f"{silent[0]} among them",
            hint="activation ranges taken from silence would ruin the model: check the recordings of this data set",
        )
    in_turns = [samples[turn] for turn in range(_WINDOWS_PER_CLIP) for samples in windows if turn < len(samples)]
    features = [input_features(window, spec) for window in in_turns]
    return RepresentativeClips(dataset=chosen, features=np.concatenate(features))


def spread(windows: NDArray[np.int16], most: int) -> NDArray[np.int16]:
    """Choose windows at even distances, the first and the last among them; if only one, the first."""
    if len(windows) <= most:
        return windows
    return windows[np.linspace(0, len(windows) - 1, most).round().astype(np.intp)]


def training_clips(run: Run, data: Path) -> Dataset:
    """Return the clips that a run was trained on."""
    manifest = run.manifest
    if not data.exists():
        raise DataError(
            f"the data set of this run is not there: {data} does not exist",
            hint="quantization needs real training clips: say where they are with --data DIR",
        )
    train_set = read_dataset(data, layout=manifest.layout).split(manifest.train_split)
    # a class map of the run's own may have more of them, and in another order
    if not set(train_set.labels) <= set(manifest.labels):
        raise DataError(
            f"{data} has other classes than the run: {', '.join(train_set.labels)}, "
            f"expected {', '.join(manifest.labels)}",
            hint="give the data set the run was trained on with --data DIR",
        )
    missing = [clip.filename for clip in train_set.clips if not train_set.path(clip).is_file()]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(train_set.clips)} training clips are missing in {data}, {missing[0]} among them",
            hint="complete the data set, or give another copy with --data DIR",
        )
    if train_set.data_id != manifest.train_data_id:
        raise DataError(
            f"split {manifest.train_split} of {data} is not the split that the run was trained on: "
            f"fingerprint {train_set.data_id}, expected {manifest.train_data_id}",
            hint="give the data set the run was trained on with --data DIR, or train again",
        )
    return train_set
