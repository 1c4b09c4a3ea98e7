"""Decide whether the folders of a data set without tables are classes, splits with classes in them, or uncertain.

Nothing is guessed. Folders count as classes only if nothing contradicts: names of splits, folds and
archives, the same names on two levels, recordings named after several scenes. Folders count as splits only if a
training and an evaluation hold folders of the same classes. All other cases are a question for the user.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .folder_names import SPLIT_ROLES, Role, numbered_alike, role_of, split_names
from .folders import ClassFolders, folders_in, holds_recordings, recordings_below
from .spelling import label_key
from .tau import parse_name

_SHOWN = 4
_NAMES_TO_READ = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The reason why the meaning of the folders is uncertain."""

    says: str
    """Their appearance."""
    hint: str
    """Advice for the user."""


AS_CLASSES = "if each folder is a class all the same, say so: --layout folders"
_AS_SPLITS = "make a training and a test folder, each with a folder per class: train/CLASS and test/CLASS"


@dataclass(frozen=True, slots=True)
class _Folder:
    path: Path
    role: Role | None
    has_own: bool
    """Whether recordings lie in it."""
    inner: tuple[Path, ...]
    """Folders in it that hold recordings."""


def survey(root: Path) -> ClassFolders | Question | None:
    """Return the meaning of the folders of a data set; None if none of them holds recordings."""
    held = _folders_with_recordings(root)
    if not held:
        return None
    splits = [folder for folder in held if folder.role in SPLIT_ROLES]
    # beside others, train is a scene too
    if splits and not (
        len(splits) == 1 < len(held) and splits[0].path.name.casefold() == "train" and splits[0].has_own
    ):
        return _as_splits(held, splits)
    question = _doubt_of_names(held) or _doubt_of_contents(held)
    if question is not None:
        return question
    if len(held) < 2:
        return Question(says=f"{_names(held)} is its one folder of recordings", hint="a class has a folder; make two")
    return ClassFolders(by_split={None: [folder.path for folder in held]})


def every_folder_a_class(root: Path) -> ClassFolders | None:
    """Return all folders with recordings as classes, as the user says they are."""
    held = _folders_with_recordings(root)
    return ClassFolders(by_split={None: [folder.path for folder in held]}) if held else None


def every_folder_a_split(root: Path) -> ClassFolders | None:
    """Return all folders that hold folders with recordings as splits, as the user says they are."""
    held = [folder for folder in _folders_with_recordings(root) if folder.inner]
    return _splits(held) if held else None


def _folders_with_recordings(root: Path) -> list[_Folder]:
    folders = []
    for path in folders_in(root):
        inner = tuple(folder for folder in folders_in(path) if holds_recordings(folder))
        has_own = holds_recordings(path, deep=False)
        if inner or has_own:
            folders.append(_Folder(path, role_of(path.name), has_own, inner))
    return folders


def _splits(folders: Sequence[_Folder]) -> ClassFolders | None:
    names = split_names(folder.path.name for folder in folders)
    if len(set(names.values())) < len(names):
        names = {name: name for name in names}
    return ClassFolders(
        by_split={names[folder.path.name]: list(folder.inner) for folder in folders}, split_folders=names
    )


