"""Folders of boards, parts and cores: in the kit, and the user's."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

USER_BOARDS = "ASC_KIT_BOARDS"
"""Environment variable with the user's own folders of boards, separated as in PATH."""


def boards_folder() -> Path:
    """Return the kit's folder of boards, parts and cores."""
    return Path(str(resources.files("asc_kit.boards")))


def user_folders() -> tuple[Path, ...]:
    """Return the user's own folders of boards, `missing_folders` among them."""
    return tuple(Path(folder).expanduser() for folder in os.environ.get(USER_BOARDS, "").split(os.pathsep) if folder)


def missing_folders() -> tuple[Path, ...]:
    """Return what ASC_KIT_BOARDS names and is no folder."""
    return tuple(folder for folder in user_folders() if not folder.is_dir())


def offer(name: str, known: Iterable[str], what: str) -> str:
    """Return a hint for an unknown name: the nearest names, or all."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"{what}: {', '.join(names) or 'none'}"
