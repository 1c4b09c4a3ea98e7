"""The result of an attack: the document that ``asc-kit verify-link --json`` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.records.fields import AnyPath, Count, Line, Name, PositiveCount, Seconds, Seed, Sha256, ShortId
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT

from ..line.link import LinkStatistics

MAX_ENDINGS = 12
"""Most error messages to report; in practice there are fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindReport:
    """The result of a kind of fault. If several faults hit a clip, each counts the clip's end as its own."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Name
    """Name for programs: ``bit_flip``."""
    meaning: Line
    """Description of the fault, for people."""
    injected: Count
    """Number of occurrences."""
    recovered: Count
    """Faults after which the clip's answer was right."""
    refused: Count
    """Faults after which the session ended with an error."""
    wrong: Count
    """Faults after which a wrong answer was accepted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackReport:
    """The result of an attack."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit verify-link --json"

    schema_version: Literal[1] = 1
    """Version of this record."""
    board: Name
    """Name that the board reports."""
    port: AnyPath
    """Port of the board."""
    model_sha256: Sha256
    """The network it runs."""
    firmware_id: ShortId
    """Its firmware."""
    seed: Seed
    """Seed of all random numbers."""
    every: Annotated[float, Field(ge=1, le=1e6)]
    """Mean number of frames between faults."""
    faults: Count
    """Faults in all: the sum over the kinds."""
    frames: Count
    """Frames sent, both ways, repetitions included."""
    sessions: Count
    """Sessions that were begun."""
    sessions_completed: Count
    """Sessions in which every clip was answered."""
    clips: Count
    """Clips that were begun."""
    clips_right: Count
    """Clips whose right answer was accepted."""
    clips_wrong: Count
    """Clips whose wrong answer was accepted."""
    clips_refused: Count
    """Clips that ended with an error."""
    clips_lost: Count
    """Clips with neither an answer nor an error."""
    clips_doubled: Count
    """Answers that were accepted for two clips."""
    board_faults: Count
    """Sessions that ended with the board's own FAULT: a defect of the firmware."""
    seconds: Seconds
    """Duration, in seconds."""
    kinds: Annotated[tuple[KindReport, ...], Field(max_length=1000)]
    """Results by kind of fault, including kinds that did not occur."""
    words: Annotated[dict[Line, PositiveCount], Field(max_length=MAX_ENDINGS)]
    """Errors that ended sessions, with their counts, the most frequent first."""
    link: LinkStatistics
    """Statistics of the link."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing wrong was accepted, nothing lost and nothing doubled."""
        return self.clips_wrong == self.clips_lost == self.clips_doubled == self.board_faults == 0
