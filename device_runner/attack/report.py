"""What came of an attack: the document that ``asc-kit verify-link --json`` prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from asc_kit.records.fields import AnyPath, Count, Line, Name, PositiveCount, Seconds, Seed, Sha256, ShortId
from asc_kit.records.migration import Migrations
from asc_kit.records.record import STRICT

from ..line.link import LinkStatistics

MAX_ENDINGS = 12
"""Different ways to end in words that are told; there are fewer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindReport:
    """What came of one kind of fault. Where several hit one clip, each counts the clip's end as its own."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: Name
    """What programs call it: ``bit_flip``."""
    meaning: Line
    """What happens to the frame, for people."""
    injected: Count
    """How often it happened."""
    recovered: Count
    """Faults after which the clip's answer was right."""
    refused: Count
    """Faults after which the session ended in words."""
    wrong: Count
    """Faults after which a wrong answer was taken for right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackReport:
    """What came of an attack."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT
    MIGRATIONS: ClassVar[Migrations] = {}
    REMAKE: ClassVar[str] = "asc-kit verify-link --json"

    schema_version: Literal[1] = 1
    """Version of this record."""
    board: Name
    """What the board calls itself."""
    port: AnyPath
    """Where it was reached."""
    model_sha256: Sha256
    """The network it runs."""
    firmware_id: ShortId
    """Its firmware."""
    seed: Seed
    """Of everything drawn."""
    every: Annotated[float, Field(ge=1, le=1e6)]
    """Mean number of frames from fault to fault."""
    faults: Count
    """Faults in all: the sum over the kinds."""
    frames: Count
    """Frames sent, both ways, repetitions included."""
    sessions: Count
    """Sessions that were begun."""
    sessions_completed: Count
    """Sessions all of whose clips were answered."""
    clips: Count
    """Clips that were begun."""
    clips_right: Count
    """Clips whose right answer was accepted."""
    clips_wrong: Count
    """Clips whose wrong answer was accepted."""
    clips_refused: Count
    """Clips that ended in words."""
    clips_lost: Count
    """Clips with neither an answer nor words."""
    clips_doubled: Count
    """Answers that were taken for two clips."""
    board_faults: Count
    """Sessions that ended with the board's own FAULT: a defect of the firmware."""
    seconds: Seconds
    """How long it took."""
    kinds: Annotated[tuple[KindReport, ...], Field(max_length=1000)]
    """By kind of fault, also those that did not happen."""
    words: Annotated[dict[Line, PositiveCount], Field(max_length=MAX_ENDINGS)]
    """How sessions ended that did not complete, and how often; the commonest."""
    link: LinkStatistics
    """What the link noticed."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing wrong was accepted, nothing lost and nothing doubled."""
        return self.clips_wrong == self.clips_lost == self.clips_doubled == self.board_faults == 0
