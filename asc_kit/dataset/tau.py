"""The layout of TAU Urban Acoustic Scenes, 2019 to 2024: recordings of 10 s or 1 s.

A folder with a TAB-separated ``meta.csv`` (``filename scene_label identifier source_label``) and split files
(``train.csv``, ``test.csv``, ``split25.csv``, ``evaluation_setup/fold1_train.csv`` …: ``filename scene_label``).
Labels and recording devices come from the tables. Tables of some years lack the last one or two columns; the names of
the files replace them, ``scene-city-location-segment[-part]-device``.

Source of the names: README of the TAU Urban Acoustic Scenes 2019, 2020 Mobile and 2022 Mobile development sets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asc_kit.errors import DataError

from .class_map import CLASS_MAP, check_label, class_order, find_class_map
from .contract import META_COLUMNS, Clip, Dataset
from .pins import check_pin
from .spelling import composed, label_key
from .tables import Table, header_of, read_table

META = "meta.csv"
SPLIT_COLUMNS = META_COLUMNS[:2]
UNKNOWN_DEVICE = "unknown"
# Splits that the organisers of DCASE 2024 and 2025 Task 1 publish apart from the recordings.
OFFICIAL_SPLITS = ("split5", "split10", "split25", "split50", "split100", "test")

_SPLIT_FOLDERS = ("", "evaluation_setup", "split_setup")
_NAME = re.compile(
    r"(?P<scene>[a-z_]+)-(?P<city>[a-z_]+)-(?P<location>\d+)-(?P<segment>\d+)(-(?P<part>\d+))?-(?P<device>[a-z]\d*)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TauName:
    """The parts of a recording's name in the TAU data sets."""

    scene: str
    """The class."""
    identifier: str
    """City and location."""
    segment: str
    """The 10 s of the place that it was cut from, on any recording device."""
    part: str | None
    """Number of the second in the segment; None for all of it."""
    recording_device: str
    """Recording device."""

    @property
    def recording(self) -> str:
        """The 10 s recording of a device that it is a part of."""
        return f"{self.segment}-{self.recording_device}"


def parse_name(filename: str) -> TauName | None:
    """Read the name of a recording; None if it does not have TAU's form."""
    match = _NAME.fullmatch(filename.rpartition("/")[2].rpartition(".")[0])
    if match is None:
        return None
    identifier = f"{match['city']}-{match['location']}"
    return TauName(
        scene=match["scene"],
        identifier=identifier,
        segment=f"{match['scene']}-{identifier}-{match['segment']}",
        part=match["part"],
        recording_device=match["device"],
    )


def read_meta(table: Table, rows: Iterable[tuple[int, list[str]]]) -> list[tuple[int, Clip]]:
    """Turn rows of ``meta.csv`` (the columns of `meta_columns`) into clips, with their line numbers."""
    columns = meta_columns(table)
    labels: dict[str, tuple[str, ...]] = {}
    clips = []
    for line, fields in rows:
        row = dict(zip(columns, fields, strict=True))
        name, scene = row["filename"], row["scene_label"]
        told = parse_name(name) if len(columns) < len(META_COLUMNS) else None
        clips.append(
            (
                line,
                Clip(
                    filename=name,
                    labels=labels.setdefault(scene, (scene,)),
                    identifier=row.get("identifier") or (told.identifier if told else Path(name).stem),
                    recording_device=row.get("source_label") or (told.recording_device if told else UNKNOWN_DEVICE),
                ),
            )
        )
    return clips


def meta_columns(table: Table) -> tuple[str, ...]:
    """Return the columns of ``meta.csv`` to read: the first two, and any of the others that exist."""
    return tuple(name for name in META_COLUMNS if name in SPLIT_COLUMNS or name in table.header)


