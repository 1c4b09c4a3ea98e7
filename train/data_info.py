"""What a data set holds, for ``asc-kit data info``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from asc_kit.audio import open_recording
from asc_kit.console import console, progress_bar
from asc_kit.dataset import Dataset, read_dataset


def describe(root: Path) -> dict[str, Any]:
    """Count the clips of a data set by scene, recording device and split, and read the headers of its recordings.

    Raises
    ------
    DataError
        When the tables are missing or inconsistent, or a recording is missing or unreadable.
    """
    dataset = read_dataset(root)
    lengths, rates, formats = _headers(dataset)
    return {
        "data": str(root),
        "clips": len(dataset.clips),
        "data_id": dataset.data_id,
        "places": len({clip.identifier for clip in dataset.clips}),
        "hours": sum(lengths) / 3600,
        "seconds": {"min": min(lengths), "max": max(lengths)},
        "sample_rates_hz": dict(sorted(rates.items())),
        "formats": dict(sorted(formats.items())),
        "scenes": _count(clip.scene_label for clip in dataset.clips),
        "recording_devices": _count(clip.recording_device for clip in dataset.clips),
        "splits": sorted((_describe_split(dataset, path) for path in _split_paths(root)), key=lambda s: s["clips"]),
    }


def show(found: dict[str, Any]) -> None:
    """Print what `describe` found as tables."""
    from rich.markup import escape
    from rich.table import Table

    seconds = found["seconds"]
    rates = ", ".join(f"{rate} Hz" for rate in found["sample_rates_hz"])
    console.print(f"[bold]{escape(found['data'])}[/]  fingerprint {found['data_id']}")
    console.print(
        f"{found['clips']} clips, {found['hours']:.2f} h, {seconds['min']:.2f} to {seconds['max']:.2f} s each, "
        f"{rates}, {', '.join(found['formats'])}, {found['places']} places"
    )
    for title, key in (("scene", "scenes"), ("recording device", "recording_devices")):
        table = Table(title, "clips")
        table.columns[1].justify = "right"
        for name, count in found[key].items():
            table.add_row(escape(name), str(count))
        console.print(table)
    table = Table("split", "clips", "scenes", "places", "recording devices")
    for split in found["splits"]:
        table.add_row(
            escape(split["name"]),
            str(split["clips"]),
            str(split["scenes"]),
            str(split["places"]),
            escape(" ".join(split["recording_devices"])),
        )
    console.print(table)


def _headers(dataset: Dataset) -> tuple[list[float], Counter[int], Counter[str]]:
    lengths: list[float] = []
    rates: Counter[int] = Counter()
    formats: Counter[str] = Counter()
    with progress_bar("headers", len(dataset.clips)) as (bar, task):
        for clip in dataset.clips:
            with open_recording(dataset.path(clip)) as recording:
                lengths.append(recording.frames / recording.samplerate)
                rates[recording.samplerate] += 1
                formats[f"{recording.format} {recording.subtype}"] += 1
            bar.advance(task)
    return lengths, rates, formats


def _split_paths(root: Path) -> list[Path]:
    tables = sorted(path for path in root.glob("**/*.csv") if path.name != "meta.csv")
    return [path for path in tables if _is_split(path)]


def _is_split(path: Path) -> bool:
    """Tell splits from the challenges' lists of file names alone, and from tables of something else."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        return {"filename", "scene_label"} <= set(stream.readline().rstrip("\n").split("\t"))


def _describe_split(dataset: Dataset, path: Path) -> dict[str, Any]:
    split = dataset.split(str(path.relative_to(dataset.root).with_suffix("")))
    return {
        "name": str(path.relative_to(dataset.root).with_suffix("")),
        "clips": len(split.clips),
        "scenes": len({clip.scene_label for clip in split.clips}),
        "places": len({clip.identifier for clip in split.clips}),
        "recording_devices": list(split.recording_devices),
    }


def _count(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
