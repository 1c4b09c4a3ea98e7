"""All that a data set's tables say, contradictions included: the readers of ``asc_kit.dataset`` stop at the first.

What is wrong is collected as findings, and every row that can be used is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asc_kit.dataset import TEST_SPLITS, TRAIN_SPLITS, Clip, Layout, find_layout, test_split_for
from asc_kit.dataset.class_map import ClassMap, find_class_map
from asc_kit.dataset.folders import class_folders, clip_in_folder, hash_split, recordings_below
from asc_kit.dataset.pins import check_pin
from asc_kit.dataset.tables import header_of, read_table
from asc_kit.dataset.tagging import COLUMNS as TAGGING_COLUMNS
from asc_kit.dataset.tagging import (
    META_FOLDER,
    AudioFinder,
    split_labels,
    split_name,
    tagging_clip,
    tagging_tables,
    without_labels,
)
from asc_kit.dataset.tau import (
    META,
    OFFICIAL_SPLITS,
    SPLIT_COLUMNS,
    TableSplits,
    contradiction,
    meta_columns,
    parse_name,
    read_meta,
)
from asc_kit.errors import DataError

from .findings import Findings

_TRAIN_NAME = re.compile(r"(.*/)?(train.*|split\d+|fold\d+_train)")


@dataclass(slots=True, kw_only=True)
class Inventory:
    """Clips and splits of a data set as far as its tables can be understood."""

    root: Path
    """The folder."""
    layout: Layout
    """How it lies there."""
    found: Findings
    """What is wrong."""
    class_map: ClassMap | None = None
    """The order of its classes, where one is given."""
    clips: dict[str, Clip] = field(default_factory=dict)
    """By file name; the first row that names a file counts."""
    splits: dict[str, dict[str, Clip]] = field(default_factory=dict)
    """By name: clips by file name."""

    @property
    def places_known(self) -> bool:
        """Whether clips say where they were recorded; elsewhere each is a place of its own."""
        return self.layout is Layout.TAU

    def pairs(self) -> list[tuple[str, str]]:
        """Return every training split with the test split that goes with it, where that exists."""
        found = []
        for train in self.splits:
            if _TRAIN_NAME.fullmatch(train):
                test = next((name for name in test_split_for(train) if name in self.splits), None)
                found += [(train, test)] if test is not None else []
        return found

    def add(self, clip: Clip, where: str) -> None:
        """Keep a clip; tell when an earlier row gave it another label, or the class map does not know a label."""
        known = self.clips.setdefault(clip.filename, clip)
        if set(known.labels) != set(clip.labels):
            text = f"{clip.filename}: {known.scene_label} and, in {where}, {clip.scene_label}"
            self.found.add("mislabelled", clip.filename, text)
        for label in clip.labels:
            problem = self.class_map.unknown(label) if self.class_map else None
            if problem:
                self.found.add("unknown_label", clip.filename, f"{where}: {problem}")


def take_inventory(root: Path, class_map: Path | None, found: Findings) -> Inventory:
    """Read all tables of a data set, or its folders.

    Raises
    ------
    DataError
        When it is of none of the layouts: then there is nothing to check.
    """
    inventory = Inventory(root=root, layout=find_layout(root), found=found)
    try:
        inventory.class_map = find_class_map(class_map, root, root / META_FOLDER)
    except DataError as failure:
        found.add("table", "class map", failure.message)
    readers = {Layout.TAU: _read_tau, Layout.TAGGING: _read_tagging, Layout.FOLDERS: _read_folders}
    readers[inventory.layout](inventory)
    if not inventory.clips:
        found.add("table", "no clips", "no table names a clip that can be used")
    return inventory


def _read_tau(inventory: Inventory) -> None:
    meta = inventory.root / META
    for line, clip in _meta_rows(inventory):
        if clip.filename in inventory.clips:
            inventory.found.add("table", f"{meta}:{line}", f"{META}, line {line}: {clip.filename} stands there twice")
        inventory.add(clip, f"{META}, line {line}")
        told = parse_name(clip.filename)
        if told is not None and told.scene != clip.scene_label:
            inventory.found.add("mislabelled", clip.filename, f"{clip.filename}: labelled {clip.scene_label}")
    labels = {clip.scene_label for clip in inventory.clips.values()}
    splits = TableSplits(root=inventory.root)
    tables = splits.paths()
    for name in dict.fromkeys((*TRAIN_SPLITS, *TEST_SPLITS, *OFFICIAL_SPLITS)):
        path = inventory.root / f"{name}.csv"
        # the challenges' own list of test files has no labels, and evaluation uses the table that has them
        if path.is_file() and path not in tables and header_of(path, "\t") != SPLIT_COLUMNS[:1]:
            text = f"{name}.csv is not TAB-separated with the columns {', '.join(SPLIT_COLUMNS)}"
            inventory.found.add("table", str(path), text)
    for path in tables:
        chosen = inventory.splits[str(path.relative_to(inventory.root).with_suffix(""))] = {}
        try:
            check_pin(inventory.root, path)
        except DataError as failure:
            inventory.found.add("table", f"{path}:pin", failure.message)
        for line, (filename, label) in _rows(inventory, path, SPLIT_COLUMNS, "\t"):
            where = f"{path.name}, line {line}"
            if filename not in inventory.clips:
                inventory.found.add("not_in_meta", filename, f"{where}: {filename}")
                continue
            problem = contradiction(filename, label, inventory.clips, sorted(labels))
            if problem is not None:
                inventory.found.add("mislabelled", filename, f"{where}: {problem[0]}")
            if filename in chosen:
                inventory.found.add("table", f"{path}:{line}", f"{where}: {filename} stands there twice")
            chosen[filename] = inventory.clips[filename]


def _meta_rows(inventory: Inventory) -> list[tuple[int, Clip]]:
    meta = inventory.root / META
    try:
        table = read_table(meta, "\t")
        table.require(SPLIT_COLUMNS)
    except DataError as failure:
        inventory.found.add("table", str(meta), failure.message)
        return []

    def complain(line: int, message: str) -> None:
        inventory.found.add("table", f"{meta}:{line}", f"{META}, line {line}: {message}")

    return read_meta(table, table.select(meta_columns(table), complain))


def _read_tagging(inventory: Inventory) -> None:
    paths = tagging_tables(inventory.root)
    finder = AudioFinder(inventory.root, tuple(paths))
    for path in paths:
        if split_name(path) in inventory.splits:
            text = f"split {split_name(path)} is there twice: {path.name} is one of two"
            inventory.found.add("table", str(path), text)
        if _without_labels(path):
            inventory.found.add("no_labels", str(path), path.name)
            continue
        chosen = inventory.splits.setdefault(split_name(path), {})
        for line, (name, text) in _rows(inventory, path, TAGGING_COLUMNS, ","):
            where = f"{path.name}, line {line}"
            labels = split_labels(text)
            if not labels:
                inventory.found.add("table", f"{path}:{line}", f"{where}: {name} has no label")
                continue
            try:
                filename = finder.find(path, name) or finder.expected(path, name)
            except DataError as failure:
                inventory.found.add("table", f"{path}:{line}", failure.message)
                continue
            if filename in chosen:
                inventory.found.add("table", f"{path}:{line}", f"{where}: {name} stands there twice")
            clip = tagging_clip(filename, labels)
            inventory.add(clip, where)
            chosen[filename] = clip


def _without_labels(path: Path) -> bool:
    try:
        return without_labels(read_table(path, ","))
    except DataError:
        # told when its rows are read
        return False


def _read_folders(inventory: Inventory) -> None:
    by_split = class_folders(inventory.root)
    for parent in sorted({folder.parent for folders in by_split.values() for folder in folders}):
        for path in sorted(path for path in parent.iterdir() if path.is_dir() and not path.name.startswith((".", "_"))):
            if not recordings_below(path):
                name = str(path.relative_to(inventory.root))
                inventory.found.add("empty_folder", name, name)
    for split, folders in by_split.items():
        chosen = inventory.splits.setdefault(split, {}) if split is not None else {}
        for folder in folders:
            for path in recordings_below(folder):
                try:
                    clip = clip_in_folder(inventory.root, folder.name, path)
                except DataError as failure:
                    inventory.found.add("table", repr(path), failure.message)
                    continue
                inventory.add(clip, str(folder.relative_to(inventory.root)))
                chosen[clip.filename] = clip
    if not inventory.splits:
        halves = hash_split(list(inventory.clips.values()))
        inventory.splits = {name: {clip.filename: clip for clip in clips} for name, clips in halves.items()}


def _rows(
    inventory: Inventory, path: Path, columns: tuple[str, ...], delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a table that can be read; tell of the others."""

    def complain(line: int, message: str) -> None:
        inventory.found.add("table", f"{path}:{line}", f"{path.name}, line {line}: {message}")

    try:
        table = read_table(path, "\t" if delimiter == "\t" else ",")
        yield from table.select(columns, complain)
    except DataError as failure:
        inventory.found.add("table", str(path), failure.message)
