"""Ranges of activations: min-max, percentile and least squared error, against NumPy on the values themselves."""

import numpy as np
import pytest
from float_models import FloatBuilder

from asc_kit.errors import ModelError
from asc_kit.export.network.affine import affine_of
from asc_kit.export.network.graph import Network
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.calibration import Observed, _squared_error, observe, range_of
from asc_kit.quantization import QuantizationSettings

BINS = 2048
PERCENTILES = (99.0, 99.9, 99.99)
N = 400  # examples of 64 values


def _values(name: str) -> np.ndarray:
    rng = np.random.default_rng(3)
    shape = (N, 64)
    drawn = {
        "normal": lambda: rng.normal(size=shape),
        "laplace": lambda: rng.laplace(size=shape),
        "heavy tails": lambda: rng.standard_t(3, shape),
        "one-sided": lambda: np.maximum(rng.normal(size=shape), 0),
        "negative": lambda: -rng.gamma(0.5, 1, shape),
        "lognormal": lambda: rng.lognormal(0, 1, shape),
        "far from zero": lambda: rng.normal(20, 1, shape),
        "uniform": lambda: rng.uniform(-3, 5, shape),
        "one click": lambda: np.where(np.arange(N * 64).reshape(shape) == 777, 60.0, rng.normal(size=shape)),
    }
    return np.asarray(drawn[name](), np.float32)  # type: ignore[no-untyped-call]


DISTRIBUTIONS = (
    "normal", "laplace", "heavy tails", "one-sided", "negative", "lognormal", "far from zero", "uniform", "one click",
)  # fmt: skip


def pointwise() -> Network:
    """RELU and TANH of 64 values: activations that do not depend on the batch, not even in the last bit."""
    builder = FloatBuilder()
    source = builder.tensor((1, 64), "input")
    hidden = builder.one("RELU", [source], (1, 64))
    return read_network(builder.finish(source, builder.one("MUL", [hidden, source], (1, 64), "MulOptions")))


def seen_of(values: np.ndarray) -> Observed:
    network = pointwise()
    return observe(network, values, histograms=True)[network.input]


def squared_error(values: np.ndarray, ends: tuple[float, float]) -> float:
    """What int8 with these ends makes of the values: quantized and back, written out."""
    one = affine_of(*ends)
    steps = np.clip(np.rint(values.astype(np.float64) / one.scale) + one.zero_point, -128, 127)
    return float(np.mean(((steps - one.zero_point) * one.scale - values) ** 2))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_ranges(name: str) -> None:
    values = _values(name)
    seen = seen_of(values)
    low, high = float(values.min()), float(values.max())
    assert (seen.low, seen.high) == (low, high)
    assert np.array_equal(seen.channel_peak, np.abs(values).max(axis=0))
    assert seen.counts is not None and seen.counts.sum() == values.size

    min_max = range_of(seen, QuantizationSettings(calibration="min_max"))
    assert min_max == (min(low, 0.0), max(high, 0.0))

    found = [min_max]
    for share in PERCENTILES:
        ends = range_of(seen, QuantizationSettings(calibration="percentile", percentile=share))
        # as exact as the histogram: a bin, and where values are rare the gap between two of them
        slack = (high - low) / BINS * 1.001
        for end, part, outer in ((ends[0], 100 - share, min), (ends[1], share, max)):
            between = [float(np.percentile(values, part, method=method)) for method in ("lower", "higher")]
            assert outer(between[0], 0.0) - slack <= end <= outer(between[1], 0.0) + slack
        found.append(ends)

    mse = range_of(seen, QuantizationSettings(calibration="mse"))
    assert min_max[0] <= mse[0] <= 0 <= mse[1] <= min_max[1]
    # ends are tried in steps of 1 % of the extremes, and the error comes from a histogram: measured up to 1.008
    assert squared_error(values, mse) <= 1.015 * min(squared_error(values, ends) for ends in found)


def test_mse_cuts_what_costs_more_than_it_is_worth() -> None:
    values = _values("laplace")
    seen = seen_of(values)
    errors = [
        squared_error(values, range_of(seen, QuantizationSettings(calibration=calibration)))
        for calibration in ("min_max", "mse")
    ]
    assert errors[1] < 0.95 * errors[0]


def test_the_squared_error_is_that_of_256_levels() -> None:
    """Values on the levels themselves have no error but that of their bins' width."""
    counts = np.zeros(BINS, np.int64)
    counts[:: BINS // 256] = 1
    seen = Observed(low=0.0, high=1.0, channel_peak=np.ones(1, np.float32), counts=counts)
    values = seen.centres[counts > 0]
    assert len(values) == 256
    assert _squared_error(seen, values[0], values[-1]) == pytest.approx(seen.width**2 / 12, rel=1e-6)


@pytest.mark.parametrize("value", [0.0, 2.5, -3.0, 1e-9, 1e6])
@pytest.mark.parametrize("calibration", ["min_max", "percentile", "mse"])
def test_constant_tensors(value: float, calibration: str) -> None:
    seen = seen_of(np.full((40, 64), value, np.float32))
    low, high = range_of(seen, QuantizationSettings(calibration=calibration))
    constant = float(np.float32(value))
    if calibration == "mse":  # anything that represents it
        kept = float(
            np.clip(np.rint(constant / affine_of(low, high).scale) + affine_of(low, high).zero_point, -128, 127)
        )
        real = (kept - affine_of(low, high).zero_point) * affine_of(low, high).scale
        assert abs(real - constant) <= max(1e-3 * abs(constant), 1e-7)
    else:
        assert (low, high) == (min(constant, 0.0), max(constant, 0.0))


@pytest.mark.parametrize("size", [1, 31, 32, 33, 100])
def test_batches_do_not_matter(size: int) -> None:
    """The same examples in another order, and so in other batches."""
    network = pointwise()
    values = _values("heavy tails")[:size]
    order = np.random.default_rng(5).permutation(size)
    one, other = (observe(network, part, histograms=True) for part in (values, values[order]))
    for index in network.activations:
        assert (one[index].low, one[index].high) == (other[index].low, other[index].high)
        assert np.array_equal(one[index].counts, other[index].counts)
        assert one[index].counts.sum() == size * 64
    expected, _ = np.histogram(values.astype(np.float64), BINS, (one[network.input].low, one[network.input].top))
    # values on an edge may fall to either side
    assert np.abs(one[network.input].counts - expected).sum() <= 4


@pytest.mark.parametrize("place", [0, 39, 99])
@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers(place: int, broken: float) -> None:
    """In any batch, in the middle of an example."""
    values = _values("normal")[:100]
    values[place, 7] = broken
    with pytest.raises(ModelError, match="the input gives values that are not finite"):
        observe(pointwise(), values)


def test_the_layer_that_overflows_is_named() -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 64), "input")
    output = builder.tensor((1, 64), "net/scale_4/mul")
    builder.operator("MUL", [source, builder.values(np.full(64, 3e38, np.float32))], output, "MulOptions")
    with pytest.raises(ModelError, match=r"layer scale_4 \(MUL\) gives values that are not finite"):
        observe(read_network(builder.finish(source, output)), np.full((3, 64), 5.0, np.float32))
