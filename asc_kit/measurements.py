"""Where measurements lie, and which of a folder a reader takes.

Beside a bundle, never in it: ``results/BUNDLE/BOARD-MODE/RUN_ID/results.json``. So nothing that is made again, a bundle
or firmware, takes a measurement along, and every measurement has a folder of its own, named after the time it began.
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
    """Return the folder of a bundle's measurements on one board in one mode."""
    return results_folder(bundle) / f"{board}-{mode}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundResults:
    """What a folder holds."""

    taken: tuple[Path, ...]
    """The files to read, sorted."""
    left_out: tuple[Path, ...]
    """Older measurements, and partial ones beside a full one."""


def find_results(folder: Path, *, every: bool = False) -> FoundResults:
    """Find the results in a folder and all folders in it.

    Of the measurements side by side, which are of one bundle on one board in one mode, the newest full one is taken;
    the newest partial one (``--limit``) where there is no full one. Results in folders that are not named after a run,
    as ``--out`` makes them, are all taken.

    Parameters
    ----------
    every
        Take all of them.

    Raises
    ------
    SpecError
        When a file that is to be chosen from is no result.
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
