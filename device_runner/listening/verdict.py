"""Judge an input: the sound of a place, or the output of a muted, broken or badly set microphone.

A network names a scene for any input, even for digital silence. So each piece of audio is judged as the sound system
delivers it, before it is mixed and resampled, and bad input is never classified.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Reason = Literal[
    "not_numbers", "zeros", "constant", "too_quiet", "repeats", "channels_cancel", "clipped",
    "rerouted", "nothing_comes", "gap",
]  # fmt: skip

# Rounding to 16 bit alone makes noise of -101 dBFS, with dither -96 dBFS; the quietest microphones in the quietest
# rooms are above -85. What is below -90 is converter noise with no microphone behind it.
QUIETEST_DBFS = -90.0
# The mix of n independent channels is 10 log10(n) dB below their mean power; a mix lower by this much needs opposite
# channels (a correlation of -0.9 between two), which microphones in a room do not have.
CANCELLATION_DB = 10.0
# Noise that is clipped at 2.6 sigma, 1 % of its samples, has distortion at -27 dB. Scenes fall by 20 to 40 dB from
# their lowest to their highest bands, where the distortion is then louder than the sound.
CLIPPED_SHARE = 0.01
# Full scale of 16 bit is 1 - 2**-15 on its upper side.
FULL_SCALE = 1 - 2**-15
# Flat tops below full scale: clipped before a volume control. A sine has at most 4 % of its samples on its extremes, in
# 16 bit and from -40 dBFS up; a sine that is clipped by 1 dB has 30 %.
FLAT_SHARE = 0.25
FLAT_FROM_DBFS = -40.0
# Beyond this (36 dB above full scale) floats are no audio: a program forgot to divide by 32768.
LARGEST = 64.0
# Level shown for digital silence, below the noise of any 16-bit recording.
FLOOR_DBFS = -120.0

# A fault is reported when it lasts this long: longer than the pauses of a noise gate, short against 3 s.
_LONGEST_SPAN_S = 1.0
# Short windows are judged by half of their length, down to this; a shorter span would report a pause in speech.
_SHORTEST_SPAN_S = 0.25
# Buffers that a broken driver repeats are up to a second long.
_LONGEST_PERIOD_S = 1.0
# Interval of the search for repetition, which takes longer than the sums.
_SEARCH_S = 0.2
_PATTERN = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class InputVerdict:
    """The verdict on the last moments of an input."""

    reason: Reason | None
    """Reason why it cannot be classified; None if it can."""
    words: str
    """Reason, for people, in a few words; empty if there is none."""
    span_s: float
    """Seconds judged, up to now."""
    is_whole: bool
    """Whether these seconds suffice to detect a fault."""
    level_dbfs: float
    """Level (RMS) of the mix without its mean, against full scale, at least -120."""
    peak_dbfs: float
    """The largest sample of any channel, at least -120."""
    offset: float
    """Mean of the channel where it is largest, full scale ±1."""
    clipped_share: float
    """Share of samples at or beyond full scale, of the channel with the most of them."""


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums of a piece, per channel, with the mix of all channels as the last."""

    frames: int
    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    lowest: NDArray[np.float64]
    highest: NDArray[np.float64]
    at_lowest: NDArray[np.int64]
    at_highest: NDArray[np.int64]
    at_full_scale: NDArray[np.int64]
    strange: int


