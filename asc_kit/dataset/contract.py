"""What a data set is to everything that uses one: clips, their labels, and splits by name."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, Protocol

from pydantic import ConfigDict

from asc_kit.errors import DataError
from asc_kit.records.fields import DeviceName, InnerPath, Labels, Line
from asc_kit.records.record import STRICT, short_id

from .spelling import locate

Task = Literal["single_label", "multi_label"]
META_COLUMNS = ("filename", "scene_label", "identifier", "source_label")
# Where a split is looked for when the user names none: our own name first, then the challenges' own names.
TRAIN_SPLITS = ("train", "split100", "evaluation_setup/fold1_train", "train_curated")
TEST_SPLITS = ("test", "evaluation_setup/fold1_evaluate", "evaluation_setup/fold1_test", "validation")

_FOLD = re.compile(r"fold(\d+)_train")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One recording and what is known of it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    filename: InnerPath
    """Path below the data set's folder, as written in its tables."""
    labels: Labels
    """Its classes: one, or any number in a multi-label data set."""
    identifier: Line
    """City and location: recordings of one place never stand on both sides of a split. Where a data set knows no
    places, the file's name without its ending: each recording is a place of its own."""
    recording_device: DeviceName
    """What it was recorded with (the column is called source_label); ``unknown`` where no table says so."""

    @property
    def scene_label(self) -> str:
        """Its class; several are joined by commas, as tables write them."""
        return ",".join(self.labels)


class Splits(Protocol):
    """Where a data set's splits come from; one implementation per layout."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all splits there are."""
        ...

    def read(self, dataset: Dataset, names: Sequence[str]) -> Dataset:
        """Return the clips of the first split that exists among `names`, or raise DataError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Clips of one data set, or of one split of it."""

    root: Path
    """The folder."""
    labels: tuple[str, ...]
    """All classes of the data set, in the order of its class map, else sorted; a split keeps the classes of the
    whole."""
    clips: tuple[Clip, ...]
    """The clips, in the order of the table."""
    split_name: str | None = None
    """Which split this is; None for the whole data set."""
    task: Task = "single_label"
    """Whether each clip has exactly one class."""
    splits: Splits | None = field(default=None, compare=False, repr=False)
    """Where the splits come from; None for clips that were put together by hand."""

    @property
    def recording_devices(self) -> tuple[str, ...]:
        """The recording devices of these clips, sorted."""
        return tuple(sorted({clip.recording_device for clip in self.clips}))

    @property
    def split_names(self) -> tuple[str, ...]:
        """The names of all splits of this data set."""
        return self.splits.names() if self.splits else ()

    @property
    def data_id(self) -> str:
        """Fingerprint of these clips: 16 hexadecimal digits.

        It covers names, labels, recording devices and sizes of the files, in the clips' order, and leaves out
        recordings that are missing. It does not cover what the files hold: that would mean reading all of them.
        """
        known = []
        for clip in self.clips:
            size = _size_of_file(self.path(clip))
            if size is not None:
                known.append([clip.filename, clip.scene_label, clip.recording_device, size])
        return short_id(known)

    def path(self, clip: Clip) -> Path:
        """Return the path of a clip's recording, in the Unicode form that the disk has."""
        return locate(self.root, clip.filename)

    def for_task(self, task: Task) -> Dataset:
        """Return these clips for a model of this task.

        One class to a clip is a case of any number of labels, so such clips serve multi-label models as well; clips
        with several labels serve no other ones, and return as they are.
        """
        return replace(self, task=task) if task == "multi_label" else self

    def split(self, *names: str) -> Dataset:
        """Return the clips of the first split that exists among `names`.

        Raises
        ------
        DataError
            When there is no such split, or its table contradicts the data set: an unknown file or label, another
            label, a file twice.
        """
        if self.splits is None:
            raise DataError(f"these clips of {self.root} have no splits", hint="read the data set from its folder")
        return self.splits.read(self, names)


def test_split_for(train_split: str | None) -> tuple[str, ...]:
    """Return the names under which the test split of a training split is looked for.

    ``foldN_train`` of the challenges is tested on ``foldN_evaluate``; everything else on `TEST_SPLITS`.
    """
    fold = _FOLD.fullmatch(Path(train_split).name.removesuffix(".csv")) if train_split else None
    if fold is None:
        return TEST_SPLITS
    return (f"evaluation_setup/fold{fold[1]}_evaluate", f"evaluation_setup/fold{fold[1]}_test")


# its name is that of a contract, not of a test that pytest should collect where it is imported
test_split_for.__test__ = False  # type: ignore[attr-defined]


def _size_of_file(path: Path) -> int | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
