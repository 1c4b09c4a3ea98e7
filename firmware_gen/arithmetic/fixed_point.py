"""Fixed-point arithmetic as TFLite's reference kernels do it, on Python integers.

Source: B. Jacob, P. Warden, gemmlowp's fixed-point design; the constants are derived below.
"""

from __future__ import annotations

import math

_ONE_Q31 = (1 << 31) - 1


def high_multiply(a: int, b: int) -> int:
    """Return round(a * b / 2**31), ties up: the product of two Q0.31 numbers."""
    return (a * b + (1 << 30)) >> 31


def saturate_s16(value: int) -> int:
    """Return the nearest 16-bit number."""
    return max(-(1 << 15), min((1 << 15) - 1, value))


def high_multiply_s16(a: int, b: int) -> int:
    """Return round(a * b / 2**15), ties up, saturated: the product of two Q0.15 numbers."""
    return saturate_s16((a * b + (1 << 14)) >> 15)


def rounding_shift(value: int, exponent: int) -> int:
    """Return round(value / 2**exponent), ties away from zero."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (value < 0)
    return (value >> exponent) + ((value & mask) > threshold)


def _q31(value: float) -> int:
    return min(round(value * (1 << 31)), _ONE_Q31)


# exp(-2**n) in Q0.31 for the bits of a Q5.26 number from 1/4 to 16
_BIT_FACTORS = tuple((26 + n, _q31(math.exp(-(2.0**n)))) for n in range(-2, 5))
_EXP_MINUS_EIGHTH = _q31(math.exp(-0.125))
_THIRD = _q31(1 / 3)


def exponential_q31(value: int) -> int:
    """Return exp(value) in Q0.31, for a Q5.26 number from -32 to 0.

    The number is split into a remainder from -1/4 to 0 and bits from 1/4 up. The remainder's exponential is
    exp(-1/8) times a series of four terms around -1/8; each bit set multiplies by its own exponential.
    """
    if value == 0:
        return _ONE_Q31
    quarter = 1 << 24
    remainder = (value & (quarter - 1)) - quarter
    x = (remainder << 5) + (1 << 28)  # Q0.31, from -1/8 to 1/8
    x2 = high_multiply(x, x)
    x3 = high_multiply(x2, x)
    x4_quarter = rounding_shift(high_multiply(x2, x2), 2)
    series = rounding_shift(high_multiply(x4_quarter + x3, _THIRD) + x2, 1)
    result = min(_EXP_MINUS_EIGHTH + high_multiply(_EXP_MINUS_EIGHTH, x + series), _ONE_Q31)
    for bit, factor in _BIT_FACTORS:
        if (remainder - value) & (1 << bit):
            result = high_multiply(result, factor)
    return result


_ONE_Q28 = 1 << 28
_HALF_THREE_Q28 = _ONE_Q28 + (_ONE_Q28 >> 1)
_HALF_SQRT_2 = _q31(math.sqrt(0.5))


def _saturating_left_shift(value: int, places: int) -> int:
    return max(-(1 << 31), min(_ONE_Q31, value << places))


def inverse_square_root(value: int) -> tuple[int, int]:
    """Return multiplier and exponent of 1 / sqrt(value): multiplier * 2**(exponent - 31), for values from 1 to 255.

    The value is scaled by a power of 4 to a Q3.28 number a from 1/2 to 2. Five steps of Newton's iteration, from 1,
    lead to x = 1 / sqrt(a): x <- 1.5 x - a / 2 x^3.
    Source: TFLite's GetInvSqrtQuantizedMultiplierExp.
    """
    if value == 1:
        return _ONE_Q31, 0
    pairs = (32 - value.bit_length() - 1) // 2 - 1
    right_shift = 11 - pairs
    half = rounding_shift(value << 2 * pairs >> 1, 1)
    x = _ONE_Q28
    for _ in range(5):
        cube = _saturating_left_shift(high_multiply(high_multiply(x, x), x), 6)
        x = _saturating_left_shift(high_multiply(_HALF_THREE_Q28, x) - high_multiply(half, cube), 3)
    x = high_multiply(x, _HALF_SQRT_2)
    if right_shift < 0:
        return x << -right_shift, 0
    return x, -right_shift
