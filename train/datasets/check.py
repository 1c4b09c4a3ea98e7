"""Find all faults of a data set, for ``asc-kit data check``.

Cost: every recording is decoded to its end and hashed, in as many threads as there are processors.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asc_kit.dataset import Clip, Layout
from asc_kit.dataset.folders import AUDIO_SUFFIXES
from asc_kit.dataset.spelling import locate
from asc_kit.dataset.tau import parse_name
from asc_kit.errors import DataError
from asc_kit.process.console import console
from asc_kit.process.parallel import in_parallel

from .findings import Findings
from .inventory import Inventory, take_inventory
from .recording_facts import FILES_AT_ONCE, RecordingFacts, examine

COMMON_SHARE = 0.9
"""If this share of the recordings agrees in length or rate, the others are reported."""
CLIPPED_SHARE = 0.005
"""Share of samples at full scale from which a recording counts as clipped; our choice."""
N_EXAMPLES = 5


def check(
    root: Path,
    *,
    class_map: Path | None = None,
    layout: Layout | None = None,
    pairs: Sequence[tuple[str, str]] = (),
    n_examples: int = N_EXAMPLES,
) -> dict[str, Any]:
    """Check the tables, recordings and splits of a data set, and count the faults.

    Parameters
    ----------
    root
        The folder.
    class_map
        Class map that the labels must follow; None for the folder's own.
    layout
        Layout that the user names; None to detect it.
    pairs
        Training and test splits to compare; empty for all that belong together.
    n_examples
        Number of examples to keep of each kind of finding.

    Returns
    -------
    dict
        ``data layout clips splits pairs errors warnings findings``; the last is a list of
        ``kind severity says count examples``.

    Raises
    ------
    DataError
        If the folder has none of the layouts, or a split of `pairs` is missing.
    """
    findings = Findings()
    inventory = take_inventory(root, class_map, findings, layout)
    chosen = [_known_pair(inventory, pair) for pair in pairs] or inventory.pairs()
    clips = list(inventory.clips.values())
    facts = dict(
        zip(
            inventory.clips,
            in_parallel(examine, [locate(root, clip.filename) for clip in clips], "recordings", at_once=FILES_AT_ONCE),
            strict=True,
        )
    )
    _check_recordings(facts, findings)
    _check_unlisted(inventory)
    _check_same_audio(inventory, facts, chosen)
    for train, test in chosen:
        _check_pair(inventory, train, test)
    return {
        "data": str(root),
        "layout": str(inventory.layout),
        "clips": len(clips),
        "splits": {name: len(split) for name, split in inventory.splits.items()},
        "pairs": [list(pair) for pair in chosen],
        "errors": findings.of_severity("error"),
        "warnings": findings.of_severity("warning"),
        "findings": findings.as_list(n_examples),
    }


def show(report: Mapping[str, Any]) -> None:
    """Print the report of `check`."""
    from rich.markup import escape
    from rich.table import Table

    pairs = ", ".join(f"{train} / {test}" for train, test in report["pairs"]) or "none"
    console.print(f"[bold]{escape(report['data'])}[/]  {report['clips']} clips, layout {report['layout']}")
    console.print(f"training and test splits held against each other: {escape(pairs)}")
    if report["findings"]:
        table = Table("found", "count", "what it means, and examples")
        table.columns[1].justify = "right"
        for row in report["findings"]:
            colour = "red" if row["severity"] == "error" else "yellow"
            examples = "".join(f"\n  {escape(text)}" for text in row["examples"])
            more = "\n  …" if row["count"] > len(row["examples"]) else ""
            table.add_row(f"[{colour}]{row['kind']}[/]", str(row["count"]), f"{row['says']}{examples}{more}")
        console.print(table)
    mark = "[red]✗[/]" if report["errors"] else "[green]✓[/]"
    console.print(f"{mark} {report['errors']} errors, {report['warnings']} warnings")


def _known_pair(inventory: Inventory, pair: tuple[str, str]) -> tuple[str, str]:
    names = []
    for asked in pair:
        bare = asked.removesuffix(".csv")
        name = next((name for name in inventory.splits if bare in (name, name.rpartition("/")[2])), None)
        if name is None:
            raise DataError(
                f"{inventory.root} has no split {asked}",
                hint=f"splits there: {', '.join(inventory.splits) or 'none'}",
            )
        names.append(name)
    return names[0], names[1]


def _check_recordings(facts: Mapping[str, RecordingFacts], findings: Findings) -> None:
    good = {name: fact for name, fact in facts.items() if fact.problem is None}
    for name, fact in facts.items():
        if fact.problem is not None:
            findings.add(fact.problem, name, f"{name}: {fact.detail}")
            continue
        if fact.header_off:
            findings.add("header_off", name, f"{name}: {fact.header_off}")
        if fact.silent:
            findings.add("silent", name, name)
        elif fact.full_scale_share >= CLIPPED_SHARE:
            findings.add("clipped", name, f"{name}: {fact.full_scale_share:.1%} of its samples")
    rates = {name: fact.sample_rate_hz for name, fact in good.items()}
    for name, rate in _outliers(rates).items():
        findings.add("odd_rate", name, f"{name}: {rate} Hz")
    # in milliseconds, because the same length at another rate is no other length
    lengths = {name: round(1000 * fact.n_frames / fact.sample_rate_hz) for name, fact in good.items()}
    for name, length_ms in _outliers(lengths).items():
        findings.add("odd_length", name, f"{name}: {length_ms / 1000:.3f} s")


def _outliers(values: Mapping[str, int]) -> dict[str, int]:
    """Return the recordings that differ from a value that nearly all share."""
    counts = Counter(values.values())
    if not counts:
        return {}
    common, count = counts.most_common(1)[0]
    if count < COMMON_SHARE * len(values):
        return {}
    return {name: value for name, value in values.items() if value != common}


def _check_unlisted(inventory: Inventory) -> None:
    root, has_tables = inventory.root, inventory.layout not in (Layout.FOLDERS, Layout.SPLIT_FOLDERS)
    listed = {
        os.path.normpath(locate(root, clip.filename).relative_to(root)).replace(os.sep, "/")
        for clip in inventory.clips.values()
    }
    for parent, folders, names in os.walk(root):
        # without tables, the folders and files that begin with _ are left out on purpose
        passed_over = "." if has_tables else (".", "_")
        folders[:] = sorted(name for name in folders if not name.startswith(passed_over))
        below = Path(parent).relative_to(root)
        for name in sorted(names):
            filename = (below / name).as_posix()
            if name.lower().endswith(AUDIO_SUFFIXES) and filename not in listed and not name.startswith("."):
                inventory.findings.add("unlisted", filename, filename)


def _check_same_audio(
    inventory: Inventory, facts: Mapping[str, RecordingFacts], pairs: Sequence[tuple[str, str]]
) -> None:
    groups: dict[bytes, list[str]] = defaultdict(list)
    for name, fact in facts.items():
        # all silence is alike, and reported already
        if fact.problem is None and not fact.silent:
            groups[fact.content].append(name)
    for names in groups.values():
        if len(names) < 2:
            continue
        first, *others = names
        for name in others:
            here, there = inventory.clips[name].labels, inventory.clips[first].labels
            if set(here) != set(there):
                text = f"{name} ({','.join(here)}) is {first} ({','.join(there)})"
                inventory.findings.add("conflicting", name, text)
            else:
                inventory.findings.add("duplicate", name, f"{name} is {first}")
        for train, test in pairs:
            trained = [name for name in names if name in inventory.splits[train]]
            for name in names:
                if trained and name in inventory.splits[test] and name not in trained:
                    inventory.findings.add("leaking_audio", name, f"{name} in {test} is {trained[0]} in {train}")


def _check_pair(inventory: Inventory, train: str, test: str) -> None:
    findings = inventory.findings
    trained, tested = inventory.splits[train], inventory.splits[test]
    for name in tested:
        if name in trained:
            findings.add("leaking_clip", name, f"{name} in {train} and {test}")
    heard, asked = _labels(trained.values()), _labels(tested.values())
    for label in sorted(asked - heard):
        findings.add("class_not_trained", f"{train} {label}", f"{label} in {train}")
    for label in sorted(heard - asked):
        findings.add("class_not_tested", f"{test} {label}", f"{label} in {test}")
    if not inventory.places_known:
        return
    segments = {told.segment for name in trained if (told := parse_name(name)) is not None}
    leaking = Counter(
        told.segment for name in tested if (told := parse_name(name)) is not None and told.segment in segments
    )
    for segment, count in leaking.items():
        findings.add("leaking_segment", segment, f"{segment}: in {train}, and {count} clips in {test}", count)
    places = Counter(clip.identifier for clip in trained.values())
    for place, count in Counter(clip.identifier for clip in tested.values()).items():
        if place in places:
            text = f"{place}: {places[place]} clips in {train}, {count} in {test}"
            findings.add("leaking_place", place, text, count)


def _labels(clips: Iterable[Clip]) -> set[str]:
    return {label for clip in clips for label in clip.labels}
