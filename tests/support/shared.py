"""What takes long to make and never changes: made once for all processes of a test run."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the temporary folder that all processes of this test run have in common."""
    own = factory.getbasetemp()
    return own.parent if own.name.startswith("popen-") else own


def made_once(base: Path, name: str, make: Callable[[Path], object]) -> Path:
    """Return the folder `name` in `base`, which the first process that asks makes."""
    folder, done = base / name, base / f"{name}.done"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder
