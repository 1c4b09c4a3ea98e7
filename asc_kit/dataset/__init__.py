"""Data sets: clips, their labels and their splits, in any of the layouts."""

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
from asc_kit.dataset.spelling import warn_of_twins

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
    "warn_of_twins",
]
