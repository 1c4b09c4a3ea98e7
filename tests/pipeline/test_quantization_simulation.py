"""Fake quantization against the reference kernels: operator by operator on the kernels' own inputs, and end to end."""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from float_models import FloatBuilder
from simulation import simulate
from small_recipes import SMALL_RECIPES, small_network

from asc_kit.export.inspection.layers import stored_scheme
from asc_kit.export.network.affine import Affine, affine_of
from asc_kit.export.network.execution import execute, run
from asc_kit.export.network.graph import Network, Operator
from asc_kit.export.network.operators import compute, pointwise
from asc_kit.export.network.operators.definition import round_once
from asc_kit.export.network.operators.rounding import Multiplier
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.calibration import observe, range_of
from asc_kit.export.quantization.scheme import scheme_of
from asc_kit.export.quantization.simulation import fake_quantizer, with_rounded_weights
from asc_kit.export.quantization.writing import int8_flatbuffer
from asc_kit.firmware_gen.arithmetic.scales import quantize_multiplier, scale_wide
from asc_kit.inference.interpreter import Int8Model
from asc_kit.quantization import QuantizationSettings


def scheme_for(network: Network, features: np.ndarray) -> dict[int, Affine]:
    settings = QuantizationSettings(calibration="min_max")
    return scheme_of(network, {index: range_of(one, settings) for index, one in observe(network, features).items()})


class Kernels:
    """The reference kernels, every tensor kept."""

    def __init__(self, network: Network, scheme: dict[int, Affine]) -> None:
        self.network, self.scheme = network, scheme
        self.interpreter = Interpreter(
            model_content=int8_flatbuffer(network, scheme),
            experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
            experimental_preserve_all_tensors=True,
        )
        self.interpreter.allocate_tensors()

    def run(self, example: np.ndarray) -> None:
        one, source = self.scheme[self.network.input], self.interpreter.get_input_details()[0]
        steps = np.clip(np.rint(example / one.scale) + one.zero_point, -128, 127)
        self.interpreter.set_tensor(source["index"], steps.astype(np.int8).reshape(source["shape"]))
        self.interpreter.invoke()

    def steps(self, index: int) -> np.ndarray:
        """An activation as int8, with a batch of 1."""
        inner = self.network.tensors[index].inner
        return self.interpreter.get_tensor(index).astype(np.int64).reshape(1, *inner)

    def real(self, index: int) -> np.ndarray:
        one = self.scheme[index]
        return ((self.steps(index) - one.zero_point) * one.scale).astype(np.float32)


def differences(
    network: Network, scheme: dict[int, Affine], clips: np.ndarray
) -> Iterator[tuple[Operator, np.ndarray]]:
    """Give each operator, and what the simulation makes of the kernels' inputs less what they make, in steps."""
    kernels, rounded, fake = (
        Kernels(network, scheme),
        with_rounded_weights(network, scheme),
        fake_quantizer(network, scheme),
    )
    for clip in clips:
        kernels.run(clip)
        for operator in rounded.operators:
            inputs = [
                tf.constant(kernels.real(index) if index in scheme else rounded.constant(index))
                for index in operator.inputs
            ]
            for index, value in zip(operator.outputs, compute(rounded, operator, inputs), strict=True):
                real = fake(index, value, inputs).numpy() / scheme[index].scale + scheme[index].zero_point
                yield operator, np.rint(real) - kernels.steps(index)


@pytest.mark.parametrize("name", SMALL_RECIPES)
def test_operator_by_operator(name: str) -> None:
    small = small_network(name)
    network = read_network(small.float_flatbuffer)
    for operator, difference in differences(network, scheme_for(network, small.clips), small.clips[:3]):
        assert not difference.any(), (operator.op, network.layer_name(operator))


