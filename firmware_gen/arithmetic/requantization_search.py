"""Constants that requantize an accumulator in two to four instructions, searched and proved when code is generated.

TFLite rounds twice, equations (13) and (14) of docs/quantization.md, which costs some 20 instructions. But the output
is a step function of the accumulator with at most 255 steps, and a cheaper formula with the right constants has the
same steps. The search finds the steps, then such constants; `proves` checks them without relying on the search.

Formula
-------
With u = (acc << prescale) + addend, 32 bits wide:

    q = clamp((floor(u * multiplier / 2^32) + rounding - [u < 0] * negative) >> shift)            (15'')

`negative` makes ties of negative sums go away from zero. It is 0 where every reachable sum allows that, for instance
after a RELU at zero point -128, where all negative sums give -128.

Source: docs/engine/design.md, equations (37) to (41), derives search and proof; (15'') is in docs/quantization.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .scales import INT32_LIMIT, ChannelScales

Int64s = NDArray[np.int64]

LARGEST_SHIFT = 20
"""Larger shifts are not searched: (k << 32 + shift) must have 64 bits."""
_FAR = 1 << 62
_CHANNELS_AT_ONCE = 512
_MULTIPLIER_STEPS = (0, 1, -1, 2, -2, 3, -3, 4, -4, 6, -6, 8, -8)
_ADDENDS = 1 << 20
_ADDENDS_AT_ONCE = 1 << 10
_MOST_TRIED = 1 << 25


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """The accumulators of an operator's channels, and how they become outputs."""

    low: Int64s
    """Least reachable sum, shape [channels]; the bias and the input offset are part of it."""
    high: Int64s
    """Largest reachable sum, shape [channels]."""
    scales: ChannelScales
    """Multiplier and exponent of each channel: equation (12)."""
    zero_point: int
    """Zero point of the output."""
    output_range: tuple[int, int]
    """Least and largest output: equation (15)."""

    def part(self, begin: int, end: int) -> Sums:
        """Return some of the channels."""
        return Sums(
            low=self.low[begin:end],
            high=self.high[begin:end],
            scales=ChannelScales(multiplier=self.scales.multiplier[begin:end], shift=self.scales.shift[begin:end]),
            zero_point=self.zero_point,
            output_range=self.output_range,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Requantization:
    """Constants of formula (15''), shape [channels] where arrays."""

    prescale: int
    """Left shift of the sum. 8 costs nothing where weights are widened to 16 bits: a weight stays in the high byte."""
    shift: int
    """Right shift at the end, the same for all channels."""
    addend: Int64s
    """Added to the shifted sum. A kernel starts its sum at (bias << prescale) + addend."""
    multiplier: Int64s
    """From 0 to 2^31 - 1."""
    rounding: Int64s
    """Added to the high half of the product."""
    negative: Int64s
    """Subtracted from it where u is negative; from 0 up."""

    @property
    def has_negative(self) -> bool:
        """Whether the sign of the sum matters in any channel."""
        return bool(np.any(self.negative))


def reachable_sums(bias: Int64s, by_channel: Int64s) -> tuple[Int64s, Int64s]:
    """Return the least and the largest sum of int8 inputs.

    Parameters
    ----------
    bias
        Bias with the input offset folded in, equation (10), shape [channels].
    by_channel
        Weights, shape [channels, taps].

    Returns
    -------
    tuple
        low and high, shape [channels] each.
    """
    positive, negative = np.maximum(by_channel, 0).sum(axis=1), np.minimum(by_channel, 0).sum(axis=1)
    return bias - 128 * positive + 127 * negative, bias + 127 * positive - 128 * negative


def exact_outputs(sums: Sums, acc: Int64s) -> Int64s:
    """Return TFLite's outputs: equations (13) to (15).

    Parameters
    ----------
    sums
        The channels.
    acc
        Sums, shape [channels, n]; shifted left by the exponent where that is positive they must have 32 bits.

    Returns
    -------
    NDArray[np.int64]
        Shape [channels, n].
    """
    multiplier, exponent = sums.scales.multiplier[:, None], sums.scales.shift[:, None]
    left, right = np.maximum(exponent, 0), np.maximum(-exponent, 0)
    high = ((acc << left) * multiplier + (1 << 30)) >> 31
    mask = (np.int64(1) << right) - 1
    scaled = (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))
    low, high_end = sums.output_range
    return np.asarray(np.clip(scaled + sums.zero_point, low, high_end), np.int64)


