"""The findings of ``asc-kit data check``: kinds, severities and counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning"]

# kind -> (severity, meaning), in the order of the report
KINDS: Mapping[str, tuple[Severity, str]] = {
    "table": ("error", "rows or tables that cannot be used"),
    "not_in_meta": ("error", "clips of a split that meta.csv does not know"),
    "unknown_label": ("error", "clips with a label that the class map lacks"),
    "missing": ("error", "clips whose recording does not exist"),
    "unreadable": ("error", "recordings that are not audio, damaged or cut off"),
    "empty": ("error", "recordings without samples"),
    "not_finite": ("error", "recordings with samples that are not finite numbers"),
    "out_of_range": ("error", "recordings with samples far beyond full scale: they are on another scale than ±1"),
    "longer_than_header": ("error", "recordings that hold more audio than their header says"),
    "channels_cancel": ("error", "recordings whose channels cancel: little or nothing is left of their mean"),
    "mislabelled": ("error", "clips that two places label differently"),
    "conflicting": ("error", "clips with the audio of another clip and other labels"),
    "leaking_clip": ("error", "test clips that are in training as well"),
    "leaking_audio": ("error", "test clips whose audio is in training under another name"),
    "leaking_segment": ("error", "test clips of a segment that is in training as well"),
    "leaking_place": ("error", "test clips of a place that is in training as well"),
    "class_not_trained": ("error", "classes without clips in a training split"),
    "class_not_tested": ("warning", "classes without clips in a test split"),
    "label_twins": ("warning", "labels that differ in case, spaces or Unicode form alone: each is a class of its own"),
    "no_labels": ("warning", "tables without labels: their clips can be neither trained on nor evaluated"),
    "duplicate": ("warning", "clips with the audio of another clip"),
    "silent": ("warning", "recordings in which nothing changes"),
    "clipped": ("warning", "recordings with many samples at full scale"),
    "header_off": ("warning", "recordings whose header is a few bytes off; no audio is lost"),
    "odd_length": ("warning", "recordings of another length than nearly all"),
    "odd_rate": ("warning", "recordings of another sampling rate than nearly all"),
    "empty_folder": ("warning", "folders among those of the classes that hold no recordings"),
    "unlisted": ("warning", "recordings in the folder that no table names and no folder of a class holds"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All findings, by kind and subject."""

    _by_kind: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)

    def add(self, kind: str, subject: str, text: str, count: int = 1) -> None:
        """Note a finding; another finding of the same kind and subject changes only the count.

        Parameters
        ----------
        kind
            One of `KINDS`.
        subject
            Subject of the finding: a file, a place, a line of a table.
        text
            Description, in one line.
        count
            Number of clips that it concerns.
        """
        if kind not in KINDS:
            raise ValueError(f"no kind of finding: {kind}")
        subjects = self._by_kind.setdefault(kind, {})
        first, before = subjects.get(subject, (text, 0))
        subjects[subject] = (first, max(before, count))

    def count(self, kind: str) -> int:
        """Return the number of clips (for tables, rows; for classes, classes) that findings of a kind concern."""
        return sum(count for _, count in self._by_kind.get(kind, {}).values())

    def of_severity(self, severity: Severity) -> int:
        """Return the total count of a severity."""
        return sum(self.count(kind) for kind, (how_bad, _) in KINDS.items() if how_bad == severity)

    def as_list(self, n_examples: int) -> list[dict[str, Any]]:
        """Return the findings in the order of `KINDS`, with up to `n_examples` examples each."""
        return [
            {
                "kind": kind,
                "severity": severity,
                "says": says,
                "count": self.count(kind),
                "examples": [text for text, _ in list(self._by_kind[kind].values())[:n_examples]],
            }
            for kind, (severity, says) in KINDS.items()
            if kind in self._by_kind
        ]