def read_tau(root: Path, class_map: Path | None) -> Dataset:
    """Read a data set's ``meta.csv``.

    Raises
    ------
    DataError
        If the table is empty, not TAB-separated, names a clip twice, or has a label that the class map lacks.
    """
    order = find_class_map(class_map, root)
    table = read_table(root / META, "\t")
    table.require(SPLIT_COLUMNS)
    clips: dict[str, Clip] = {}
    for line, clip in read_meta(table, table.select(meta_columns(table))):
        name = composed(clip.filename)
        if name in clips:
            raise DataError(f"{table.path}, line {line}: {clip.filename} stands there twice")
        check_label(clip.scene_label, order, f"{table.path}, line {line}")
        clips[name] = clip
    if not clips:
        raise DataError(f"{table.path} names no clips")
    labels = class_order((clip.scene_label for clip in clips.values()), order)
    return Dataset(root=root, labels=labels, clips=tuple(clips.values()), splits=TableSplits(root=root))


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSplits:
    """Splits that are tables beside ``meta.csv``, read on request."""

    root: Path
    """The data set's folder."""

    def names(self) -> tuple[str, ...]:
        """Return the existing splits, as paths without ``.csv``."""
        return tuple(str(path.relative_to(self.root).with_suffix("")) for path in self.paths())

    def paths(self) -> tuple[Path, ...]:
        """Return the tables that are splits: not ``meta.csv``, not the challenges' lists of file names alone."""
        tables = [path for folder in _SPLIT_FOLDERS for path in sorted((self.root / folder).glob("*.csv"))]
        return tuple(
            path
            for path in tables
            if path.name not in (META, CLASS_MAP) and set(SPLIT_COLUMNS) <= set(header_of(path, "\t"))
        )

    def find(self, name: str) -> Path | None:
        """Return the table of a split, from the data set's folder or the folders that the challenges use."""
        bare = name.removesuffix(".csv")
        candidates = (self.root / folder / f"{bare}.csv" for folder in _SPLIT_FOLDERS)
        return next((path for path in candidates if path.is_file() and path.name != META), None)

    def read(self, dataset: Dataset, names: Sequence[str]) -> Dataset:
        """Return the clips of the first split that exists among `names`."""
        path = next((candidate for name in names if (candidate := self.find(name)) is not None), None)
        if path is None:
            present = f"splits there: {', '.join(self.names()) or 'none'}"
            if any(name.removesuffix(".csv") in OFFICIAL_SPLITS for name in names):
                present += f"; those of DCASE 2024 come with: asc-kit data splits --data {self.root}"
            raise DataError(
                f"{self.root} has no split file {' or '.join(name.removesuffix('.csv') + '.csv' for name in names)}",
                hint=present,
            )
        check_pin(self.root, path)
        by_name = {composed(clip.filename): clip for clip in dataset.clips}
        clips = match_split(read_table(path, "\t"), by_name, dataset.labels)
        return replace(dataset, clips=clips, split_name=path.stem)


def match_split(table: Table, by_name: Mapping[str, Clip], labels: Sequence[str]) -> tuple[Clip, ...]:
    """Return the clips of a split, in its order; `by_name` maps composed names to clips.

    Raises
    ------
    DataError
        If it names no clip, or if a row contradicts the data set.
    """
    chosen: dict[str, Clip] = {}
    for line, (name, label) in table.select(SPLIT_COLUMNS):
        problem = find_contradiction(name, label, by_name, labels)
        if problem is None and composed(name) in chosen:
            problem = (f"{name} stands there twice", None)
        if problem is not None:
            raise DataError(f"{table.path}, line {line}: {problem[0]}", hint=problem[1])
        chosen[composed(name)] = by_name[composed(name)]
    if not chosen:
        raise DataError(f"{table.path} names no clips")
    return tuple(chosen.values())


def find_contradiction(
    name: str, label: str, by_name: Mapping[str, Clip], labels: Sequence[str]
) -> tuple[str, str | None] | None:
    """Return how a row of a split contradicts ``meta.csv``, and the cure; None if it does not."""
    clip = by_name.get(composed(name))
    if clip is None:
        return f"{name} is not in {META}", "use the split's own meta.csv"
    if label == clip.scene_label:
        return None
    if label_key(label) == label_key(clip.scene_label):
        text = f"{name} is labelled {ascii(label)}, but {ascii(clip.scene_label)} in {META}"
        return f"{text}: they differ in case, spaces or Unicode form", "write the label alike in both"
    if label not in labels:
        return f"unknown label {label!r} for {name}", f"labels of {META}: {', '.join(labels)}"
    return f"{name} is labelled {label!r}, but {clip.scene_label!r} in {META}", None
