"""The types of records' fields and their bounds, defined once.

Every field of every record has bounds, and `tests/unit/test_field_bounds.py` names any field without bounds. The bounds
are far above the kit's own values, and far below values that exhaust a reader's time or memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, Field

from asc_kit.errors import AscKitError, SpecError
from asc_kit.text import shorten, unsafe_character

MAX_LABEL_LENGTH = 200
"""Characters of a class's or a recording device's name."""
MAX_LABELS = 1024
"""Classes of one model; AudioSet has 527."""
MAX_DEVICES = 100_000
"""Recording devices of a data set; as many as clips, if each clip names its own."""
MAX_CLIPS = 10_000_000
"""Clips of one data set."""
MAX_FILES = 1_000_000
"""Files of one folder."""
MAX_WINDOWS = 1_000_000
"""Windows of one recording."""
MAX_OPERATORS = 100_000
"""Operators or layers of one network."""
MAX_ELEMENTS = 1 << 28
"""Values of one tensor."""
MAX_RANK = 8
"""Dimensions of a tensor."""


def _one_line(text: str) -> str:
    unsafe = unsafe_character(text)
    if unsafe is not None:
        raise ValueError(f"this text may not have the character {unsafe}")
    return text


def _file_name(text: str) -> str:
    if text in ("", ".", "..") or set("/\\:") & set(text):
        raise ValueError("this must be the name of a file, without a folder")
    return _one_line(text)


def leaves_folder(text: str) -> bool:
    r"""Return whether a path may lead out of its folder: ``/x``, ``../x``, ``C:x``, ``\\host\x``."""
    parts = re.split(r"[/\\]", text)
    return text in ("", ".") or ".." in parts or parts[0] == "" or re.match(r"[A-Za-z]:", text) is not None


def _inner_path(text: str) -> str:
    if leaves_folder(text):
        raise ValueError("this path must stay in its folder: relative, without '..'")
    return _one_line(text)


_LINE = AfterValidator(_one_line)

# text
Label: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_LENGTH), _LINE]
"""A class."""
DeviceName: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_LABEL_LENGTH), _LINE]
"""A recording device."""
Name: TypeAlias = Annotated[str, Field(max_length=255), _LINE]
"""A short name: of a model, a split, an operator, a version, a tool."""
Line: TypeAlias = Annotated[str, Field(max_length=4000), _LINE]
"""A sentence, a title, the name of a tensor."""
Prose: TypeAlias = Annotated[str, Field(max_length=20_000)]
"""Text of several lines."""
Sha256: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A hash, in hexadecimal."""
ShortId: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""A fingerprint: the first 16 hexadecimal digits of a hash."""
FileName: TypeAlias = Annotated[str, Field(max_length=255), AfterValidator(_file_name)]
"""A file in the record's own folder."""
InnerPath: TypeAlias = Annotated[str, Field(max_length=4096), AfterValidator(_inner_path)]
"""A path below a folder that it does not leave."""
AnyPath: TypeAlias = Annotated[str, Field(max_length=4096), _LINE]
"""A path of the user's, for people to read."""
Flag: TypeAlias = Annotated[str, Field(max_length=1000), _LINE]
"""An argument of a program."""

SourceName: TypeAlias = Annotated[str, Field(max_length=255, pattern=r"^[\w+.,@%^~-]+$"), AfterValidator(_file_name)]
"""A file in the record's own folder that a Makefile names."""
MakeWord: TypeAlias = Annotated[str, Field(max_length=1000, pattern=r"^[\w+=.,/:@%^~-]*$")]
"""A word in a Makefile, without any meaning for make or a shell."""

