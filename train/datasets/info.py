"""The contents of a data set, for ``asc-kit data info``."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from asc_kit.dataset import Dataset, Layout, find_layout, read_dataset
from asc_kit.process.console import console
from asc_kit.process.parallel import in_parallel

from .recording_facts import FILES_AT_ONCE, read_header


def describe(root: Path, class_map: Path | None = None, layout: Layout | None = None) -> dict[str, Any]:
    """Count the clips of a data set by class, recording device and split, and read the headers of its recordings.

    `layout` is the layout that the user names; None to detect it.

    Raises
    ------
    DataError
        If the tables are missing or inconsistent, or a recording is missing or unreadable.
    """
    dataset = read_dataset(root, class_map, layout)
    layout = find_layout(root, layout)
    headers = in_parallel(read_header, [dataset.path(clip) for clip in dataset.clips], "headers", at_once=FILES_AT_ONCE)
    lengths = [header.seconds for header in headers]
    seconds_of: Counter[str] = Counter()
    for clip, seconds in zip(dataset.clips, lengths, strict=True):
        for label in clip.labels:
            seconds_of[label] += seconds  # type: ignore[assignment]
    counts = Counter(label for clip in dataset.clips for label in clip.labels)
    return {
        "data": str(root),
        "layout": str(layout),
        "task": dataset.task,
        "clips": len(dataset.clips),
        "data_id": dataset.data_id,
        "places": _places(dataset) if layout.knows_places else None,
        "hours": sum(lengths) / 3600,
        "seconds": {"min": min(lengths), "median": statistics.median(lengths), "max": max(lengths)},
        "sample_rates_hz": _count(header.sample_rate_hz for header in headers),
        "formats": _count(header.format for header in headers),
        "scenes": {label: counts[label] for label in dataset.labels},
        "scene_seconds": {label: round(float(seconds_of[label]), 3) for label in dataset.labels},
        "labels_per_clip": _count(len(clip.labels) for clip in dataset.clips),
        "recording_devices": _count(clip.recording_device for clip in dataset.clips),
        "splits": sorted((_describe_split(dataset, name, layout) for name in dataset.split_names), key=_by_size),
    }


def show(contents: dict[str, Any]) -> None:
    """Print the description of `describe` as tables."""
    from rich.markup import escape
    from rich.table import Table

    seconds = contents["seconds"]
    rates = ", ".join(f"{rate} Hz" for rate in contents["sample_rates_hz"])
    places = "" if contents["places"] is None else f", {contents['places']} places"
    console.print(
        f"[bold]{escape(contents['data'])}[/]  layout {contents['layout']}, fingerprint {contents['data_id']}"
    )
    console.print(
        f"{contents['clips']} clips, {contents['hours']:.2f} h, {seconds['min']:.2f} to {seconds['max']:.2f} s each "
        f"(median {seconds['median']:.2f} s), {rates}, {', '.join(contents['formats'])}{places}"
    )
    table = _table("class", "clips", "minutes")
    for name, count in contents["scenes"].items():
        table.add_row(escape(name), str(count), f"{contents['scene_seconds'][name] / 60:.1f}")
    console.print(table)
    if contents["task"] == "multi_label":
        table = _table("labels per clip", "clips")
        for number, count in contents["labels_per_clip"].items():
            table.add_row(str(number), str(count))
    else:
        table = _table("recording device", "clips")
        for name, count in contents["recording_devices"].items():
            table.add_row(escape(name), str(count))
    console.print(table)
    table = Table("split", "clips", "classes", "places", "recording devices")
    for split in contents["splits"]:
        table.add_row(
            escape(split["name"]),
            str(split["clips"]),
            str(split["scenes"]),
            "" if split["places"] is None else str(split["places"]),
            escape(" ".join(split["recording_devices"])),
        )
    console.print(table)


def _table(*columns: str) -> Any:
    from rich.table import Table

    table = Table(*columns)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _describe_split(dataset: Dataset, name: str, layout: Layout) -> dict[str, Any]:
    split = dataset.split(name)
    return {
        "name": name,
        "clips": len(split.clips),
        "scenes": len({label for clip in split.clips for label in clip.labels}),
        "places": _places(split) if layout.knows_places else None,
        "recording_devices": list(split.recording_devices),
    }


def _places(dataset: Dataset) -> int:
    return len({clip.identifier for clip in dataset.clips})


def _by_size(split: dict[str, Any]) -> int:
    return int(split["clips"])


def _count(values: Iterable[Any]) -> dict[Any, int]:
    return dict(sorted(Counter(values).items()))
