"""Figures of layers against what is known of them, and against other ways to compute them."""

import math
from functools import cache

import numpy as np
import pytest
from float_models import FloatBuilder
from small_recipes import small_network

from asc_kit.errors import ModelError
from asc_kit.export.inspection.keeping import ALL_INT8, outputs_when_kept
from asc_kit.export.inspection.layers import INPUT, Layer, layers_of, stored_scheme
from asc_kit.export.inspection.reference import Constants, check_rounded, matching_constants
from asc_kit.export.inspection.signals import Measured, measure, sqnr_db
from asc_kit.export.network.affine import Affine
from asc_kit.export.network.execution import run
from asc_kit.export.network.graph import Network
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.calibration import observe
from asc_kit.export.quantization.scheme import scheme_of
from asc_kit.export.quantization.simulation import fake_quantizer
from asc_kit.export.quantization.writing import int8_flatbuffer

EIGHT_BITS = Affine(scale=1 / 128, zero_point=0)
WIDTH = 8


def product(weights: np.ndarray) -> Network:
    """A single matrix product."""
    builder = FloatBuilder()
    x = builder.tensor((1, weights.shape[1]))
    y = builder.one(
        "FULLY_CONNECTED", [x, builder.values(weights.astype(np.float32))], (1, len(weights)), "FullyConnectedOptions"
    )
    return read_network(builder.finish(x, y))


def measured(
    real: Network, scheme: dict[int, Affine], features: np.ndarray, constants: Constants | None = None
) -> dict[int, Measured]:
    int8 = read_network(int8_flatbuffer(real, scheme))
    matched = matching_constants(int8, real) if constants is None else constants
    stored = stored_scheme(int8)
    return measure(int8, matched, stored, layers_of(int8, stored), features.astype(np.float32))


def of_input(features: np.ndarray, affine: Affine = EIGHT_BITS) -> Measured:
    real = product(np.eye(WIDTH))
    return measured(real, {real.input: affine, real.output: affine}, features)[INPUT]


def uniform(low: float, high: float, n: int = 4000) -> np.ndarray:
    return np.random.default_rng(5).uniform(low, high, (n, WIDTH))


def test_eight_bits_of_a_uniform_signal_are_48_db() -> None:
    # signal 1/3, noise (1/128)²/12: 65,536 times, 6.02 dB per bit
    assert of_input(uniform(-1, 127 / 128)).sqnr_alone_db == pytest.approx(20 * math.log10(2) * 8, abs=0.1)
    # half the range, half the amplitude: a bit less
    assert of_input(uniform(-0.5, 0.5)).sqnr_alone_db == pytest.approx(20 * math.log10(2) * 7, abs=0.1)


def test_no_noise_and_no_signal() -> None:
    exact = np.random.default_rng(1).integers(-128, 128, (100, WIDTH)) / 128
    assert of_input(exact).sqnr_alone_db is None
    assert sqnr_db(0.0, 0.0) is None and sqnr_db(1.0, 0.0) is None
    assert sqnr_db(0.0, 1.0) == -100 and sqnr_db(1e-30, 1.0) == -100
    assert sqnr_db(100.0, 1.0) == pytest.approx(20)


def test_clipped_shares_of_a_known_distribution() -> None:
    found = of_input(uniform(-4, 2, 20000))
    half = 1 / 256
    assert found.clipped_low == pytest.approx((3 - half) / 6, abs=0.005)
    assert found.clipped_high == pytest.approx((2 - 127 / 128 - half) / 6, abs=0.005)
    assert found.unused_codes == 0
    assert found.unreached == 0
    # rounding to the last code is no clipping
    assert of_input(uniform(-1 - half, 127 / 128 + half)).clipped_low == 0


def test_codes_that_nothing_is_rounded_to() -> None:
    found = of_input(uniform(0, 0.5 - 1 / 256, 20000))
    assert found.unused_codes == pytest.approx(192 / 256)
    assert found.unreached == pytest.approx(1 - 0.5 / (255 / 128), abs=0.01)
    beyond = of_input(uniform(2, 3))
    assert beyond.unreached == 1.0 and beyond.clipped_high == 1.0
    assert beyond.unused_codes == 255 / 256


def test_the_histogram_and_the_ends_without_outliers() -> None:
    values = np.random.default_rng(3).normal(size=(20000, WIDTH)).astype(np.float32)
    values[0, 0] = 40.0
    found = of_input(values)
    assert (found.low, found.high) == (values.min(), 40.0)
    assert sum(found.histogram.counts) == values.size
    bin_width = (found.high - found.low) / 2048
    expected = np.quantile(values, [0.001, 0.999])
    assert (found.inner_low, found.inner_high) == pytest.approx(expected, abs=1.5 * bin_width)
    edges = np.linspace(found.low, found.high, 65)
    counts = np.histogram(values, edges)[0]
    # float32 and float64 may put a value at an edge on either side
    assert np.abs(counts - found.histogram.counts).max() <= 3


