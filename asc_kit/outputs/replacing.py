"""Folders that change as a whole, and only where they are the kit's.

A new folder is filled beside its place and renamed. A folder that is there already may hold files of the user's, and
may be a link or a mounted disk, so it stays where it is, and the kit's files in it are exchanged one by one: the new
ones wait in ``.asc-kit.work``; a plan says which old ones go and which new ones come; old ones are moved to
``.asc-kit.work``, new ones to their places; the plan is removed, and that is the moment from which the folder is new.
Until then a failure moves everything back. A process that is killed in between leaves the plan, and the next one that
writes there carries it out. Files that are not the kit's are never touched, not even moved.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.errors import AscKitError
from asc_kit.outputs.inventory import (
    INVENTORY,
    Inventory,
    OutputKind,
    check_inside,
    digests,
    edited,
    read_inventory,
    some,
    state,
)
from asc_kit.process import locking
from asc_kit.process.console import console
from asc_kit.records.fields import MAX_FILES, InnerPath, Sha256
from asc_kit.records.files import write_bytes
from asc_kit.records.record import STRICT, read_record, sha256_file, write_json

WORK = ".asc-kit.work"
_LOCK, _PLAN, _NEW, _OLD = "lock", "plan.json", "new", "old"
_MOST_TRIES = 100
_PATIENCE_S, _PAUSE_S = 10.0, 0.02
_ANOTHER = "choose another place"


class RefusedError(AscKitError):
    """An output cannot be written without touching something of the user's."""


class _InTheWayError(RefusedError):
    """Something of the user's came where a finished output is to go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What is to be moved: ``plan.json``, there as long as it is not all done."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    schema_version: Literal[1] = 1
    """Version of this record."""
    source: Literal["new", "partial"]
    """Where the new files wait: in the work folder, or in that of a training."""
    take: Annotated[dict[InnerPath, Sha256], Field(max_length=MAX_FILES)]
    """Files to take away, in this order, with the SHA-256 they have."""
    put: Annotated[dict[InnerPath, Sha256], Field(max_length=MAX_FILES)]
    """Files to put there, in this order, with their SHA-256."""
    folders: Annotated[tuple[InnerPath, ...], Field(max_length=MAX_FILES)]
    """Folders to make, which may be empty."""

    def __post_init__(self) -> None:
        for path in (*self.take, *self.put, *self.folders):
            check_inside(path)


def real_target(out: Path, kind: OutputKind) -> Path:
    """Return the folder that `out` stands for, absolute, links followed.

    Raises
    ------
    AscKitError
        When it is a file, or a link to nothing.
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


def partial_folder(out: Path) -> Path:
    """Return where a training to `out` works: beside the folder, on its file system."""
    return Path(f"{os.path.realpath(out)}.partial")  # "." has no name of its own


def check_output(out: Path, kind: OutputKind, names: Iterable[str] = ()) -> None:
    """Make sure that an output can be written without touching anything of the user's; to be asked before the work.

    What a killed run left half done is finished first.

    Parameters
    ----------
    out
        The folder.
    kind
        What is to be written there.
    names
        Files that will be written, relative to the folder, beside those the kind always has.

    Raises
    ------
    AscKitError
        Naming what is in the way, or who is writing there.
    """
    target = real_target(out, kind)
    if any(os.path.lexists(work) for work in (target / WORK, _sibling(target))):
        with _claimed(target, kind):
            pass
    _check(target, out, kind, names)


@contextmanager
def new_folder(out: Path, kind: OutputKind, names: Iterable[str] = ()) -> Iterator[Path]:
    """Give an empty folder to fill; on success its files are put into `out`, on failure `out` stays as it was.

    Of what is in `out`, files that this kind of output had there before are replaced or removed, all else is kept.

    Parameters
    ----------
    out, kind, names
        As of `check_output`.

    Raises
    ------
    AscKitError
        As of `check_output`, or when nothing can be written there.
    """
    names = tuple(names)
    check_output(out, kind, names)
    target = real_target(out, kind)
    with _claimed(target, kind) as work:
        _check(target, out, kind, names)
        folder = work / _NEW
        folder.mkdir()
        yield folder
        try:
            _publish(target, work, folder, kind, ())
        except _InTheWayError as failure:
            place = _set_aside(folder, target)
            raise AscKitError(failure.message, hint=f"what was to be written is in {place}") from None


