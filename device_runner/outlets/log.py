"""A log that rotates: one JSON object per line, a bounded number of bounded files."""

from __future__ import annotations

import errno
import json
import os
from io import FileIO
from pathlib import Path

from asc_kit.cli.output import json_text, say
from asc_kit.errors import AscKitError

from .report import Report

_HINT = "choose another --log"


class RotatingLog:
    """Appends reports to a file; a full one is renamed FILE.1, that one FILE.2, and the oldest goes.

    A disk that is full, or gone, does not end the listening: it is told once, reports are counted, and a line
    ``log_gap`` says how many are missing as soon as lines can be written again.

    Parameters
    ----------
    path
        The file.
    most_bytes
        Size from which on a file is full.
    keep
        Full files to keep.

    Raises
    ------
    AscKitError
        When it cannot be opened, or a file that would be appended to or replaced is no such log.
    """

    def __init__(self, path: Path, *, most_bytes: int = 10_000_000, keep: int = 5) -> None:
        self._path, self._most_bytes, self._keep = path, most_bytes, keep
        self._missing = 0
        for name in (path, *map(self._old, range(1, keep + 1))):
            _check_log(name)
        try:
            self._file: FileIO | None = path.open("ab", buffering=0)
        except OSError as failure:
            raise AscKitError(f"log {path} cannot be written: {failure.strerror}", hint=_HINT) from None

    def take(self, report: Report) -> None:
        """Write one line."""
        line = json_text(report.document, indent=None).encode() + b"\n"
        if self._missing:
            gap = {"event": "log_gap", "missing": self._missing, "utc": report.utc}
            line = json.dumps(gap).encode() + b"\n" + line
        try:
            self._write(line)
        except OSError as failure:
            if not self._missing:
                say(f"log {self._path}: {failure.strerror}; listening goes on without it", err=True)
            self._missing += 1
            self._drop()
            return
        if self._missing:
            say(f"log {self._path}: written again, {self._missing} lines are missing", err=True)
        self._missing = 0

    def close(self) -> None:
        """Close the file."""
        self._drop()

    def _write(self, line: bytes) -> None:
        if self._file is None:
            self._file = self._path.open("ab", buffering=0)
        start = self._file.tell()
        if start and start + len(line) > self._most_bytes:
            self._rotate()
            start = 0
        try:
            if self._file.write(line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            # half a line would spoil the next one
            os.ftruncate(self._file.fileno(), start)
            raise

    def _rotate(self) -> None:
        self._drop()
        for number in range(self._keep, 0, -1):
            newer = self._path if number == 1 else self._old(number - 1)
            if newer.exists():
                os.replace(newer, self._old(number))
        if not self._keep:
            self._path.unlink(missing_ok=True)
        self._file = self._path.open("ab", buffering=0)

    def _drop(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _old(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")


def _check_log(path: Path) -> None:
    """Refuse to append to, or to replace, a file that is no log of ours."""
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return
    if not path.is_file():
        raise AscKitError(f"log {path} is not a file", hint=_HINT)
    try:
        with path.open("rb") as file:
            first = json.loads(file.readline(1 << 16))
        is_ours = isinstance(first, dict) and "event" in first
    except (OSError, ValueError):
        is_ours = False
    if not is_ours:
        raise AscKitError(f"{path} is not a log of asc-kit live: it would be appended to, or replaced", hint=_HINT)
