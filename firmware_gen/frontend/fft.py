"""Passes of the Fourier transform: which radices, which input goes where, which factors in which order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_kit.frontend import FrontEndSpec

_FIRST_INPUTS = {8: (4, 6, 8), 4: (3, 4)}
"""Radix of a first pass with its own kernel -> how many of its inputs that takes; the others are zeros."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FftPlan:
    """Passes of a complex transform, decimation in time."""

    first: int | None
    """Radix of a first pass that takes the window's samples itself; None: windowed samples are stored first."""
    inputs: int
    """How many inputs of that pass the window reaches, rounded up to what there is a kernel for."""
    middle: tuple[tuple[int, int], ...]
    """Radix of each pass after it, and the length of the transforms it joins."""
    fused_last: bool
    """Whether a last pass of radix 4 makes powers of its bins at once."""

    @property
    def radices(self) -> tuple[int, ...]:
        """Radix of each pass, in order."""
        first = () if self.first is None else (self.first,)
        return (*first, *(radix for radix, _ in self.middle), *((4,) if self.fused_last else ()))

    @property
    def first_name(self) -> str:
        """Part of the name of the first pass's kernel."""
        return "any" if self.first is None else f"{self.first}x{self.inputs}"

    def samples_read(self, win_length: int) -> int:
        """Return how many samples the first pass reads: the window, or a little more."""
        if self.first is None:
            return win_length
        return self.inputs * (2 * math.prod(self.radices) // self.first)


def plan_passes(n: int, win_length: int, *, fixed: bool = False) -> FftPlan:
    """Choose the passes of a complex transform of `n` points, made of `win_length` real samples and zeros.

    Large radices load and store less often. The last pass has radix 4 where it can: then it need not store what it
    makes, only the powers. In integers (`fixed`) there are no such pass and none of radix 8: cores without floats have
    too few registers for them.
    """
    fused_last = n % 4 == 0 and not fixed
    radices = _factor(n // 4 if fused_last else n, 2 if fixed else 3)
    first = max((radix for radix in radices if radix in _FIRST_INPUTS), default=None)
    inputs = 0
    m = 1
    if first is not None:
        radices.remove(first)
        m = first
        reached = math.ceil(win_length / (2 * n // first))
        inputs = min(count for count in _FIRST_INPUTS[first] if count >= reached)
    middle = []
    for radix in radices:
        middle.append((radix, m))
        m *= radix
    return FftPlan(first=first, inputs=inputs, middle=tuple(middle), fused_last=fused_last)


def _factor(n: int, largest_exponent: int) -> list[int]:
    radices: list[int] = []
    for radix in (5, 3):
        while n % radix == 0:
            radices.append(radix)
            n //= radix
    exponent = n.bit_length() - 1
    if largest_exponent == 3:
        eights = (exponent - 2) // 3 if exponent % 3 == 1 and exponent > 1 else exponent // 3  # 4 x 4, not 8 x 2
        radices += [8] * eights
        exponent -= 3 * eights
    return [*radices, *[4] * (exponent // 2), *[2] * (exponent % 2)]


def input_places(radices: tuple[int, ...]) -> NDArray[np.int64]:
    """Return where each input goes so that decimation in time ends in natural order.

    The last pass joins `radix` transforms of the inputs q, q + radix, q + 2 radix, ...: transform q lies at q * m.
    """
    n = math.prod(radices)
    index = np.arange(n)
    place = np.zeros(n, np.int64)
    size = n
    for radix in reversed(radices):
        size //= radix
        place += index % radix * size
        index //= radix
    return place


def first_inputs(plan: FftPlan, n: int) -> NDArray[np.int64]:
    """Return which inputs each transform of the first pass takes, shape [n / first, inputs]."""
    order = np.argsort(input_places(plan.radices)).reshape(n // plan.radices[0], plan.radices[0])
    return order[:, : plan.inputs]


def twiddles(radix: int, m: int) -> NDArray[np.complex128]:
    """Return the factors of a pass, shape [m, radix - 1]: exp(-2 pi i j q / (m radix))."""
    j, q = np.meshgrid(np.arange(m), np.arange(1, radix), indexing="ij")
    return np.asarray(np.exp(-2j * np.pi * (j * q / (m * radix))))


def last_turns(n: int) -> NDArray[np.complex128]:
    """Return the factors of asc_fft_power_4_f32, shape [n / 8, 4], for transforms of `n` complex points."""
    j = np.arange(1, n // 8 + 1)[:, np.newaxis]
    eighths = np.concatenate([2 * j, 4 * j, 6 * j, j], axis=1)
    return np.asarray(np.exp(-2j * np.pi * (eighths / (2 * n))))


def split_turns(n: int) -> NDArray[np.complex128]:
    """Return the factors of asc_fft_power_any_f32, shape [n / 2]."""
    return np.asarray(np.exp(-2j * np.pi * (np.arange(1, n // 2 + 1) / (2 * n))))


def in_reading_order(
    plan: FftPlan, spec: FrontEndSpec, taper: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return where the first pass finds its inputs, and the window in the order it reads it.

    Parameters
    ----------
    plan
        Passes of the transform.
    spec
        The specification.
    taper
        The window, shape [win_length].

    Returns
    -------
    tuple
        First sample of each transform of the first pass, or, where there is no such pass, twice the place of each
        complex input; and the window's values.
    """
    half = spec.n_fft // 2
    if plan.first is None:
        return 2 * input_places(plan.radices), taper
    inputs = first_inputs(plan, half)
    padded = np.zeros(spec.n_fft)
    padded[: spec.win_length] = taper
    return 2 * inputs[:, 0], padded.reshape(half, 2)[inputs].reshape(-1)


def declare(plan: FftPlan, factors: Sequence[NDArray[Any]], suffix: str, fields: Mapping[str, object]) -> list[str]:
    """Return C text: the middle passes with their factors, and `tables` with fields that may refer to them.

    Parameters
    ----------
    plan
        Passes of the transform.
    factors
        Complex factors of each middle pass, interleaved, in the array `twiddles`.
    suffix
        f32 or s32.
    fields
        Fields of the front end's tables beside the passes.
    """
    rows, at = [], 0
    for (radix, m), values in zip(plan.middle, factors, strict=True):
        rows.append(f"    {{asc_fft_pass_{radix}_{suffix}, {m}, twiddles + {at}}},")
        at += values.size
    passes = [f"static const asc_fft_pass_{suffix}_t passes[] = {{", *(rows or ["    {0, 0, 0},"]), "};"]
    every = {**fields, "passes": "passes", "n_passes": len(rows)}
    # in the order of the struct, without which C++ does not take them
    order = ("first_pass", "window", "passes", "n_passes")
    names = [*order, *(name for name in fields if name not in order)]
    lines = [f"    .{name} = {every[name]}," for name in names]
    tables = [f"static const asc_frontend_{suffix}_t tables = {{", *lines, "};"]
    return ["\n".join(passes), "\n".join(tables)]