def write_files(out: Path, kind: OutputKind, files: Mapping[str, bytes]) -> tuple[Path, ...]:
    """Write some files into a folder, all of them or none, and return their paths; earlier ones of this kind go.

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
    """Make sure that one file can be written: it is not there, or it is what `write_file` wrote there before.

    Raises
    ------
    AscKitError
        Naming what is in the way.
    """
    if path.is_dir():
        raise AscKitError(f"{path} is a folder. Expected: a file to write", hint=f"choose another {kind.option}")
    check_output(path.parent, kind.of_file(path.name))


def write_file(path: Path, kind: OutputKind, data: bytes) -> None:
    """Write one file, which `check_file` would let pass."""
    check_file(path, kind)
    write_files(path.parent, kind.of_file(path.name), {path.name: data})


def publish(folder: Path, out: Path, kind: OutputKind, *, leave_out: Iterable[str] = ()) -> None:
    """Put a finished folder's files into `out`, as `new_folder` does; on failure both stay as they were.

    Parameters
    ----------
    folder
        The `partial_folder` of `out`; it is gone afterwards.
    leave_out
        Files of it that are no part of the output.
    """
    leave_out = tuple(leave_out)
    check_output(out, kind)
    target = real_target(out, kind)
    with _claimed(target, kind) as work:
        _check(target, out, kind, ())
        source = folder
        if folder.stat().st_dev != work.stat().st_dev:  # `out` is a disk of its own
            source = work / _NEW
            shutil.copytree(folder, source, ignore=shutil.ignore_patterns(*leave_out))
        _publish(target, work, source, kind, leave_out)
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
            what = f"a {' and a '.join(written)}" if written else some(there)
            raise RefusedError(
                f"{out} was not written by this command: it holds {what}"
                if not earlier
                else f"{out} was written by a version of asc-kit that kept no list of its files ({INVENTORY}), so that "
                f"they cannot be told from yours",
                hint=f"choose another {kind.option}, or move it away",
            )
    changed = edited(target, kind, mine or {})
    if changed:
        raise RefusedError(
            f"{some(changed)} in {out} {'was' if len(changed) == 1 else 'were'} changed since {kind.command} wrote "
            f"{'it' if len(changed) == 1 else 'them'}, and would be replaced",
            hint=f"choose another {kind.option}, or move what you changed away",
        )
    in_the_way = [
        name
        for name in dict.fromkeys((*kind.names, *names))
        if name not in (mine or {}) and os.path.lexists(target / name) and not kind.is_product(name)
    ]
    if in_the_way:
        raise _in_the_way(out, kind, in_the_way)


def _in_the_way(out: Path, kind: OutputKind, names: list[str]) -> _InTheWayError:
    is_, it = ("is", "it") if len(names) == 1 else ("are", "them")
    return _InTheWayError(
        f"{some(names)} in {out} {is_} not what {kind.command} wrote there, and would be replaced",
        hint=f"choose another {kind.option}, or move {it} away",
    )


def _sibling(target: Path) -> Path:
    return target.parent / f".{target.name[:_MOST_TRIES]}.asc-kit"


@contextmanager
def _claimed(target: Path, kind: OutputKind) -> Iterator[Path]:
    """Give the work folder of a target, locked, repaired and empty but for the lock; it goes with the block."""
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
    # two files that are written into one folder at once, as make -j does, are nobody's fault: each takes a moment
    patient_until = time.monotonic() + (_PATIENCE_S if kind.is_guest else 0)
    tries = 0
    while tries < _MOST_TRIES:
        existed = target.is_dir()
        work = target / WORK if existed else _sibling(target)
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
            raise AscKitError(f"no folder can be made in {work.parent}: {failure}", hint=_ANOTHER) from failure
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
            _wait(target, _sibling(target), patient_until)
            tries -= 1
    raise AscKitError(f"{target} is being written by others all the time", hint=f"wait for them, or {_ANOTHER}")


def _wait(target: Path, work: Path, until: float) -> None:
    """Wait a moment for whoever holds a work folder, but not beyond a time."""
    if time.monotonic() >= until:
        raise AscKitError(
            f"{target} is being written by {locking.holder(work / _LOCK)}", hint=f"wait for it, or {_ANOTHER}"
        )
    time.sleep(_PAUSE_S)


def _check_work(work: Path) -> None:
    """Make sure that a work folder is one."""
    ours = (_LOCK, _PLAN, _NEW, _OLD)
    is_folder = work.is_dir() and not work.is_symlink()
    # what a killed process left of a file that it was writing is no stranger
    if not is_folder or any(path.name not in ours and not path.name.startswith(".asc-kit-") for path in work.iterdir()):
        raise AscKitError(
            f"{work} is not what this kit puts there while it writes", hint=f"move it away, or {_ANOTHER}"
        )


def _sweep_sibling(target: Path) -> bool:
    """Remove what a process left that was killed before the target was there; False while a process holds it."""
    sibling = _sibling(target)
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
            _say(f"{target}: removed what an interrupted run left beside it")
    finally:
        lock.release()
    return True


def _repair(target: Path, work: Path, lock: locking.Lock) -> None:
    """Finish what a killed process began to put into the target, or remove what it had not begun to put there."""
    left = [path for path in work.iterdir() if path.name != _LOCK]
    if not left:
        return
    if not lock.is_certain:
        raise AscKitError(
            f"{work} is there: another process writes to {target}, or was killed. The file system has no locks to tell",
            hint=f"if no other process writes there, remove {work}",
        )
    if (work / _PLAN).exists():
        plan = read_record(_Plan, work / _PLAN, error=AscKitError)
        _carry_out(plan, target, _source(plan, target, work), work / _OLD)
        _forget(work)
        if plan.source == "partial":
            shutil.rmtree(partial_folder(target), ignore_errors=True)
        _say(f"{target}: finished what an interrupted run had begun to write there")
    else:
        _say(f"{target}: removed what an interrupted run left there")
    _remove(left)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _source(plan: _Plan, target: Path, work: Path) -> Path:
    return work / _NEW if plan.source == "new" else partial_folder(target)


def _clear(work: Path) -> None:
    """Remove a work folder; one whose plan is not done stays for the next process."""
    if (work / _PLAN).exists():
        return
    with contextlib.suppress(OSError):  # what cannot be removed now is swept by the next process
        _remove([path for path in work.iterdir() if path.name != _LOCK])
        (work / _LOCK).unlink(missing_ok=True)
        work.rmdir()


def _forget(work: Path) -> None:
    (work / _PLAN).unlink(missing_ok=True)


def _publish(target: Path, work: Path, source: Path, kind: OutputKind, leave_out: tuple[str, ...]) -> None:
    """Put the files of `source` into the target."""
    staged = digests(source, without=(INVENTORY, *leave_out))
    if not target.exists():
        write_json(source / INVENTORY, Inventory(written={kind.name: staged}))
        os.chmod(source, 0o755)
        try:
            os.replace(source, target)
        except OSError as failure:
            (source / INVENTORY).unlink(missing_ok=True)
            if failure.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise _InTheWayError(f"{target} was made by somebody else in the meantime", hint=_ANOTHER) from None
            raise
        for name in leave_out:
            (target / name).unlink(missing_ok=True)
        return
    plan, inventory = _plan(target, source, kind, staged, "new" if source.parent == work else "partial")
    if not plan.take and not plan.put:
        return
    try:
        write_json(source / INVENTORY, inventory)
        plan.put[INVENTORY] = sha256_file(source / INVENTORY)
        if kind.manifest in plan.put:  # readers look for it: it comes last
            plan.put[kind.manifest] = plan.put.pop(kind.manifest)
        write_json(work / _PLAN, plan)
        _carry_out(plan, target, source, work / _OLD)
        _forget(work)
    except BaseException:
        if (work / _PLAN).exists():  # otherwise nothing was moved yet, or all is done
            _undo(plan, target, source, work / _OLD)
            _forget(work)
            (source / INVENTORY).unlink(missing_ok=True)
        raise


def _plan(
    target: Path, source: Path, kind: OutputKind, staged: Mapping[str, str], place: Literal["new", "partial"]
) -> tuple[_Plan, Inventory]:
    """Return what is to be moved, and the list of the target afterwards.

    Raises
    ------
    _InTheWayError
        When something that is not the kit's would have to go.
    """
    written = dict(read_inventory(target).written)
    mine = dict(written.pop(kind.name, {}))
    changed = edited(target, kind, mine)
    for name in [name for name in written if name.startswith(kind.parts)]:
        # pictures of what is replaced; those that somebody worked on stay
        part = written.pop(name)
        mine |= {path: sha256 for path, sha256 in part.items() if state(target, path) == sha256}
    here = {path: state(target, path) for path in {*mine, *staged}}
    in_the_way = changed + [
        path
        for path in staged
        if path not in mine and here[path] is not None and not _gives_way(target, path, here[path], mine, kind)
    ]
    if in_the_way:
        raise _in_the_way(target, kind, in_the_way)
    going = [
        path for path, found in here.items() if found not in (None, "something else") and found != staged.get(path)
    ]
    take = {path: str(here[path]) for path in sorted(going, key=lambda path: (path != kind.manifest, path))}
    put = {path: sha256 for path, sha256 in staged.items() if here[path] != sha256}
    inventory = Inventory(written={**written, kind.name: dict(staged)})
    listed = state(target, INVENTORY)
    if listed is not None:
        take[INVENTORY] = listed
    folders = tuple(
        path.relative_to(source).as_posix()
        for path in sorted(source.rglob("*"))
        if path.is_dir() and not any(path.iterdir())
    )
    return _Plan(source=place, take=take, put=put, folders=folders), inventory


def _gives_way(target: Path, path: str, found: str | None, mine: Mapping[str, str], kind: OutputKind) -> bool:
    """Tell whether what stands in a new file's place goes by itself: a product, or a folder or file of the kit's."""
    if found != "something else":
        return kind.is_product(path)
    for parent in PurePosixPath(path).parents:
        if parent.as_posix() in mine:
            return True
    place = target / path
    return (
        not place.is_symlink()
        and place.is_dir()
        and all(inner.relative_to(target).as_posix() in mine for inner in place.rglob("*") if not inner.is_dir())
    )


def _carry_out(plan: _Plan, target: Path, source: Path, old: Path) -> None:
    """Move what is to be moved; what was moved before is passed over, so that it can be done again."""
    for path, sha256 in plan.take.items():
        if path in plan.put and not os.path.lexists(source / path):
            continue  # the new one is in its place
        if state(target, path) == sha256:
            _move(target / path, old / path)
    _prune(target, plan.take)
    for path in plan.put:
        if not os.path.lexists(source / path):
            continue
        if os.path.lexists(target / path):
            raise _InTheWayError(
                f"{path} in {target} came there while it was being written, and would be replaced",
                hint="move that file away and run the command again",
            )
        _move(source / path, target / path)
    for path in plan.folders:
        (target / path).mkdir(parents=True, exist_ok=True)


def _undo(plan: _Plan, target: Path, source: Path, old: Path) -> None:
    """Move everything back."""
    for path in reversed(plan.put):
        if not os.path.lexists(source / path) and os.path.lexists(target / path):
            _move(target / path, source / path)
    _prune(target, plan.put)
    for path in plan.take:
        if os.path.lexists(old / path) and not os.path.lexists(target / path):
            _move(old / path, target / path)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def _prune(target: Path, paths: Iterable[str]) -> None:
    """Remove the folders of some files where they are empty."""
    folders = {parent for path in paths for parent in PurePosixPath(path).parents if parent.name}
    for folder in sorted(folders, key=lambda folder: -len(folder.parts)):
        with contextlib.suppress(OSError):
            (target / folder).rmdir()


def _set_aside(folder: Path, target: Path) -> Path:
    """Give a finished folder another name beside its target, and return that."""
    for number in range(1, _MOST_TRIES):
        place = Path(f"{target}.new{number}")
        if not os.path.lexists(place):
            os.chmod(folder, 0o755)
            os.replace(folder, place)
            return place
    raise AscKitError(f"there are {_MOST_TRIES} folders {target}.new…", hint="remove those you do not need")


def _say(text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)