def requantize_sums(constants: Requantization, sums: Sums, acc: Int64s) -> Int64s:
    """Return what formula (15'') gives for sums of shape [channels, n]."""
    u = (acc << constants.prescale) + constants.addend[:, None]
    value = (u * constants.multiplier[:, None] >> 32) + constants.rounding[:, None]
    value = value - np.where(u < 0, constants.negative[:, None], 0)
    return np.asarray(np.clip(value >> constants.shift, *sums.output_range), np.int64)


def find_requantization(sums: Sums, *, prescale: int = 0, shift: int | None = None) -> Requantization | None:
    """Search for constants that give exactly TFLite's outputs for every reachable sum.

    Parameters
    ----------
    sums
        The channels.
    prescale
        Left shift of the sums. With some bits, constants are nearly always found; without any, hardly ever where
        negative sums have different outputs.
    shift
        Right shift; by default the largest for which all multipliers have 31 bits.

    Returns
    -------
    Requantization | None
        None when there are none, or the sums do not fit; otherwise `proves` holds.
    """
    scales = sums.scales
    if not _within_32_bits(sums, prescale):
        return None
    if shift is None:
        largest = int(np.max(scales.shift, where=scales.multiplier > 0, initial=-31))
        shift = min(prescale - 1 - largest, LARGEST_SHIFT)
    if not 0 <= shift <= LARGEST_SHIFT:
        return None
    parts = []
    for begin in range(0, len(sums.low), _CHANNELS_AT_ONCE):
        part = _search(sums.part(begin, begin + _CHANNELS_AT_ONCE), prescale, shift)
        if part is None:
            return None
        parts.append(part)
    constants = Requantization(
        prescale=prescale,
        shift=shift,
        addend=np.concatenate([part.addend for part in parts]),
        multiplier=np.concatenate([part.multiplier for part in parts]),
        rounding=np.concatenate([part.rounding for part in parts]),
        negative=np.concatenate([part.negative for part in parts]),
    )
    return constants if proves(constants, sums) else None


def proves(constants: Requantization, sums: Sums) -> bool:
    """Tell whether formula (15'') equals TFLite's outputs for every reachable sum, and nothing in it overflows 32 bits.

    Both are step functions that never fall, so it is enough to compare them at both ends of every step of TFLite's. The
    ends are checked too: neighbouring points are one apart or have the same output.
    """
    return _within_32_bits(sums, constants.prescale) and all(
        _proves_part(constants, sums, begin, begin + _CHANNELS_AT_ONCE)
        for begin in range(0, len(sums.low), _CHANNELS_AT_ONCE)
    )


def _proves_part(constants: Requantization, sums: Sums, begin: int, end: int) -> bool:
    sums = sums.part(begin, end)
    part = _Part(
        addend=constants.addend[begin:end],
        multiplier=constants.multiplier[begin:end],
        rounding=constants.rounding[begin:end],
        negative=constants.negative[begin:end],
    )
    constants = Requantization(prescale=constants.prescale, shift=constants.shift, **_fields(part))
    if np.any((part.multiplier < 0) | (part.multiplier >= INT32_LIMIT) | (part.negative < 0)):
        return False
    low, high = sums.low[:, None], sums.high[:, None]
    steps = _steps(sums)
    points = np.sort(np.clip(np.concatenate([low, steps - 1, steps, high], axis=1), low, high), axis=1)
    exact = exact_outputs(sums, points)
    if np.any((np.diff(points, axis=1) > 1) & (np.diff(exact, axis=1) != 0)):
        return False
    ends = np.concatenate([low, high], axis=1)
    u = (ends << constants.prescale) + part.addend[:, None]
    product = (u * part.multiplier[:, None] >> 32) + part.rounding[:, None]
    largest = max(int(np.abs(values).max()) for values in (u, part.addend, part.rounding, product))
    if largest + int(part.negative.max()) >= INT32_LIMIT - 1:
        return False
    return np.array_equal(requantize_sums(constants, sums, points), exact)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """Constants of some channels."""

    addend: Int64s
    multiplier: Int64s
    rounding: Int64s
    negative: Int64s


