"""Data sets whose tables name recordings by their bare file names: FSDKaggle2018 and 2019, FSD50K.

Every comma-separated table with the columns ``fname`` and ``labels`` is a split; the labels of a clip stand in one
field, with commas between them. With ``label`` instead, each clip has one class. Other columns (``usage``, ``license``
…) are skipped, except ``split``, which divides a table once more (FSD50K). Tables lie in the folder itself or, as in
Zenodo's archives, in a folder beside the recordings' folders; recordings lie in a folder named after their table. A
name may lack its ending.

Source of names and columns: README of FSDKaggle2019, https://doi.org/10.5281/zenodo.3612637, of FSDKaggle2018,
https://doi.org/10.5281/zenodo.2552860, and of FSD50K, https://doi.org/10.5281/zenodo.4060432.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath

from asc_kit.errors import DataError

from .class_map import CLASS_MAP, ClassMap, check_label, class_order, find_class_map
from .contract import Clip, Dataset
from .folder_names import split_names
from .listed import ListedSplits, Refusal
from .spelling import composed, listing
from .tables import Complain, Table, header_of, read_table
from .tau import UNKNOWN_DEVICE

NAME = "fname"
SPLIT = "split"
META_FOLDERS = ("FSDKaggle2019.meta", "FSDKaggle2018.meta", "FSD50K.ground_truth")

_ENDINGS = ("_post_competition", "_post_competition_scoring_clips")
# FSD50K calls its test clips eval; its dev clips are divided into training and validation by a column
_FSD50K = {"dev": "dev", "eval": "test"}
_AUDIO_FOLDERS = ("FSDKaggle2019.audio_{}", "FSDKaggle2018.audio_{}", "audio_{}", "FSD50K.{}_audio", "{}_audio")
_AUDIO_ENDINGS = (".wav", ".flac")


class LabelColumn(StrEnum):
    """The column of a table with the labels."""

    MANY = "labels"
    """Labels of a clip, separated by commas."""
    ONE = "label"
    """The only class of a clip."""

    @property
    def columns(self) -> tuple[str, str]:
        """The columns that each table has."""
        return NAME, self.value

    def read(self, text: str) -> tuple[str, ...]:
        """Return the labels of a field, each once, in its order."""
        if self is LabelColumn.ONE:
            return (text,) if text else ()
        return tuple(dict.fromkeys(label.strip() for label in text.split(",") if label.strip()))


def tagging_tables(root: Path, column: LabelColumn) -> list[Path]:
    """Return the tables that have a column of labels; none if a folder has another layout."""
    folders = (root, *(root / name for name in META_FOLDERS))
    tables = [path for folder in folders for path in sorted(folder.glob("*.csv"))]
    return [path for path in tables if path.name != CLASS_MAP and _has_labels(path, column)]


def _has_labels(path: Path, column: LabelColumn) -> bool:
    header = header_of(path, ",")
    if not set(column.columns) <= set(header):
        return False
    # a competition's sample submission has meaningless labels
    return column is LabelColumn.MANY or (LabelColumn.MANY not in header and "submission" not in path.stem)


def split_name(path: Path) -> str:
    """Return the name of a table's split."""
    stem = path.stem
    for ending in _ENDINGS:
        stem = stem.removesuffix(ending)
    return _FSD50K.get(stem, stem) if path.parent.name == "FSD50K.ground_truth" else stem


def split_of_row(name: str) -> str:
    """Return the name of a row's split by its column ``split``."""
    return split_names([name])[name]


@dataclass(frozen=True, slots=True)
class AudioFinder:
    """Find the recordings that tables name by their bare file names."""

    root: Path
    """The data set's folder."""
    tables: tuple[Path, ...]
    """All its tables: recordings of a table made from another's rows lie in the other's folder."""
    _listings: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def folders(self, table: Path) -> list[str]:
        """Return the folders below the root in which to search the recordings of a table, in order."""
        return [*self._own(table), *self._others(table)]

    def find(self, table: Path, name: str) -> str | None:
        """Return the path of a recording below the root; None if it does not exist.

        Raises
        ------
        DataError
            If the table has no folder of its own and several other tables' folders have a file of that name.
        """
        own = self._holding(self._own(table), name)
        if own:
            return own[0]
        others = self._holding(self._others(table), name)
        if len(others) > 1:
            raise DataError(
                f"{table}: {name} is in several folders: {', '.join(others)}",
                hint=f"put the recordings of {table.name} into {self.root / split_name(table)}",
            )
        return others[0] if others else None

    def expected(self, table: Path, name: str) -> str:
        """Return the expected path of a missing recording."""
        return str(PurePosixPath(split_name(table), name))

    def _own(self, table: Path) -> list[str]:
        return list(dict.fromkeys((*_own_folders(table), "audio", "")))

    def _others(self, table: Path) -> list[str]:
        # if a table has its own folder, an equal name in another folder is another recording
        if any(self._listing(folder) for folder in _own_folders(table)):
            return []
        own = self._own(table)
        return list(dict.fromkeys(f for other in self.tables for f in _own_folders(other) if f not in own))

    def _holding(self, folders: Iterable[str], name: str) -> list[str]:
        """Return the paths, below the root, of files of that name, whose ending may be left out."""
        above, _, bare = name.rpartition("/")
        places = [PurePosixPath(folder, above) for folder in folders]
        names = [bare] if bare.lower().endswith(_AUDIO_ENDINGS) else [bare, *(bare + end for end in _AUDIO_ENDINGS)]
        return [
            str(place / on_disk)
            for place in places
            for on_disk in [next(filter(None, (self._on_disk(str(place), each) for each in names)), None)]
            if on_disk is not None
        ]

    def _on_disk(self, folder: str, name: str) -> str | None:
        """Return the name of a file as on the disk; None if there is none."""
        stored = self._listing(folder).get(composed(name))
        # two files may differ only in Unicode form
        return name if stored is not None and stored != name and (self.root / folder / name).exists() else stored

    def _listing(self, folder: str) -> Mapping[str, str]:
        if folder not in self._listings:
            self._listings[folder] = listing(self.root / folder)
        return self._listings[folder]


