"""Searched requantization constants: equal to TFLite's arithmetic on every sum, and a proof that notices when not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from asc_kit.firmware_gen.arithmetic.requantization_search import (
    Requantization,
    Sums,
    exact_outputs,
    find_requantization,
    proves,
    reachable_sums,
    requantize_sums,
)
from asc_kit.firmware_gen.arithmetic.scales import (
    ChannelScales,
    channel_scales,
    quantize_multiplier,
    scale_wide,
)

RANDOM_SEED = 20261121
RANGES = {"none": (-128, 127), "relu": (-128, 127), "relu above": (-20, 127), "relu6": (-128, 40)}
ZERO_POINTS = {"none": -17, "relu": -128, "relu above": -20, "relu6": -128}


def make_sums(rng: np.random.Generator, *, activation: str, channels: int, reach: int, outputs: float) -> Sums:
    """Return channels whose sums reach about `reach` and cover about `outputs` steps of the output."""
    scales = [float(outputs / reach * 2 ** rng.uniform(-1.5, 0)) for _ in range(channels)]
    low = -rng.integers(reach // 2, reach, channels)
    return Sums(
        low=low,
        high=low + rng.integers(reach, 2 * reach, channels),
        scales=channel_scales(scales),
        zero_point=ZERO_POINTS[activation],
        output_range=RANGES[activation],
    )


def reference(sums: Sums, channel: int, acc: NDArray[np.int64]) -> NDArray[np.int64]:
    """Equations (13) to (15), by the function that the portable kernels' tests use."""
    scaled = scale_wide(acc, int(sums.scales.multiplier[channel]), int(sums.scales.shift[channel]))
    return np.clip(scaled + sums.zero_point, *sums.output_range)


def all_equal(constants: Requantization, sums: Sums) -> bool:
    """Compare on every reachable sum."""
    for channel in range(len(sums.low)):
        acc = np.arange(sums.low[channel], sums.high[channel] + 1)
        part = sums.part(channel, channel + 1)
        one = dataclasses.replace(
            constants,
            **{
                name: getattr(constants, name)[channel : channel + 1]
                for name in ("addend", "multiplier", "rounding", "negative")
            },
        )
        if not np.array_equal(requantize_sums(one, part, acc[None, :])[0], reference(sums, channel, acc)):
            return False
    return True


@pytest.mark.parametrize("activation", RANGES)
@pytest.mark.parametrize("prescale", [0, 8])
@pytest.mark.parametrize("reach, outputs", [(3000, 300.0), (40_000, 150.0), (40_000, 2000.0)])
def test_equal_on_every_sum(activation: str, prescale: int, reach: int, outputs: float) -> None:
    rng = np.random.default_rng(RANDOM_SEED)
    found = 0
    for _ in range(5):
        sums = make_sums(rng, activation=activation, channels=4, reach=reach, outputs=outputs)
        constants = find_requantization(sums, prescale=prescale)
        if constants is not None:
            assert all_equal(constants, sums)
            found += 1
    # without prescaling only outputs that ignore negative sums can be expected to have constants
    assert found >= (4 if prescale else 1 if activation in ("relu", "relu6") else 0)


@pytest.mark.parametrize("activation", RANGES)
def test_equal_about_every_step_of_long_ranges(activation: str) -> None:
    rng = np.random.default_rng(RANDOM_SEED)
    sums = make_sums(rng, activation=activation, channels=40, reach=1 << 20, outputs=400.0)
    constants = find_requantization(sums, prescale=8)
    assert constants is not None
    scale = np.ldexp(sums.scales.multiplier.astype(float), sums.scales.shift - 31)
    steps = ((np.arange(-128, 128) + 0.5 - sums.zero_point)[None, :] / scale[:, None]).astype(np.int64)
    acc = np.concatenate([steps + offset for offset in range(-4, 5)], axis=1)
    acc = np.concatenate([acc, rng.integers(sums.low[:, None], sums.high[:, None], (40, 5000))], axis=1)
    acc = np.clip(acc, sums.low[:, None], sums.high[:, None])
    given = requantize_sums(constants, sums, acc)
    for channel in range(40):
        np.testing.assert_array_equal(given[channel], reference(sums, channel, acc[channel]))


@pytest.mark.parametrize("prescale", [0, 8])
def test_the_proof_knows_what_every_sum_knows(prescale: int) -> None:
    """Whatever is done to the constants, the proof holds exactly if every sum gives the right output."""
    rng = np.random.default_rng(RANDOM_SEED)
    verdicts = []
    for activation in ("none", "relu"):
        sums = make_sums(rng, activation=activation, channels=2, reach=3000, outputs=300.0)
        constants = find_requantization(sums, prescale=prescale) or find_requantization(sums, prescale=8)
        assert constants is not None
        for _ in range(60):
            name = str(rng.choice(["addend", "multiplier", "rounding", "negative"]))
            values = getattr(constants, name).copy()
            size = 2.0 ** rng.uniform(0, 20 if name == "multiplier" else 10)
            values[rng.integers(2)] += int(size) * rng.choice([-1, 1])
            tampered = dataclasses.replace(constants, **{name: np.maximum(values, 0)})
            assert proves(tampered, sums) == all_equal(tampered, sums)
            verdicts.append(proves(tampered, sums))
    assert 10 < sum(verdicts) < len(verdicts) - 10


