"""Data sets in the layout of TAU Urban Acoustic Scenes.

A folder with a TAB-separated ``meta.csv`` (``filename scene_label identifier source_label``) and split files
(``train.csv``, ``test.csv``, ``split25.csv``, ``evaluation_setup/fold1_train.csv`` …: ``filename scene_label``).
Labels and recording devices come from the tables, never from a constant.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import ConfigDict

from asc_kit.errors import DataError
from asc_kit.records import STRICT, short_id

Task = Literal["single_label", "multi_label"]
META_COLUMNS = ("filename", "scene_label", "identifier", "source_label")
# Where a split is looked for when the user names none: our own name first, then the challenges' own names.
TRAIN_SPLITS = ("train", "split100", "evaluation_setup/fold1_train")
TEST_SPLITS = ("test", "evaluation_setup/fold1_evaluate", "evaluation_setup/fold1_test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One recording and what is known of it."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    filename: str
    """Path below the data set's folder, as written in its tables."""
    labels: tuple[str, ...]
    """Its classes: one, or any number in a multi-label data set."""
    identifier: str
    """City and location: recordings of one place never stand on both sides of a split."""
    recording_device: str
    """What it was recorded with; the column is called source_label."""

    @property
    def scene_label(self) -> str:
        """Its class; several are joined by commas, as tables write them."""
        return ",".join(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Clips of one data set, or of one split of it."""

    root: Path
    """The folder."""
    labels: tuple[str, ...]
    """All classes of the data set, sorted; a split keeps the classes of the whole."""
    clips: tuple[Clip, ...]
    """The clips, in the order of the table."""
    split_name: str | None = None
    """Which split this is; None for the whole data set."""
    task: Task = "single_label"
    """Whether each clip has exactly one class."""

    @property
    def recording_devices(self) -> tuple[str, ...]:
        """The recording devices of these clips, sorted."""
        return tuple(sorted({clip.recording_device for clip in self.clips}))

    @property
    def data_id(self) -> str:
        """Fingerprint of these clips (names, labels, sizes of the files): 16 hexadecimal digits."""
        return short_id(
            [
                [clip.filename, clip.scene_label, clip.recording_device, self.path(clip).stat().st_size]
                for clip in self.clips
                if self.path(clip).is_file()
            ]
        )

    def path(self, clip: Clip) -> Path:
        """Return the path of a clip's recording."""
        return self.root / clip.filename

    def split(self, *names: str) -> Dataset:
        """Return the clips of the first split that exists among `names`.

        Raises
        ------
        DataError
            When no such split file exists, or it names a file or a label that ``meta.csv`` does not know,
            or a file twice.
        """
        path = next((found for name in names if (found := self._split_path(name)) is not None), None)
        if path is None:
            present = sorted(str(p.relative_to(self.root).with_suffix("")) for p in self.root.glob("**/*.csv"))
            raise DataError(
                f"{self.root} has no split file {' or '.join(name + '.csv' for name in names)}",
                hint=f"tables there: {', '.join(present)}",
            )
        by_name = {clip.filename: clip for clip in self.clips}
        chosen: dict[str, Clip] = {}
        for line, row in _rows(path, ("filename", "scene_label")):
            clip = by_name.get(row["filename"])
            if clip is None:
                raise DataError(
                    f"{path}, line {line}: {row['filename']} is not in meta.csv",
                    hint="use the split's own meta.csv",
                )
            if row["scene_label"] not in self.labels:
                raise DataError(
                    f"{path}, line {line}: unknown label {row['scene_label']!r} for {clip.filename}",
                    hint=f"labels of meta.csv: {', '.join(self.labels)}",
                )
            if row["scene_label"] != clip.scene_label:
                raise DataError(
                    f"{path}, line {line}: {clip.filename} is labelled {row['scene_label']!r}, "
                    f"but {clip.scene_label!r} in meta.csv"
                )
            if clip.filename in chosen:
                raise DataError(f"{path}, line {line}: {clip.filename} stands there twice")
            chosen[clip.filename] = clip
        if not chosen:
            raise DataError(f"{path} names no clips")
        return replace(self, clips=tuple(chosen.values()), split_name=path.stem)

    def _split_path(self, name: str) -> Path | None:
        bare = name.removesuffix(".csv")
        candidates = (self.root / f"{bare}.csv", self.root / "evaluation_setup" / f"{bare}.csv")
        return next((path for path in candidates if path.is_file() and path.name != "meta.csv"), None)


def read_dataset(root: Path) -> Dataset:
    """Read a data set's ``meta.csv``.

    Raises
    ------
    DataError
        When the folder or its table is missing, empty, not TAB-separated, or names a clip twice.
    """
    if not root.is_dir():
        raise DataError(f"data folder {root} does not exist", hint="make one with: asc-kit data synth --out DIR")
    meta = root / "meta.csv"
    if not meta.is_file():
        raise DataError(
            f"data folder {root} has no meta.csv",
            hint="it must have the layout of TAU Urban Acoustic Scenes: meta.csv, split files, audio/",
        )
    clips: dict[str, Clip] = {}
    for line, row in _rows(meta, META_COLUMNS):
        if row["filename"] in clips:
            raise DataError(f"{meta}, line {line}: {row['filename']} stands there twice")
        clips[row["filename"]] = Clip(
            filename=row["filename"],
            labels=(row["scene_label"],),
            identifier=row["identifier"],
            recording_device=row["source_label"],
        )
    if not clips:
        raise DataError(f"{meta} names no clips")
    labels = tuple(sorted({clip.scene_label for clip in clips.values()}))
    return Dataset(root=root, labels=labels, clips=tuple(clips.values()))


def _rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, delimiter="\t", strict=True)
            header = tuple(reader.fieldnames or ())
            if not set(columns) <= set(header):
                raise DataError(
                    f"{path} must be TAB-separated with the columns {', '.join(columns)}. "
                    f"Received: {', '.join(header) or 'an empty file'}"
                )
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as failure:
        raise DataError(f"{path} cannot be read: {failure}") from failure
    for line, row in rows:
        if None in row or any(not row[name] for name in columns):
            raise DataError(f"{path}, line {line}: expected the columns {', '.join(columns)}. Received: {row}")
    return rows
