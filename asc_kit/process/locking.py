"""Locks that die with their holder: a process that can take a lock knows that the holder is gone, however it ended.

A lock is a file that a process holds open and locked (``flock``; a locked byte on Windows). The system releases it when
the process ends, even by ``kill -9``, so no lock is ever left behind, only its file.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# errors of file systems without locks: some network shares
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_LONGEST_NOTE = 4096
# far behind the content: a locked byte cannot be read on Windows
_LOCKED_BYTE = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock that this process holds until `release`."""

    handle: int
    """The open file."""
    is_certain: bool
    """Whether the file system has locks; without them, no process can be shut out or known to be gone."""

    def sign(self) -> None:
        """Write the holder's name into the file, for processes that find it locked."""
        note = {"pid": os.getpid(), "command": _command(), "since": time.strftime("%H:%M:%S")}
        os.lseek(self.handle, 0, os.SEEK_SET)
        os.ftruncate(self.handle, 0)
        os.write(self.handle, json.dumps(note).encode())

    def release(self) -> None:
        """Release it. The caller removes the file, if at all, before."""
        os.close(self.handle)


def take(path: Path, *, create: bool = True) -> Lock | None:
    """Take the lock of a file, which is created if missing; None if another process holds it.

    Parameters
    ----------
    create
        False for a file that must exist.

    Raises
    ------
    OSError
        If the file cannot be opened; FileNotFoundError, for example, if its folder has just been removed.
    """
    flags = os.O_RDWR | (os.O_CREAT if create else 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        handle = os.open(path, flags, 0o644)
        try:
            is_certain = _lock(handle)
            # the file may have vanished between the opening and the locking; then the lock is worthless
            is_there = os.path.samestat(os.fstat(handle), os.lstat(path))
        except BlockingIOError:
            os.close(handle)
            return None
        except FileNotFoundError:
            os.close(handle)
            continue
        except BaseException:
            os.close(handle)
            raise
        if is_there:
            return Lock(handle=handle, is_certain=is_certain)
        os.close(handle)


def holder(path: Path) -> str:
    """Return a description of a lock's holder: ``process 4711 (asc-kit export, since 09:01:02)``."""
    try:
        with path.open("rb") as stream:
            note = json.loads(stream.read(_LONGEST_NOTE))
        pid, command, since = int(note["pid"]), str(note["command"]), str(note["since"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "another process"
    words = "".join(letter for letter in f"{command[:40]}, since {since[:8]}" if letter.isprintable())
    return f"process {pid} ({words})"


def _command() -> str:
    name = sys.argv[1] if len(sys.argv) > 1 and not sys.argv[1].startswith("-") else ""
    return f"asc-kit {name}".strip()


def _lock(handle: int) -> bool:
    """Lock an open file and return whether the file system has locks; BlockingIOError if it is held."""
    try:
        if sys.platform == "win32":
            os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
            try:
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            except PermissionError as failure:
                raise BlockingIOError(*failure.args) from failure
        else:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as failure:
        if failure.errno not in _NO_LOCKS:
            raise
        return False
    return True
