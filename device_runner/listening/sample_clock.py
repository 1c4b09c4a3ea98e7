"""Compare a microphone's samples with the clock: find missing audio, its length, and where the audio continues.

A stream of samples does not show its losses, but the clock does. The *lag* of a block is the time at which it came,
minus the time at which its last sample would have been heard if none had been lost:

    lag = arrival - origin - samples so far / rate                                                      (1)

A late block has a large lag. The blocks after it have smaller lags again, because they waited in a queue and come at
once. If samples are lost, the lag rises and stays. So a late block is kept until the lag has fallen back (it was late,
and nothing is missing) or stops falling (the difference is the loss). The loss is somewhere in the audio between; that
audio is put aside, so that no window takes both sides of a gap for one piece.

The lag of a faultless stream moves too, because no sound card has exactly its nominal rate. The *floor*, the smallest
recent lag, follows it slowly.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .blocks import Block

# Two blocks of PortAudio. Idle machines jitter by milliseconds, and a block more or less in a server's buffer is no
# loss; several short losses add up until they reach this limit.
_LATE_S = 0.1
# The lag has stopped falling when it is no smaller than half a second before, but for jitter
_SETTLING_S = 0.5
_JITTER_S = 0.02
# Shortest lateness to report: an idle sound server may deliver 2 s at once.
_TOLD_LATENESS_S = 2.5
# Crystals of sound cards are within 100 ppm, cheap USB microphones within 300.
_DRIFT = 500e-6
# The first seconds establish the usual lag: the very first block may itself have been late.
_STARTING_S = 3.0

GapCause = Literal["lost", "overflow", "queue", "away"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """Samples that continue the samples before them, unless a `Gap` came in between."""

    samples: NDArray[np.float32]
    """Shape [frames, channels], full scale ±1."""
    start_frame: int
    """Their start: frames since listening began, including lost frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Audio is missing here."""

    lost_s: float
    """Seconds that never came; 0 if the sound system reports a loss and the clock sees less than 0.1 s."""
    discarded_s: float
    """Seconds that came, but from an unknown side of the gap."""
    cause: GapCause
    """Origin: found by the clock, told by the sound system, dropped by our own full queue, or the source was away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """Audio came late, and all of it came."""

    seconds: float
    """Seconds by which it came late."""


class SampleClock:
    """Place blocks on the time line.

    Parameters
    ----------
    rate_hz
        Nominal sampling rate of the sound system.
    """

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._origin_s: float | None = None
        self._floor_s = 0.0
        self._usual_floor_s = 0.0
        self._drift_s = 0.0
        # position of the next frame to return, and frames put aside behind it
        self._next_frame = 0
        self._pending: deque[tuple[Block, float]] = deque()
        self._pending_frames = 0

    @property
    def drift_s(self) -> float:
        """Drift of the sound card against the clock: positive if it is slower than its nominal rate."""
        return self._drift_s

    def take(self, block: Block) -> list[Audio | Gap | Lateness]:
        """Take the next block; return the pieces that are now known, in order."""
        frames = len(block.samples)
        if self._origin_s is None:
            self._origin_s = block.arrival_s - (frames + block.dropped_frames) / self._rate_hz
        known: list[Audio | Gap | Lateness] = []
        if block.dropped_frames:
            known.append(self._cut(block.dropped_frames, "queue"))
        if block.returned:
            # another stream, with a lag of its own: nothing but the time says how much is missing
            end = self._next_frame + self._pending_frames + frames
            away_s = block.arrival_s - self._origin_s - end / self._rate_hz - self._floor_s
            known.append(self._cut(max(0, round(away_s * self._rate_hz)), "away"))
        end = self._next_frame + self._pending_frames + frames
        lag_s = block.arrival_s - self._origin_s - end / self._rate_hz
        if lag_s - self._floor_s > _LATE_S:
            self._put_aside(block, lag_s)
            return known + self._judge_lateness()
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

    def _judge_lateness(self) -> list[Audio | Gap | Lateness]:
        """Decide whether the lag still falls; if not, the missing audio is lost."""
        arrival_s = self._pending[-1][0].arrival_s
        recent = [lag for block, lag in self._pending if block.arrival_s > arrival_s - _SETTLING_S]
        before = [
            lag
            for block, lag in self._pending
            if arrival_s - 2 * _SETTLING_S < block.arrival_s <= arrival_s - _SETTLING_S
        ]
        if not before or min(recent) < min(before) - _JITTER_S:
            return []
        # The lag settled half a second ago or earlier. The block with the gap came then: later blocks lie behind it.
        kept: list[Block] = []
        while self._pending and self._pending[-1][0].arrival_s > arrival_s - _SETTLING_S / 2:
            kept.append(self._pending.pop()[0])
        self._pending_frames -= sum(len(block.samples) for block in kept)
        lost_s = min(recent) - self._floor_s
        cause: GapCause = "overflow" if any(block.overflowed for block, _ in self._pending) else "lost"
        gap = self._cut(round(lost_s * self._rate_hz), cause)
        return [gap, *(self._place(block) for block in reversed(kept))]

    def _cut(self, lost_frames: int, cause: GapCause) -> Gap:
        """Begin a gap after the last returned frame: lost frames, and frames put aside."""
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
