"""A target claimed for writing: a locked work folder, after the remains of a killed process are finished or removed."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from asc_kit.errors import AscKitError
from asc_kit.process import locking
from asc_kit.process.console import print_line
from asc_kit.records.record import read_record

from .exchanging import NEW, OLD, PLAN, ExchangePlan, carry_out, forget_plan, partial_folder, source_of
from .inventory import OutputKind
from .refusing import ANOTHER

WORK = ".asc-kit.work"
_LOCK = "lock"
_MOST_TRIES = 100
_LONGEST_NAME = 100
_PATIENCE_S, _PAUSE_S = 10.0, 0.02


def sibling_of(target: Path) -> Path:
    """Return the work folder of a target that does not exist yet: beside it."""
    return target.parent / f".{target.name[:_LONGEST_NAME]}.asc-kit"


@contextmanager
def claimed(target: Path, kind: OutputKind) -> Iterator[Path]:
    """Yield the work folder of a target, locked, repaired and empty except for the lock; remove it with the block."""
    lock, work = _claim(target, kind)
    try:
        with contextlib.suppress(OSError):  # a full disk: the lock holds without a note
            lock.sign()
        _repair(target, work, lock)  # where that fails, all stays for the next one
        try:
            yield work
        finally:
            _clear(work)
    finally:
        lock.release()


def _claim(target: Path, kind: OutputKind) -> tuple[locking.Lock, Path]:
    # two files may be written into a folder at once (make -j); each takes only a moment
    patient_until = time.monotonic() + (_PATIENCE_S if kind.is_guest else 0)
    tries = 0
    while tries < _MOST_TRIES:
        existed = target.is_dir()
        work = target / WORK if existed else sibling_of(target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(work):
                _check_work(work)
            with contextlib.suppress(FileExistsError):  # Path's own exist_ok fails where it goes just then
                work.mkdir()
            lock = locking.take(work / _LOCK)
        except FileNotFoundError:
            tries += 1
            continue  # who held it finished just now, and took it away
        except OSError as failure:
            with contextlib.suppress(OSError):
                work.rmdir()
            raise AscKitError(f"no folder can be made in {work.parent}: {failure}", hint=ANOTHER) from failure
        if lock is None:
            _wait(target, work, patient_until)
            continue
        tries += 1
        try:
            is_same = target.is_dir() == existed
            if is_same and (not existed or _sweep_sibling(target)):
                return lock, work
            _clear(work)
        except BaseException:
            lock.release()
            raise
        lock.release()
        if is_same:
            _wait(target, sibling_of(target), patient_until)
            tries -= 1
    raise AscKitError(f"{target} is being written by others all the time", hint=f"wait for them, or {ANOTHER}")


def _wait(target: Path, work: Path, until: float) -> None:
    """Wait a moment for the holder of a work folder, up to a deadline."""
    if time.monotonic() >= until:
        raise AscKitError(
            f"{target} is being written by {locking.holder(work / _LOCK)}", hint=f"wait for it, or {ANOTHER}"
        )
    time.sleep(_PAUSE_S)


def _check_work(work: Path) -> None:
    """Check that a folder is a work folder; FileNotFoundError if its holder has taken it away just now."""
    ours = (_LOCK, PLAN, NEW, OLD)
    is_folder = stat.S_ISDIR(work.lstat().st_mode)
    # the remains of a file that a killed process was writing are the kit's
    if not is_folder or any(path.name not in ours and not path.name.startswith(".asc-kit-") for path in work.iterdir()):
        raise AscKitError(f"{work} is not what this kit puts there while it writes", hint=f"move it away, or {ANOTHER}")


def _sweep_sibling(target: Path) -> bool:
    """Remove the remains of a process that was killed before the target existed; False while a process holds them."""
    sibling = sibling_of(target)
    if not sibling.is_dir() or sibling.is_symlink():
        return True
    try:
        _check_work(sibling)
        lock = locking.take(sibling / _LOCK)
    except FileNotFoundError:
        return True  # who held it took it away just now
    if lock is None:
        return False
    try:
        if lock.is_certain:
            _clear(sibling)
            print_line(f"{target}: removed what an interrupted run left beside it")
    finally:
        lock.release()
    return True


def _repair(target: Path, work: Path, lock: locking.Lock) -> None:
    """Finish the exchange that a killed process began, or remove the files that it had only prepared."""
    left = [path for path in work.iterdir() if path.name != _LOCK]
    if not left:
        return
    if not lock.is_certain:
        raise AscKitError(
            f"{work} is there: another process writes to {target}, or was killed. The file system has no locks to tell",
            hint=f"if no other process writes there, remove {work}",
        )
    if (work / PLAN).exists():
        plan = read_record(ExchangePlan, work / PLAN, error=AscKitError)
        carry_out(plan, target, source_of(plan, target, work), work / OLD)
        forget_plan(work)
        if plan.source == "partial":
            shutil.rmtree(partial_folder(target), ignore_errors=True)
        print_line(f"{target}: finished what an interrupted run had begun to write there")
    else:
        print_line(f"{target}: removed what an interrupted run left there")
    _remove(left)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _clear(work: Path) -> None:
    """Remove a work folder, unless its plan is unfinished: then it stays for the next process."""
    if (work / PLAN).exists():
        return
    with contextlib.suppress(OSError):  # what cannot be removed now is swept by the next process
        _remove([path for path in work.iterdir() if path.name != _LOCK])
        (work / _LOCK).unlink(missing_ok=True)
        work.rmdir()
