"""Exchange of the kit's files in an existing folder, by a plan that can be repeated or undone."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.records.fields import MAX_FILES, InnerPath, Sha256
from asc_kit.records.record import STRICT, sha256_file, write_json

from .inventory import INVENTORY, Inventory, OutputKind, check_inside, find_edited, hash_files, identify, read_inventory
from .refusing import ANOTHER, InTheWayError, in_the_way_error

PLAN, NEW, OLD = "plan.json", "new", "old"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangePlan:
    """The planned moves: ``plan.json``, which exists until all are done."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    schema_version: Literal[1] = 1
    """Version of this record."""
    source: Literal["new", "partial"]
    """Folder of the new files: the work folder, or a training's."""
    take: Annotated[dict[InnerPath, Sha256], Field(max_length=MAX_FILES)]
    """Files to remove, in this order, with their SHA-256."""
    put: Annotated[dict[InnerPath, Sha256], Field(max_length=MAX_FILES)]
    """Files to add, in this order, with their SHA-256."""
    folders: Annotated[tuple[InnerPath, ...], Field(max_length=MAX_FILES)]
    """Folders to make, which may be empty."""

    def __post_init__(self) -> None:
        for path in (*self.take, *self.put, *self.folders):
            check_inside(path)


def partial_folder(out: Path) -> Path:
    """Return the working folder of a training to `out`: beside it, on its file system."""
    return Path(f"{os.path.realpath(out)}.partial")  # "." has no name of its own


def source_of(plan: ExchangePlan, target: Path, work: Path) -> Path:
    """Return the folder of the new files of a plan."""
    return work / NEW if plan.source == "new" else partial_folder(target)


def exchange(target: Path, work: Path, source: Path, kind: OutputKind, leave_out: tuple[str, ...]) -> None:
    """Put the files of `source` into the target."""
    staged = hash_files(source, without=(INVENTORY, *leave_out))
    if not target.exists():
        write_json(source / INVENTORY, Inventory(written={kind.name: staged}))
        os.chmod(source, 0o755)
        try:
            os.replace(source, target)
        except OSError as failure:
            (source / INVENTORY).unlink(missing_ok=True)
            if failure.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise InTheWayError(f"{target} was made by somebody else in the meantime", hint=ANOTHER) from None
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
        write_json(work / PLAN, plan)
        carry_out(plan, target, source, work / OLD)
        forget_plan(work)
    except BaseException:
        if (work / PLAN).exists():  # otherwise nothing was moved yet, or all is done
            _undo(plan, target, source, work / OLD)
            forget_plan(work)
            (source / INVENTORY).unlink(missing_ok=True)
        raise


def _plan(
    target: Path, source: Path, kind: OutputKind, staged: Mapping[str, str], place: Literal["new", "partial"]
) -> tuple[ExchangePlan, Inventory]:
    """Return the moves, and the list of the target afterwards.

    Raises
    ------
    InTheWayError
        If a file that is not the kit's would have to go.
    """
    written = dict(read_inventory(target).written)
    mine = dict(written.pop(kind.name, {}))
    changed = find_edited(target, kind, mine)
    for name in [name for name in written if name.startswith(kind.parts)]:
        # files that depict replaced files; edited ones stay
        part = written.pop(name)
        mine |= {path: sha256 for path, sha256 in part.items() if identify(target, path) == sha256}
    here = {path: identify(target, path) for path in {*mine, *staged}}
    in_the_way = changed + [
        path
        for path in staged
        if path not in mine and here[path] is not None and not _gives_way(target, path, here[path], mine, kind)
    ]
    if in_the_way:
        raise in_the_way_error(target, kind, in_the_way)
    going = [
        path
        for path, content in here.items()
        if content not in (None, "something else") and content != staged.get(path)
    ]
    take = {path: str(here[path]) for path in sorted(going, key=lambda path: (path != kind.manifest, path))}
    put = {path: sha256 for path, sha256 in staged.items() if here[path] != sha256}
    inventory = Inventory(written={**written, kind.name: dict(staged)})
    listed = identify(target, INVENTORY)
    if listed is not None:
        take[INVENTORY] = listed
    folders = tuple(
        path.relative_to(source).as_posix()
        for path in sorted(source.rglob("*"))
        if path.is_dir() and not any(path.iterdir())
    )
    return ExchangePlan(source=place, take=take, put=put, folders=folders), inventory


def _gives_way(target: Path, path: str, content: str | None, mine: Mapping[str, str], kind: OutputKind) -> bool:
    """Return whether the obstacle in a new file's place may go: a product, or a folder or file of the kit's."""
    if content != "something else":
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


def carry_out(plan: ExchangePlan, target: Path, source: Path, old: Path) -> None:
    """Carry out the moves; earlier moves are skipped, so that this can be repeated."""
    for path, sha256 in plan.take.items():
        if path in plan.put and not os.path.lexists(source / path):
            continue  # the new one is in its place
        if identify(target, path) == sha256:
            _move(target / path, old / path)
    _prune(target, plan.take)
    for path in plan.put:
        if not os.path.lexists(source / path):
            continue
        if os.path.lexists(target / path):
            raise InTheWayError(
                f"{path} appeared in {target} during the writing, and would be replaced",
                hint="move that file away and run the command again",
            )
        _move(source / path, target / path)
    for path in plan.folders:
        (target / path).mkdir(parents=True, exist_ok=True)


def _undo(plan: ExchangePlan, target: Path, source: Path, old: Path) -> None:
    """Move everything back."""
    for path in reversed(plan.put):
        if not os.path.lexists(source / path) and os.path.lexists(target / path):
            _move(target / path, source / path)
    _prune(target, plan.put)
    for path in plan.take:
        if os.path.lexists(old / path) and not os.path.lexists(target / path):
            _move(old / path, target / path)


def forget_plan(work: Path) -> None:
    """Remove a finished or undone plan."""
    (work / PLAN).unlink(missing_ok=True)


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def _prune(target: Path, paths: Iterable[str]) -> None:
    """Remove the folders of some files if they are empty."""
    folders = {parent for path in paths for parent in PurePosixPath(path).parents if parent.name}
    for folder in sorted(folders, key=lambda folder: -len(folder.parts)):
        with contextlib.suppress(OSError):
            (target / folder).rmdir()