def test_equal_values_have_a_histogram_too() -> None:
    found = of_input(np.full((10, WIDTH), 0.25))
    assert sum(found.histogram.counts) == 80
    assert found.histogram.low < found.histogram.high
    assert (found.inner_low, found.inner_high) == (0.25, 0.25)


def test_channels_of_unlike_size() -> None:
    weights = np.diag([100.0, *[1.0] * (WIDTH - 2), 0.0])
    real = product(weights)
    scheme = {real.input: EIGHT_BITS, real.output: Affine(scale=1.0, zero_point=0)}
    features = uniform(-1, 1)
    found = measured(real, scheme, features)
    peaks = np.abs(features[:, :-1] @ weights[:-1, :-1]).max(axis=0)
    # the silent channel does not count
    assert found[0].channel_spread == pytest.approx(peaks.max() / np.quantile(peaks, 0.1), rel=1e-4)
    assert found[INPUT].channel_spread is None


def test_a_mean_error_is_told_from_noise() -> None:
    real = product(np.eye(WIDTH))
    scheme = {real.input: EIGHT_BITS, real.output: EIGHT_BITS}
    int8 = read_network(int8_flatbuffer(real, scheme))
    constants = matching_constants(int8, real)
    features = uniform(-0.9, 0.9)
    assert measured(real, scheme, features)[0].constant_share < 0.01
    bias = int8.weighted[0].bias
    # three steps off, against a rounding error of 1/sqrt(12) steps: 9 / (9 + 1/12)
    off = {**constants, bias: np.full(WIDTH, 3 / 128, np.float32)}
    assert measured(real, scheme, features, off)[0].constant_share == pytest.approx(9 / (9 + 1 / 12), abs=0.005)


@pytest.mark.parametrize(
    ("other", "what"),
    [(np.eye(WIDTH)[:5], "other inputs of operator 0"), (np.eye(WIDTH + 1), "other inputs of operator 0")],
)
def test_another_network_is_refused(other: np.ndarray, what: str) -> None:
    real = product(np.eye(WIDTH))
    int8 = read_network(int8_flatbuffer(real, {real.input: EIGHT_BITS, real.output: EIGHT_BITS}))
    with pytest.raises(ModelError, match=f"its network has {what}"):
        matching_constants(int8, product(other))


def test_weights_may_be_half_a_step_off_and_no_more() -> None:
    real = product(np.random.default_rng(4).normal(size=(WIDTH, WIDTH)))
    int8 = read_network(int8_flatbuffer(real, {real.input: EIGHT_BITS, real.output: EIGHT_BITS}))
    constants = matching_constants(int8, real)
    check_rounded(int8, constants)
    index = int8.weighted[0].weights
    moved = constants[index].copy()
    moved[0, 0] += 1.1 * int8.tensors[index].quantization.scales[0]
    with pytest.raises(ModelError, match="up to 1.* int8 steps from the run's"):
        check_rounded(int8, {**constants, index: moved})


# --- networks of recipes, against the simulation run as a whole ------------------------------------------------------


class Case:
    """A recipe's network in int8."""

    def __init__(self, name: str) -> None:
        small = small_network(name)
        self.features = small.clips
        self.real = read_network(small.float_flatbuffer)
        seen = observe(self.real, self.features)
        self.ranges = {index: (one.low, one.high) for index, one in seen.items()}
        self.scheme = scheme_of(self.real, self.ranges)
        self.int8 = read_network(int8_flatbuffer(self.real, self.scheme))
        self.constants = matching_constants(self.int8, self.real)
        self.stored = stored_scheme(self.int8)
        self.layers = layers_of(self.int8, self.stored)

    def simulated(self, keep: list[Layer], wanted: int | None = None) -> np.ndarray:
        """The whole network at once, some layers kept in float."""
        kept = {index for layer in keep if layer.operator is not None for index in layer.operator.inputs}
        network = self.int8.with_constants({index: self.constants[index] for index in kept & set(self.constants)})
        quantizer = fake_quantizer(network, self.stored, keep=frozenset(layer.tensor for layer in keep))
        return run(network, self.features, observe=quantizer, wanted=wanted)


@cache
def case_of(name: str) -> Case:
    return Case(name)


@pytest.fixture(scope="module")
def cp_mobile() -> Case:
    return case_of("cp_mobile_micro")


def ratio(exact: np.ndarray, other: np.ndarray) -> float:
    exact, other = exact.astype(np.float64), other.astype(np.float64)
    return 10 * math.log10(np.sum(exact**2) / np.sum((exact - other) ** 2))


