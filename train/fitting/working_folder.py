"""The folder a training writes to, ``RUN.partial``: it becomes the run when the training is complete.

An interrupted training leaves it, with its checkpoint, its history and its logs, for ``--resume``.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asc_kit.errors import AscKitError, ModelError, SpecError
from asc_kit.outputs import OutputKind, check_output, partial_folder, publish
from asc_kit.process import locking
from asc_kit.process.console import console
from asc_kit.run import HISTORY, KERAS_MODEL, MANIFEST

STATE = "state.npz"
_LOCK = "training.lock"  # also the sign that the folder is ours
RUN = OutputKind(
    name="run", command="asc-kit train", manifest=MANIFEST, names=(MANIFEST, KERAS_MODEL, HISTORY, "recipe.toml")
)


class Diverged(ModelError):
    """A training whose loss is no longer a number; its checkpoints would lead to the same steps."""


@contextmanager
def working_folder(out: Path, *, resume: bool) -> Iterator[Path]:
    """Yield the folder to write to; on success it becomes `out`, on failure it stays if it holds a checkpoint.

    Raises
    ------
    SpecError
        If there is nothing to resume, or if an interrupted training exists and `resume` is false.
    AscKitError
        If `out` is the user's, or another process is training there.
    """
    check_working_folder(out, resume=resume)
    folder = partial_folder(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = locking.take(folder / _LOCK)
    except OSError as failure:
        raise AscKitError(f"no folder {folder} can be made: {failure}", hint="choose another --out") from failure
    if lock is None:
        raise AscKitError(
            f"another process is training in {folder}: {locking.holder(folder / _LOCK)}",
            hint="wait for it, or choose another --out",
        )
    # locked to the very end: other processes must find the folder busy while it is cleared or moved
    try:
        with contextlib.suppress(OSError):  # a full disk: the lock holds without a note
            lock.sign()
        if not resume:
            _empty(folder)
        yield folder
        # should that fail, the checkpoint keeps hours of work
        publish(folder, out, RUN, leave_out=(STATE, _LOCK))
    except BaseException as failure:
        _keep_or_remove(folder, failure)
        raise
    finally:
        lock.release()


def check_working_folder(out: Path, *, resume: bool) -> None:
    """Check that a training to `out` can begin or continue, as `working_folder` does."""
    check_output(out, RUN)
    folder = partial_folder(out)
    if resume and not (folder / STATE).is_file():
        raise SpecError(
            f"there is no interrupted training to continue: {folder} has no checkpoint",
            hint="leave --resume out to start from the beginning",
        )
    if resume or not folder.exists():
        return
    if (folder / STATE).is_file():
        raise SpecError(
            f"{folder} holds a training that was interrupted", hint="continue it with --resume, or remove that folder"
        )
    if not (folder / _LOCK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise AscKitError(f"{folder} exists and was not written by this command", hint="choose another --out")


def _empty(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.name != _LOCK:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def _keep_or_remove(folder: Path, failure: BaseException) -> None:
    if isinstance(failure, Diverged) or not (folder / STATE).is_file():
        shutil.rmtree(folder, ignore_errors=True)
    elif not isinstance(failure, SpecError):
        console.print(f"{folder} is kept: the same command with --resume goes on from it", soft_wrap=True, markup=False)
