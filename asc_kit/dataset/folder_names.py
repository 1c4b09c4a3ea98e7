"""The meaning of a folder's name: a class, a split, a fold, a part of an archive, or just "audio".

A name without another meaning may be a class; so the lists below only decide when to ask the user, never what to read
without asking. Case, separators and numbers make no difference: ``Train``, ``audio_train``, ``train-2``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from pathlib import PurePath


class Role(StrEnum):
    """Meaning of a folder's name."""

    TRAIN = "train"
    DEVELOPMENT = "development"
    """Training beside an evaluation, but validation beside a training: both are usual."""
    VALIDATION = "validation"
    TEST = "test"
    FOLD = "fold"
    ARCHIVE = "archive"
    CONTAINER = "container"
    """Says only that there is audio."""


SPLIT_ROLES = frozenset({Role.TRAIN, Role.DEVELOPMENT, Role.VALIDATION, Role.TEST})

_WORDS: dict[Role, frozenset[str]] = {
    role: frozenset(words.split())
    for role, words in {
        Role.TRAIN: "train training trainset trainingset trn",
        Role.DEVELOPMENT: "dev devel development devset",
        Role.VALIDATION: "val valid validation validate validationset valset vali",
        Role.TEST: "test tests testing testset tst eval evals evaluation evaluate evalset holdout heldout",
        Role.FOLD: "fold folds kfold cv crossvalidation",
        Role.ARCHIVE: "archive archives zip unzipped tar extracted unpacked download downloads",
        Role.CONTAINER: "audio audios wav wavs flac mp data dataset datasets clips files recordings samples segments",
    }.items()
}
# only with a number: parts of something; without a number sometimes a class
_NUMBERED = frozenset("part chunk batch volume vol disc disk cd shard zip z split set folder dir".split())
# without meaning beside others: formats, rates, names of data sets
_QUALIFIERS = frozenset(
    "set split subset clean noisy curated raw public private mono stereo full small k khz hz bit "
    "fsd kaggle fsdkaggle tau tut urban acoustic scenes mobile dcase esc urbansound".split()
)
_ARCHIVE_ENDING = re.compile(r"\.(audio\.\d+|(zip|tar|tgz|gz|rar|7z|z\d\d)(\.\d+)?)$")
_TOKENS = re.compile(r"[^\W\d_]+|\d+")
# numbers after these distinguish classes
_CLASS_WORDS = frozenset("class label scene category cat event type digit number word command species".split())


def role_of(name: str) -> Role | None:
    """Return the meaning of a folder's name; None if it may be a class."""
    tokens = _tokens(name)
    words = [token for token in tokens if not token.isdigit()]
    telling = {word for word in words if word not in _QUALIFIERS}
    if _ARCHIVE_ENDING.search(name.casefold()):
        return Role.ARCHIVE
    if words and len(words) < len(tokens) and set(words) <= _NUMBERED | _WORDS[Role.CONTAINER]:
        return Role.ARCHIVE
    for role in (*SPLIT_ROLES, Role.FOLD, Role.ARCHIVE):
        if telling & _WORDS[role] and telling <= _WORDS[role] | _WORDS[Role.CONTAINER] | _NUMBERED:
            return role
    if telling and telling <= frozenset().union(*_WORDS.values()):
        # fold1_train, audio: no class, and no split either
        return Role.FOLD if telling & _WORDS[Role.FOLD] else Role.CONTAINER
    return None


def split_names(folders: Iterable[str]) -> dict[str, str]:
    """Return the names of splits by the names of their folders; folders that are no splits keep their names.

    ``dev`` is the training of ``dev`` and ``eval``, and the validation of ``train``, ``dev`` and ``test``.
    """
    roles = {name: role_of(name) for name in folders}
    development = "validation" if Role.TRAIN in roles.values() else "train"
    names = {Role.TRAIN: "train", Role.DEVELOPMENT: development, Role.VALIDATION: "validation", Role.TEST: "test"}
    return {name: names.get(role, name) if role is not None else name for name, role in roles.items()}


def numbered_alike(names: Iterable[str]) -> bool:
    """Return whether names differ only in their numbers, so that they are parts rather than classes."""
    skeletons = {tuple(token for token in _tokens(name) if not token.isdigit()) for name in names}
    numbers = [any(token.isdigit() for token in _tokens(name)) for name in names]
    (skeleton, *others) = skeletons
    return len(numbers) > 1 and all(numbers) and not others and bool(skeleton) and skeleton[-1] not in _CLASS_WORDS


def _tokens(name: str) -> list[str]:
    return _TOKENS.findall(unicodedata.normalize("NFKC", PurePath(name).name).casefold())
