"""UrbanSound8K: ten folds of slices, and a table that describes them.

``UrbanSound8K.csv`` (``slice_file_name,fsID,start,end,salience,fold,classID,class``) lies in ``metadata/`` beside
``audio/fold1`` … ``audio/fold10``. Each fold makes two splits: ``foldN_evaluate`` of its own slices, and
``foldN_train`` of all other slices. Slices of a recording (``fsID``) share a place; the folds keep them together.

Source: README of UrbanSound8K, https://doi.org/10.5281/zenodo.1203745.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from asc_kit.errors import DataError

from .class_map import check_label, class_order, find_class_map
from .contract import Clip, Dataset
from .listed import ListedSplits
from .spelling import composed
from .tables import Complain, Table, header_of, read_table
from .tau import UNKNOWN_DEVICE

COLUMNS = ("slice_file_name", "fold", "class")
_RECORDING = "fsID"
_TABLE = "UrbanSound8K.csv"
_METADATA = "metadata"


def find_fold_table(root: Path) -> Path | None:
    """Return the table of UrbanSound8K for a folder: in it, in ``metadata/``, or beside it if it holds the folds."""
    candidates = [*sorted(root.glob("*.csv")), *sorted((root / _METADATA).glob("*.csv"))]
    if (root / "fold1").is_dir():
        candidates += [root.parent / _METADATA / _TABLE, root.parent / _TABLE]
    return next((path for path in candidates if set(COLUMNS) <= set(header_of(path, ","))), None)


def read_slices(root: Path, table: Table, complain: Complain | None = None) -> Iterator[tuple[int, str, Clip]]:
    """Yield line number, fold and clip of each row."""
    has_recording = _RECORDING in table.header
    above = "audio/" if (root / "audio").is_dir() else ""
    for line, fields in table.select((*COLUMNS, *([_RECORDING] if has_recording else [])), complain):
        name, fold, label = fields[:3]
        yield (
            line,
            fold,
            Clip(
                filename=f"{above}fold{fold}/{name}",
                labels=(label,),
                identifier=fields[3] if has_recording else Path(name).stem,
                recording_device=UNKNOWN_DEVICE,
            ),
        )


def fold_splits(rows: Iterable[tuple[str, Clip]]) -> dict[str, tuple[Clip, ...]]:
    """Return the two splits of each fold, from the fold of each clip."""
    every = list(rows)
    folds = sorted({fold for fold, _ in every}, key=lambda fold: (len(fold), fold))
    return {
        f"fold{fold}_{name}": tuple(clip for where, clip in every if (where == fold) == is_own)
        for fold in folds
        for name, is_own in (("train", False), ("evaluate", True))
    }


def read_urbansound(root: Path, path: Path, class_map: Path | None) -> Dataset:
    """Read UrbanSound8K from its table.

    Raises
    ------
    DataError
        If the table is broken, names a slice twice, or has a class that the class map lacks.
    """
    order = find_class_map(class_map, root)
    table = read_table(path, ",")
    rows: dict[str, tuple[str, Clip]] = {}
    for line, fold, clip in read_slices(root, table):
        if composed(clip.filename) in rows:
            raise DataError(f"{path}, line {line}: {clip.filename} stands there twice")
        check_label(clip.scene_label, order, f"{path}, line {line}")
        rows[composed(clip.filename)] = fold, clip
    if not rows:
        raise DataError(f"{path} names no clips")
    clips = tuple(clip for _, clip in rows.values())
    return Dataset(
        root=root,
        labels=class_order((clip.scene_label for clip in clips), order),
        clips=clips,
        splits=ListedSplits(clips=fold_splits(rows.values()), refusals={}),
    )
