"""Int8 flatbuffers of our own, against those of TensorFlow's converter and against the simulation."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from float_cases import FLOAT_OPERATORS, float_case
from float_models import FloatBuilder
from operator_counts import operator_counts
from simulation import simulate
from small_recipes import SMALL_RECIPES, small_network

from asc_kit.errors import ModelError
from asc_kit.export.graph_check import check_integer
from asc_kit.export.network.affine import Affine, affine_of
from asc_kit.export.network.graph import Network
from asc_kit.export.network.operators import OPERATORS
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.calibration import observe, range_of
from asc_kit.export.quantization.scheme import groups, scheme_of
from asc_kit.export.quantization.writing import int8_flatbuffer
from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.inference.interpreter import Int8Model
from asc_kit.quantization import QuantizationSettings, TensorInfo
from asc_kit.train.complexity.flatbuffer import flatbuffer_complexity

MIN_MAX = QuantizationSettings(calibration="min_max")


def min_max_scheme(network: Network, features: np.ndarray) -> dict[int, Affine]:
    return scheme_of(network, {index: range_of(one, MIN_MAX) for index, one in observe(network, features).items()})


def integers(flatbuffer: bytes, features: np.ndarray) -> np.ndarray:
    """Outputs of the reference kernels, int8 as whole numbers, [n, *inner]."""
    model = Int8Model(flatbuffer)
    scale, zero_point = model.input_details["quantization"]
    shape = tuple(int(n) for n in model.input_details["shape"])
    info = TensorInfo(shape=shape, scale=scale, zero_point=zero_point)
    return np.stack([model.run(info.quantize(one.reshape(shape))) for one in features]).astype(np.int64)


def in_steps(real: np.ndarray, one: Affine) -> np.ndarray:
    return np.rint(real.astype(np.float64) / one.scale + one.zero_point)


def versions(flatbuffer: bytes) -> dict[str, set[int]]:
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    found: dict[str, set[int]] = {}
    for code in schema.ModelT.InitFromPackedBuf(flatbuffer).operatorCodes:
        found.setdefault(names[max(code.builtinCode, code.deprecatedBuiltinCode)], set()).add(code.version)
    return found


def converters_scheme(network: Network, flatbuffer: bytes) -> dict[int, Affine]:
    """What TensorFlow's converter chose for each activation of the float network; matched by name."""
    theirs = {}
    for tensor in (quantized := read_network(flatbuffer)).tensors:
        if tensor.quantization is not None and not quantized.is_constant(tensor.index):
            stored = tensor.quantization
            theirs[tensor.name] = Affine(scale=float(stored.scales[0]), zero_point=int(stored.zero_points[0]))
    group_of = groups(network)
    by_group = {
        group_of[index]: theirs[network.tensors[index].name]
        for index in network.activations
        if network.tensors[index].name in theirs
    }
    # the parts of a SPLIT have other names there
    return {index: theirs.get(network.tensors[index].name, by_group[group_of[index]]) for index in network.activations}


@pytest.mark.parametrize("name", SMALL_RECIPES)
def test_with_the_converters_scales_it_is_the_converters_model(name: str) -> None:
    """Weights, biases, versions and every output: bit for bit."""
    small = small_network(name)
    network = read_network(small.float_flatbuffer)
    ours = int8_flatbuffer(network, converters_scheme(network, small.converter_int8))
    check_integer(ours)
    assert operator_counts(ours) == operator_counts(small.converter_int8)
    assert versions(ours) == versions(small.converter_int8)
    assert np.array_equal(integers(ours, small.clips), integers(small.converter_int8, small.clips))
    layers = [{layer.output: layer for layer in read_network(model).weighted} for model in (ours, small.converter_int8)]
    networks = [read_network(model) for model in (ours, small.converter_int8)]
    constants = [
        sorted((*constants_of(one, layer), bias_step(one, layer)) for layer in found.values())
        for one, found in zip(networks, layers, strict=True)
    ]
    assert len(constants[0]) == len(constants[1])
    for (*mine, _), (*theirs, step) in zip(*constants, strict=True):
        assert mine[:-1] == pytest.approx(theirs[:-1], rel=1e-5, abs=1e-6)
        # the converter divides in float32, where a bias may be a tie that is none: -10754.4997 steps become -10755.
        # Which network has one depends on the last bits of its statistics, and so on the processor
        assert mine[-1] == pytest.approx(theirs[-1], rel=1e-5, abs=1.001 * step)
    make_plan(read_model(ours))
    # layers without biases have none added, which the challenges' rules would count
    parameters, theirs = (flatbuffer_complexity(one, None).counts for one in (ours, small.converter_int8))
    assert (parameters.parameters, parameters.storage) == (theirs.parameters, theirs.storage)


