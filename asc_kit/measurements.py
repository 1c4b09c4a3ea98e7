"""Folders of measurements, and the selection of results in a folder.

Beside a bundle, never in it: ``results/BUNDLE/BOARD-MODE/RUN_ID/results.json``. So a new bundle or firmware never
replaces a measurement, and every measurement has its own folder, named after the time it began.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from asc_kit.records.record import read_record
from asc_kit.result import RESULTS, RUN_ID, BenchmarkResult


def results_folder(bundle: Path) -> Path:
    """Return the folder of all measurements of a bundle: beside it, under its name."""
    # `.` and `..` have no name of their own
    place = bundle if bundle.name not in ("", "..") else Path(os.path.abspath(bundle))
    return place.parent / "results" / place.name


def runs_folder(bundle: Path, board: str, mode: str) -> Path:
    """Return the folder of a bundle's measurements on a board in a mode."""
    return results_folder(bundle) / f"{board}-{mode}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundResults:
    """The results in a folder."""

    taken: tuple[Path, ...]
    """The files to read, sorted."""
    left_out: tuple[Path, ...]
    """Older measurements, and partial ones beside a full one."""


def find_results(folder: Path, *, every: bool = False) -> FoundResults:
    """Find the results in a folder and all folders in it.

    Of measurements of the same bundle, board and mode, the newest full measurement is taken, or the newest partial
    measurement (``--limit``) if there is no full one. Results in folders that are not named after a run, as ``--out``
    makes them, are all taken.

    Parameters
    ----------
    every
        Take all of them.

    Raises
    ------
    SpecError
        If a candidate file is no result.
    """
    files = [Path(where) / RESULTS for where, _, names in os.walk(folder) if RESULTS in names]
    runs: dict[Path, list[Path]] = {}
    taken: list[Path] = []
    for path in sorted(files):
        if not every and re.fullmatch(RUN_ID, path.parent.name) and path.parent != folder:
            runs.setdefault(path.parent.parent, []).append(path)
        else:
            taken.append(path)
    for paths in runs.values():
        taken.append(_newest(paths))
    return FoundResults(taken=tuple(sorted(taken)), left_out=tuple(path for path in sorted(files) if path not in taken))


def _newest(paths: list[Path]) -> Path:
    if len(paths) == 1:
        return paths[0]
    return next((path for path in reversed(paths) if not read_record(BenchmarkResult, path).partial), paths[-1])
