"""Multi-label data sets in the layout of FSDKaggle2019 (DCASE 2019 Task 2).

Every comma-separated table with the columns ``fname`` and ``labels`` is a split; the labels of a clip stand in one
field, with commas between them. Other columns (``usage``, ``license`` …) are passed over. Tables lie in the folder
itself or, as Zenodo has them, in ``FSDKaggle2019.meta/``; recordings in a folder named after their table.

Source of names and columns: README of FSDKaggle2019, https://doi.org/10.5281/zenodo.3612637.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from asc_kit.errors import DataError

from .class_map import CLASS_MAP, ClassMap, check_label, class_order, find_class_map
from .contract import Clip, Dataset
from .listed import ListedSplits, Refusal
from .tables import Table, header_of, read_table
from .tau import UNKNOWN_DEVICE

COLUMNS = ("fname", "labels")
POST_COMPETITION = "_post_competition"

META_FOLDER = "FSDKaggle2019.meta"
_AUDIO_FOLDER = "FSDKaggle2019.audio_"


def tagging_tables(root: Path) -> list[Path]:
    """Return the tables of a multi-label data set; none when a folder is not of this layout."""
    tables = [*sorted(root.glob("*.csv")), *sorted((root / META_FOLDER).glob("*.csv"))]
    return [path for path in tables if path.name != CLASS_MAP and set(COLUMNS) <= set(header_of(path, ","))]


def split_name(path: Path) -> str:
    """Return the name of the split that a table is."""
    return path.stem.removesuffix(POST_COMPETITION)


def split_labels(text: str) -> tuple[str, ...]:
    """Return the labels of one field, each once, in its order."""
    return tuple(dict.fromkeys(label.strip() for label in text.split(",") if label.strip()))


@dataclass(frozen=True, slots=True)
class AudioFinder:
    """Finds the recordings that tables name by their bare file names."""

    root: Path
    """The data set's folder."""
    tables: tuple[Path, ...]
    """All its tables: recordings of a table made from another's rows lie in the other's folder."""
    _listings: dict[str, frozenset[str]] = field(default_factory=dict)

    def folders(self, table: Path) -> list[str]:
        """Return where the recordings of a table are looked for, below the root, in this order."""
        return [*self._own(table), *self._others(table)]

    def find(self, table: Path, name: str) -> str | None:
        """Return the path of a recording below the root; None when it is nowhere.

        Raises
        ------
        DataError
            When the table has no folder of its own and several other tables' folders have a file of that name.
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
        """Return where a recording that is nowhere should have been."""
        return str(PurePosixPath(split_name(table), name))

    def _own(self, table: Path) -> list[str]:
        return list(dict.fromkeys((*_own_folders(table), "audio", "")))

    def _others(self, table: Path) -> list[str]:
        # where a table has a folder of its own, an equal name in another folder is another recording
        if any(self._listing(folder) for folder in _own_folders(table)):
            return []
        own = self._own(table)
        return list(dict.fromkeys(f for other in self.tables for f in _own_folders(other) if f not in own))

    def _holding(self, folders: Iterable[str], name: str) -> list[str]:
        """Return the paths, below the root, at which a file of that name is."""
        above, _, bare = name.rpartition("/")
        places = [PurePosixPath(folder, above) for folder in folders]
        return [str(place / bare) for place in places if bare in self._listing(str(place))]

    def _listing(self, folder: str) -> frozenset[str]:
        if folder not in self._listings:
            try:
                self._listings[folder] = frozenset(os.listdir(self.root / folder))
            except OSError:
                self._listings[folder] = frozenset()
        return self._listings[folder]


def read_tagging(root: Path, class_map: Path | None) -> Dataset:
    """Read all tables of a multi-label data set.

    Recordings that are missing, and a table without labels, make the split of that table unusable and no other:
    a copy with the curated clips alone can be used.

    Raises
    ------
    DataError
        When a table cannot be read, names a clip twice, contradicts another, or has a label that the class map lacks.
    """
    order = find_class_map(class_map, root, root / META_FOLDER)
    paths = tagging_tables(root)
    finder = AudioFinder(root, tuple(paths))
    clips: dict[str, Clip] = {}
    splits: dict[str, tuple[Clip, ...]] = {}
    refusals: dict[str, Refusal] = {}
    for path in paths:
        name = split_name(path)
        if name in splits:
            raise DataError(f"split {name} of {root} is there twice: {path.name} is one of two", hint="remove one")
        table = read_table(path, ",")
        if without_labels(table):
            splits[name] = ()
            refusals[name] = Refusal(
                message=f"{path} has no labels: training and evaluation need them",
                hint="for recordings without labels use: asc-kit predict",
            )
            continue
        splits[name], missing = _read_split(table, finder, clips, order)
        if missing:
            places = ", ".join(str(root / folder) for folder in finder.folders(path))
            refusals[name] = Refusal(
                message=f"{len(missing)} of {len(splits[name])} recordings of {path} do not exist, {missing[0]} among "
                f"them",
                hint=f"looked for in: {places}",
            )
    if not clips:
        raise DataError(f"the tables of {root} name no clips with labels: {', '.join(path.name for path in paths)}")
    return Dataset(
        root=root,
        labels=class_order((label for clip in clips.values() for label in clip.labels), order),
        clips=tuple(clips.values()),
        task="multi_label",
        splits=ListedSplits(clips=splits, refusals=refusals, ignored_suffix=POST_COMPETITION),
    )


def without_labels(table: Table) -> bool:
    """Tell a table of clips that wait for their labels, as a challenge publishes its test clips."""
    place = table.header.index(COLUMNS[1])
    return bool(table.rows) and not any(fields[place:] and fields[place].strip() for _, fields in table.rows)


def tagging_clip(filename: str, labels: tuple[str, ...]) -> Clip:
    """Return a clip of which no table says where or with what it was recorded."""
    return Clip(
        filename=filename, labels=labels, identifier=PurePosixPath(filename).stem, recording_device=UNKNOWN_DEVICE
    )


def _read_split(
    table: Table, finder: AudioFinder, clips: dict[str, Clip], order: ClassMap | None
) -> tuple[tuple[Clip, ...], list[str]]:
    """Read one table into `clips`; gives its clips and the names of those whose recording is missing."""
    chosen: dict[str, Clip] = {}
    missing = []
    for line, (name, text) in table.select(COLUMNS):
        where = f"{table.path}, line {line}"
        labels = split_labels(text)
        if not labels:
            raise DataError(f"{where}: {name} has no label. Received: {text!r}")
        for label in labels:
            check_label(label, order, where)
        found = finder.find(table.path, name)
        if found is None:
            missing.append(name)
        filename = found or finder.expected(table.path, name)
        if filename in chosen:
            raise DataError(f"{where}: {name} stands there twice")
        clip = clips.get(filename)
        if clip is None:
            clip = tagging_clip(filename, labels)
        elif set(clip.labels) != set(labels):
            raise DataError(
                f"{where}: {name} is labelled {','.join(labels)!r}, but {clip.scene_label!r} in another table"
            )
        chosen[filename] = clips[filename] = clip
    return tuple(chosen.values()), missing


def _own_folders(table: Path) -> Iterable[str]:
    bare = split_name(table)
    return table.stem, bare, f"{_AUDIO_FOLDER}{bare}"
