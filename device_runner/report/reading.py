"""Read benchmark results and give each a short, unique name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asc_kit.errors import SpecError
from asc_kit.measurements import find_results
from asc_kit.process.console import note
from asc_kit.records.record import parse_record, read_json, sha256_file
from asc_kit.result import RESULTS, BenchmarkResult


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedResult:
    """A result and its name beside the others."""

    name: str
    """Short name, unique in a report."""
    path: Path
    """The file it was read from."""
    result: BenchmarkResult
    """The result."""


def read_results(paths: Sequence[Path], *, every: bool = False) -> tuple[NamedResult, ...]:
    """Read one or more ``results.json``; of a folder, all in it and below.

    Parameters
    ----------
    paths
        Files and folders.
    every
        Whether to take all results of a folder, instead of the newest full result of each bundle, board and mode.

    Raises
    ------
    SpecError
        If a file is missing, empty, not a result, of another schema version, or given twice; or if results of scenes
        and of tags are mixed.
    """
    results: list[BenchmarkResult] = []
    files = [file for path in paths for file in (_files_in(path, every=every) if path.is_dir() else [path])]
    seen: dict[str, Path] = {}
    for path in files:
        results.append(_read(path))
        other = seen.setdefault(sha256_file(path), path)
        if other is not path:
            raise SpecError(f"{path} and {other} are the same result", hint="name each result once")
    tasks = {result.task: path for result, path in zip(results, files, strict=True)}
    if len(tasks) > 1:
        raise SpecError(
            f"{tasks['single_label']} has one class per clip and {tasks['multi_label']} several labels: "
            "their figures cannot be compared",
            hint="make two reports",
        )
    names = _short_names(results)
    return tuple(
        NamedResult(name=name, path=path, result=result)
        for name, path, result in zip(names, files, results, strict=True)
    )


def _files_in(folder: Path, *, every: bool) -> tuple[Path, ...]:
    search = find_results(folder, every=every)
    if not search.taken:
        raise SpecError(
            f"{folder} holds no {RESULTS}, nor does any folder in it",
            hint="measure with: asc-kit bench BUNDLE --board NAME --data DIR; finish an interrupted measurement with "
            "the same command and --resume",
        )
    if search.left_out:
        note(
            f"{folder}: {len(search.left_out)} older or partial measurements beside newer ones are left out "
            "(--all takes them)"
        )
    return search.taken


def _read(path: Path) -> BenchmarkResult:
    hint = "a result is made by: asc-kit bench BUNDLE --board NAME --data DIR"
    if path.is_file() and path.stat().st_size == 0:
        raise SpecError(f"{path} is empty, not a benchmark result", hint=hint)
    document = read_json(path, error=SpecError)
    if not isinstance(document, dict) or "schema_version" not in document or "predictions" not in document:
        raise SpecError(f"{path} is not a benchmark result", hint=hint)
    result = parse_record(BenchmarkResult, document, where=str(path))
    if not result.predictions:
        raise SpecError(f"{path} holds no predictions", hint=hint)
    if result.clips != len(result.predictions):
        raise SpecError(f"{path} says {result.clips} clips, but holds {len(result.predictions)} predictions")
    if result.evaluation.clips != result.clips or result.evaluation.task != result.task:
        raise SpecError(f"{path} contradicts itself: its evaluation has other clips or another task")
    return result


def _short_names(results: Sequence[BenchmarkResult]) -> list[str]:
    """Name each result by the facts in which results differ: board first, then mode, engine, model, split."""
    aspects = (
        [r.board for r in results],
        [f"{r.mode} in" for r in results],
        [r.engine for r in results],
        [r.name for r in results],
        [r.evaluation.split for r in results],
        [f"partial, {r.clips} clips" if r.partial else "all clips" for r in results],
    )
    telling = [aspect for aspect in aspects if len(set(aspect)) > 1] or [aspects[0]]
    names = [", ".join(parts) for parts in zip(*telling, strict=True)]
    if len(set(names)) < len(names):
        # runs of the same kind: number them in the order given
        names = [f"{number}: {name}" for number, name in enumerate(names, 1)]
    return names
