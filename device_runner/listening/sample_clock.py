"""Hold a microphone's samples against the clock: what is missing, how long, and where the audio goes on.

A stream of samples says nothing of what was lost on the way. The clock does. For each block, its *lag* is the time at
which it came less the time at which its last sample would have been heard, had none been lost:

    lag = arrival - origin - samples so far / rate                                                      (1)

A block that is late has a large lag, and the blocks after it have smaller ones again, for they waited in some queue and
come at once. When samples are lost, the lag rises and never comes back. So a block that is late is kept until the lag
has come back (it was late, and nothing is missing) or no longer falls (it will not come back: the difference is the
loss). The place of the loss is somewhere in what came between; that audio is put aside, so that nobody takes what
lies on both sides of a gap for one piece.

The lag of a faultless stream moves as well, because no sound card has exactly the rate that it says. The smallest lag
of late, the *floor*, follows it slowly.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .blocks import Block

# Two blocks of PortAudio. Quieter machines jitter by milliseconds, and one block more or less in a server's buffer
# is no loss; several short losses add up until they reach this.
_LATE_S = 0.1
# The lag has stopped falling when it is no smaller than half a second before, but for jitter
_SETTLING_S = 0.5
_JITTER_S = 0.02
# A lateness without loss is told from here on: a sound server that nobody plays to may hand over 2 s at once.
_TOLD_LATENESS_S = 2.5
# Crystals of sound cards are within 100 ppm, cheap USB microphones within 300.
_DRIFT = 500e-6
# The first seconds say what the usual lag is: the first block of all may itself have been late.
_STARTING_S = 3.0

GapCause = Literal["lost", "overflow", "queue"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """Samples that follow without a gap on those before them, if no `Gap` came in between."""

    samples: NDArray[np.float32]
    """Shape [frames, channels], full scale ±1."""
    start_frame: int
    """Where they begin: frames since listening began, those that were lost included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Audio is missing here."""

    lost_s: float
    """Seconds that never came; 0 when the sound system says that audio was lost and the clock sees less than 0.1 s."""
    discarded_s: float
    """Seconds that came, but from an unknown side of the gap."""
    cause: GapCause
    """Who lost it: found by the clock, said by the sound system, or our own queue, which was full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """Audio came late, and all of it came."""

    seconds: float
    """By how much."""


class SampleClock:
    """Puts blocks on the time line.

    Parameters
    ----------
    rate_hz
        Sampling rate, as the sound system says it.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._origin_s: float | None = None
        self._floor_s = 0.0
        self._usual_floor_s = 0.0
        self._drift_s = 0.0
        # where the next frame lies that nobody was given yet, and frames put aside behind it
        self._next_frame = 0
        self._pending: deque[tuple[Block, float]] = deque()
        self._pending_frames = 0

    @property
    def drift_s(self) -> float:
        """How far the sound card has drifted from the clock: positive when it is slower than its rate says."""
        return self._drift_s

    def take(self, block: Block) -> list[Audio | Gap | Lateness]:
        """Take the next block; give what is now known, in order."""
        frames = len(block.samples)
        if self._origin_s is None:
            self._origin_s = block.arrival_s - (frames + block.dropped_frames) / self._rate_hz
        known: list[Audio | Gap | Lateness] = []
        if block.dropped_frames:
            known.append(self._cut(block.dropped_frames, "queue"))
        end = self._next_frame + self._pending_frames + frames
        lag_s = block.arrival_s - self._origin_s - end / self._rate_hz
        if lag_s - self._floor_s > _LATE_S:
            self._put_aside(block, lag_s)
            return known + self._judge_lateness(lag_s)
        if block.overflowed or any(late.overflowed for late, _ in self._pending):
            known.append(self._cut(0, "overflow"))
        elif self._pending:
            lateness_s = max(lag for _, lag in self._pending) - self._floor_s
            if lateness_s >= _TOLD_LATENESS_S:
                known.append(Lateness(seconds=lateness_s))
            known += self._release()
        known.append(self._place(block))
        self._follow(lag_s, frames / self._rate_hz)
        return known

    def _put_aside(self, block: Block, lag_s: float) -> None:
        self._pending.append((block, lag_s))
        self._pending_frames += len(block.samples)

    def _judge_lateness(self, lag_s: float) -> list[Audio | Gap | Lateness]:
        """Decide whether the lag still falls; if not, what is missing is missing for good."""
        arrival_s = self._pending[-1][0].arrival_s
        recent = [lag for block, lag in self._pending if block.arrival_s > arrival_s - _SETTLING_S]
        before = [
            lag
            for block, lag in self._pending
            if arrival_s - 2 * _SETTLING_S < block.arrival_s <= arrival_s - _SETTLING_S
        ]
        if not before or min(recent) < min(before) - _JITTER_S:
            return []
        # The lag settled half a second ago or earlier. The block that holds the gap came right then: what came lately
        # lies behind it.
        kept: list[Block] = []
        while self._pending and self._pending[-1][0].arrival_s > arrival_s - _SETTLING_S / 2:
            kept.append(self._pending.pop()[0])
        self._pending_frames -= sum(len(block.samples) for block in kept)
        lost_s = min(recent) - self._floor_s
        cause: GapCause = "overflow" if any(block.overflowed for block, _ in self._pending) else "lost"
        gap = self._cut(round(lost_s * self._rate_hz), cause)
        return [gap, *(self._place(block) for block in reversed(kept))]

    def _cut(self, lost_frames: int, cause: GapCause) -> Gap:
        """Let a gap begin after what was given last: lost frames, and those put aside."""
        gap = Gap(lost_s=lost_frames / self._rate_hz, discarded_s=self._pending_frames / self._rate_hz, cause=cause)
        self._next_frame += lost_frames + self._pending_frames
        self._pending.clear()
        self._pending_frames = 0
        return gap

    def _release(self) -> list[Audio | Gap | Lateness]:
        blocks = [block for block, _ in self._pending]
        self._pending.clear()
        self._pending_frames = 0
        return [self._place(block) for block in blocks]

    def _place(self, block: Block) -> Audio:
        audio = Audio(samples=block.samples, start_frame=self._next_frame)
        self._next_frame += len(block.samples)
        return audio

    def _follow(self, lag_s: float, seconds: float) -> None:
        """Let the floor follow the sound card, and the drift the floor."""
        self._floor_s = min(lag_s, self._floor_s + _DRIFT * seconds)
        if self._next_frame < _STARTING_S * self._rate_hz:
            self._usual_floor_s = self._floor_s
            return
        difference_s = self._floor_s - self._usual_floor_s - self._drift_s
        self._drift_s += min(max(difference_s, -_DRIFT * seconds), _DRIFT * seconds)
