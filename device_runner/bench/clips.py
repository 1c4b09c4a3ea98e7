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
    """The clips to measure, and the size of the split."""

    dataset: Dataset
    """The clips."""
    split_clips: int
    """Number of clips of the whole split."""

    @property
    def is_partial(self) -> bool:
        """Whether clips of the split are left out."""
        return len(self.dataset.clips) < self.split_clips


def choose_clips(
    bundle: Bundle, root: Path, split: str | None, limit: int | None, layout: Layout | None = None
) -> ChosenClips:
    """Read a data set and choose the clips to measure.

    Parameters
    ----------
    split
        Name of the split; None for the split that export measured the bundle on, or else the usual test split.
    limit
        Number of clips, stratified over scenes and recording devices; None for all.
    layout
        Layout that the user names; None to detect it.

    Raises
    ------
    DataError
        If the data set is missing or broken, a recording is missing, or its labels are not the model's.
    """
    manifest = bundle.manifest
    names = (split,) if split is not None else (manifest.provenance.metrics_int8.split, *TEST_SPLITS)
    whole = read_dataset(root, layout=layout).for_task(manifest.task).split(*names)
    dataset = proportional(whole, limit) if limit is not None else whole
    check_labels(dataset, manifest.labels, manifest.task)
    for clip in dataset.clips:
        if not dataset.path(clip).is_file():
            raise DataError(
                f"recording {dataset.path(clip)} does not exist",
                hint=f"the tables of {root} and the split name it: add the file, or take its rows out",
            )
    return ChosenClips(dataset=dataset, split_clips=len(whole.clips))
