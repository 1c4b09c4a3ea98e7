"""Folders of boards, parts and cores: in the kit, and the user's."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

USER_BOARDS = "ASC_KIT_BOARDS"
"""Environment variable with the user's own folders of boards, separated as in PATH."""

BOARD_FILE = "board.toml"
"""Name of the description in a board's folder."""


def boards_folder() -> Path:
    """Return the kit's folder of boards, parts and cores."""
    return Path(str(resources.files("asc_kit.boards")))


def user_folders() -> tuple[Path, ...]:
    """Return the user's own folders of boards, as ASC_KIT_BOARDS names them."""
    return tuple(Path(folder).expanduser() for folder in os.environ.get(USER_BOARDS, "").split(os.pathsep) if folder)


def folder_faults() -> tuple[str, ...]:
    """Return the faults of the folders that ASC_KIT_BOARDS names, each a sentence without its full stop."""
    faults = []
    for folder in user_folders():
        # of a folder that may not be looked into, Path.is_dir raises
        if not os.path.isdir(folder):
            faults.append(f"{USER_BOARDS} names {folder}, which is no folder")
        elif os.path.isfile(folder / BOARD_FILE):
            faults.append(f"{USER_BOARDS} names {folder}, which is a board: name the folder above it")
    return tuple(faults)


def offer(name: str, known: Iterable[str], what: str) -> str:
    """Return a hint for an unknown name: the nearest names, or all."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(near)}?" if near else f"{what}: {', '.join(names) or 'none'}."