def _fields(part: _Part) -> dict[str, Int64s]:
    return {
        "addend": part.addend,
        "multiplier": part.multiplier,
        "rounding": part.rounding,
        "negative": part.negative,
    }


def _within_32_bits(sums: Sums, prescale: int) -> bool:
    """Tell whether the sums fit 32 bits in TFLite's arithmetic and in (15''), with room for an addend."""
    shift = np.maximum(np.maximum(sums.scales.shift, 0), prescale)
    largest = np.maximum(np.abs(sums.low), np.abs(sums.high))
    return bool(np.all((shift <= 30) & (largest < (INT32_LIMIT - 1 >> np.clip(shift, 0, 30)))))


def _steps(sums: Sums) -> Int64s:
    """Return, for each output k above the least, the least sum that gives k or more; high + 1 if no sum does.

    Formula: the real step is (k - 1/2 - zero_point) / scale; two roundings move it by one sum at most, and float64
    by another. Shape [channels, outputs - 1].
    """
    outputs = np.arange(sums.output_range[0] + 1, sums.output_range[1] + 1, dtype=np.int64)
    low, high = sums.low[:, None], sums.high[:, None]
    scale = np.ldexp(sums.scales.multiplier.astype(np.float64), sums.scales.shift.astype(np.int32) - 31)
    near = (outputs - 0.5 - sums.zero_point)[None, :] / np.maximum(scale, 2.0**-40)[:, None]
    first = np.clip(np.ceil(np.clip(near, -(2.0**40), 2.0**40)).astype(np.int64) - 2, low, high)
    step = first.copy()
    for offset in range(5):
        step += exact_outputs(sums, np.minimum(first + offset, high)) < outputs
    return np.minimum(step, high + 1)


def _search(sums: Sums, prescale: int, shift: int) -> _Part | None:
    """Search the constants of some channels: formula (15'') with a given prescale and shift.

    With O = addend * multiplier + rounding * 2^32, an output is k or more from the sum T on when
    k * 2^(32 + shift) <= (T << prescale) * multiplier + O - [u < 0] * negative * 2^32, and less than k at T - 1.
    Every step bounds O from both sides; those of negative sums bound O - negative * 2^32.
    """
    exact = np.ldexp(sums.scales.multiplier.astype(np.float64), sums.scales.shift.astype(np.int32) + 1)
    ideal = np.rint(np.ldexp(exact, shift - prescale))
    if np.any(ideal > INT32_LIMIT - 16):
        return None
    steps = _steps(sums)
    n_channels = len(steps)
    multiplier = ideal.astype(np.int64)
    bounds = _bounds(sums, steps, multiplier, prescale, shift)
    for step in _MULTIPLIER_STEPS[1:]:
        bad = np.flatnonzero(~_compatible(bounds))
        if not bad.size:
            break
        tried = np.maximum(ideal[bad].astype(np.int64) + step, 0)
        some = Sums(
            low=sums.low[bad],
            high=sums.high[bad],
            scales=ChannelScales(multiplier=sums.scales.multiplier[bad], shift=sums.scales.shift[bad]),
            zero_point=sums.zero_point,
            output_range=sums.output_range,
        )
        multiplier[bad] = tried
        for name, values in _bounds(some, steps[bad], tried, prescale, shift).items():
            bounds[name][bad] = values
    if not _compatible(bounds).all():
        return None
    negative = _negative(bounds)
    lower = np.maximum(bounds["lower"], bounds["lower_negative"] + (negative << 32))
    upper = np.minimum(bounds["upper"], bounds["upper_negative"] + (negative << 32))
    # where the sign matters, u must have the sign of the sum
    most = np.where(negative > 0, 1 << prescale, _ADDENDS)
    pair = _split(lower, upper, multiplier, most)
    if pair is None:
        return None
    assert len(pair[0]) == n_channels
    return _Part(addend=pair[0], multiplier=multiplier, rounding=pair[1], negative=negative)


