"""Locks that die with their holder: whoever can take one knows that the holder is gone, however it ended.

A lock is a file that a process holds open and locked (``flock``; a locked byte on Windows). The system lets go of it
when the process ends, by ``kill -9`` too, so no lock is ever left behind, only its file.
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

# what file systems say that know no locks: some network shares
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}
_LONGEST_NOTE = 4096
# far behind what is written there: a locked byte cannot be read on Windows
_LOCKED_BYTE = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """A lock that this process holds until `release`."""

    handle: int
    """The open file."""
    is_certain: bool
    """Whether the file system has locks at all; where it has none, nobody can be shut out or known to be gone."""

    def sign(self) -> None:
        """Write into the file who holds it, for those who find it held."""
        note = {"pid": os.getpid(), "command": _command(), "since": time.strftime("%H:%M:%S")}
        os.lseek(self.handle, 0, os.SEEK_SET)
        os.ftruncate(self.handle, 0)
        os.write(self.handle, json.dumps(note).encode())

    def release(self) -> None:
        """Let go of it. Removing the file is the caller's affair, before."""
        os.close(self.handle)


def take(path: Path, *, create: bool = True) -> Lock | None:
    """Take the lock of a file, which is made where it does not exist; None when another process holds it.

    Parameters
    ----------
    create
        False for a file that has to be there already.

    Raises
    ------
    OSError
        When the file cannot be opened, FileNotFoundError among others when its folder just went.
    """
    flags = os.O_RDWR | (os.O_CREAT if create else 0) | getattr(os, "O_NOFOLLOW", 0)
    while True:
        handle = os.open(path, flags, 0o644)
        try:
            is_certain = _lock(handle)
            # the file may have gone between the opening and the locking; then the lock is of nothing
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
    """Return who holds a lock, in words: ``process 4711 (asc-kit export, since 09:01:02)``."""
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
    """Lock an open file and tell whether the file system has locks; BlockingIOError when it is held."""
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