def read_tagging(root: Path, class_map: Path | None, column: LabelColumn) -> Dataset:
    """Read all tables of a data set with a column of labels.

    Missing recordings, or a table without labels, make only the split of that table unusable: a copy with only the
    curated clips can be used.

    Raises
    ------
    DataError
        If a table cannot be read, names a clip twice, contradicts another, or has a label that the class map lacks.
    """
    order = find_class_map(class_map, root, *(root / folder for folder in META_FOLDERS))
    paths = tagging_tables(root, column)
    finder = AudioFinder(root, tuple(paths))
    clips: dict[str, Clip] = {}
    splits: dict[str, tuple[Clip, ...]] = {}
    refusals: dict[str, Refusal] = {}
    for path in paths:
        name = split_name(path)
        table = read_table(path, ",")
        if without_labels(table, column):
            _add(splits, name, (), path)
            refusals[name] = Refusal(
                message=f"{path} has no labels: training and evaluation need them",
                hint="for recordings without labels use: asc-kit predict",
            )
            continue
        rows, missing = _read_split(table, finder, clips, order, column)
        parts = {
            part: tuple(clip for where, clip in rows if where == part) for part in dict.fromkeys(w for w, _ in rows)
        }
        parts = {part: chosen for part, chosen in parts.items() if part} | {name: tuple(clip for _, clip in rows)}
        for part, chosen in parts.items():
            _add(splits, part, chosen, path)
            absent = [clip for clip in chosen if clip.filename in missing]
            if absent:
                places = ", ".join(str(root / folder) for folder in finder.folders(path))
                refusals[part] = Refusal(
                    message=f"{len(absent)} of {len(chosen)} recordings of {path} do not exist, "
                    f"{missing[absent[0].filename]} among them",
                    hint=f"looked for in: {places}",
                )
    if not clips:
        raise DataError(f"the tables of {root} name no clips with labels: {', '.join(path.name for path in paths)}")
    return Dataset(
        root=root,
        labels=class_order((label for clip in clips.values() for label in clip.labels), order),
        clips=tuple(clips.values()),
        task="multi_label" if column is LabelColumn.MANY else "single_label",
        splits=ListedSplits(clips=splits, refusals=refusals, aliases={path.stem: split_name(path) for path in paths}),
    )


def _add(splits: dict[str, tuple[Clip, ...]], name: str, clips: tuple[Clip, ...], path: Path) -> None:
    if name in splits:
        raise DataError(f"split {name} of {path.parent} is there twice: {path.name} is one of two", hint="remove one")
    splits[name] = clips


def without_labels(table: Table, column: LabelColumn) -> bool:
    """Return whether a table lists clips without labels, as a challenge publishes its test clips."""
    place = table.header.index(column)
    return bool(table.rows) and not any(fields[place:] and fields[place].strip() for _, fields in table.rows)


def tagging_clip(filename: str, labels: tuple[str, ...]) -> Clip:
    """Return a clip whose place and recording device no table names."""
    return Clip(
        filename=filename, labels=labels, identifier=PurePosixPath(filename).stem, recording_device=UNKNOWN_DEVICE
    )


def label_rows(table: Table, column: LabelColumn, complain: Complain | None = None) -> Iterator[tuple[int, list[str]]]:
    """Yield line number, name, labels and split of each row; no split if the table lacks that column."""
    columns = (*column.columns, SPLIT) if SPLIT in table.header else column.columns
    for line, fields in table.select(columns, complain):
        yield line, [*fields[:2], split_of_row(fields[2]) if len(fields) > 2 else ""]


def _read_split(
    table: Table, finder: AudioFinder, clips: dict[str, Clip], order: ClassMap | None, column: LabelColumn
) -> tuple[list[tuple[str, Clip]], dict[str, str]]:
    """Read a table into `clips`; return each row's split with its clip, and the missing recordings by file name."""
    chosen: dict[str, tuple[str, Clip]] = {}
    missing = {}
    for line, (name, text, part) in label_rows(table, column):
        where = f"{table.path}, line {line}"
        labels = column.read(text)
        if not labels:
            raise DataError(f"{where}: {name} has no label. Received: {text!r}")
        for label in labels:
            check_label(label, order, where)
        stored = finder.find(table.path, name)
        filename = stored or finder.expected(table.path, name)
        if stored is None:
            missing[filename] = name
        if filename in chosen:
            raise DataError(f"{where}: {name} stands there twice")
        clip = clips.get(filename)
        if clip is None:
            clip = tagging_clip(filename, labels)
        elif set(clip.labels) != set(labels):
            raise DataError(
                f"{where}: {name} is labelled {','.join(labels)!r}, but {clip.scene_label!r} in another table"
            )
        clips[filename] = clip
        chosen[filename] = part, clip
    return list(chosen.values()), missing


def _own_folders(table: Path) -> Iterable[str]:
    bare = split_name(table)
    names = dict.fromkeys((bare, table.stem))
    return (*dict.fromkeys((table.stem, bare)), *(form.format(name) for name in names for form in _AUDIO_FOLDERS))
