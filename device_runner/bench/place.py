"""The folder of a measurement: made when the board has answered, resumed after an interruption."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from asc_kit.errors import AscKitError
from asc_kit.measurements import runs_folder
from asc_kit.records.files import is_temporary
from asc_kit.records.record import short_id
from asc_kit.result import RESULTS

from .journal import JOURNAL, Header, Journal, Subject

_NEW_RUN = "choose another --out, or leave it out: every measurement then has a folder of its own"


def check_new(out: Path | None, bundle: Path) -> None:
    """Refuse a place for results before minutes of measuring, not after.

    Parameters
    ----------
    out
        The folder that the user wants; None for the usual place.
    bundle
        The bundle, beside which the usual place is.

    Raises
    ------
    AscKitError
        If a measurement would have to replace something, or nothing can be written there.
    """
    folder = out if out is not None else runs_folder(bundle, "BOARD", "MODE")
    if out is not None and out.is_dir():
        _check_free(out, os.listdir(out))
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise AscKitError(f"{folder} cannot be the folder of the results: {existing} is a file", hint=_NEW_RUN)
    if not os.access(existing, os.W_OK):
        raise AscKitError(f"{existing} is not writable", hint="choose another folder for the results with --out")


def _check_free(folder: Path, names: Iterable[str]) -> None:
    """Refuse a folder that holds files of these names; temporary files do not count."""
    present = sorted(name for name in names if not is_temporary(name))
    if not present:
        return
    if JOURNAL in present and RESULTS not in present:
        raise AscKitError(
            f"{folder} holds a measurement that is not finished",
            hint=f"continue it by the same command with --resume {folder}, or {_NEW_RUN}",
        )
    what = "a result" if RESULTS in present else f"{present[0]}{' and more' if len(present) > 1 else ''}"
    raise AscKitError(f"{folder} holds {what}, and results replace nothing", hint=_NEW_RUN)


def now() -> str:
    """Return the time in UTC, to the second, in ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def begun(out: Path | None, bundle: Path, subject: Subject, environment: dict[str, str]) -> Iterator[Journal]:
    """Make the folder of a new measurement and begin its journal, which is closed at the end of the block.

    If the block fails before its first clip is finished, journal and folder are removed.

    Raises
    ------
    AscKitError
        If something has appeared in its place meanwhile.
    """
    started = now()
    run_id = _run_id(started, subject)
    runs = runs_folder(bundle, subject.board, subject.mode)
    while out is None and (runs / run_id).exists():
        # the same measurement began within this second
        time.sleep(0.1)
        started = now()
        run_id = _run_id(started, subject)
    folder = out if out is not None else runs / run_id
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    header = Header(run_id=run_id, started=started, subject=subject, environment=environment)
    try:
        journal = Journal.begin(folder / JOURNAL, header)
    except FileExistsError:
        raise AscKitError(f"another measurement was begun in {folder}", hint=_NEW_RUN) from None
    except OSError as failure:
        _remove_empty(made)
        raise AscKitError(
            f"{folder / JOURNAL} cannot be written: {failure.strerror}", hint="make room on that disk, or choose --out"
        ) from failure
    try:
        # the folder was free when it was checked; meanwhile firmware was built, and another measurement may have come
        # and gone
        _check_free(folder, set(os.listdir(folder)) - {JOURNAL})
        yield journal
    except BaseException:
        if not journal.done:
            journal.remove()
            _remove_empty(made)
        raise
    finally:
        journal.close()


def _run_id(started: str, subject: Subject) -> str:
    return f"{started.replace('-', '').replace(':', '')}-{short_id(subject)[:8]}"


def find_unfinished(bundle: Path, board: str, mode: str) -> Path:
    """Return the folder of the newest unfinished measurement of a bundle on a board.

    Raises
    ------
    AscKitError
        If there is none.
    """
    runs = runs_folder(bundle, board, mode)
    unfinished = sorted(path.parent for path in runs.glob(f"*/{JOURNAL}") if not (path.parent / RESULTS).exists())
    if not unfinished:
        raise AscKitError(
            f"there is no unfinished measurement in {runs}",
            hint="leave --resume out to begin a measurement; name a folder given with --out: --resume DIR",
        )
    return unfinished[-1]


def check_unfinished(folder: Path) -> None:
    """Refuse to resume a folder without an unfinished measurement.

    Raises
    ------
    AscKitError
        If the folder has a result, or no journal.
    """
    if (folder / RESULTS).exists():
        raise AscKitError(f"{folder} holds a complete result, nothing is left to resume", hint="leave --resume out")
    if not (folder / JOURNAL).is_file():
        raise AscKitError(
            f"{folder} holds no measurement to resume: it has no {JOURNAL}", hint="leave --resume out to begin anew"
        )


def _remove_empty(folders: list[Path]) -> None:
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return
