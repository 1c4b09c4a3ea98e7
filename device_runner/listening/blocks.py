"""Blocks of audio with the time at which they came, and the bounded queue between PortAudio's thread and ours."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# Linux's clock that runs while the machine sleeps: the sound of that time is missing too
_CLOCK = getattr(time, "CLOCK_BOOTTIME", None)


def now_s() -> float:
    """Return the time in seconds on a clock that never jumps and never stops."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Audio as the sound system delivered it."""

    samples: NDArray[np.float32]
    """Shape [frames, channels], full scale ±1."""
    arrival_s: float
    """Time of its delivery, on the clock of `now_s`."""
    overflowed: bool = False
    """Whether the sound system reports that audio before it was lost."""
    dropped_frames: int = 0
    """Frames directly before it that our own queue had no room for."""
    returned: bool = False
    """Whether the source was away directly before it: what is missing is known by the time of arrival."""
    words: str = ""
    """What happened to the source before it, for people; a block may have nothing but these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Everything that waited in the queue at a moment."""

    blocks: tuple[Block, ...]
    """Blocks in the order of their arrival; none if nothing came for a while."""
    now_s: float
    """That moment, on the clock of `now_s`."""


class BlockQueue:
    """A queue of limited size; when it is full, it drops and counts the oldest block.

    An answer about the present sound is worth more than an answer about the past.

    Parameters
    ----------
    capacity_frames
        Frames it holds.
    """

    def __init__(self, capacity_frames: int) -> None:
        self._capacity = capacity_frames
        self._blocks: deque[Block] = deque()
        self._frames = 0
        self._has_ended = False
        self._condition = threading.Condition()

    def put(self, block: Block) -> None:
        """Add a block; never waits."""
        with self._condition:
            self._blocks.append(block)
            self._frames += len(block.samples)
            while self._frames > self._capacity and len(self._blocks) > 1:
                oldest = self._blocks.popleft()
                self._frames -= len(oldest.samples)
                follower = self._blocks[0]
                self._blocks[0] = replace(
                    follower,
                    overflowed=follower.overflowed or oldest.overflowed,
                    dropped_frames=follower.dropped_frames + oldest.dropped_frames + len(oldest.samples),
                    returned=follower.returned or oldest.returned,
                    words="; ".join(filter(None, (oldest.words, follower.words))),
                )
            self._condition.notify()

    def end(self) -> None:
        """Announce that no more will come."""
        with self._condition:
            self._has_ended = True
            self._condition.notify()

    @property
    def has_ended(self) -> bool:
        """Whether no more will come and all was taken."""
        with self._condition:
            return self._has_ended and not self._blocks

    def take_all(self, timeout_s: float) -> Batch:
        """Take everything that waits; waits for the first block for at most `timeout_s` seconds."""
        with self._condition:
            if not self._blocks and not self._has_ended:
                self._condition.wait(timeout_s)
            blocks = tuple(self._blocks)
            self._blocks.clear()
            self._frames = 0
        return Batch(blocks=blocks, now_s=now_s())


def backoff() -> Iterator[float]:
    """Yield pauses between attempts, in seconds: a quarter of a second first, doubled up to two seconds."""
    pause_s = 0.25
    while True:
        yield pause_s
        pause_s = min(2 * pause_s, 2.0)


def waiting(seconds: float, tick_s: float) -> Iterator[Batch]:
    """Yield empty batches for a time."""
    end_s = now_s() + seconds
    while (left_s := end_s - now_s()) > 0:
        time.sleep(min(left_s, tick_s))
        yield Batch(blocks=(), now_s=now_s())