class InputJudge:
    """Judge audio as it comes.

    Parameters
    ----------
    rate_hz
        Sampling rate of the audio as it comes.
    window_s
        Length of the windows that are classified.
    """

    def __init__(self, rate_hz: int, window_s: float) -> None:
        self.span_s = min(max(window_s / 2, _SHORTEST_SPAN_S), _LONGEST_SPAN_S)
        self._rate_hz = rate_hz
        self._span = round(self.span_s * rate_hz)
        self._sums: deque[_Sums] = deque()
        self._mix = np.zeros(0, np.float32)
        self._unsearched = 0
        self._period = 0

    def take(self, samples: NDArray[np.float32]) -> tuple[NDArray[np.float32], InputVerdict]:
        """Take the next piece, which should be short against a second.

        Parameters
        ----------
        samples
            Shape [frames, channels], full scale ±1; any values are allowed.

        Returns
        -------
        tuple
            The mean over the channels, shape [frames], always finite; and the verdict on the last moments, this piece
            included.
        """
        sums, mix = _sum_up(samples)
        self._sums.append(sums)
        held = sum(each.frames for each in self._sums)
        while held - self._sums[0].frames >= self._span:
            held -= self._sums.popleft().frames
        # the longest period twice
        longest = round((max(self.span_s, _LONGEST_PERIOD_S) + _LONGEST_PERIOD_S) * self._rate_hz)
        self._mix = np.concatenate([self._mix, mix])[-longest:]
        self._unsearched += len(mix)
        if self._unsearched >= _SEARCH_S * self._rate_hz:
            self._unsearched = 0
            self._period = find_period(self._mix, self._span)
        elif self._period and not _repeats(self._mix, len(mix), self._period):
            self._period = 0
        return mix, self._verdict(held)

    def _verdict(self, held: int) -> InputVerdict:
        count = held
        total = np.sum([s.total for s in self._sums], axis=0)
        squares = np.sum([s.squares for s in self._sums], axis=0)
        lowest = np.min([s.lowest for s in self._sums], axis=0)
        highest = np.max([s.highest for s in self._sums], axis=0)
        mean = total / count
        power = np.maximum(squares / count - mean**2, 0)
        # remainder of a constant after rounding in double precision
        power[power < 1e-13 * mean**2] = 0
        clipped = float(np.max(np.sum([s.at_full_scale for s in self._sums], axis=0)[:-1])) / count
        offset = float(mean[:-1][np.argmax(np.abs(mean[:-1]))])
        peak = float(np.max(np.maximum(-lowest, highest)[:-1]))
        reason, words = None, ""
        # less than a span does not suffice yet
        if count >= self._span:
            reason, words = self._find_fault(power, offset, peak, clipped, lowest, highest)
        return InputVerdict(
            reason=reason, words=words, span_s=count / self._rate_hz, is_whole=count >= self._span,
            level_dbfs=to_dbfs(float(power[-1])),
            peak_dbfs=to_dbfs(peak**2), offset=offset, clipped_share=clipped,
        )  # fmt: skip

    def _find_fault(
        self,
        power: NDArray[np.float64],
        offset: float,
        peak: float,
        clipped: float,
        lowest: NDArray[np.float64],
        highest: NDArray[np.float64],
    ) -> tuple[Reason | None, str]:
        """Return the first reason that holds, the most certain first."""
        channels = len(power) - 1
        if any(s.strange for s in self._sums):
            return "not_numbers", "samples that are no audio (not finite, or far beyond full scale)"
        if peak == 0:
            return "zeros", "exact zeros (muted, or nothing is connected)"
        level = to_dbfs(float(np.max(power[:-1])))
        if level < QUIETEST_DBFS and to_dbfs(offset**2) > QUIETEST_DBFS:
            return "constant", f"a constant ({offset:+.4f} of full scale) and no sound"
        if level < QUIETEST_DBFS:
            return "too_quiet", f"{level:.0f} dBFS, and no microphone is below {QUIETEST_DBFS:.0f}"
        loss = to_dbfs(float(np.mean(power[:-1]))) - to_dbfs(float(power[-1]))
        if channels > 1 and loss > CANCELLATION_DB + 10 * math.log10(channels):
            return (
                "channels_cancel",
                f"the channels cancel (their mix is {loss:.0f} dB below them: one is inverted)",
            )
        if clipped > CLIPPED_SHARE:
            return "clipped", f"{100 * clipped:.0f} % of the samples clipped (turn the gain down)"
        flat = self._flat_share(lowest, highest)
        if flat > FLAT_SHARE:
            return "clipped", f"{100 * flat:.0f} % of the samples clipped at {peak:.2f} of full scale"
        if self._period:
            period_ms = 1000 * self._period / self._rate_hz
            return "repeats", f"the same {period_ms:.1f} ms again and again (a frozen driver, or a test tone)"
        return None, ""

    def _flat_share(self, lowest: NDArray[np.float64], highest: NDArray[np.float64]) -> float:
        """Return the share of samples exactly on a channel's extremes, for the loud channel with the largest share."""
        at_extremes = np.zeros(len(lowest) - 1)
        for each in self._sums:
            at_extremes += np.where(each.lowest == lowest, each.at_lowest, 0)[:-1]
            at_extremes += np.where(each.highest == highest, each.at_highest, 0)[:-1]
        is_loud = (highest - lowest)[:-1] / 2 >= 10 ** (FLAT_FROM_DBFS / 20)
        return float(np.max(at_extremes * is_loud)) / sum(s.frames for s in self._sums)