def _bounds(sums: Sums, steps: Int64s, multiplier: Int64s, prescale: int, shift: int) -> dict[str, Int64s]:
    """Return the bounds of O, lower included and upper not, from sums of either sign.

    A missing bound is a number so far away that it has no effect, but not so far that sums of bounds overflow.
    """
    least, most = sums.output_range
    outputs = np.arange(least + 1, most + 1, dtype=np.int64)
    ends = exact_outputs(sums, np.stack([sums.low, sums.high], axis=1))
    low, high = sums.low[:, None], sums.high[:, None]
    # sums that must give at least k: the first of each step; the least one, its own output
    at_least = np.concatenate([steps, low], axis=1)
    k = np.concatenate([np.broadcast_to(outputs, steps.shape), ends[:, :1]], axis=1)
    counts = np.concatenate([(steps > low) & (steps <= high), ends[:, :1] > least], axis=1)
    lower = (k << 32 + shift) - (at_least << prescale) * multiplier[:, None]
    # sums that must give less than k: the last before each step; the largest one, less than the next output
    below = np.concatenate([steps - 1, high], axis=1)
    k = np.concatenate([np.broadcast_to(outputs, steps.shape), ends[:, 1:] + 1], axis=1)
    counts_below = np.concatenate([(steps > low) & (steps <= high), ends[:, 1:] < most], axis=1)
    upper = (k << 32 + shift) - (below << prescale) * multiplier[:, None]
    far = _FAR >> 2

    def largest(where: NDArray[np.bool_]) -> Int64s:
        return np.asarray(np.max(lower, axis=1, where=where, initial=-far), np.int64)

    def smallest(where: NDArray[np.bool_]) -> Int64s:
        return np.asarray(np.min(upper, axis=1, where=where, initial=far), np.int64)

    return {
        "lower": largest(counts & (at_least >= 0)),
        "upper": smallest(counts_below & (below >= 0)),
        "lower_negative": largest(counts & (at_least < 0)),
        "upper_negative": smallest(counts_below & (below < 0)),
    }


def _negative(bounds: dict[str, Int64s]) -> Int64s:
    """Return the constant of negative sums: 0 where the bounds agree without, else from the middle of what they allow.

    A negative one would make (15'') fall where the sign changes.
    """
    least = bounds["lower"] - bounds["upper_negative"]
    most = bounds["upper"] - bounds["lower_negative"]
    middle = (((least >> 1) + (most >> 1)) + (1 << 31)) >> 32
    return np.where((least < 0) & (most > 0), 0, np.maximum(middle, 0))


def _compatible(bounds: dict[str, Int64s]) -> NDArray[np.bool_]:
    negative = _negative(bounds)
    lower = np.maximum(bounds["lower"], bounds["lower_negative"] + (negative << 32))
    upper = np.minimum(bounds["upper"], bounds["upper_negative"] + (negative << 32))
    return lower < upper


def _split(lower: Int64s, upper: Int64s, multiplier: Int64s, most: Int64s) -> tuple[Int64s, Int64s] | None:
    """Split an O between bounds into addend * multiplier + rounding * 2^32, the addend from 0 to below `most`.

    Bounds far apart are narrowed about their middle, or about the one that is near.
    """
    reach = np.int64(1) << 50
    upper = np.minimum(upper, np.maximum(lower, -reach) + reach)
    lower = np.maximum(lower, upper - reach)
    addend, rounding = np.zeros_like(lower), np.zeros_like(lower)
    left = np.arange(len(lower))
    n_tried = 0
    for begin in range(0, _ADDENDS, _ADDENDS_AT_ONCE):
        # nearly all channels find theirs soon; where many do not, the last ones hardly will
        n_tried += len(left) * _ADDENDS_AT_ONCE
        if n_tried > _MOST_TRIED:
            break
        tried = np.arange(begin, begin + _ADDENDS_AT_ONCE, dtype=np.int64)
        product = tried[None, :] * multiplier[left, None]
        units = -((product - lower[left, None]) >> 32)
        fits = ((units << 32) + product < upper[left, None]) & (tried < most[left, None])
        first = fits.argmax(axis=1)
        done = fits[np.arange(len(left)), first]
        addend[left[done]] = tried[first[done]]
        rounding[left[done]] = units[np.arange(len(left)), first][done]
        left = left[~done]
        if not left.size:
            return addend, rounding
        if not np.any(most[left] > begin + _ADDENDS_AT_ONCE):
            break
    return None
