"""The interface of a data set: clips, their labels, and splits by name."""

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
# Names of the default splits: our own name first, then the challenges' names.
TRAIN_SPLITS = ("train", "split100", "evaluation_setup/fold1_train", "train_curated")
TEST_SPLITS = ("test", "evaluation_setup/fold1_evaluate", "evaluation_setup/fold1_test", "validation")

_FOLD = re.compile(r"fold(\d+)_train")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A recording and its known facts."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    filename: InnerPath
    """Path below the data set's folder, as written in its tables."""
    labels: Labels
    """Its classes: one, or any number in a multi-label data set."""
    identifier: Line
    """City and location: recordings of one place never stand on both sides of a split. If a data set has no places, it
    is the file's name without its ending: each recording is a place of its own."""
    recording_device: DeviceName
    """Recording device (column source_label); ``unknown`` if no table names it."""

    @property
    def scene_label(self) -> str:
        """Its class; several are joined by commas, as tables write them."""
        return ",".join(self.labels)


class Splits(Protocol):
    """The source of a data set's splits; an implementation per layout."""

    def names(self) -> tuple[str, ...]:
        """Return the names of all splits."""
        ...

    def read(self, dataset: Dataset, names: Sequence[str]) -> Dataset:
        """Return the clips of the first split that exists among `names`, or raise DataError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Clips of a data set, or of one of its splits."""

    root: Path
    """The folder."""
    labels: tuple[str, ...]
    """All classes of the data set, in the order of its class map, else sorted; a split keeps the classes of the
    whole."""
    clips: tuple[Clip, ...]
    """The clips, in the order of the table."""
    split_name: str | None = None
    """Name of the split; None for the whole data set."""
    task: Task = "single_label"
    """Whether each clip has exactly one class."""
    splits: Splits | None = field(default=None, compare=False, repr=False)
    """Source of the splits; None for clips that were assembled in code."""

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
        recordings that are missing. It does not cover the content of the files, because that would mean reading all of
        them.
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

        Clips with one class each serve multi-label models too; clips with several labels serve only those, and return
        as they are.
        """
        return replace(self, task=task) if task == "multi_label" else self

    def split(self, *names: str) -> Dataset:
        """Return the clips of the first split that exists among `names`.

        Raises
        ------
        DataError
            If there is no such split, or if its table contradicts the data set: an unknown file or label, another
            label, a file twice.
        """
        if self.splits is None:
            raise DataError(f"these clips of {self.root} have no splits", hint="read the data set from its folder")
        return self.splits.read(self, names)


def test_split_for(train_split: str | None) -> tuple[str, ...]:
    """Return the possible names of the test split that belongs to a training split.

    ``foldN_train`` of the challenges is tested on ``foldN_evaluate``; everything else on `TEST_SPLITS`.
    """
    fold = _FOLD.fullmatch(Path(train_split).name.removesuffix(".csv")) if train_split else None
    if fold is None:
        return TEST_SPLITS
    return (f"evaluation_setup/fold{fold[1]}_evaluate", f"evaluation_setup/fold{fold[1]}_test")


# its name begins with test, but pytest must not collect it where it is imported
test_split_for.__test__ = False  # type: ignore[attr-defined]


def _size_of_file(path: Path) -> int | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None
