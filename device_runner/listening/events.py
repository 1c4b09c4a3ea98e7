"""What there is to say while listening: windows, changes of the input, losses; and the count of it all."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .verdict import Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where the listener is, as far as the windows so far tell."""

    label: str | None
    """The scene; None where no scene is likely enough."""
    probability: float
    """Averaged probability of the likeliest scene."""
    since_s: float
    """When this scene began to be said."""
    is_new: bool
    """Whether it is another one than after the window before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What one window sounds like."""

    time_s: float
    """End of the window, since listening began."""
    ranking: tuple[tuple[str, float], ...]
    """Labels and probabilities, the likeliest first."""
    latency_ms: float
    """Wall time of features and network on this machine, in milliseconds."""
    level_dbfs: float
    """Level (RMS) of the window against full scale."""
    skipped: int
    """Windows left out since the last one, because this machine was too slow for the hop."""
    scene: Scene | None = None
    """Where the listener is by this and the windows before; None where scenes are not followed."""
    window: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    """The audio, [clip_samples], full scale ±1, for whoever draws it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """A window that was not classified, because it is no sound of a place, or not all of it came."""

    time_s: float
    """End of the window, since listening began."""
    reason: Reason
    """Why."""
    words: str
    """The reason for people."""
    skipped: int
    """Windows left out since the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputChange:
    """The input became good or bad; told at once, whatever the hop."""

    time_s: float
    """When it was found, since listening began."""
    reason: Reason | None
    """What is wrong; None when it is good again."""
    words: str
    """The reason for people; empty when it is good again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Audio is missing, or came late."""

    time_s: float
    """Where the audio goes on, since listening began."""
    lost_s: float
    """Seconds that never came; 0 when the sound system says that something was lost, and it was too short to see."""
    late_s: float
    """Seconds by which audio came late that all came; 0 when it is a loss."""
    words: str
    """What happened, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChange:
    """The sound server was told to record from another source, and it is listened to."""

    time_s: float
    """When it was found, since listening began."""
    words: str
    """What happened, for people."""


Event = Heard | Unheard | InputChange | Loss | SourceChange


@dataclass(slots=True, kw_only=True)
class Tally:
    """What happened while listening."""

    windows: int = 0
    """Windows that were classified."""
    unusable: int = 0
    """Windows that were not, because the input was no sound of a place or not whole."""
    skipped: int = 0
    """Windows left out, because this machine was too slow for the hop or held up."""
    gaps: int = 0
    """Places where audio is missing."""
    lost_s: float = 0.0
    """Seconds of audio that never came or that our own queue had no room for."""
    dropped_s: float = 0.0
    """Those of them that our own queue had no room for."""
    late_s: float = 0.0
    """Seconds by which audio came late, all of it."""
    overflows: int = 0
    """How often the sound system said that audio was lost."""