def all_pairs(rng: np.random.Generator, op: str, *, activation: int = 0) -> tuple[Network, dict[int, Affine]]:
    """A network that adds, subtracts or multiplies two inputs, and scales for which one pair is very near to a tie."""
    builder = FloatBuilder()
    shape = (1, 256, 256, 1)
    source = builder.tensor((1, 256, 256, 2), "input")
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1, "padding": 1}
    operands = []
    for channel in range(2):
        weights = builder.values(np.eye(2, dtype=np.float32)[channel].reshape(1, 1, 1, 2))
        inputs = [source, weights, builder.values([0.001])]
        operands.append(builder.one("CONV_2D", inputs, shape, "Conv2DOptions", **options))
    record = {"ADD": "AddOptions", "SUB": "SubOptions", "MUL": "MulOptions"}[op]
    output = builder.one(op, operands, shape, record, fusedActivationFunction=activation)
    network = read_network(builder.finish(source, output))
    one, other = (float(np.float32(scale)) for scale in rng.uniform(1.0, 1.2, 2) * (0.02, 0.024))
    first = Affine(scale=one, zero_point=int(rng.integers(-60, 60)))
    second = Affine(scale=other, zero_point=int(rng.integers(-60, 60)))
    q, r = rng.integers(20, 45, 2)
    pair = q * one * r * other if op == "MUL" else q * one + r * other
    third = Affine(scale=float(np.float32(pair / (rng.integers(20, 90) + 0.5))), zero_point=-10)
    tensors = (network.input, network.operators[0].output, network.operators[1].output, network.output)
    return network, dict(zip(tensors, (first, first, second, third), strict=True))


@pytest.mark.parametrize("op", ["ADD", "SUB", "MUL"])
def test_two_operands(op: str) -> None:
    """All pairs of values: what float32 takes for a tie it takes for one in every clip and place."""
    rng = np.random.default_rng(0)
    for activation in (0, 0, 0, 0, 0, 0, 1, 3):
        network, scheme = all_pairs(rng, op, activation=activation)
        one = scheme[network.input]
        steps = (np.arange(-128, 128) - one.zero_point) * one.scale
        clip = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).astype(np.float32)
        for operator, difference in differences(network, scheme, clip[np.newaxis]):
            assert not difference.any(), operator.op


def test_sums_of_many() -> None:
    """Sums of up to half a million, of which float32 has the last digits only just, and means of thousands."""
    rng = np.random.default_rng(0)
    builder = FloatBuilder()
    source = builder.tensor((1, 44, 64, 32), "input")
    weights = builder.values(rng.normal(size=(8, 7, 7, 32)) + 0.3)
    options = {"strideH": 4, "strideW": 4, "dilationHFactor": 1, "dilationWFactor": 1, "padding": 0}
    inputs = [source, weights, builder.values(rng.normal(size=8))]
    hidden = builder.one("CONV_2D", inputs, (1, 11, 16, 8), "Conv2DOptions", **options)
    mean = builder.one("MEAN", [hidden, builder.values([1, 2])], (1, 8), "ReducerOptions", keepDims=False)
    # beside it, the mean of the input itself; a layer of one output, whose scale the kernel multiplies in float32
    many = builder.one("MEAN", [source, builder.values([1, 2])], (1, 32), "ReducerOptions", keepDims=False)
    joined = builder.one("CONCATENATION", [mean, many], (1, 40), "ConcatenationOptions", axis=1)
    last = builder.values(rng.normal(size=(1, 40)))
    output = builder.one("FULLY_CONNECTED", [joined, last], (1, 1), "FullyConnectedOptions")
    network = read_network(builder.finish(source, builder.one("LOGISTIC", [output], (1, 1))))
    clips = (rng.normal(size=(6, 44, 64, 32)) + rng.normal(size=(6, 1, 1, 1))).astype(np.float32)
    for operator, difference in differences(network, scheme_for(network, clips), clips):
        assert not difference.any(), operator.op


EXACT_FUNCTIONS = sorted(known.op for known in pointwise.DEFINITIONS if known.rounding is not round_once)


@pytest.mark.parametrize("op", EXACT_FUNCTIONS)
def test_functions_of_one_value(op: str) -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        builder = FloatBuilder()
        source = builder.tensor((1, 256), "input")
        network = read_network(builder.finish(source, builder.one(op, [source], (1, 256))))
        one = Affine(scale=float(np.float32(rng.uniform(0.01, 0.1))), zero_point=int(rng.integers(-128, 128)))
        scheme = scheme_of(network, {network.input: (0, 1), network.output: (0, rng.uniform(4, 10))})
        clip = ((np.arange(-128, 128) - one.zero_point) * one.scale).astype(np.float32)
        for _, difference in differences(network, scheme | {network.input: one}, clip[np.newaxis]):
            assert not difference.any()