# numbers
Count: TypeAlias = Annotated[int, Field(ge=0, le=1 << 48)]
"""Clips, parameters, windows, bytes."""
PositiveCount: TypeAlias = Annotated[int, Field(gt=0, le=1 << 48)]
"""At least one."""
Difference: TypeAlias = Annotated[int, Field(ge=-(1 << 48), le=1 << 48)]
"""A ratio of two counts."""
Macs: TypeAlias = Annotated[int, Field(ge=0, le=10**12)]
"""Multiply-accumulates of one inference; large networks for servers have 10^11."""
Ticks: TypeAlias = Annotated[int, Field(ge=0, lt=1 << 63)]
"""Counts of a timer."""
RealTicks: TypeAlias = Annotated[float, Field(ge=0, lt=1 << 63)]
"""A mean or a quantile of such counts."""
Hertz: TypeAlias = Annotated[int, Field(gt=0, lt=1 << 32)]
"""Of a timer; the wire has 32 bits for it."""
Seed: TypeAlias = Annotated[int, Field(ge=-(1 << 63), lt=1 << 64)]
"""A seed of random numbers."""
Index: TypeAlias = Annotated[int, Field(ge=-1, le=1 << 31)]
"""Index of an operator; -1 is the network's input."""
Epochs: TypeAlias = Annotated[int, Field(ge=0, le=1_000_000)]
"""Passes over the training windows."""
Int8: TypeAlias = Annotated[int, Field(ge=-128, le=127)]
"""A value of an int8 tensor."""
Steps: TypeAlias = Annotated[int, Field(ge=0, le=255)]
"""A difference of two int8 values."""
MeanSteps: TypeAlias = Annotated[float, Field(ge=0, le=255)]
"""A mean of such differences."""
Output: TypeAlias = Annotated[tuple[Int8, ...], Field(min_length=1, max_length=MAX_LABELS)]
"""A model's answer to one window."""
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
"""A share of a whole, 0 to 1."""
Figure: TypeAlias = Annotated[float, Field(ge=-1e-9, le=1 + 1e-9)]
"""A computed share, with the rounding of a sum."""
Gain: TypeAlias = Annotated[float, Field(ge=-1 - 1e-9, le=1 + 1e-9)]
"""A difference of two figures."""
Amount: TypeAlias = Annotated[float, Field(ge=0, le=1e15)]
"""A sum that may be fractional."""
Loss: TypeAlias = Annotated[float, Field(ge=0, le=1e6)]
"""A log loss, in nats."""
LossGain: TypeAlias = Annotated[float, Field(ge=-1e6, le=1e6)]
"""A difference of two losses."""
Seconds: TypeAlias = Annotated[float, Field(ge=0, le=1e9)]
"""A time; 1e9 s are 32 years."""
Decibels: TypeAlias = Annotated[float, Field(ge=-10_000, le=10_000)]
"""A ratio."""
Real: TypeAlias = Annotated[float, Field(ge=-1e39, le=1e39)]
"""A value of a float32 tensor."""
Magnitude: TypeAlias = Annotated[float, Field(ge=0, le=1e39)]
"""The magnitude of a float32 value."""
Scale: TypeAlias = Annotated[float, Field(gt=0, le=1e39)]
"""Real units per quantization step."""
Positive: TypeAlias = Annotated[float, Field(gt=0, le=1e6)]
"""A setting of training: a rate, a temperature, a parameter of a distribution."""
NotNegative: TypeAlias = Annotated[float, Field(ge=0, le=1e6)]
"""Such a setting, or 0 for off."""
Size: TypeAlias = Annotated[int, Field(ge=1, le=1 << 16)]
"""Channels of a layer, a kernel's side."""
Address: TypeAlias = Annotated[int, Field(ge=0, lt=1 << 48)]
"""Size of a memory, in bytes."""

# several
Labels: TypeAlias = Annotated[tuple[Label, ...], Field(max_length=MAX_LABELS)]
"""Classes, in order."""
Devices: TypeAlias = Annotated[tuple[DeviceName, ...], Field(max_length=MAX_DEVICES)]
"""Recording devices."""
Tools: TypeAlias = Annotated[dict[Name, Line], Field(max_length=1000)]
"""Versions of packages and programs by name."""
Shape: TypeAlias = Annotated[tuple[Annotated[int, Field(ge=0, le=1 << 31)], ...], Field(max_length=MAX_RANK)]
"""Dimensions of a tensor."""
Interval: TypeAlias = tuple[Figure, Figure]
"""Ends of a confidence interval."""
MakeWords: TypeAlias = Annotated[tuple[MakeWord, ...], Field(max_length=1000)]
"""Flags of a compiler."""
Flags: TypeAlias = Annotated[tuple[Flag, ...], Field(max_length=1000)]
"""Arguments of a program."""
Row: TypeAlias = Annotated[tuple[Count, ...], Field(max_length=MAX_LABELS)]
"""Rows of a confusion matrix."""
Files: TypeAlias = Annotated[tuple[InnerPath, ...], Field(max_length=10_000)]
"""Files below the record's folder."""
Notes: TypeAlias = Annotated[tuple[Line, ...], Field(max_length=1000)]
"""Sentences."""


def require(*checks: tuple[bool, str], error: type[AscKitError] = SpecError) -> None:
    """Raise `error` with the first rule between fields that does not hold."""
    for holds, rule in checks:
        if not holds:
            raise error(rule)


def differ(names: Iterable[str]) -> bool:
    """Return whether no name occurs twice."""
    listed = list(names)
    return len(set(listed)) == len(listed)


def check_inner_path(text: str) -> str | None:
    """Return why a file that a table names may not be read; None if it may."""
    unsafe = unsafe_character(text)
    if unsafe is not None:
        return f"a file's name may not have the character {unsafe}. Received: {shorten(text)}"
    if leaves_folder(text):
        return f"a file's name must be a path below the data set's folder. Received: {shorten(text)}"
    return None


def check_label(text: str, what: str = "label", *, longest: int = MAX_LABEL_LENGTH) -> str | None:
    """Return why a label, a recording device or another name from a table is refused; None if it is fine."""
    unsafe = unsafe_character(text)
    if unsafe is not None:
        return f"a {what} may not have the character {unsafe}. Received: {shorten(text)}"
    if len(text) > longest:
        return f"a {what} has at most {longest:,} characters. Received: {shorten(text)}"
    return None
