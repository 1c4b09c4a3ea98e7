"""The sound at each change of scene, kept as WAV files of a bounded size in all."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import numpy as np

from asc_kit.cli.output import say
from asc_kit.errors import AscKitError
from asc_kit.recordings.audio import to_int16

from ..listening.events import Heard
from .report import Report

_MARK = ".asc-kit-changes"
_OURS = re.compile(r"\d{8}T\d{6}\.\d{3}Z_.+\.wav")
_PART = ".part"


class ChangeRecordings:
    """Writes the window at which a scene began to a file, and removes the oldest of its files when they are too large.

    Only files with its own names are removed, in a folder that it made or found empty. A disk that is full, or gone,
    does not end the listening: it is told once.

    Parameters
    ----------
    folder
        The folder.
    rate_hz
        Sampling rate of the windows.
    most_bytes
        Size of all files together.

    Raises
    ------
    AscKitError
        If the folder holds other things, or cannot be written.
    """

    def __init__(self, folder: Path, rate_hz: int, *, most_bytes: int) -> None:
        self._folder, self._rate_hz, self._most_bytes = folder, rate_hz, most_bytes
        self._is_failing = False
        try:
            folder.mkdir(parents=True, exist_ok=True)
            mark = folder / _MARK
            if not mark.exists():
                if any(folder.iterdir()):
                    raise AscKitError(
                        f"--record-changes: {folder} holds other files, and the oldest recordings in it are removed",
                        hint="choose a new or an empty folder",
                    )
                mark.touch()
        except OSError as failure:
            raise AscKitError(f"--record-changes: {folder} cannot be written: {failure.strerror}") from failure
        for left in folder.glob(f"*{_PART}"):
            left.unlink(missing_ok=True)
        sizes = {path: path.stat().st_size for path in folder.iterdir() if _OURS.fullmatch(path.name)}
        # names begin with the time: the oldest comes first
        self._sizes = dict(sorted(sizes.items()))

    def take(self, report: Report) -> None:
        """Write the window of a new scene."""
        event = report.event
        if not isinstance(event, Heard) or event.scene is None or not event.scene.is_new or event.window is None:
            return
        stamp = report.utc.replace("-", "").replace(":", "")
        label = re.sub(r"[^\w.-]+", "_", f"{report.origin.source}_{event.scene.label or 'unsure'}").lstrip(".")
        path = self._folder / f"{stamp}_{label}.wav"
        try:
            self._write(path, to_int16(event.window))
        except OSError as failure:
            if not self._is_failing:
                say(f"--record-changes {self._folder}: {failure.strerror}; listening goes on without it", err=True)
            self._is_failing = True
            return
        self._is_failing = False
        self._sizes[path] = path.stat().st_size
        while len(self._sizes) > 1 and sum(self._sizes.values()) > self._most_bytes:
            oldest = next(iter(self._sizes))
            del self._sizes[oldest]
            with contextlib.suppress(OSError):  # the user was faster
                oldest.unlink()

    def close(self) -> None:
        """Nothing is open between two files."""

    def _write(self, path: Path, samples: np.ndarray) -> None:
        import soundfile

        part = path.with_name(path.name + _PART)
        try:
            with part.open("wb") as file:
                soundfile.write(file, samples, self._rate_hz, subtype="PCM_16", format="WAV")
                file.flush()
            os.replace(part, path)
        except soundfile.SoundFileError as failure:
            part.unlink(missing_ok=True)
            raise OSError(0, str(failure), str(path)) from failure
        except OSError:
            part.unlink(missing_ok=True)
            raise
