"""The journal of a measurement: its subject, and a line for every finished clip, safe on the disk.

``journal.jsonl`` begins with a line that identifies the subject. Every further line is a clip. Each is on the disk
before the next clip begins, so that kill -9, a power cut or a full disk cost only the clip under way. The journal is
removed once ``results.json`` is complete, which holds all of it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import ConfigDict, Field

from asc_kit.errors import AscKitError, SpecError
from asc_kit.hardware.board import TimerKind
from asc_kit.process import locking
from asc_kit.records.documents import MAX_JSON_BYTES, parse_json, read_limited
from asc_kit.records.fields import Count, Hertz, Name, PositiveCount, Sha256, ShortId, Tools
from asc_kit.records.files import sync, temporary_name
from asc_kit.records.record import STRICT, canonical_json, parse_record
from asc_kit.result import RUN_ID, LinkCounters, Moment, Prediction

JOURNAL = "journal.jsonl"
# errors of file systems without hard links: memory cards, some network shares
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
MAX_JOURNAL_BYTES = MAX_JSON_BYTES
"""Largest journal; results.json holds the same in more bytes, and is read up to this size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The subject of a measurement, to the last bit: measurements of the same subject give the same figures.

    Messages name a difference by the field's name, with spaces.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    asc_kit: Name
    """Version of asc-kit that measures."""
    bundle: ShortId
    """Fingerprint of the whole bundle.json, with labels and quantization."""
    model_sha256: Sha256
    spec_id: ShortId
    """Fingerprint of the front end."""
    board: Name
    firmware_id: ShortId
    timer: TimerKind
    timer_hz: Hertz
    mode: Literal["features", "audio"]
    split: Name
    split_clips: Count
    """Number of clips of the whole split."""
    clips: PositiveCount
    """Number of clips to measure."""
    data_id: ShortId
    """Fingerprint of these clips: their names, labels, recording devices and sizes, in their order."""

    def difference(self, other: Subject) -> str | None:
        """Return the difference from another subject; None if they are equal."""
        differences = [
            f"{field.name.replace('_', ' ')} was {getattr(self, field.name)}, and is {getattr(other, field.name)} now"
            for field in fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        ]
        return "; ".join(differences) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    kind: Literal["asc-kit bench journal"] = "asc-kit bench journal"
    schema_version: Literal[1] = 1
    run_id: Annotated[str, Field(pattern=f"^{RUN_ID}$")]
    """Name of the measurement."""
    started: Moment
    """Time of the beginning, in UTC, ISO 8601."""
    subject: Subject
    """Subject of the measurement."""
    environment: Tools
    """Versions of the host's packages and tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipDone:
    """Each further line: a clip."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    index: Count
    """Index of the clip among the chosen clips."""
    finished: Moment
    """Time when it was finished, in UTC, ISO 8601."""
    stack_bytes: Count
    """Deepest use of the board's stack so far; 0 if unknown."""
    link: LinkCounters
    """Repairs so far, in all."""
    prediction: Prediction
    """Result of the clip."""


_Line = TypeVar("_Line", Header, ClipDone)


