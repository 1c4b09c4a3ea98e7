"""Data sets without tables: a folder per class, with or without a folder per split above them."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from asc_kit.errors import DataError
from asc_kit.records.fields import check_inner_path

from .class_map import check_label, class_order, find_class_map
from .contract import Clip, Dataset
from .listed import ListedSplits, Refusal
from .tau import UNKNOWN_DEVICE

AUDIO_SUFFIXES = (".wav", ".flac")
TEST_SHARE = 0.2
"""Share of each class that becomes the test split if a data set has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassFolders:
    """The folders of classes, by split."""

    by_split: Mapping[str | None, Sequence[Path]]
    """Folders of classes by split; the key is None if the data set has no splits."""
    split_folders: Mapping[str, str] = field(default_factory=dict)
    """Names of the splits, by the names of their folders."""


def read_folders(root: Path, class_folders: ClassFolders, class_map: Path | None) -> Dataset:
    """Read a data set with a folder per class.

    Raises
    ------
    DataError
        If a name is not valid Unicode, or if the class map lacks a class.
    """
    order = find_class_map(class_map, root)
    splits: dict[str | None, list[Clip]] = defaultdict(list)
    for split, folders in class_folders.by_split.items():
        for folder in folders:
            label = label_of(folder)
            check_label(label, order, str(folder))
            splits[split] += [clip_in_folder(root, label, path) for path in recordings_below(folder)]
    every = [clip for clips in splits.values() for clip in clips]
    own = {name: tuple(clips) for name, clips in splits.items() if name is not None}
    refusals: Mapping[str, Refusal] = {}
    if not own:
        own = hash_split(every)
        refusals = _too_few(root, every)
    return Dataset(
        root=root,
        labels=class_order((clip.scene_label for clip in every), order),
        clips=tuple(every),
        splits=ListedSplits(clips=own, refusals=refusals, aliases=class_folders.split_folders),
    )


def label_of(folder: Path) -> str:
    """Return the class of a folder; DataError if its name is only spaces."""
    label = folder.name.strip()
    if not label:
        raise DataError(f"the name of folder {os.fspath(folder)!r} is no class: it is blank", hint="rename the folder")
    return label


def hash_split(clips: Sequence[Clip]) -> dict[str, tuple[Clip, ...]]:
    """Divide clips into ``train`` and ``test``, the same way every time.

    The test holds the `TEST_SHARE` of clips of each class (rounded, at least one) whose names have the smallest
    SHA-256. The choice depends on names alone, not on order, dates or contents, and a clip that is added moves at most
    one other.
    """
    by_class: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        by_class[clip.scene_label].append(clip.filename)
    test: set[str] = set()
    for names in by_class.values():
        n_test = max(1, round(TEST_SHARE * len(names)))
        test.update(sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())[:n_test])
    return {
        "train": tuple(clip for clip in clips if clip.filename not in test),
        "test": tuple(clip for clip in clips if clip.filename in test),
    }


def _too_few(root: Path, clips: Sequence[Clip]) -> Mapping[str, Refusal]:
    counts: dict[str, int] = defaultdict(int)
    for clip in clips:
        counts[clip.scene_label] += 1
    lonely = sorted(label for label, count in counts.items() if count < 2)
    if not lonely:
        return {}
    refusal = Refusal(
        message=f"{root} cannot be divided into train and test: one recording alone of {', '.join(lonely)}",
        hint="each class needs two at least; or make folders train/CLASS and test/CLASS yourself",
    )
    return {"train": refusal, "test": refusal}


def clip_in_folder(root: Path, label: str, path: Path) -> Clip:
    """Return the clip of a file in a class's folder; DataError if its name is not valid Unicode."""
    filename = str(PurePosixPath(path.relative_to(root)))
    try:
        filename.encode()
    except UnicodeEncodeError:
        raise DataError(f"the name of {filename!r} in {root} is not valid Unicode", hint="rename the file") from None
    problem = check_inner_path(filename)
    if problem is not None:
        raise DataError(f"{root}: {problem}", hint="rename the file")
    return Clip(
        filename=filename, labels=(label,), identifier=PurePosixPath(filename).stem, recording_device=UNKNOWN_DEVICE
    )


def folders_in(folder: Path) -> list[Path]:
    """Return the folders in a folder, sorted.

    Names that begin with ``.`` or ``_`` are skipped: they belong to other programs, or hold background noise.
    """
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "_")))


def recordings_below(folder: Path, *, deep: bool = True) -> list[Path]:
    """Return the WAV and FLAC files in a folder, and with `deep` in the folders below it, sorted."""
    return list(_recordings(folder, deep=deep))


def holds_recordings(folder: Path, *, deep: bool = True) -> bool:
    """Return whether there is a WAV or FLAC file in a folder, or with `deep` below it."""
    return next(_recordings(folder, deep=deep), None) is not None


def _recordings(folder: Path, *, deep: bool) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if deep and not name.startswith((".", "_")))
        # macOS leaves ._name.wav beside name.wav
        for name in sorted(names):
            if name.lower().endswith(AUDIO_SUFFIXES) and not name.startswith("."):
                yield Path(parent, name)