def _as_splits(held: Sequence[_Folder], splits: Sequence[_Folder]) -> ClassFolders | Question:
    """Return folders as splits if all evidence agrees."""
    names = split_names(folder.path.name for folder in splits)
    look = f"{_names(splits)} {'look like splits' if len(splits) > 1 else 'looks like a split'}"
    others = [folder for folder in held if folder not in splits]
    if others:
        does = "does" if len(others) == 1 else "do"
        # train, test and a third folder of the same classes that the lists do not know
        is_split = all(folder.inner and not folder.has_own for folder in held)
        way_out = "if each is a split, say so: --layout split_folders" if is_split else _AS_SPLITS
        says = f"{look}, but {_names(others)} beside {'it' if len(splits) == 1 else 'them'} {does} not"
        return Question(says=says, hint=f"{way_out}; {AS_CLASSES}")
    loose = [folder for folder in splits if folder.has_own]
    if loose:
        says = f"{look}, but recordings lie in {_names(loose)} itself, without a folder per class"
        return Question(says=says, hint=f"tables with the labels are missing, or {_AS_SPLITS}; {AS_CLASSES}")
    twice = [name for name in names if list(names.values()).count(names[name]) > 1]
    if twice:
        says = f"{look}, but {', '.join(twice)} are the same one"
        return Question(says=says, hint="rename one; or say that each is a split: --layout split_folders")
    if "train" not in names.values() or len(names) < 2:
        return Question(says=f"{look}, without another to train or to test on", hint=_AS_SPLITS)
    strange = [folder for split in splits for folder in split.inner if role_of(folder.name) is not None]
    if strange:
        says = (
            f"{look}, but {_list(f'{folder.parent.name}/{folder.name}' for folder in strange)} in them are no classes"
        )
        return Question(says=says, hint=f"{_AS_SPLITS}; or say that they are: --layout split_folders")
    classes = {names[split.path.name]: {label_key(folder.name) for folder in split.inner} for split in splits}
    apart = [name for name, labels in classes.items() if not labels & classes["train"]]
    if apart:
        says = f"{look}, but {_list(apart)} has no class of train"
        return Question(says=says, hint=f"{_AS_SPLITS}; or say that they are: --layout split_folders")
    classes_by_split = _splits(splits)
    assert classes_by_split is not None
    return classes_by_split


def _doubt_of_names(held: Sequence[_Folder]) -> Question | None:
    # of one folder, of several, and what to do
    words: Mapping[Role, tuple[str, str, str]] = {
        Role.FOLD: (
            "looks like a fold",
            "look like folds",
            f"the table that names the classes is missing; or {_AS_SPLITS}",
        ),
        Role.ARCHIVE: (
            "looks like a part of an archive",
            "look like parts of an archive",
            "put their contents together as the data set describes",
        ),
        Role.CONTAINER: (
            "says that there is audio, not of which class",
            "say that there is audio, not of which class",
            "the table that names the classes is missing",
        ),
    }
    for role, (of_one, of_several, hint) in words.items():
        strange = [folder for folder in held if folder.role is role]
        if strange:
            says = f"{_names(strange)} {of_one if len(strange) == 1 else of_several}"
            return Question(says=says, hint=f"{hint}; {AS_CLASSES}")
    if numbered_alike([folder.path.name for folder in held]):
        says = f"{_names(held)} differ by a number alone, as parts do and classes rarely"
        return Question(says=says, hint=AS_CLASSES)
    return None


def _doubt_of_contents(held: Sequence[_Folder]) -> Question | None:
    within = [f"{folder.path.name}/{inner.name}" for folder in held for inner in folder.inner if _is_split(inner)]
    if within:
        says = f"{_list(within)} look like splits within classes"
        return Question(says=says, hint=f"{_AS_SPLITS}; to divide all recordings anew: --layout folders")
    repeated = set.intersection(*({label_key(inner.name) for inner in folder.inner} for folder in held))
    repeated = {name for name in repeated if any(mark.isalpha() for mark in name)}
    if len(held) > 1 and len(repeated) > 1 and not any(folder.has_own for folder in held):
        says = f"{_names(held)} hold folders of the same names, {_list(sorted(repeated))}: either may be the classes"
        return Question(
            says=says, hint=f"if the outer ones are, say so: --layout folders; if the inner ones: {_AS_SPLITS}"
        )
    for folder in held:
        files = recordings_below(folder.path)
        step = max(1, len(files) // _NAMES_TO_READ)
        scenes = sorted({told.scene for file in files[::step] if (told := parse_name(file.name)) is not None})
        if len(scenes) > 1:
            says = f"the recordings in {folder.path.name} are named after several scenes: {_list(scenes)}"
            return Question(says=says, hint=f"meta.csv of TAU Urban Acoustic Scenes is missing; {AS_CLASSES}")
    return None


def _is_split(folder: Path) -> bool:
    return role_of(folder.name) in SPLIT_ROLES


def _names(folders: Sequence[_Folder]) -> str:
    return _list(folder.path.name for folder in folders)


def _list(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(every[:_SHOWN]) + (" …" if len(every) > _SHOWN else "")
