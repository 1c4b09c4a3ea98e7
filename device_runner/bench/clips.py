"""Choose the clips of a measurement."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asc_kit.bundle import Bundle
from asc_kit.dataset import TEST_SPLITS, Dataset, Layout, read_dataset
from asc_kit.errors import DataError
from asc_kit.recordings.sampling import proportional
from asc_kit.scores.evaluation import check_labels


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenClips:
    """The clips to measure, and how many there were to choose from."""

    dataset: Dataset
    """The clips."""
    split_clips: int
    """Clips of the whole split."""

    @property
    def is_partial(self) -> bool:
        """Whether some of the split are left out."""
        return len(self.dataset.clips) < self.split_clips


def choose_clips(
    bundle: Bundle, root: Path, split: str | None, limit: int | None, layout: Layout | None = None
) -> ChosenClips:
    """Read a data set and choose the clips to measure.

    Parameters
    ----------
    split
        Name of the split; None for the one the bundle was measured on, or else the usual test split.
    limit
        How many clips, stratified over scenes and recording devices; None for all.
    layout
        What the user says the data set's layout is; None to find out.

    Raises
    ------
    DataError
        When the data set is missing or broken, a recording is missing, or its labels are not the model's.
    """
    manifest = bundle.manifest
    names = (split,) if split is not None else (manifest.provenance.metrics_int8.split, *TEST_SPLITS)
    whole = read_dataset(root, layout=layout).for_task(manifest.task).split(*names)
    dataset = proportional(whole, limit) if limit is not None else whole
    check_labels(dataset, manifest.labels, manifest.task)
    for clip in dataset.clips:
        if not dataset.path(clip).is_file():
            raise DataError(
                f"recording {dataset.path(clip)} does not exist", hint=f"{root / 'meta.csv'} and the split name it"
            )
    return ChosenClips(dataset=dataset, split_clips=len(whole.clips))
