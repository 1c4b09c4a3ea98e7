"""The recordings in a folder, by the endings of their names."""

from __future__ import annotations

import os
from pathlib import Path

from asc_kit.errors import DataError

AUDIO_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        "wav wave flac ogg oga opus mp3 m4a aac mp4 mka webm wma aif aiff aifc au snd caf w64 rf64 amr ac3 ape wv"
    ).split()
)


def find_recordings(folder: Path) -> tuple[list[Path], int]:
    """Return the recordings in a folder and in the folders within, sorted; and the number of other files.

    Hidden files and folders are left out, as the ``._NAME`` that macOS puts beside each file.

    Raises
    ------
    DataError
        If there is no recording, or a folder cannot be read.
    """
    recordings: list[Path] = []
    others = 0

    def fail(failure: OSError) -> None:
        raise DataError(f"folder {failure.filename} cannot be read: {failure.strerror}") from failure

    for place, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.startswith("."):
                continue
            if os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES:
                recordings.append(Path(place, name))
            else:
                others += 1
    if not recordings:
        raise DataError(f"folder {folder} has no recordings", hint="known endings: " + " ".join(sorted(AUDIO_SUFFIXES)))
    return sorted(recordings), others