def _sum_up(samples: NDArray[np.float32]) -> tuple[_Sums, NDArray[np.float32]]:
    with np.errstate(invalid="ignore"):
        # NaN is not smaller than any number
        is_audio = np.abs(samples) <= LARGEST
    strange = int(samples.size - np.count_nonzero(is_audio))
    channels = np.where(is_audio, samples, np.float32(0)) if strange else samples
    mix = channels.mean(axis=1, dtype=np.float32)
    wide = np.concatenate([channels, mix[:, None]], axis=1).astype(np.float64)
    lowest, highest = wide.min(axis=0), wide.max(axis=0)
    sums = _Sums(
        frames=len(samples),
        total=wide.sum(axis=0),
        squares=np.square(wide).sum(axis=0),
        lowest=lowest,
        highest=highest,
        at_lowest=np.count_nonzero(wide == lowest, axis=0),
        at_highest=np.count_nonzero(wide == highest, axis=0),
        at_full_scale=np.count_nonzero(np.abs(wide) >= FULL_SCALE, axis=0),
        strange=strange,
    )
    return sums, mix


def find_period(mix: NDArray[np.float32], span: int) -> int:
    """Find the period in samples with which the end of audio repeats itself, bit for bit.

    The last `span` samples, and at least one whole period, must equal the samples a period before. No microphone
    delivers that, because its noise never repeats.

    Parameters
    ----------
    mix
        Shape [n].
    span
        Samples that must repeat.

    Returns
    -------
    int
        The shortest period in samples; 0 if there is none.
    """
    n = len(mix)
    if n < max(span + 1, _PATTERN + 1):
        return 0
    # earlier positions of the last samples, compared sample by sample, so that few candidates remain
    ends = np.flatnonzero(mix[: n - 1] == mix[-1])
    ends = ends[ends >= _PATTERN]
    for back in range(1, _PATTERN):
        ends = ends[mix[ends - back] == mix[n - 1 - back]]
    for period in (n - 1 - ends[::-1])[:8].tolist():
        length = max(span, period)
        if _repeats(mix, length, period):
            return int(period)
    return 0


def _repeats(mix: NDArray[np.float32], length: int, period: int) -> bool:
    """Return whether the last `length` samples equal the samples a period before."""
    start = len(mix) - length
    return start >= period and np.array_equal(mix[start:], mix[start - period : len(mix) - period])


def to_dbfs(power: float) -> float:
    """Return a power relative to full scale, in decibels, at least -120."""
    return max(FLOOR_DBFS, 10 * math.log10(power)) if power > 0 else FLOOR_DBFS


def level_dbfs(audio: NDArray[np.float32]) -> float:
    """Return the level (RMS) of audio in decibels below full scale, at least -120."""
    return to_dbfs(float(np.mean(np.square(audio, dtype=np.float64))))