@pytest.mark.parametrize("corrected", [0.0, 0.3])
def test_a_bias_that_was_absent(corrected: float) -> None:
    """It stays so, unless a correction or a fine-tuning has made one."""
    builder = FloatBuilder()
    source = builder.tensor((1, 4), "input")
    inputs = [source, builder.values(np.ones((3, 4), np.float32)), -1]
    network = read_network(
        builder.finish(source, builder.one("FULLY_CONNECTED", inputs, (1, 3), "FullyConnectedOptions"))
    )
    network = network.with_constants({network.weighted[0].bias: np.full(3, corrected)})
    scheme = dict.fromkeys(network.activations, affine_of(-2.0, 2.0))
    model = int8_flatbuffer(network, scheme)
    (record,) = schema.ModelT.InitFromPackedBuf(model).subgraphs[0].operators
    assert (len(record.inputs) == 3 and record.inputs[2] >= 0) == (corrected != 0.0)
    assert (
        np.abs(integers(model, np.zeros((1, 4), np.float32)) - in_steps(np.float32([corrected]), scheme[0])).max() < 1
    )
    make_plan(read_model(model))


def constants_of(network: Network, layer: object) -> tuple[float, ...]:
    """Figures of a layer's weights and biases that hardly agree by accident."""
    weights, bias = network.constant(layer.weights), network.constant(layer.bias)  # type: ignore[attr-defined]
    return (*map(float, weights.shape), float(np.abs(weights).sum()), float(weights.sum()), float(np.abs(bias).sum()))


def bias_step(network: Network, layer: object) -> float:
    """The largest step of a layer's biases."""
    stored = network.tensors[layer.bias].quantization  # type: ignore[attr-defined]
    return float(stored.scales.max()) if stored is not None else 0.0


# The converter's own ranges are not those of the tensor where
# - ADD writes its sum over its first operand before the range of that is noted: the range of the sum comes in;
# - a maximum over the channels is joined with others: TFLite wants one scale, and all get that of the joined tensor,
#   so that the maximum's input is clipped. Ours get the union.
def with_sums(network: Network, ranges: Mapping[int, tuple[float, float]]) -> dict[int, tuple[float, float]]:
    found = dict(ranges)
    for operator in network.operators:
        if operator.op == "ADD":
            first = operator.inputs[0]
            low, high = ranges[operator.output]
            found[first] = min(found[first][0], low), max(found[first][1], high)
    return found


@pytest.mark.parametrize("name", SMALL_RECIPES)
def test_min_max_scales_are_the_converters(name: str) -> None:
    small = small_network(name)
    network = read_network(small.float_flatbuffer)
    ranges = {index: range_of(one, MIN_MAX) for index, one in observe(network, small.clips).items()}
    theirs, ours = converters_scheme(network, small.converter_int8), scheme_of(network, ranges)
    with_theirs = scheme_of(network, with_sums(network, ranges))
    group_of = groups(network)
    maxima = {group_of[one.output] for one in network.operators if one.op == "REDUCE_MAX"}
    compared = 0
    for index in network.activations:
        if group_of[index] in maxima or ranges[index] == (0.0, 0.0):
            continue
        alike = [_alike(one[index], theirs[index]) for one in (ours, with_theirs)]
        assert any(alike), network.tensors[index].name
        compared += alike[0]
    assert compared > 0.7 * len([index for index in network.activations if group_of[index] not in maxima])