class Journal:
    """An open journal, locked for this process. Made by `begin` and `take_up`."""

    def __init__(
        self, path: Path, lock: locking.Lock, header: Header, done: Mapping[int, ClipDone], link: LinkCounters
    ) -> None:
        self.path = path
        self.header = header
        self.done = dict(done)
        """Finished clips, by index."""
        self.link = link
        """Repairs before this process took over."""
        self._lock = lock

    @classmethod
    def begin(cls, path: Path, header: Header) -> Journal:
        """Begin a new journal.

        Raises
        ------
        OSError
            If it cannot be written, FileExistsError among others.
        """
        # a journal has its first line from the moment it exists: without that line it says nothing
        temporary = temporary_name(path)
        journal = cls(path, _lock(temporary, create=True), header, {}, LinkCounters())
        try:
            journal._write(header)
            _give_name(temporary, path)
        except BaseException:
            journal.close()
            raise
        finally:
            temporary.unlink(missing_ok=True)
        sync(path)
        return journal

    @classmethod
    def take_up(cls, path: Path) -> tuple[Journal, bool]:
        """Open a journal to resume it, and return whether a damaged last line was dropped.

        Raises
        ------
        SpecError
            If it is no journal, or damaged elsewhere than at its end.
        AscKitError
            If another process is writing it.
        """
        try:
            lock = _lock(path, create=False)
        except FileNotFoundError:
            raise SpecError(f"{path} does not exist") from None
        try:
            header, done, good_bytes, is_cut = _read(path)
            if is_cut:
                os.ftruncate(lock.handle, good_bytes)
                os.fsync(lock.handle)
        except SpecError as failure:
            lock.release()
            raise SpecError(failure.message, hint="measure again without --resume") from None
        except BaseException:
            lock.release()
            raise
        # dictionaries keep the order of the lines: the last one has counted everything
        last = list(done.values())[-1].link if done else LinkCounters()
        return cls(path, lock, header, done, last + LinkCounters(resumed=1)), is_cut

    def keep(self, done: ClipDone) -> None:
        """Add a clip; on return it is on the disk.

        Raises
        ------
        AscKitError
            If the disk is full: earlier lines stay whole.
        """
        size = os.fstat(self._lock.handle).st_size
        try:
            self._write(done)
        except OSError as failure:
            os.ftruncate(self._lock.handle, size)
            raise AscKitError(
                f"{self.path} cannot be written: {failure.strerror}", hint="make room on that disk"
            ) from failure
        self.done[done.index] = done

    def close(self) -> None:
        """Close the journal and its lock."""
        self._lock.release()

    def remove(self) -> None:
        """Remove it: the result holds everything."""
        self.path.unlink(missing_ok=True)

    def _write(self, record: Header | ClipDone) -> None:
        data = canonical_json(record) + b"\n"
        os.lseek(self._lock.handle, 0, os.SEEK_END)
        while data:
            data = data[os.write(self._lock.handle, data) :]
        os.fsync(self._lock.handle)


def _read(path: Path) -> tuple[Header, dict[int, ClipDone], int, bool]:
    """Return header, clips, the number of good bytes, and whether more bytes follow."""
    data = read_limited(path, MAX_JOURNAL_BYTES, SpecError)
    lines = data.split(b"\n")
    # after the last newline comes nothing, or a line that was cut off
    complete, rest = lines[:-1], lines[-1]
    if not complete:
        raise SpecError(f"{path} is not the journal of a measurement: it has no complete line")
    header = _record(Header, complete[0], path, 1)
    done: dict[int, ClipDone] = {}
    good_bytes, is_cut = len(complete[0]) + 1, bool(rest)
    for number, line in enumerate(complete[1:], 2):
        try:
            clip = _record(ClipDone, line, path, number)
            if clip.index >= header.subject.clips or clip.index in done:
                raise SpecError(f"{path}, line {number} is of clip {clip.index}, which does not belong there")
        except SpecError:
            if number < len(complete) or rest:
                raise
            # a full disk, or a power cut, can leave anything in the last line
            is_cut = True
            break
        done[clip.index] = clip
        good_bytes += len(line) + 1
    return header, done, good_bytes, is_cut


def _record(cls: type[_Line], line: bytes, path: Path, number: int) -> _Line:
    where = f"{path}, line {number}"
    return parse_record(cls, parse_json(line, where, SpecError), where=where)


def _lock(path: Path, *, create: bool) -> locking.Lock:
    lock = locking.take(path, create=create)
    if lock is None:
        raise AscKitError(f"another process is measuring into {path.parent}", hint="wait until it is done, or end it")
    return lock


def _give_name(temporary: Path, path: Path) -> None:
    """Give a file its name, which must not exist yet."""
    try:
        os.link(temporary, path)
    except OSError as failure:
        if failure.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        os.rename(temporary, path)
