"""Detect the layout of a folder, and read it.

Each layout has its own evidence: tables with certain columns, or folders that can be nothing else. A single layout with
evidence is read. With none or several, the user is asked; ``--layout`` is the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from asc_kit.errors import DataError

from .contract import Dataset
from .folder_survey import AS_CLASSES, Question, every_folder_a_class, every_folder_a_split, survey
from .folders import ClassFolders, folders_in, read_folders, recordings_below
from .tables import header_of
from .tagging import LabelColumn, read_tagging, tagging_tables
from .tau import META, SPLIT_COLUMNS, read_tau
from .urbansound import find_fold_table, read_urbansound


class Layout(StrEnum):
    """Layout of a data set in its folder."""

    TAU = "tau"
    """``meta.csv`` and split files, TAB-separated: TAU Urban Acoustic Scenes."""
    TAGGING = "tagging"
    """Tables ``fname,labels``, one per split: FSDKaggle2019, FSD50K; multi-label."""
    LABELLED = "labelled"
    """Tables ``fname,label``, one per split: FSDKaggle2018."""
    URBANSOUND8K = "urbansound8k"
    """Folders ``fold1`` to ``fold10`` and the table ``UrbanSound8K.csv``."""
    FOLDERS = "folders"
    """A folder of recordings per class."""
    SPLIT_FOLDERS = "split_folders"
    """A folder per split, and in it a folder of recordings per class."""

    @property
    def knows_places(self) -> bool:
        """Whether clips have a known place; otherwise each is a place of its own."""
        return self in (Layout.TAU, Layout.URBANSOUND8K)

    @property
    def label_column(self) -> LabelColumn | None:
        """The column with the labels, in tables that name recordings by bare file names; None in other layouts."""
        return {Layout.TAGGING: LabelColumn.MANY, Layout.LABELLED: LabelColumn.ONE}.get(self)


_LAYOUTS = (
    "a data set is one of: meta.csv with the columns filename scene_label identifier source_label, TAB-separated "
    "(TAU Urban Acoustic Scenes); tables fname,labels such as train_curated.csv (FSDKaggle2019, FSD50K) or fname,label "
    "(FSDKaggle2018); UrbanSound8K.csv with its folds; a folder of WAV or FLAC files per class, two at least, or "
    "train/CLASS and test/CLASS"
)
_SHOWN = 4


def find_layout(root: Path, layout: Layout | None = None) -> Layout:
    """Detect the layout of a data set by its evidence.

    Parameters
    ----------
    root
        The folder.
    layout
        Layout that the user names; None to detect it.

    Raises
    ------
    DataError
        If the folder is missing, or if its layout is uncertain.
    """
    if root.is_file():
        raise DataError(f"{root} is a file. Expected: the folder of a data set", hint=_LAYOUTS)
    if not root.is_dir():
        raise DataError(f"data folder {root} does not exist", hint="make one with: asc-kit data synth --out DIR")
    tables = _tables(root)
    if layout is not None:
        _check_answer(root, layout, tables)
        return layout
    if len(tables) > 1:
        seen = "; ".join(f"{evidence} ({name})" for name, evidence in tables.items())
        options = " or ".join(f"--layout {name}" for name in tables)
        raise DataError(f"data folder {root} has tables of several layouts: {seen}", hint=f"say which: {options}")
    if tables:
        return next(iter(tables))
    if (root / META).is_file():
        return Layout.TAU  # what is wrong with the table its reader says
    answer = survey(root)
    whole = [folder.name for folder in folders_in(root) if _tables(folder)]
    if isinstance(answer, ClassFolders) and whole:
        says = f"{', '.join(whole[:_SHOWN])} holds the tables of a data set, and is no class"
        answer = Question(says=says, hint=AS_CLASSES)
    if isinstance(answer, ClassFolders):
        return Layout.FOLDERS if None in answer.by_split else Layout.SPLIT_FOLDERS
    raise _uncertain(root, answer)


def folders_of(root: Path, layout: Layout | None) -> ClassFolders:
    """Return the folders of classes of a data set of such a layout; `layout` as for `find_layout`.

    Raises
    ------
    DataError
        If the meaning of the folders is uncertain.
    """
    answer: ClassFolders | Question | None
    if layout is Layout.FOLDERS:
        answer = every_folder_a_class(root)
    elif layout is Layout.SPLIT_FOLDERS:
        answer = every_folder_a_split(root)
    else:
        answer = survey(root)
    if not isinstance(answer, ClassFolders):
        raise _uncertain(root, answer)
    return answer


def read_dataset(root: Path, class_map: Path | None = None, layout: Layout | None = None) -> Dataset:
    """Read a data set: its clips, its labels and its splits.

    Parameters
    ----------
    root
        The folder, in any of the layouts.
    class_map
        CSV file of rows ``index,name`` that gives the order of the classes; None for ``class_map.csv`` in the
        folder, or else for the sorted names.
    layout
        Layout that the user names; None to detect it.

    Raises
    ------
    DataError
        If the layout of the folder is uncertain, or if its tables are broken or contradict each other.
    """
    actual = find_layout(root, layout)
    if actual is Layout.TAU:
        return read_tau(root, class_map)
    if actual.label_column is not None:
        return read_tagging(root, class_map, actual.label_column)
    if actual is Layout.URBANSOUND8K:
        table = find_fold_table(root)
        assert table is not None
        return read_urbansound(root, table, class_map)
    return read_folders(root, folders_of(root, layout), class_map)


def _tables(root: Path) -> dict[Layout, str]:
    """Return the layouts whose tables exist, with the evidence of each."""
    seen = {}
    if set(SPLIT_COLUMNS) <= set(header_of(root / META, "\t")):
        seen[Layout.TAU] = META
    for layout in (Layout.TAGGING, Layout.LABELLED):
        assert layout.label_column is not None
        tables = tagging_tables(root, layout.label_column)
        if tables:
            seen[layout] = ", ".join(str(path.relative_to(root)) for path in tables[:_SHOWN])
    table = find_fold_table(root)
    if table is not None:
        seen[Layout.URBANSOUND8K] = table.name
    return seen


def _check_answer(root: Path, layout: Layout, tables: Mapping[Layout, str]) -> None:
    """Refuse a layout without any evidence."""
    if layout in tables or (layout is Layout.TAU and (root / META).is_file()):
        return
    if layout is Layout.FOLDERS and every_folder_a_class(root) is not None:
        return
    if layout is Layout.SPLIT_FOLDERS and every_folder_a_split(root) is not None:
        return
    wanted = {
        Layout.TAU: f"no {META}",
        Layout.TAGGING: "no table with the columns fname,labels",
        Layout.LABELLED: "no table with the columns fname,label",
        Layout.URBANSOUND8K: "no table with the columns slice_file_name,fold,class",
        Layout.FOLDERS: "no folders of recordings",
        Layout.SPLIT_FOLDERS: "no folders with folders of recordings in them",
    }
    raise DataError(f"data folder {root} is not of layout {layout}: it has {wanted[layout]}", hint=_LAYOUTS)


def _uncertain(root: Path, question: Question | None) -> DataError:
    lacks = f"has no {META}, no table with the columns fname,labels or fname,label"
    inner = [folder for folder in folders_in(root) if _tables(folder)]
    advice = f"{inner[0]} has the tables of a data set: give it with --data. " if inner else ""
    if question is not None:
        says = f"it is not certain what the folders in {root} are: {question.says}. It {lacks}"
        return DataError(says, hint=f"{advice}{question.hint}. In general, {_LAYOUTS}")
    says = f"data folder {root} {lacks} and no folders of recordings. It has: {_contents(root)}"
    return DataError(says, hint=advice + _LAYOUTS)


def _contents(root: Path) -> str:
    """Describe the content of a folder, so that a wrong folder is recognised."""
    loose = len(recordings_below(root, deep=False))
    folders = [path.name for path in folders_in(root)]
    tables = [
        f"{path.relative_to(root)} ({','.join(header_of(path, ','))[:60]})"
        for path in (*sorted(root.glob("*.csv")), *sorted(root.glob("*/*.csv")))
    ]
    parts = [f"{loose} recordings"] if loose else []
    for what, names in (("folders", folders), ("tables", tables)):
        if names:
            parts.append(f"{what} {', '.join(names[:_SHOWN])}{' …' if len(names) > _SHOWN else ''}")
    return "; ".join(parts) or "nothing"
