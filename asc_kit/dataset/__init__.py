"""Data sets: clips, their labels and their splits, in whichever of three layouts a folder has."""

from asc_kit.dataset.contract import (
    META_COLUMNS,
    TEST_SPLITS,
    TRAIN_SPLITS,
    Clip,
    Dataset,
    Splits,
    Task,
    test_split_for,
)
from asc_kit.dataset.layout import Layout, find_layout, read_dataset

__all__ = [
    "META_COLUMNS",
    "TEST_SPLITS",
    "TRAIN_SPLITS",
    "Clip",
    "Dataset",
    "Layout",
    "Splits",
    "Task",
    "find_layout",
    "read_dataset",
    "test_split_for",
]