def test_the_proof_refuses_half_a_step() -> None:
    rng = np.random.default_rng(RANDOM_SEED)
    sums = make_sums(rng, activation="none", channels=8, reach=1 << 17, outputs=300.0)
    constants = find_requantization(sums, prescale=8)
    assert constants is not None and constants.has_negative and proves(constants, sums)
    half = 1 << constants.shift - 1
    assert not proves(dataclasses.replace(constants, rounding=constants.rounding + half), sums)
    assert not proves(dataclasses.replace(constants, negative=np.zeros_like(constants.negative)), sums)
    assert not proves(dataclasses.replace(constants, multiplier=-constants.multiplier), sums)
    wider = dataclasses.replace(sums, high=sums.high + (1 << 23))
    assert not proves(constants, wider)


def test_sums_that_do_not_fit_have_none() -> None:
    sums = Sums(
        low=np.array([-1 << 24]),
        high=np.array([1 << 24]),
        scales=channel_scales([2.0**-17]),
        zero_point=-128,
        output_range=(-128, 127),
    )
    assert find_requantization(sums, prescale=8) is None
    constants = find_requantization(sums, prescale=0)
    assert constants is not None and proves(constants, sums)


def test_a_given_shift_is_kept() -> None:
    rng = np.random.default_rng(RANDOM_SEED)
    sums = make_sums(rng, activation="relu", channels=300, reach=1 << 17, outputs=400.0)
    constants = find_requantization(sums, prescale=8, shift=12)
    assert constants is not None and constants.shift == 12 and not constants.has_negative
    assert find_requantization(sums, prescale=8, shift=19) is None  # multipliers of more than 31 bits


def test_scales_of_zero_and_steps_out_of_reach() -> None:
    sums = Sums(
        low=np.array([-5000, -5000, 10]),
        high=np.array([5000, 5000, 10]),
        scales=ChannelScales(multiplier=np.array([0, 1 << 30, 1 << 30]), shift=np.array([0, -20, -3])),
        zero_point=3,
        output_range=(-128, 127),
    )
    constants = find_requantization(sums, prescale=8)
    assert constants is not None and all_equal(constants, sums)


@pytest.mark.parametrize("exponent", [-12, -8, -1, 0, 2])
def test_exact_outputs_are_tflites(exponent: int) -> None:
    rng = np.random.default_rng(RANDOM_SEED)
    multiplier = int(rng.integers(1 << 30, 1 << 31))
    acc = rng.integers(-1 << 20, 1 << 20, 4000)
    sums = Sums(
        low=np.array([-1 << 20]),
        high=np.array([1 << 20]),
        scales=ChannelScales(multiplier=np.array([multiplier]), shift=np.array([exponent])),
        zero_point=5,
        output_range=(-128, 127),
    )
    np.testing.assert_array_equal(exact_outputs(sums, acc[None, :])[0], reference(sums, 0, acc))


def test_reachable_sums_are_reached() -> None:
    rng = np.random.default_rng(RANDOM_SEED)
    weights, bias = rng.integers(-127, 128, (6, 9)), rng.integers(-1000, 1000, 6)
    low, high = reachable_sums(bias, weights)
    ends = [np.where(weights > 0, a, b) for a, b in ((-128, 127), (127, -128))]
    np.testing.assert_array_equal(low, (ends[0] * weights).sum(axis=1) + bias)
    np.testing.assert_array_equal(high, (ends[1] * weights).sum(axis=1) + bias)


def test_sums_too_large_to_prescale_have_constants_where_negative_ones_are_clamped() -> None:
    rng = np.random.default_rng(RANDOM_SEED)
    sums = make_sums(rng, activation="relu", channels=200, reach=1 << 23, outputs=12_000.0)
    assert find_requantization(sums, prescale=8) is None
    constants = find_requantization(sums)
    assert constants is not None and proves(constants, sums)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (0.0, (0, 0)),
        # the least, and below it nothing
        (2.0**-32, (1 << 30, -31)),
        (2.0**-33, (0, 0)),
        (1.0, (1 << 30, 1)),
        # a multiplier that rounds up to 2**31
        (float(np.nextafter(1.0, 0.0)), (1 << 30, 1)),
        # the largest shift has multipliers of its own, and all beyond it the largest of them
        (2.0**29, (1 << 30, 30)),
        (1.5 * 2.0**29, (3 << 29, 30)),
        (2.0**30, ((1 << 31) - 1, 30)),
    ],
)
def test_multipliers_and_shifts_at_their_bounds(scale: float, expected: tuple[int, int]) -> None:
    """By equation (12); TFLite's QuantizeMultiplier has the same bounds."""
    assert quantize_multiplier(scale) == expected