def test_factors_of_all_sizes() -> None:
    """Two roundings, and where a factor is a power of two a tie at every other value, against whole numbers."""
    rng = np.random.default_rng(0)
    factors = [*np.exp2(rng.uniform(-20, 1, 200)), *np.exp2(np.arange(-20.0, 2.0)), 1 - 2.0**-40, 2.0**-33, 0.3]
    for real in factors:
        limit = int(min(2**22, 300 / real))
        sums = rng.integers(-limit, limit, 2000, endpoint=True)
        multiplier = Multiplier.of(float(real))
        expected = scale_wide(sums, *quantize_multiplier(float(real)))
        assert np.array_equal(multiplier.scaled(tf.constant(sums, tf.float64)), expected), real
        positive = tf.constant(np.abs(sums), tf.float64)
        assert np.array_equal(multiplier.scaled(positive, positive=True), multiplier.scaled(positive))


def test_averages_of_few() -> None:
    """Ties on every second place: the simulation rounds them as the kernels do, positive and negative ones."""
    rng = np.random.default_rng(0)
    for size, strides in (((1, 2), (1, 2)), ((2, 2), (2, 2)), ((3, 1), (1, 1)), ((2, 3), (2, 1))):
        for low, high in ((-1.0, 1.0), (0.0, 2.0), (-3.0, 0.1)):
            builder = FloatBuilder()
            source = builder.tensor((1, 12, 12, 5), "input")
            options = {"padding": 0, "strideH": strides[0], "strideW": strides[1], "filterHeight": size[0]}
            shape: tuple[int, ...] = (1, 12 // strides[0], 12 // strides[1], 5)
            pooled = builder.one("AVERAGE_POOL_2D", [source], shape, "Pool2DOptions", filterWidth=size[1], **options)
            axes = builder.values([1] if size == (1, 2) else [3])
            shape = (1, shape[2], 5) if size == (1, 2) else shape[:3]
            output = builder.one("MEAN", [pooled, axes], shape, "ReducerOptions", keepDims=False)
            network = read_network(builder.finish(source, output))
            scheme = scheme_of(
                network, {index: (low, high) for index in network.activations[:-1]} | {output: (low / 3, 0.87 * high)}
            )
            clips = rng.uniform(low, high, (4, 12, 12, 5)).astype(np.float32)
            for operator, difference in differences(network, scheme, clips):
                assert not difference.any(), (operator.op, size, low)


@pytest.mark.parametrize("name", SMALL_RECIPES)
def test_end_to_end(name: str) -> None:
    """An untrained network blows small differences up from layer to layer: there must hardly be any."""
    small = small_network(name)
    network = read_network(small.float_flatbuffer)
    scheme = scheme_for(network, small.clips)
    kernels, real = Kernels(network, scheme), []
    for clip in small.clips[:12]:
        kernels.run(clip)
        real.append(kernels.real(network.output)[0])
    actual = np.stack(real)
    step = scheme[network.output].scale
    simulated = simulate(network, scheme, small.clips[:12])
    assert np.array_equal(np.rint(simulated / step), np.rint(actual / step))
    # in steps: 6.8 (CP-Mobile), 2.3 (CBAM), 0.9 (CNN), 1.6 (DSMN)
    assert np.abs(actual - run(network, small.clips[:12])).mean() / step > 0.5


@pytest.mark.parametrize("name", SMALL_RECIPES)
def test_a_network_that_others_quantized(name: str) -> None:
    """Read back with the scales it has: those of TensorFlow's quantizer."""
    small = small_network(name)
    network = read_network(small.converter_int8)
    scheme = stored_scheme(network)
    model, one = Int8Model(small.converter_int8), scheme[network.input]
    steps = np.clip(np.rint(small.clips[:12] / one.scale) + one.zero_point, -128, 127).astype(np.int8)
    actual = np.stack([model.run(clip[np.newaxis])[0] for clip in steps])
    real = ((steps.astype(np.int64) - one.zero_point) * one.scale).astype(np.float32)
    simulated = run(network, real, observe=fake_quantizer(network, scheme)) / scheme[network.output].scale
    assert np.array_equal(np.rint(simulated) + scheme[network.output].zero_point, actual)


def test_training_rounds_nearly_as_exactly() -> None:
    """In float32 one value in 100,000 falls on the other side of a tie, and none is off by more."""
    small = small_network("cp_mobile_micro")
    network = read_network(small.float_flatbuffer)
    scheme = scheme_for(network, small.clips)
    rounded = with_rounded_weights(network, scheme)
    fast, exact = (fake_quantizer(rounded, scheme, exact=one) for one in (False, True))
    missed = values = 0

    def compare(index: int, value: tf.Tensor, inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        nonlocal missed, values
        best = exact(index, value, inputs)
        steps = np.rint((fast(index, value, inputs) - best).numpy() / scheme[index].scale)
        assert np.abs(steps).max() <= 1
        missed, values = missed + int(np.count_nonzero(steps)), values + steps.size
        return best

    execute(rounded, tf.constant(small.clips), observe=compare)
    assert missed <= 1e-4 * values


def test_what_is_kept_is_exact() -> None:
    small = small_network("dcase2022_baseline")
    network = read_network(small.float_flatbuffer)
    scheme = scheme_for(network, small.clips)
    everything = frozenset(network.activations)
    kept = with_rounded_weights(network, scheme, keep=frozenset(one.index for one in network.operators))
    outputs = run(kept, small.clips, observe=fake_quantizer(network, scheme, keep=everything))
    assert np.array_equal(outputs, run(network, small.clips))
    first = network.weighted[0]
    partly = with_rounded_weights(network, scheme, keep=frozenset({first.index}))
    assert np.array_equal(partly.constant(first.weights), network.constant(first.weights))
    second = network.weighted[1]
    assert not np.array_equal(partly.constant(second.weights), network.constant(second.weights))


@pytest.mark.parametrize("op", ["RELU", "MEAN", "AVERAGE_POOL_2D"])
def test_gradients_pass_within_the_range(op: str) -> None:
    """Straight through: 1 where the value is kept, 0 where it is clipped; averages as well."""
    builder = FloatBuilder()
    source = builder.tensor((1, 4, 4, 3), "input")
    pool = {"options": "Pool2DOptions", "filterHeight": 1, "filterWidth": 1, "strideH": 1, "strideW": 1}
    inputs = [source, builder.values([3])] if op == "MEAN" else [source]
    options = {"MEAN": {"options": "ReducerOptions", "keepDims": True}, "AVERAGE_POOL_2D": pool}.get(op, {})
    output = builder.one(op, inputs, (1, 4, 4, 1 if op == "MEAN" else 3), **options)
    network = read_network(builder.finish(source, output))
    fake = fake_quantizer(network, dict.fromkeys(network.activations, affine_of(-0.7, 1.3)))
    value = tf.constant(np.random.default_rng(0).normal(size=(50, *network.tensors[output].inner)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(value)
        rounded = fake(output, value, ())
    inside = (value.numpy() > -0.71) & (value.numpy() < 1.31)
    outside = (value.numpy() < -0.72) | (value.numpy() > 1.32)
    slope = tape.gradient(rounded, value).numpy()
    assert np.all(slope[inside & ~outside & (np.abs(value.numpy()) < 0.69)] == 1) and np.all(slope[outside] == 0)
    assert len(np.unique(rounded)) <= 256


def test_constant_operands_are_rounded() -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 8), "input")
    factors = np.random.default_rng(0).normal(size=8).astype(np.float32)
    output = builder.one("MUL", [source, builder.values(factors)], (1, 8), "MulOptions")
    network = read_network(builder.finish(source, output))
    features = np.random.default_rng(1).normal(size=(200, 8)).astype(np.float32)
    for _, difference in differences(network, scheme_for(network, features), features):
        assert np.abs(difference).max() <= 1
    rounded = with_rounded_weights(network, scheme_for(network, features))
    constant = next(index for index in network.operators[0].inputs if network.is_constant(index))
    assert len(np.unique(np.rint(rounded.constant(constant) / affine_of(factors.min(), factors.max()).scale))) == 8
    assert not np.array_equal(rounded.constant(constant), factors)
