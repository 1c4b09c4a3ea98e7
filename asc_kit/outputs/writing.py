"""Folders that change as a whole, and in which only the kit's files change.

A new folder is filled beside its place and renamed. A folder that is there already may hold files of the user's, and
may be a link or a mounted disk, so it stays where it is, and the kit's files in it are exchanged one by one: the new
ones wait in ``.asc-kit.work``; a plan says which old ones go and which new ones come; old ones are moved to
``.asc-kit.work``, new ones to their places; the plan is removed, and that is the moment from which the folder is new.
Until then a failure moves everything back. A process that is killed in between leaves the plan, and the next one that
writes there carries it out. Files that are not the kit's are never touched, not even moved.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from asc_kit.errors import AscKitError
from asc_kit.records.files import write_bytes

from .claiming import WORK, claimed, sibling_of
from .exchanging import NEW, exchange
from .inventory import INVENTORY, OutputKind, find_edited, name_some, read_inventory
from .refusing import InTheWayError, RefusedError, in_the_way_error

_MOST_NAMES = 100


def real_target(out: Path, kind: OutputKind) -> Path:
    """Return the absolute folder of `out`, with links followed.

    Raises
    ------
    AscKitError
        If it is a file, or a link to nothing.
    """
    path = Path(os.path.abspath(out))
    if path.is_symlink() and not path.exists():
        raise AscKitError(
            f"{out} is a link to {os.readlink(path)}, which does not exist",
            hint=f"remove the link, or choose another {kind.option}",
        )
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_dir():
        raise AscKitError(
            f"{out} is a file. Expected: a folder to write, or a name that is free",
            hint=f"choose another {kind.option}",
        )
    return target


def check_output(out: Path, kind: OutputKind, names: Iterable[str] = ()) -> None:
    """Check, before the work, that an output can be written without touching the user's files.

    Half-finished work of a killed run is finished first.

    Parameters
    ----------
    out
        The folder.
    kind
        Kind of the output.
    names
        Files to write, relative to the folder, beside the files that the kind always has.

    Raises
    ------
    AscKitError
        Naming what is in the way, or who is writing there.
    """
    target = real_target(out, kind)
    if any(os.path.lexists(work) for work in (target / WORK, sibling_of(target))):
        with claimed(target, kind):
            pass
    _check(target, out, kind, names)


@contextmanager
def new_folder(out: Path, kind: OutputKind, names: Iterable[str] = ()) -> Iterator[Path]:
    """Yield an empty folder to fill; on success its files are put into `out`, on failure `out` stays as it was.

    Earlier files of this kind in `out` are replaced or removed; all others stay.

    Parameters
    ----------
    out, kind, names As for `check_output`.

    Raises
    ------
    AscKitError
        As for `check_output`, or if nothing can be written there.
    """
    names = tuple(names)
    check_output(out, kind, names)
    target = real_target(out, kind)
    with claimed(target, kind) as work:
        _check(target, out, kind, names)
        folder = work / NEW
        folder.mkdir()
        yield folder
        try:
            exchange(target, work, folder, kind, ())
        except InTheWayError as failure:
            place = _set_aside(folder, target)
            raise AscKitError(failure.message, hint=f"what was to be written is in {place}") from None


def write_files(out: Path, kind: OutputKind, files: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Write files into a folder, all or none, and return their paths; earlier files of this kind are removed.

    Parameters
    ----------
    out, kind
        As of `check_output`.
    files
        Contents by name.
    """
    with new_folder(out, kind, files) as folder:
        for name, data in files.items():
            write_bytes(folder / name, data)
    return tuple(out / name for name in files)


def check_file(path: Path, kind: OutputKind) -> None:
    """Check that a file can be written: it does not exist, or `write_file` wrote it before.

    Raises
    ------
    AscKitError
        Naming what is in the way.
    """
    if path.is_dir():
        raise AscKitError(f"{path} is a folder. Expected: a file to write", hint=f"choose another {kind.option}")
    check_output(path.parent, kind.of_file(path.name))


def write_file(path: Path, kind: OutputKind, data: bytes) -> None:
    """Write a file that `check_file` would accept."""
    check_file(path, kind)
    write_files(path.parent, kind.of_file(path.name), {path.name: data})


def publish(folder: Path, out: Path, kind: OutputKind, *, leave_out: Iterable[str] = ()) -> None:
    """Put a finished folder's files into `out`, as `new_folder` does; on failure both stay as they were.

    Parameters
    ----------
    folder
        The `partial_folder` of `out`; it is removed.
    leave_out
        Files of it that are no part of the output.
    """
    leave_out = tuple(leave_out)
    check_output(out, kind)
    target = real_target(out, kind)
    with claimed(target, kind) as work:
        _check(target, out, kind, ())
        source = folder
        if folder.stat().st_dev != work.stat().st_dev:  # `out` is a disk of its own
            source = work / NEW
            shutil.copytree(folder, source, ignore=shutil.ignore_patterns(*leave_out))
        exchange(target, work, source, kind, leave_out)
    shutil.rmtree(folder, ignore_errors=True)


def _check(target: Path, out: Path, kind: OutputKind, names: Iterable[str]) -> None:
    if not target.exists():
        return
    written = read_inventory(target).written
    mine = written.get(kind.name)
    if mine is None and not kind.is_guest:
        there = sorted(entry.name for entry in target.iterdir() if entry.name not in (WORK, INVENTORY))
        if there:
            earlier = kind.manifest is not None and kind.manifest in there
            what = f"a {' and a '.join(written)}" if written else name_some(there)
            raise RefusedError(
                f"{out} was not written by this command: it holds {what}"
                if not earlier
                else f"{out} was written by a version of asc-kit that kept no list of its files ({INVENTORY}), so that "
                f"they cannot be told from yours",
                hint=f"choose another {kind.option}, or move it away",
            )
    changed = find_edited(target, kind, mine or {})
    if changed:
        raise RefusedError(
            f"{name_some(changed)} in {out} {'was' if len(changed) == 1 else 'were'} changed since {kind.command} "
            f"wrote {'it' if len(changed) == 1 else 'them'}, and would be replaced",
            hint=f"choose another {kind.option}, or move what you changed away",
        )
    in_the_way = [
        name
        for name in dict.fromkeys((*kind.names, *names))
        if name not in (mine or {}) and os.path.lexists(target / name) and not kind.is_product(name)
    ]
    if in_the_way:
        raise in_the_way_error(out, kind, in_the_way)


def _set_aside(folder: Path, target: Path) -> Path:
    """Rename a finished folder to a free name beside its target, and return that."""
    for number in range(1, _MOST_NAMES):
        place = Path(f"{target}.new{number}")
        if not os.path.lexists(place):
            os.chmod(folder, 0o755)
            os.replace(folder, place)
            return place
    raise AscKitError(f"there are {_MOST_NAMES} folders {target}.new…", hint="remove those you do not need")
