"""The journal of a measurement: what is measured, and a line for every clip that is done, safe on the disk.

``journal.jsonl`` begins with a line that says what is measured, all identities among it. Every further line is a clip.
Each is on the disk before the next clip begins, so that kill -9, a power cut or a full disk cost the clip under way and
nothing else. It goes once ``results.json`` is complete, which holds all of it.
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
# what file systems say that know no second names: memory cards, some network shares
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
MAX_JOURNAL_BYTES = MAX_JSON_BYTES
"""results.json holds all of it, written more widely, and is read up to this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is measured, to the last bit: two measurements of one subject give the same figures.

    The names of the fields, with spaces, are what a difference is called.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    asc_kit: Name
    """Version that measures."""
    bundle: ShortId
    """Fingerprint of the whole bundle.json: labels and quantization too."""
    model_sha256: Sha256
    spec_id: ShortId
    """Front end."""
    board: Name
    firmware_id: ShortId
    timer: TimerKind
    timer_hz: Hertz
    mode: Literal["features", "audio"]
    split: Name
    split_clips: Count
    """Clips of the whole split."""
    clips: PositiveCount
    """Clips that are measured."""
    data_id: ShortId
    """Fingerprint of these clips: their names, labels, recording devices and sizes, in their order."""

    def difference(self, other: Subject) -> str | None:
        """Say what differs from another subject; None when nothing does."""
        found = [
            f"{field.name.replace('_', ' ')} was {getattr(self, field.name)}, and is {getattr(other, field.name)} now"
            for field in fields(self)
            if getattr(self, field.name) != getattr(other, field.name)
        ]
        return "; ".join(found) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    kind: Literal["asc-kit bench journal"] = "asc-kit bench journal"
    schema_version: Literal[1] = 1
    run_id: Annotated[str, Field(pattern=f"^{RUN_ID}$")]
    """Name of the measurement."""
    started: Moment
    """When it began, in UTC, ISO 8601."""
    subject: Subject
    """What is measured."""
    environment: Tools
    """What measures: versions of the host's packages and tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipDone:
    """Every other line."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    index: Count
    """Which clip of the chosen ones."""
    finished: Moment
    """When it was done, in UTC, ISO 8601."""
    stack_bytes: Count
    """Deepest use of the board's stack so far; 0 where unknown."""
    link: LinkCounters
    """What was put right so far, in all."""
    prediction: Prediction
    """What came out."""


_Line = TypeVar("_Line", Header, ClipDone)


class Journal:
    """An open journal, locked for this process. Made by `begin` and `take_up`."""

    def __init__(
        self, path: Path, lock: locking.Lock, header: Header, done: Mapping[int, ClipDone], link: LinkCounters
    ) -> None:
        self.path = path
        self.header = header
        self.done = dict(done)
        """Clips that are done, by their index."""
        self.link = link
        """What was put right before this process took over."""
        self._lock = lock

    @classmethod
    def begin(cls, path: Path, header: Header) -> Journal:
        """Begin a journal where there is none.

        Raises
        ------
        OSError
            When it cannot be written, FileExistsError among others.
        """
        # a journal has a first line from the moment it is there: nothing else could be said of one cut before that
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
        """Open a journal to go on with it, and tell whether a damaged last line was dropped.

        Raises
        ------
        SpecError
            When it is none, or damaged elsewhere than at its end.
        AscKitError
            When another process is writing it.
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
        """Add a clip; it is on the disk when this returns.

        Raises
        ------
        AscKitError
            When the disk takes no more: what was kept before stays whole.
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
        """Let go of it."""
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
    """Return header, clips, the number of bytes that are good, and whether there is more than those."""
    data = read_limited(path, MAX_JOURNAL_BYTES, SpecError)
    lines = data.split(b"\n")
    # what follows the last newline is nothing, or a line that was cut
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
                raise SpecError(f"{path}, line {number} is of clip {clip.index}, which cannot be there")
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
    """Give a file its name, which nothing may have yet."""
    try:
        os.link(temporary, path)
    except OSError as failure:
        if failure.errno not in _NO_LINKS:
            raise
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        os.rename(temporary, path)