def test_noise_alone_and_so_far_of_every_layer(cp_mobile: Case) -> None:
    found = measure(cp_mobile.int8, cp_mobile.constants, cp_mobile.stored, cp_mobile.layers, cp_mobile.features)
    assert len(found) == len(cp_mobile.int8.operators) + 1
    accumulated = {}
    for layer in cp_mobile.layers[::4]:
        others = [other for other in cp_mobile.layers if other is not layer]
        exact = run(cp_mobile.real, cp_mobile.features, wanted=layer.tensor)
        alone = cp_mobile.simulated(others, layer.tensor)
        so_far = cp_mobile.simulated([], layer.tensor)
        assert found[layer.index].sqnr_alone_db == pytest.approx(ratio(exact, alone), abs=0.05), layer.name
        accumulated[layer.index] = ratio(exact, so_far)
        assert found[layer.index].sqnr_db == pytest.approx(accumulated[layer.index], abs=0.05), layer.name
    at = {layer.tensor: layer.index for layer in cp_mobile.layers}
    for layer in cp_mobile.layers[1:]:
        before = [found[at[index]].sqnr_db for index in layer.operator.inputs if index in at]
        assert found[layer.index].fall_db == pytest.approx(min(before) - found[layer.index].sqnr_db)


def test_a_layer_in_float_is_what_the_simulation_without_its_rounding_gives(cp_mobile: Case) -> None:
    found = outputs_when_kept(
        cp_mobile.int8, cp_mobile.constants, cp_mobile.stored, cp_mobile.layers, cp_mobile.features
    )
    step = cp_mobile.stored[cp_mobile.int8.output].scale
    everything = cp_mobile.simulated([])
    assert np.abs(found[ALL_INT8] - everything).mean() < 0.05 * step
    for layer in cp_mobile.layers[1::3]:
        expected = cp_mobile.simulated([layer])
        assert np.abs(found[layer.index] - expected).mean() < 0.05 * step, layer.name
        assert np.abs(found[layer.index] - everything).max() > 0, layer.name


@pytest.mark.parametrize(
    "name", ["cp_mobile_micro", "dcase2021_resnet11_cbam", pytest.param("dsmn_model1", marks=pytest.mark.slow)]
)
def test_everything_in_float_is_the_float_network(name: str) -> None:
    case = case_of(name)
    in_float = case.int8.with_constants(case.constants)
    outputs = outputs_when_kept(in_float, case.constants, case.stored, (), case.features)[ALL_INT8]
    expected = run(case.real, case.features)
    np.testing.assert_allclose(outputs, expected, atol=1e-4 * np.abs(expected).max())
    assert np.abs(expected - case.simulated([])).max() > 1e-3 * np.abs(expected).max(), "int8 must differ"


def test_layers_are_where_values_change() -> None:
    case = case_of("dcase2021_resnet11_cbam")
    ops = {layer.op for layer in case.layers}
    assert {"INPUT", "CONV_2D", "ADD", "MUL", "MEAN", "LOGISTIC"} <= ops
    assert not ops & {"RESHAPE", "CONCATENATION", "MAX_POOL_2D", "REDUCE_MAX"}
    assert case.layers[-1].name == "output"
    # the mean that is joined with the maximum has its scale
    shared = [layer for layer in case.layers if layer.op == "MEAN" and layer.sharing]
    assert shared
    for layer in shared:
        for other in layer.sharing:
            tensor = next(each.tensor for each in case.layers if each.index == other)
            assert case.stored[tensor] == case.stored[layer.tensor]


@pytest.mark.parametrize(("factor", "sign"), [(40.0, "wide"), (1 / 40, "narrow")])
def test_a_ruined_scale_is_found(cp_mobile: Case, factor: float, sign: str) -> None:
    victim = next(layer for layer in cp_mobile.layers if layer.name.startswith("b3_expand"))
    low, high = cp_mobile.ranges[victim.tensor]
    scheme = scheme_of(cp_mobile.real, {**cp_mobile.ranges, victim.tensor: (low * factor, high * factor)})
    int8 = read_network(int8_flatbuffer(cp_mobile.real, scheme))
    stored = stored_scheme(int8)
    found = measure(int8, cp_mobile.constants, stored, layers_of(int8, stored), cp_mobile.features)
    worst = min(found, key=lambda index: found[index].sqnr_alone_db)
    assert worst == victim.index
    healthy = min(one.sqnr_alone_db for index, one in found.items() if index != worst)
    assert found[worst].sqnr_alone_db < healthy - 8
    if sign == "wide":
        assert found[worst].unreached > 0.95 and found[worst].clipped_high == 0
    else:
        assert found[worst].clipped_high > 0.2 and found[worst].unreached == 0
