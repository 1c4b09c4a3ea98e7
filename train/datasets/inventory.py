"""All rows of a data set's tables, contradictions included.

The readers of ``asc_kit.dataset`` stop at the first fault. Here faults become findings, and every usable row is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asc_kit.dataset import TEST_SPLITS, TRAIN_SPLITS, Clip, Layout, find_layout, test_split_for
from asc_kit.dataset.class_map import ClassMap, find_class_map
from asc_kit.dataset.folders import clip_in_folder, folders_in, hash_split, holds_recordings, label_of, recordings_below
from asc_kit.dataset.layout import folders_of
from asc_kit.dataset.pins import check_pin
from asc_kit.dataset.spelling import composed, find_twins, quote
from asc_kit.dataset.tables import Complain, Table, header_of, read_table
from asc_kit.dataset.tagging import (
    META_FOLDERS,
    AudioFinder,
    LabelColumn,
    label_rows,
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
    find_contradiction,
    meta_columns,
    parse_name,
    read_meta,
)
from asc_kit.dataset.urbansound import find_fold_table, fold_splits, read_slices
from asc_kit.errors import DataError

from .findings import Findings

_TRAIN_NAME = re.compile(r"(.*/)?(train.*|split\d+|fold\d+_train)")


@dataclass(slots=True, kw_only=True)
class Inventory:
    """Clips and splits of a data set as far as its tables can be understood."""

    root: Path
    """The folder."""
    layout: Layout
    """Its layout."""
    asked: Layout | None = None
    """Layout that the user named; None if it was detected."""
    findings: Findings
    """Its faults."""
    class_map: ClassMap | None = None
    """Order of its classes, if given."""
    clips: dict[str, Clip] = field(default_factory=dict)
    """Clips by composed file name; the first row that names a file counts."""
    splits: dict[str, dict[str, Clip]] = field(default_factory=dict)
    """Splits by name, each with its clips by file name."""

    @property
    def places_known(self) -> bool:
        """Whether the tables say where clips were recorded; otherwise each clip is a place of its own."""
        return self.layout.knows_places

    def pairs(self) -> list[tuple[str, str]]:
        """Return every training split that has a matching test split, with that split."""
        pairs = []
        for train in self.splits:
            if _TRAIN_NAME.fullmatch(train):
                usual = test_split_for(train)
                # folds may lie in a folder of the challenges, or not
                usual = (*usual, *(name.rpartition("/")[2] for name in usual)) if usual != TEST_SPLITS else usual
                test = next((name for name in usual if name in self.splits), None)
                pairs += [(train, test)] if test is not None else []
        return pairs

    def add(self, clip: Clip, where: str) -> None:
        """Keep a clip; report if an earlier row gave it another label, or if the class map lacks a label."""
        known = self.clips.setdefault(composed(clip.filename), clip)
        if set(known.labels) != set(clip.labels):
            text = f"{clip.filename}: {known.scene_label} and, in {where}, {clip.scene_label}"
            self.findings.add("mislabelled", clip.filename, text)
        self.check_labels(clip, where)

    def check_labels(self, clip: Clip, where: str) -> None:
        """Report a label that the class map lacks."""
        for label in clip.labels:
            problem = self.class_map.unknown(label) if self.class_map else None
            if problem:
                self.findings.add("unknown_label", clip.filename, f"{where}: {problem}")


def take_inventory(root: Path, class_map: Path | None, findings: Findings, layout: Layout | None = None) -> Inventory:
    """Read all tables of a data set, or its folders; `layout` is the layout that the user names.

    Raises
    ------
    DataError
        If it has none of the layouts: then there is nothing to check.
    """
    inventory = Inventory(root=root, layout=find_layout(root, layout), asked=layout, findings=findings)
    try:
        inventory.class_map = find_class_map(class_map, root, *(root / folder for folder in META_FOLDERS))
    except DataError as failure:
        findings.add("table", "class map", failure.message)
    if inventory.layout is Layout.TAU:
        _read_tau(inventory)
    elif inventory.layout.label_column is not None:
        _read_tagging(inventory, inventory.layout.label_column)
    elif inventory.layout is Layout.URBANSOUND8K:
        _read_urbansound(inventory)
    else:
        _read_folders(inventory)
    if not inventory.clips:
        findings.add("table", "no clips", "no table names a clip that can be used")
    for group in find_twins(label for clip in inventory.clips.values() for label in clip.labels):
        for other in group[1:]:
            findings.add("label_twins", other, quote((group[0], other)))
    return inventory


def _read_tau(inventory: Inventory) -> None:
    meta = inventory.root / META
    for line, clip in _meta_rows(inventory):
        if composed(clip.filename) in inventory.clips:
            inventory.findings.add(
                "table", f"{meta}:{line}", f"{META}, line {line}: {clip.filename} stands there twice"
            )
        inventory.add(clip, f"{META}, line {line}")
        told = parse_name(clip.filename)
        if told is not None and told.scene != clip.scene_label:
            inventory.findings.add("mislabelled", clip.filename, f"{clip.filename}: labelled {clip.scene_label}")
    labels = {clip.scene_label for clip in inventory.clips.values()}
    splits = TableSplits(root=inventory.root)
    tables = splits.paths()
    for name in dict.fromkeys((*TRAIN_SPLITS, *TEST_SPLITS, *OFFICIAL_SPLITS)):
        path = inventory.root / f"{name}.csv"
        # the challenges' list of test files has no labels; evaluation uses the table with labels
        if path.is_file() and path not in tables and header_of(path, "\t") != SPLIT_COLUMNS[:1]:
            text = f"{name}.csv is not TAB-separated with the columns {', '.join(SPLIT_COLUMNS)}"
            inventory.findings.add("table", str(path), text)
    for path in tables:
        chosen = inventory.splits[str(path.relative_to(inventory.root).with_suffix(""))] = {}
        try:
            check_pin(inventory.root, path)
        except DataError as failure:
            inventory.findings.add("table", f"{path}:pin", failure.message)
        for line, (filename, label) in _rows(inventory, path, SPLIT_COLUMNS, "\t"):
            where = f"{path.name}, line {line}"
            name = composed(filename)
            if name not in inventory.clips:
                inventory.findings.add("not_in_meta", filename, f"{where}: {filename}")
                continue
            problem = find_contradiction(filename, label, inventory.clips, sorted(labels))
            if problem is not None:
                inventory.findings.add("mislabelled", filename, f"{where}: {problem[0]}")
            if name in chosen:
                inventory.findings.add("table", f"{path}:{line}", f"{where}: {filename} stands there twice")
            chosen[name] = inventory.clips[name]


def _meta_rows(inventory: Inventory) -> list[tuple[int, Clip]]:
    meta = inventory.root / META
    try:
        table = read_table(meta, "\t")
        table.require(SPLIT_COLUMNS)
    except DataError as failure:
        inventory.findings.add("table", str(meta), failure.message)
        return []

    return read_meta(table, table.select(meta_columns(table), _complainer(inventory, meta)))


def _read_tagging(inventory: Inventory, column: LabelColumn) -> None:
    paths = tagging_tables(inventory.root, column)
    finder = AudioFinder(inventory.root, tuple(paths))
    for path in paths:
        if split_name(path) in inventory.splits:
            text = f"split {split_name(path)} is there twice: {path.name} is one of two"
            inventory.findings.add("table", str(path), text)
        table = _table(inventory, path)
        if table is None:
            continue
        if without_labels(table, column):
            inventory.findings.add("no_labels", str(path), path.name)
            continue
        chosen = inventory.splits.setdefault(split_name(path), {})
        for line, (name, text, part) in label_rows(table, column, _complainer(inventory, path)):
            where = f"{path.name}, line {line}"
            labels = column.read(text)
            if not labels:
                inventory.findings.add("table", f"{path}:{line}", f"{where}: {name} has no label")
                continue
            try:
                filename = finder.find(path, name) or finder.expected(path, name)
            except DataError as failure:
                inventory.findings.add("table", f"{path}:{line}", failure.message)
                continue
            key = composed(filename)
            if key in chosen:
                inventory.findings.add("table", f"{path}:{line}", f"{where}: {name} stands there twice")
            clip = tagging_clip(filename, labels)
            inventory.add(clip, where)
            chosen[key] = clip
            if part:
                inventory.splits.setdefault(part, {})[key] = clip


def _read_urbansound(inventory: Inventory) -> None:
    path = find_fold_table(inventory.root)
    table = _table(inventory, path) if path is not None else None
    if path is None or table is None:
        return
    rows: list[tuple[str, Clip]] = []
    for line, fold, clip in read_slices(inventory.root, table, _complainer(inventory, path)):
        where = f"{path.name}, line {line}"
        if composed(clip.filename) in inventory.clips:
            inventory.findings.add("table", f"{path}:{line}", f"{where}: {clip.filename} stands there twice")
        else:
            rows.append((fold, clip))
        inventory.add(clip, where)
    for name, clips in fold_splits(rows).items():
        inventory.splits[name] = {composed(clip.filename): clip for clip in clips}


def _read_folders(inventory: Inventory) -> None:
    by_split = folders_of(inventory.root, inventory.asked).by_split
    for parent in sorted({folder.parent for folders in by_split.values() for folder in folders}):
        for path in folders_in(parent):
            if not holds_recordings(path):
                name = str(path.relative_to(inventory.root))
                inventory.findings.add("empty_folder", name, name)
    for split, folders in by_split.items():
        chosen = inventory.splits.setdefault(split, {}) if split is not None else {}
        for folder in folders:
            for path in recordings_below(folder):
                try:
                    clip = clip_in_folder(inventory.root, label_of(folder), path)
                except DataError as failure:
                    inventory.findings.add("table", repr(path), failure.message)
                    continue
                # two files may differ in Unicode form alone, and are two clips without a table
                inventory.clips[clip.filename] = chosen[clip.filename] = clip
                inventory.check_labels(clip, str(folder.relative_to(inventory.root)))
    if not inventory.splits:
        halves = hash_split(list(inventory.clips.values()))
        inventory.splits = {name: {clip.filename: clip for clip in clips} for name, clips in halves.items()}


def _rows(
    inventory: Inventory, path: Path, columns: tuple[str, ...], delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield the readable rows of a table; report the others."""
    table = _table(inventory, path, delimiter)
    if table is not None:
        yield from table.select(columns, _complainer(inventory, path))


def _table(inventory: Inventory, path: Path, delimiter: str = ",") -> Table | None:
    try:
        return read_table(path, "\t" if delimiter == "\t" else ",")
    except DataError as failure:
        inventory.findings.add("table", str(path), failure.message)
        return None


def _complainer(inventory: Inventory, path: Path) -> Complain:
    def complain(line: int, message: str) -> None:
        inventory.findings.add("table", f"{path}:{line}", f"{path.name}, line {line}: {message}")

    return complain
