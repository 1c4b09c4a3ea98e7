"""What a package of each year must hold.

Source: task descriptions and submission pages of DCASE Task 1, 2022 and 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from asc_kit.challenge_rules import Year

SubmissionYear = Literal["2022", "2024"]
SCENES = (
    "airport", "bus", "metro", "metro_station", "park", "public_square", "shopping_mall", "street_pedestrian",
    "street_traffic", "tram",
)  # fmt: skip
"""Columns of the predictions, in order."""
DEVICES = ("a", "b", "c", "s1", "s2", "s3", "s4", "s5", "s6")
"""Recording devices of the development set's test split."""
LABEL = r"[A-Z][A-Za-z]*_[A-Z][A-Za-z]*_task1_[1-4]"
"""Form of a label: last name, institute, task and number of the system."""
MOST_SYSTEMS = 4
"""Number of systems that a team may submit."""
LONGEST_ABBREVIATION = 10
"""Characters of a system's abbreviation."""
SUM_TOLERANCE = 1e-3
"""Largest distance of a row's sum from 1; nine digits of float32 probabilities are far closer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRules:
    """The rules of a year."""

    year: Year
    """Year of the challenge."""
    splits: tuple[int, ...]
    """Percent of the training data, each with predictions of its own; nothing where there is one file alone."""
    clips: int | None
    """Number of recordings in the official evaluation set; None where it is not known here."""
    numbered: bool
    """Whether recordings are named 0.wav, 1.wav …"""

    def output_names(self, label: str) -> dict[str, str]:
        """Return the name of each split's predictions; the key is ``""`` where there is one file alone."""
        if not self.splits:
            return {"": f"{label}.output.csv"}
        return {f"split_{split}": f"{label}.output.split_{split}.csv" for split in self.splits}


RULES: dict[str, SubmissionRules] = {
    "2022": SubmissionRules(year="2022", splits=(), clips=None, numbered=True),
    "2024": SubmissionRules(year="2024", splits=(5, 10, 25, 50, 100), clips=135_730, numbered=True),
}