def _alike(one: Affine, other: Affine) -> bool:
    # activations differ in the last digits of float32
    return abs(one.scale / other.scale - 1) < 1e-4 and one.zero_point == other.zero_point


def test_the_same_bytes_again() -> None:
    small = small_network("cp_mobile_micro")
    network = read_network(small.float_flatbuffer)
    scheme = min_max_scheme(network, small.clips)
    first = int8_flatbuffer(network, scheme)
    assert first == int8_flatbuffer(read_network(small.float_flatbuffer), dict(reversed(scheme.items())))
    # and no float constant stays in the file
    assert len(first) < 1.02 * len(small.converter_int8)


@pytest.mark.parametrize("op", sorted(FLOAT_OPERATORS))
def test_every_operator(op: str) -> None:
    """Written from a float model: the reference kernels run it, our engine takes it, it computes the simulation."""
    differences = []
    for seed in range(6):
        case = float_case(op, seed)
        network = read_network(case.model)
        scheme = min_max_scheme(network, case.inputs)
        written = int8_flatbuffer(network, scheme)
        check_integer(written)
        found = versions(written)
        assert {name: min(numbers) for name, numbers in found.items()} == {
            name: OPERATORS[name].int8_version for name in found
        }, case.what
        make_plan(read_model(written))
        actual = integers(written, case.inputs)
        expected = in_steps(simulate(network, scheme, case.inputs), scheme[network.output])
        differences.append(np.abs(actual.reshape(expected.shape) - expected).ravel())
        assert differences[-1].max() <= 2, case.what
    # measured: 0.006 for convolutions, 0.08 for averages, up to 0.13 where a LEAKY_RELU follows whose scales are nearly
    # alike: the kernels round twice, and the first rounding is nearly as coarse as the second
    assert np.concatenate(differences).mean() <= 0.2


