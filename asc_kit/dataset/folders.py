"""Data sets without tables: a folder per class, with or without folders ``train`` and ``test`` above them."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from asc_kit.errors import DataError

from .class_map import check_label, class_order, find_class_map
from .contract import Clip, Dataset
from .listed import ListedSplits, Refusal
from .tau import UNKNOWN_DEVICE

AUDIO_SUFFIXES = (".wav", ".flac")
TEST_SHARE = 0.2
"""Share of each class that becomes the test split where a data set has none of its own."""

_EVALUATED = ("test", "validation")


def class_folders(root: Path) -> dict[str | None, list[Path]]:
    """Find the folders of classes, by split; the key is None where the data set has no splits of its own.

    Nothing is found in a folder of another layout, or with less than two classes. Names that begin with ``.`` or
    ``_`` are passed over: they belong to other programs, or hold background noise.
    """
    tops = _folders(root)
    inner = {top.name: _folders(top) for top in tops if not recordings_below(top, deep=False)}
    splits = {name: [f for f in folders if recordings_below(f)] for name, folders in inner.items()}
    if splits.get("train") and any(splits.get(name) for name in _EVALUATED):
        return {name: folders for name, folders in splits.items() if folders}
    classes = [top for top in tops if recordings_below(top)]
    # train is a scene too, but a class called test is half a data set whose tables are missing
    if len(classes) < 2 or any(top.name in _EVALUATED for top in classes):
        return {}
    return {None: classes}


def read_folders(root: Path, class_map: Path | None) -> Dataset:
    """Read a data set of one folder per class.

    Raises
    ------
    DataError
        When a name is not valid Unicode, or the class map lacks a class.
    """
    order = find_class_map(class_map, root)
    splits: dict[str | None, list[Clip]] = defaultdict(list)
    for split, folders in class_folders(root).items():
        for folder in folders:
            check_label(folder.name, order, str(folder))
            splits[split] += [clip_in_folder(root, folder.name, path) for path in recordings_below(folder)]
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
        splits=ListedSplits(clips=own, refusals=refusals),
    )


def hash_split(clips: Sequence[Clip]) -> dict[str, tuple[Clip, ...]]:
    """Divide clips into ``train`` and ``test``, the same way every time.

    Of each class the `TEST_SHARE` of clips (rounded, at least one) whose names have the smallest SHA-256 are the
    test. The choice depends on names alone, not on order, dates or contents, and a clip that is added moves at most
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
    """Return the clip that a file in a class's folder is; DataError when its name is not valid Unicode."""
    filename = str(PurePosixPath(path.relative_to(root)))
    try:
        filename.encode()
    except UnicodeEncodeError:
        raise DataError(f"the name of {filename!r} in {root} is not valid Unicode", hint="rename the file") from None
    return Clip(
        filename=filename, labels=(label,), identifier=PurePosixPath(filename).stem, recording_device=UNKNOWN_DEVICE
    )


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "_")))


def recordings_below(folder: Path, *, deep: bool = True) -> list[Path]:
    """Return the WAV and FLAC files in a folder, and with `deep` in the folders below it, sorted."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if deep and not name.startswith((".", "_")))
        # macOS leaves ._name.wav beside name.wav
        found += [
            Path(parent, name)
            for name in sorted(names)
            if name.lower().endswith(AUDIO_SUFFIXES) and not name.startswith(".")
        ]
    return found
