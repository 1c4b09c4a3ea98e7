"""Tell which of the three layouts a folder has, and read it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from asc_kit.errors import DataError

from .contract import Dataset
from .folders import class_folders, read_folders
from .tagging import read_tagging, tagging_tables
from .tau import META, read_tau


class Layout(StrEnum):
    """How a data set lies in its folder."""

    TAU = "tau"
    """``meta.csv`` and split files, TAB-separated: TAU Urban Acoustic Scenes."""
    TAGGING = "tagging"
    """Tables ``fname,labels``, one per split: FSDKaggle2019; multi-label."""
    FOLDERS = "folders"
    """A folder of recordings per class."""


_LAYOUTS = (
    "a data set is one of: meta.csv with the columns filename scene_label identifier source_label, TAB-separated "
    "(TAU Urban Acoustic Scenes); tables fname,labels such as train_curated.csv (FSDKaggle2019); "
    "a folder of WAV or FLAC files per class, two at least, or train/CLASS and test/CLASS"
)


def find_layout(root: Path) -> Layout:
    """Tell which layout a data set has: the first that fits of tables as TAU's, tables of labels, folders.

    Raises
    ------
    DataError
        When the folder is missing, or has none of them.
    """
    if root.is_file():
        raise DataError(f"{root} is a file. Expected: the folder of a data set", hint=_LAYOUTS)
    if not root.is_dir():
        raise DataError(f"data folder {root} does not exist", hint="make one with: asc-kit data synth --out DIR")
    if (root / META).is_file():
        return Layout.TAU
    if tagging_tables(root):
        return Layout.TAGGING
    if class_folders(root):
        return Layout.FOLDERS
    raise DataError(
        f"data folder {root} has no {META}, no table with the columns fname,labels and no folders of recordings",
        hint=_LAYOUTS,
    )


def read_dataset(root: Path, class_map: Path | None = None) -> Dataset:
    """Read a data set: its clips, its labels and where its splits are.

    Parameters
    ----------
    root
        The folder, in any of the layouts.
    class_map
        CSV file of rows ``index,name`` that gives the order of the classes; None for ``class_map.csv`` in the
        folder, and for the sorted names where there is none.

    Raises
    ------
    DataError
        When the folder has none of the layouts, or its tables are broken or contradict each other.
    """
    layout = find_layout(root)
    if layout is Layout.TAU:
        return read_tau(root, class_map)
    if layout is Layout.TAGGING:
        return read_tagging(root, class_map)
    return read_folders(root, class_map)
