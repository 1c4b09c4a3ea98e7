"""Corrections of a float network before it is rounded: biases, and channels of like size."""

from collections.abc import Sequence

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from float_models import FloatBuilder
from simulation import simulate
from small_recipes import SMALL_RECIPES, small_network

from asc_kit.export.network.affine import Affine
from asc_kit.export.network.execution import Observer, execute, run
from asc_kit.export.network.graph import Network
from asc_kit.export.network.operators import compute
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.bias_correction import with_corrected_biases
from asc_kit.export.quantization.calibration import observe, range_of
from asc_kit.export.quantization.equalization import equalize
from asc_kit.export.quantization.scheme import scheme_of, weight_scales
from asc_kit.export.quantization.simulation import fake_quantizer, with_rounded_weights
from asc_kit.export.quantization.writing import int8_flatbuffer
from asc_kit.quantization import QuantizationSettings

CONV = {"options": "Conv2DOptions", "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}


def scheme_for(network: Network, features: np.ndarray) -> dict[int, Affine]:
    seen = observe(network, features)
    return scheme_of(network, {index: range_of(one, QuantizationSettings()) for index, one in seen.items()})


# --- bias correction -----------------------------------------------------------------------------


def linear_outputs(network: Network) -> list[int]:
    """Outputs of layers without an activation function: what the correction is about, and what can be seen."""
    return [one.output for one in network.weighted if one.activation == 0]


def mean_errors(
    network: Network, exact: Network, scheme: dict[int, Affine], clips: np.ndarray
) -> dict[int, np.ndarray]:
    """By the reference kernels: int8 of `network` less float of `exact`, mean of each channel of each linear layer."""
    kernels = Interpreter(
        model_content=int8_flatbuffer(network, scheme),
        experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
        experimental_preserve_all_tensors=True,
    )
    kernels.allocate_tensors()
    source, one = kernels.get_input_details()[0], scheme[network.input]
    found: dict[int, list[np.ndarray]] = {index: [] for index in linear_outputs(network)}
    for clip in clips:
        steps = np.clip(np.rint(clip / one.scale) + one.zero_point, -128, 127).astype(np.int8)
        kernels.set_tensor(source["index"], steps.reshape(source["shape"]))
        kernels.invoke()
        for index, values in found.items():
            stored = kernels.get_tensor(index).astype(np.float64) - scheme[index].zero_point
            values.append(stored * scheme[index].scale)
    return {
        index: _channel_means(np.concatenate(values)) - _channel_means(run(exact, clips, wanted=index))
        for index, values in found.items()
    }


def _channel_means(values: np.ndarray) -> np.ndarray:
    return values.reshape(-1, values.shape[-1]).mean(axis=0)


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def before_activation(network: Network, clips: np.ndarray, observer: Observer | None = None) -> dict[int, np.ndarray]:
    """Mean of each channel of each layer with weights, before its activation function."""
    seen: dict[int, object] = {}

    def note(index: int, value: object, inputs: Sequence[object]) -> object:
        seen[index] = value if observer is None else observer(index, value, inputs)
        return seen[index]

    execute(network, tf.constant(clips), observe=note)
    means = {}
    for layer in network.weighted:
        inputs = [seen[layer.inputs[0]], network.constant(layer.weights), network.constant(layer.bias)]
        means[layer.output] = _channel_means(compute(network, layer, inputs, activation=False)[0].numpy())
    return means


@pytest.mark.parametrize("name", SMALL_RECIPES)
def test_no_mean_error_is_left_on_the_clips_it_heard(name: str) -> None:
    """Of any layer, in the simulation: each sees what the corrected ones before it give."""
    small = small_network(name)
    network = read_network(small.float_flatbuffer)
    scheme = scheme_for(network, small.clips)
    wanted, errors = before_activation(network, small.clips), []
    corrected = with_corrected_biases(network, scheme, small.clips)
    for one in (network, corrected):
        rounded = with_rounded_weights(one, scheme)
        found = before_activation(rounded, small.clips, fake_quantizer(rounded, scheme))
        errors.append({index: found[index] - wanted[index] for index in wanted})
    before, after = errors
    for layer in network.weighted:
        index = layer.output
        # no more than what rounding the bias itself leaves
        step = weight_scales(corrected, layer, scheme) * scheme[layer.inputs[0]].scale
        bound = 0.51 * step + 1e-3 * scheme[index].scale
        assert np.all(np.abs(after[index]) <= bound), network.layer_name(layer)
        assert np.array_equal(corrected.constant(layer.weights), network.constant(layer.weights))
    of_all = [rms(np.concatenate([one[index] / scheme[index].scale for index in one])) for one in errors]
    assert of_all[1] < 0.1 * of_all[0]


# Of few values, as in the last layers, the output's own rounding leaves a mean; measured: 0.45 and 0.08.
@pytest.mark.parametrize(("name", "share"), [("cp_mobile_micro", 0.6), ("dcase2022_baseline", 0.1)])
def test_the_kernels_mean_errors_shrink(name: str, share: float) -> None:
    small = small_network(name)
    network = read_network(small.float_flatbuffer)
    scheme = scheme_for(network, small.clips)
    corrected = with_corrected_biases(network, scheme, small.clips)
    before, after = (mean_errors(one, network, scheme, small.clips) for one in (network, corrected))
    steps = [
        rms(np.concatenate([errors[index] / scheme[index].scale for index in errors])) for errors in (before, after)
    ]
    assert steps[1] < share * steps[0]


def exact_network() -> tuple[Network, dict[int, Affine], np.ndarray]:
    """Two dense layers whose weights, biases, inputs and hidden values are whole steps: exact up to the end."""
    rng = np.random.default_rng(0)
    builder = FloatBuilder()
    source = builder.tensor((1, 8), "input")
    signs = np.diag(rng.choice([-127, 127], 8))[rng.permutation(8)] / 128
    second = rng.integers(-127, 128, (5, 8)) / 128
    second[:, 0] = 127 / 128
    dense = {"options": "FullyConnectedOptions"}
    zeros = builder.values(np.zeros(8, np.float32))
    hidden = builder.one("FULLY_CONNECTED", [source, builder.values(signs), zeros], (1, 8), **dense)
    bias = builder.values(rng.integers(-2000, 2000, 5) * 0.25 * 127 / 128**2)  # steps of hidden values times weights
    output = builder.one("FULLY_CONNECTED", [hidden, builder.values(second), bias], (1, 5), **dense)
    network = read_network(builder.finish(source, output))
    steps = rng.integers(-127, 128, (100, 8))
    scheme = {
        network.input: Affine(scale=0.25, zero_point=0),
        hidden: Affine(scale=0.25 * 127 / 128, zero_point=0),
        network.output: Affine(scale=1.5, zero_point=3),
    }
    return network, scheme, (0.25 * steps).astype(np.float32)


def test_what_is_exact_is_left_alone() -> None:
    network, scheme, features = exact_network()
    corrected = with_corrected_biases(network, scheme, features)
    for layer in network.weighted:
        np.testing.assert_array_equal(corrected.constant(layer.bias), network.constant(layer.bias))
    # and not because nothing is ever corrected
    finer = features + np.float32(0.1)
    moved = with_corrected_biases(network, scheme, finer)
    assert np.abs(moved.constant(network.weighted[0].bias)).min() == pytest.approx(
        0.1 * 127 / 128, rel=0.01
    )  # in whole steps


# --- equalization --------------------------------------------------------------------------------


def peaks(network: Network, clips: np.ndarray) -> dict[int, np.ndarray]:
    return {index: one.channel_peak for index, one in observe(network, clips).items()}


@pytest.mark.parametrize("name", SMALL_RECIPES)
def test_the_network_computes_the_same(name: str) -> None:
    small = small_network(name)
    network = read_network(small.float_flatbuffer)
    after = equalize(network, observe(network, small.clips))
    before_values, after_values = run(network, small.clips), run(after, small.clips)
    assert np.abs(after_values - before_values).max() <= 1e-5 * np.abs(before_values).max()
    touched = [one for one in network.weighted if not _same(network, after, one.weights)]
    assert len(touched) >= 2
    # what a sum or a joint reads is what it was, channel by channel
    was, now = peaks(network, small.clips), peaks(after, small.clips)
    for operator in network.operators:
        if operator.op in ("ADD", "CONCATENATION", "LOGISTIC", "MUL", "SPLIT"):
            for index in set(operator.inputs) & was.keys():
                np.testing.assert_allclose(now[index], was[index], rtol=1e-4, atol=1e-5 * was[index].max())


def _same(one: Network, other: Network, index: int) -> bool:
    return np.array_equal(one.constant(index), other.constant(index))


def spread(values: np.ndarray) -> float:
    """How much louder the loudest channel is than the quietest."""
    return float(values.max() / values.min())


def test_channels_before_a_depthwise_layer_become_alike() -> None:
    small = small_network("cp_mobile_micro")
    network = read_network(small.float_flatbuffer)
    was = peaks(network, small.clips)
    now = peaks(equalize(network, observe(network, small.clips)), small.clips)
    found = 0
    for layer in network.weighted:
        readers = network.consumers(layer.output)
        if readers and all(one.op == "DEPTHWISE_CONV_2D" for one in readers):
            heard = was[layer.output] >= 0.0101 * was[layer.output].max()
            np.testing.assert_allclose(now[layer.output][heard], was[layer.output].max(), rtol=1e-4)
            found += spread(was[layer.output][heard]) > 1.5
    assert found >= 3


# activation function of the first layer, what lies between, second layer; whether factors may be moved
CHAINS = [
    (0, "", "CONV_2D", True),
    (1, "", "CONV_2D", True),
    (3, "", "CONV_2D", False),
    (1, "", "DEPTHWISE_CONV_2D", True),
    (3, "", "DEPTHWISE_CONV_2D", False),
    (1, "MAX_POOL_2D", "CONV_2D", True),
    (1, "AVERAGE_POOL_2D", "DEPTHWISE_CONV_2D", True),
    (1, "MEAN", "FULLY_CONNECTED", True),
    (1, "ADD", "CONV_2D", False),
    (1, "CONCATENATION", "CONV_2D", False),
    (1, "LOGISTIC", "CONV_2D", False),
]


def chain(activation: int, between: str, reader: str) -> tuple[Network, np.ndarray]:
    """A convolution with channels of very unlike size, something between, and a layer that reads it."""
    rng = np.random.default_rng(1)
    builder = FloatBuilder()
    shape = (1, 6, 6, 4)
    source = builder.tensor((1, 6, 6, 3), "input")
    loud = np.array([10.0, 1.0, 0.1, 3.0])
    weights = rng.normal(size=(4, 1, 1, 3)) * loud[:, None, None, None]
    tensors = [source, builder.values(weights), builder.values(rng.normal(size=4) * loud)]
    hidden = builder.one("CONV_2D", tensors, shape, fusedActivationFunction=activation, **CONV)
    pool = {"options": "Pool2DOptions", "strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2}
    if between.endswith("POOL_2D"):
        shape = (1, 3, 3, 4)
        hidden = builder.one(between, [hidden], shape, **pool)
    elif between == "MEAN":
        shape = (1, 4)  # type: ignore[assignment]
        hidden = builder.one("MEAN", [hidden, builder.values([1, 2])], shape, "ReducerOptions", keepDims=False)
    elif between == "ADD":
        hidden = builder.one("ADD", [hidden, hidden], shape, "AddOptions")
    elif between == "CONCATENATION":
        shape = (1, 6, 6, 8)
        hidden = builder.one("CONCATENATION", [hidden, hidden], shape, "ConcatenationOptions", axis=3)
    elif between == "LOGISTIC":
        hidden = builder.one("LOGISTIC", [hidden], shape)
    channels = shape[-1]
    if reader == "CONV_2D":
        tensors = [builder.values(rng.normal(size=(5, 1, 1, channels))), builder.values(rng.normal(size=5))]
        output = builder.one("CONV_2D", [hidden, *tensors], (*shape[:3], 5), **CONV)
    elif reader == "DEPTHWISE_CONV_2D":
        tensors = [builder.values(rng.normal(size=(1, 3, 3, channels))), builder.values(rng.normal(size=channels))]
        options = {**CONV, "options": "DepthwiseConv2DOptions", "depthMultiplier": 1}
        output = builder.one("DEPTHWISE_CONV_2D", [hidden, *tensors], shape, **options)
    else:
        tensors = [builder.values(rng.normal(size=(5, channels))), builder.values(rng.normal(size=5))]
        output = builder.one("FULLY_CONNECTED", [hidden, *tensors], (1, 5), "FullyConnectedOptions")
    clips = rng.normal(size=(16, 6, 6, 3)).astype(np.float32)
    return read_network(builder.finish(source, output)), clips


@pytest.mark.parametrize(("activation", "between", "reader", "moves"), CHAINS)
def test_factors_move_where_that_changes_nothing(activation: int, between: str, reader: str, moves: bool) -> None:
    network, clips = chain(activation, between, reader)
    after = equalize(network, observe(network, clips))
    values = run(network, clips)
    assert np.abs(run(after, clips) - values).max() <= 1e-5 * np.abs(values).max()
    first, last = network.weighted
    for index in (first.weights, first.bias, last.weights):
        assert _same(network, after, index) != moves
    assert _same(network, after, last.bias)
    if moves:
        was, now = (peaks(one, clips)[first.output] for one in (network, after))
        assert spread(was) > 10 and spread(now) < 0.5 * spread(was)


def test_it_pays_where_quiet_channels_matter() -> None:
    """All channels weigh the same in what reads them: the quietest had two or three steps."""
    network, clips = chain(1, "", "CONV_2D")
    first, last = network.weighted
    network = network.with_constants(
        {last.weights: network.constant(last.weights) / peaks(network, clips)[first.output].astype(np.float32)}
    )
    errors = []
    for one in (network, equalize(network, observe(network, clips))):
        errors.append(rms(simulate(one, scheme_for(one, clips), clips) - run(network, clips)))
    assert errors[1] < 0.5 * errors[0], errors


def test_a_silent_channel_and_a_silent_network() -> None:
    """No division by nothing, and factors that stay within bounds."""
    network, clips = chain(1, "", "CONV_2D")
    first = network.weighted[0]
    for silent in ([2], [0, 1, 2, 3]):
        weights, bias = network.constant(first.weights).copy(), network.constant(first.bias).copy()
        weights[silent], bias[silent] = 0.0, -1.0
        quiet = network.with_constants({first.weights: weights, first.bias: bias})
        after = equalize(quiet, observe(quiet, clips))
        np.testing.assert_allclose(run(after, clips), run(quiet, clips), rtol=1e-4, atol=1e-4)
        for layer in network.weighted:
            largest = [np.abs(one.constant(layer.weights)).max() for one in (after, quiet)]
            assert np.isfinite(after.constant(layer.weights)).all() and largest[0] <= 100 * largest[1]
