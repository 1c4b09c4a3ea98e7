"""The events of listening: windows, changes of the input, losses; and their summary."""

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
    """The labels of a window."""

    time_s: float
    """End of the window, since listening began."""
    ranking: tuple[tuple[str, float], ...]
    """Labels and probabilities, the most probable first."""
    latency_ms: float
    """Wall time of features and network on this machine, in milliseconds."""
    level_dbfs: float
    """Level (RMS) of the window against full scale."""
    skipped: int
    """Windows left out since the last window, because this machine was too slow for the hop."""
    scene: Scene | None = None
    """Where the listener is by this and the windows before; None where scenes are not followed."""
    window: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)
    """The audio, [samples of a window], full scale ±1, for whoever draws it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unheard:
    """A window that was not classified, because it is no sound of a place, or not all of it came."""

    time_s: float
    """End of the window, since listening began."""
    reason: Reason
    """Reason."""
    words: str
    """Reason, for people."""
    skipped: int
    """Windows left out since the last window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InputChange:
    """The input became good or bad; reported at once, whatever the hop."""

    time_s: float
    """Time of the observation, since listening began."""
    reason: Reason | None
    """Reason; None if the input is good again."""
    words: str
    """Reason, for people; empty if the input is good again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """Audio is missing, or came late."""

    time_s: float
    """Time at which the audio continues, since listening began."""
    lost_s: float
    """Seconds that never came; 0 if the sound system reports a loss that is too short to measure."""
    late_s: float
    """Seconds by which complete audio came late; 0 for a loss."""
    words: str
    """Description, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChange:
    """The sound server was told to record from another source, and listening follows."""

    time_s: float
    """Time of the observation, since listening began."""
    words: str
    """Description, for people."""


Event = Heard | Unheard | InputChange | Loss | SourceChange


@dataclass(slots=True, kw_only=True)
class Tally:
    """Summary of listening."""

    windows: int = 0
    """Windows that were classified."""
    unusable: int = 0
    """Windows that were not classified, because the input was no sound of a place or not whole."""
    skipped: int = 0
    """Windows left out, because this machine was too slow for the hop or was held up."""
    gaps: int = 0
    """Places where audio is missing."""
    lost_s: float = 0.0
    """Seconds of audio that never came or that our own queue had no room for."""
    dropped_s: float = 0.0
    """Part of these seconds: audio that our own queue had no room for."""
    late_s: float = 0.0
    """Total seconds by which audio came late."""
    overflows: int = 0
    """Number of losses that the sound system reported."""
