"""Read a JSON or TOML file from anybody: return plain data, or raise an error that explains.

A record is checked against its class later (`record.py`). This module refuses content that fits no record: a path
without a file, a document too large or too deep, a key twice, a number or a character that no field can hold.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from asc_kit.errors import AscKitError
from asc_kit.text import shorten, unsafe_character

MAX_JSON_BYTES = 64 << 20
"""An evaluation of 1,000 classes has a million counts; a bundle holds up to four of them."""
MAX_TOML_BYTES = 256 << 10
"""Recipes and boards are written by hand; the largest of ours has 3 kB."""
MAX_DEPTH = 32
"""Deepest nesting of lists and tables; our records need less than 10."""
MAX_TEXT = 1 << 16
"""Characters of one string; the fields of records allow less."""
MAX_KEY = 4096
"""Characters of one key."""
MAX_INT = (1 << 64) - 1
"""Magnitude of a whole number."""

Form = Literal["JSON", "TOML"]

_MEMORY_BYTES = 320 << 20
# Python's memory for an empty list or table, and for an element with a number in it
_OPENING_BYTES, _VALUE_BYTES = 72, 40
# TOML's dotted keys nest without brackets, and reading them takes the square of their length
_LONG_KEY = re.compile(rf"""(?:(?:(?<![\w-])[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{MAX_DEPTH},}}""")


def read_document(path: Path, error: type[AscKitError]) -> Any:
    """Read a ``.toml`` file, or any other as JSON.

    Raises
    ------
    AscKitError
        Of class `error`, naming the file, the place in it, the limit and what was received.
    """
    form: Form = "TOML" if path.suffix == ".toml" else "JSON"
    data = read_limited(path, MAX_TOML_BYTES if form == "TOML" else MAX_JSON_BYTES, error)
    return _plain(data, form, str(path), error)


def parse_json(data: bytes, where: str, error: type[AscKitError]) -> Any:
    """Turn JSON into plain data, for files that hold several documents; `where` names this one.

    Raises
    ------
    AscKitError
        As of `read_document`.
    """
    return _plain(data, "JSON", where, error)


def _plain(data: bytes, form: Form, where: str, error: type[AscKitError]) -> Any:
    try:
        text = data.decode("utf-8-sig")  # editors on Windows begin a file with a mark
        value = _toml(text) if form == "TOML" else _json(text, data)
    except RecursionError:
        reason = f"lists or tables lie more than {MAX_DEPTH} deep in one another"
    except UnicodeDecodeError as failure:
        reason = f"not text in UTF-8: byte {failure.start} is 0x{data[failure.start]:02x}"
    except ValueError as failure:  # of both readers, and of int() for thousands of digits
        text = str(failure)
        reason = "a whole number has thousands of digits" if "integer string conversion" in text else text
    else:
        problem = problem_of(value)
        if problem is None:
            return value
        reason = problem
    raise error(f"{where} cannot be read as {form}: {shorten_reason(reason)}") from None


def shorten_reason(reason: str) -> str:
    """Return a parser's message, which may quote the file, on a line of limited length."""
    safe = reason if unsafe_character(reason) is None else repr(reason)[1:-1]
    return safe if len(safe) <= 300 else safe[:299] + "…"


def read_limited(path: Path, limit: int, error: type[AscKitError]) -> bytes:
    """Read a regular file of at most `limit` bytes; pipes and devices, which may never end, are refused unread."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as stream:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
                raise error(f"{path} is {kind}. Expected: a file")
            data = stream.read(limit + 1)
    except FileNotFoundError:
        raise error(f"{path} does not exist") from None
    except IsADirectoryError:
        raise error(f"{path} is a folder. Expected: a file") from None
    except (OSError, ValueError) as failure:  # ValueError: NUL in the name
        raise error(f"{shorten(str(path), 300)} cannot be read: {failure}") from None
    if len(data) > limit:
        size = max(status.st_size, len(data))
        raise error(f"{path} is too large: at most {limit:,} bytes are read. Received: {size:,} bytes")
    return data


def problem_of(value: object) -> str | None:
    """Return the fault of plain data, wherever it comes from; None if it can be a record."""
    # an explicit stack: the data may be nested deeper than Python can call
    stack: list[tuple[Any, int, Any]] = [(value, 0, None)]
    while stack:
        item, depth, place = stack.pop()
        if isinstance(item, dict):
            for key in item:
                problem = _problem_of_key(key)
                if problem is not None:
                    return f"{_path(place)}: {problem}"
            children: Iterable[tuple[Any, Any]] = item.items()
        elif isinstance(item, list | tuple):
            if _all_fine_numbers(item):
                continue
            children = enumerate(item)
        else:
            problem = _problem_of_scalar(item)
            if problem is not None:
                return f"{_path(place)}: {problem}"
            continue
        if depth == MAX_DEPTH:
            return f"{_path(place)}: lists or tables lie more than {MAX_DEPTH} deep in one another"
        stack.extend((child, depth + 1, (place, key)) for key, child in children)
    return None


def _all_fine_numbers(items: list[Any] | tuple[Any, ...]) -> bool:
    kinds = set(map(type, items))
    if kinds == {int}:
        return bool(-MAX_INT <= min(items) and max(items) <= MAX_INT)
    return kinds == {float} and all(math.isfinite(item) for item in items)


def _problem_of_key(key: object) -> str | None:
    if not isinstance(key, str):
        return None  # not from a file; the record's class says what it thinks of it
    if len(key) > MAX_KEY:
        return f"a key has at most {MAX_KEY:,} characters. Received: {shorten(key)}"
    unsafe = unsafe_character(key)
    return None if unsafe is None else f"a key may not have the character {unsafe}. Received: {shorten(key)}"


def _problem_of_scalar(item: object) -> str | None:
    if isinstance(item, str):
        if len(item) > MAX_TEXT:
            return f"a text has at most {MAX_TEXT:,} characters. Received: {shorten(item)}"
        unsafe = unsafe_character(item, lines=True)
        return None if unsafe is None else f"a text may not have the character {unsafe}. Received: {shorten(item)}"
    if isinstance(item, int):
        return None if abs(item) <= MAX_INT else f"a whole number is below 2^64. Received: {shorten(item)}"
    if isinstance(item, float) and not math.isfinite(item):
        return f"a number must be finite. Received: {item!r}"
    return None


def _path(place: Any) -> str:
    keys: list[str] = []
    while place is not None:
        place, key = place
        keys.append(shorten(key)[1:-1] if isinstance(key, str) else str(key))
    if len(keys) > 8:
        keys = [*keys[:4], "…", *keys[-4:]]
    return ".".join(reversed(keys)) or "record"


def _json(text: str, data: bytes) -> Any:
    # brackets and commas within strings count as well: an upper bound, far above any real record
    openings = data.count(b"[") + data.count(b"{")
    memory = _OPENING_BYTES * openings + _VALUE_BYTES * data.count(b",")
    if memory > _MEMORY_BYTES:
        raise ValueError(f"it has more values than fit into {_MEMORY_BYTES >> 20} MiB of memory")
    return json.loads(text, object_pairs_hook=_table, parse_constant=_constant)


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key {shorten(twice)} stands twice in one table")
    return table


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number. Numbers must be finite")


def _toml(text: str) -> Any:
    if _LONG_KEY.search(text):
        raise ValueError(f"a key has more than {MAX_DEPTH} parts")
    return tomllib.loads(text)
