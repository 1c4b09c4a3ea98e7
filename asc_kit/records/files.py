"""Files that appear whole or not at all, temporary folders, and the removal of both after a killed process.

Temporary files have names that begin with ``.asc-kit-`` or ``asc-kit-``, and a lock that their maker holds. The next
process that writes there removes files of such names that are no longer locked, and nothing else.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asc_kit.process import locking

_FILE = re.compile(r"\.asc-kit-[0-9a-f]{8}\..+", re.DOTALL)
_FOLDER = re.compile(r"asc-kit-[a-z]+\.[a-z0-9_]{8}")
_FOLDER_LOCK = ".asc-kit.lock"
# a name may be 255 bytes; its end, with the suffix, is kept, since some writers choose the format by that
_KEPT_LETTERS = 50
# Windows neither replaces nor removes a file that is open: nothing is locked there, and so nothing is swept
_HAS_LOCKS = os.name == "posix"

# folders that this process swept: once is enough, and a data set is thousands of files
_swept: set[Path] = set()


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, in UTF-8."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically: it holds all of `data`, or its earlier content. An OSError names the file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacement(path) as temporary:
            temporary.write_bytes(data)
    except OSError as failure:
        # the error of a full disk names no file, other errors name the temporary file
        raise OSError(failure.errno, failure.strerror, os.fspath(path)) from failure


@contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """Yield a temporary file beside `path`, of the same suffix, that takes its place at the end of the block.

    On failure it is removed, and `path` stays as it was. Remains of killed processes in that folder are removed too.
    """
    sweep_files(path.parent)
    temporary, lock = _temporary_file(path)
    try:
        yield temporary
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        # not before: a process that can lock it takes it for abandoned
        if lock is not None:
            lock.release()


def temporary_name(path: Path) -> Path:
    """Return a new name for a temporary file beside `path`, of the same suffix; the next process sweeps it."""
    return path.parent / f".asc-kit-{secrets.token_hex(4)}.{path.name[-_KEPT_LETTERS:]}"


def is_temporary(name: str) -> bool:
    """Return whether a file has such a name: it vanishes in a moment, or was left behind by kill -9."""
    return _FILE.fullmatch(name) is not None


def sync(path: Path) -> None:
    """Wait until a file and its name are on the disk, safe from a power cut."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _temporary_file(path: Path) -> tuple[Path, locking.Lock | None]:
    while True:
        temporary = temporary_name(path)
        if not _HAS_LOCKS:
            temporary.touch(exist_ok=False)
            return temporary, None
        try:
            lock = locking.take(temporary)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        if lock is not None:
            return temporary, lock


def sweep_files(folder: Path) -> None:
    """Remove the temporary files that killed processes left directly in a folder."""
    if not _HAS_LOCKS or folder in _swept:
        return
    _swept.add(folder)
    try:
        with os.scandir(folder) as entries:
            leftovers = [Path(entry.path) for entry in entries if is_temporary(entry.name)]
    except OSError:
        return  # nothing of ours can be in a folder that cannot be listed and written
    for path in leftovers:
        if path.is_file() and not path.is_symlink() and (lock := _taken(path)) is not None:
            try:
                path.unlink(missing_ok=True)
            finally:
                lock.release()


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """Yield an empty folder in the system's folder for temporary files, removed with the block.

    Folders left by killed processes of this user are removed too.

    Parameters
    ----------
    purpose
        A word for its name, of small letters.
    """
    place = Path(tempfile.gettempdir())
    _sweep_folders(place)
    with tempfile.TemporaryDirectory(prefix=f"asc-kit-{purpose}.", dir=place) as name:
        folder = Path(name) / purpose
        lock = locking.take(Path(name) / _FOLDER_LOCK) if _HAS_LOCKS else None
        try:
            folder.mkdir()
            yield folder
        finally:
            if lock is not None:
                lock.release()


def _sweep_folders(place: Path) -> None:
    if not _HAS_LOCKS:
        return
    for path in (path for path in place.iterdir() if _FOLDER.fullmatch(path.name)):
        try:
            about = path.lstat()
            is_ours = stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid()
            if not is_ours or not (path / _FOLDER_LOCK).is_file():
                continue  # somebody else's, or one that is just being made
            lock = _taken(path / _FOLDER_LOCK)
        except OSError:
            continue  # gone in the meantime
        if lock is not None:
            shutil.rmtree(path, ignore_errors=True)
            lock.release()


def _taken(path: Path) -> locking.Lock | None:
    """Return the lock of a file whose maker is surely gone; None while the maker may live."""
    try:
        lock = locking.take(path)
    except OSError:
        return None
    if lock is not None and not lock.is_certain:
        lock.release()
        return None
    return lock


def reserve(path: Path) -> None:
    """Allocate a file's space on the disk before its pages are written through a mapping.

    A mapped write to a full disk ends the process with SIGBUS, without any message.

    Raises
    ------
    OSError
        If there is no room.
    """
    if hasattr(os, "posix_fallocate"):  # macOS has none, and takes its chances
        with path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