def chain(shared: bool, scales: tuple[float, float]) -> tuple[Network, tuple[int, int]]:
    """Two 1x1 convolutions with the same constants, on inputs of other scales; and the constants' tensors."""
    rng = np.random.default_rng(4)
    builder = FloatBuilder()
    source = builder.tensor((1, 5, 5, 4), "input")
    values = rng.normal(size=(4, 1, 1, 4)), rng.normal(size=4)
    options = {"options": "Conv2DOptions", "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    tensors = [builder.values(part) for part in values]
    joints = []
    for scale in scales:
        factor = builder.values(np.full((1, 1, 1, 4), scale, np.float32))
        scaled = builder.one("MUL", [source, factor], (1, 5, 5, 4), "MulOptions")
        own = tensors if shared else [builder.values(part) for part in values]
        joints.append(builder.one("CONV_2D", [scaled, *own], (1, 5, 5, 4), **options))
    output = builder.one("ADD", joints, (1, 5, 5, 4), "AddOptions")
    return read_network(builder.finish(source, output)), (tensors[0], tensors[1])


@pytest.mark.parametrize("scales", [(1.0, 1.0), (1.0, 30.0)])
def test_shared_constants(scales: tuple[float, float]) -> None:
    features = np.random.default_rng(0).normal(size=(8, 5, 5, 4)).astype(np.float32)
    outputs, sizes = [], []
    for shared in (True, False):
        network, (weights, bias) = chain(shared, scales)
        scheme = min_max_scheme(network, features)
        written = int8_flatbuffer(network, scheme)
        outputs.append(integers(written, features))
        sizes.append(len(written))
        model = schema.ModelT.InitFromPackedBuf(written).subgraphs[0]
        layers = [one for one in model.operators if len(one.inputs) == 3]
        if shared:
            assert [int(layer.inputs[1]) for layer in layers] == [weights, weights]
            # biases are in steps of the input's scale: one tensor where that is the same
            assert [int(layer.inputs[2]) == bias for layer in layers] == [True, scales[0] == scales[1]]
        real = in_steps(simulate(network, scheme, features), scheme[network.output])
        assert np.abs(outputs[-1].reshape(real.shape) - real).max() <= 2
    assert np.array_equal(*outputs)
    assert sizes[0] < sizes[1]


@pytest.mark.parametrize("op", ["CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.parametrize("activation", [0, 1])
def test_silent_channels_and_large_biases(op: str, activation: int) -> None:
    """Channels of zeros, of next to nothing, of biases far beyond the sums: computed, and without overflow."""
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(6, 16)).astype(np.float32)
    weights[1], weights[2], weights[3] = 0.0, 1e-35, 1e-6
    bias = np.array([0.1, 0.7, 0.0, 4e3, -4e3, 0.0], np.float32)
    builder = FloatBuilder()
    shape = (1, 3, 3, 16) if op == "CONV_2D" else (1, 16)
    source = builder.tensor(shape, "input")
    options: dict[str, object] = {"options": "FullyConnectedOptions"}
    if op == "CONV_2D":
        weights = weights.reshape(6, 1, 1, 16)
        options = {"options": "Conv2DOptions", "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    tensors = [source, builder.values(weights), builder.values(bias)]
    output = builder.one(op, tensors, (*shape[:-1], 6), fusedActivationFunction=activation, **options)
    network = read_network(builder.finish(source, output))
    features = rng.normal(size=(12, *shape[1:])).astype(np.float32)
    scheme = min_max_scheme(network, features)
    written = int8_flatbuffer(network, scheme)
    make_plan(read_model(written))
    actual = integers(written, features)
    expected = in_steps(simulate(network, scheme, features), scheme[network.output])
    assert np.abs(actual.reshape(expected.shape) - expected).max() <= 1
    stored = read_network(written)
    layer = stored.weighted[0]
    found, scale = stored.constant(layer.bias), scheme[network.output].scale
    assert np.all(np.abs(found - bias) <= 1e-3 * scale)
    assert stored.constant(layer.weights).shape[layer.axes.output] == 6


def test_a_constant_operand_keeps_its_zeros() -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 8), "input")
    factors = np.array([0, 1, -0.5, 3, 0, 2, 0.1, -1], np.float32)
    output = builder.one("MUL", [source, builder.values(factors)], (1, 8), "MulOptions")
    network = read_network(builder.finish(source, output))
    features = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    scheme = min_max_scheme(network, features)
    outputs = integers(int8_flatbuffer(network, scheme), features).reshape(20, 8)
    assert np.all(outputs[:, factors == 0] == scheme[network.output].zero_point)
    real = (outputs - scheme[network.output].zero_point) * scheme[network.output].scale
    # half a step of either operand and of the output
    assert np.abs(real - features * factors).max() <= 0.5 * sum(
        (affine_of(-1, 3).scale * np.abs(features).max(), scheme[network.input].scale * 3, scheme[network.output].scale)
    )


def test_operators_without_an_int8_form_are_named() -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 8), "input")
    output = builder.tensor((1, 8), "net/wave_7/Sin")
    builder.operator("SIN", [source], output)
    network = read_network(builder.finish(source, output))
    with pytest.raises(ModelError, match=r"layer wave_7 .*operator SIN"):
        int8_flatbuffer(network, {index: affine_of(-1, 1) for index in network.activations})


def test_counts_of_operators_stay() -> None:
    for name in SMALL_RECIPES:
        network = read_network(small_network(name).float_flatbuffer)
        written = int8_flatbuffer(network, {index: affine_of(-1, 1) for index in network.activations})
        assert operator_counts(written) == dict(sorted(Counter(one.op for one in network.operators).items()))
