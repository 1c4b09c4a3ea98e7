"""Scales and zero points: what holds for each tensor, and which tensors share them."""

import numpy as np
import pytest
from float_models import FloatBuilder
from hypothesis import given
from hypothesis import strategies as st
from small_recipes import small_network

from asc_kit.errors import ModelError
from asc_kit.export.network.affine import Affine, affine_of
from asc_kit.export.network.graph import Network
from asc_kit.export.network.reading import read_network
from asc_kit.export.quantization.scheme import (
    FIXED_OUTPUT,
    SAME_SCALE,
    groups,
    quantized_constant,
    quantized_weights,
    rounded_constant,
    rounded_weights,
    scheme_of,
    weight_scales,
)

ends = st.floats(-1e6, 1e6, width=32)


@given(ends, ends)
def test_zero_is_exact_and_the_range_is_kept(a: float, b: float) -> None:
    low, high = min(a, b, 0.0), max(a, b, 0.0)
    one = affine_of(min(a, b), max(a, b))
    assert -128 <= one.zero_point <= 127 and one.scale > 0
    assert np.float32(one.scale) == one.scale
    assert one.lowest <= 0 <= one.highest
    if high - low < 1e-7:  # zeros: any scale will do
        return
    # 255 steps cover the range, moved by at most half a step so that zero is on one of them
    slack = one.scale * (0.5 + 1e-4)
    assert one.highest - one.lowest == pytest.approx(high - low, rel=1e-5)
    assert abs(one.lowest - low) <= slack and abs(one.highest - high) <= slack
    if low == 0.0:
        assert one.zero_point == -128
    if high == 0.0:
        assert one.zero_point == 127


def free(network: Network) -> dict[int, tuple[float, float]]:
    """Ranges that differ from tensor to tensor."""
    rng = np.random.default_rng(0)
    return {index: (-float(rng.uniform(0, 2)), float(rng.uniform(0, 2))) for index in network.activations}


@pytest.mark.parametrize("name", ["dcase2021_resnet11_cbam", "dsmn_model1", "dcase2022_baseline"])
def test_groups_share_one_quantization(name: str) -> None:
    network = read_network(small_network(name).float_flatbuffer)
    ranges = free(network)
    scheme, group_of = scheme_of(network, ranges), groups(network)
    assert set(scheme) == set(network.activations)
    n_same = 0
    for operator in network.operators:
        ends = [index for index in (*operator.inputs, *operator.outputs) if index in scheme]
        if operator.op in SAME_SCALE:
            assert len({scheme[index] for index in ends}) == 1, operator.op
            n_same += 1
        if operator.op in FIXED_OUTPUT:
            assert scheme[operator.output] == FIXED_OUTPUT[operator.op]
    assert n_same
    # and nothing beyond them: a group's range is the union of its members'
    for group in set(group_of.values()):
        members = [index for index in group_of if group_of[index] == group]
        if scheme[group] not in FIXED_OUTPUT.values():
            low, high = min(ranges[index][0] for index in members), max(ranges[index][1] for index in members)
            assert scheme[group] == affine_of(low, high)
    assert len(set(group_of.values())) > len(network.operators) // 2


def joined(*kinds: str) -> Network:
    """CONCATENATION of functions of one input; "AB" stands for a CONCATENATION of A and B."""
    functions = {"L": "LOGISTIC", "T": "TANH", "R": "RELU"}
    builder = FloatBuilder()
    source = builder.tensor((1, 4), "input")

    def piece(kind: str) -> int:
        parts = [builder.one(functions[letter], [source], (1, 4)) for letter in kind]
        shape = (1, 4 * len(parts))
        return (
            parts[0] if len(parts) == 1 else builder.one("CONCATENATION", parts, shape, "ConcatenationOptions", axis=1)
        )

    pieces = [piece(kind) for kind in kinds]
    output = builder.tensor((1, 4 * len("".join(kinds))), "net/join_3/concat")
    builder.operator("CONCATENATION", pieces, output, "ConcatenationOptions", axis=1)
    return read_network(builder.finish(source, output))


@pytest.mark.parametrize("kinds", [("L", "R"), ("R", "L"), ("L", "T"), ("LL", "R"), ("L", "RR"), ("T", "LL")])
def test_probabilities_joined_with_others_are_refused(kinds: tuple[str, ...]) -> None:
    network = joined(*kinds)
    with pytest.raises(ModelError, match=r"layer join_3 \(CONCATENATION\)"):
        groups(network)


@pytest.mark.parametrize("kinds", [("L", "L"), ("LL", "L"), ("LL", "LL"), ("T", "T"), ("R", "RR")])
def test_like_ones_are_joined(kinds: tuple[str, ...]) -> None:
    network = joined(*kinds)
    prescribed = {"L": FIXED_OUTPUT["LOGISTIC"], "T": FIXED_OUTPUT["TANH"]}.get(kinds[0][0])
    scheme = scheme_of(network, free(network))
    if prescribed is not None:
        assert scheme[network.output] == prescribed
    else:
        assert scheme[network.output] not in FIXED_OUTPUT.values()


def test_a_joined_constant_is_refused() -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 4), "input")
    tensors = [source, builder.values(np.ones((1, 4), np.float32))]
    output = builder.one("CONCATENATION", tensors, (1, 8), "ConcatenationOptions", axis=1)
    with pytest.raises(ModelError, match="CONCATENATION of a constant"):
        groups(read_network(builder.finish(source, output)))


def dense(weights: np.ndarray, bias: np.ndarray) -> Network:
    builder = FloatBuilder()
    source = builder.tensor((1, weights.shape[1]), "input")
    tensors = [source, builder.values(weights), builder.values(bias)]
    output = builder.one("FULLY_CONNECTED", tensors, (1, len(weights)), "FullyConnectedOptions")
    return read_network(builder.finish(source, output))


def test_weights_per_channel() -> None:
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(6, 40)) * 10.0 ** rng.uniform(-3, 3, (6, 1))
    network = dense(weights, np.zeros(6, np.float32))
    layer = network.weighted[0]
    scheme = {index: Affine(scale=0.1, zero_point=3) for index in network.activations}
    scales = weight_scales(network, layer, scheme)
    steps = quantized_weights(network.constant(layer.weights), scales, 0)
    assert np.array_equal(np.abs(steps).max(axis=1), np.full(6, 127))
    error = np.abs(rounded_weights(network, layer, scheme) - network.constant(layer.weights))
    assert np.all(error <= 0.5001 * scales[:, np.newaxis])


def test_silent_channels_and_large_biases() -> None:
    """Whatever the weights, biases fit into 30 bits and every scale is an ordinary number."""
    weights = np.ones((5, 8), np.float32)
    weights[1], weights[2], weights[3] = 0.0, 1e-30, 1e-42
    bias = np.array([0.0, 7.0, 1e6, 0.0, -1e9], np.float32)
    network = dense(weights, bias)
    scheme = {index: Affine(scale=0.01, zero_point=0) for index in network.activations}
    scales = weight_scales(network, network.weighted[0], scheme)
    assert scales.dtype == np.float32 and np.isfinite(scales).all()
    assert np.all(scales >= np.finfo(np.float32).tiny)
    assert np.all(np.abs(bias) / (0.01 * scales.astype(np.float64)) <= 2.0**29 * (1 + 1e-6))
    assert not rounded_weights(network, network.weighted[0], scheme)[1].any()


def test_all_channels_silent() -> None:
    network = dense(np.zeros((3, 8), np.float32), np.zeros(3, np.float32))
    scheme = {index: Affine(scale=0.01, zero_point=0) for index in network.activations}
    assert np.array_equal(weight_scales(network, network.weighted[0], scheme), np.ones(3, np.float32))


def test_zero_stays_zero_in_every_channel() -> None:
    weights = np.random.default_rng(0).normal(size=(4, 9)).astype(np.float32)
    weights[:, ::3] = 0.0
    network = dense(weights, np.zeros(4, np.float32))
    scheme = {index: Affine(scale=0.01, zero_point=0) for index in network.activations}
    assert not rounded_weights(network, network.weighted[0], scheme)[:, ::3].any()


@given(st.lists(ends, min_size=1, max_size=9))
def test_constant_operands(values: list[float]) -> None:
    array = np.array(values, np.float32)
    one = affine_of(float(array.min()), float(array.max()))
    rounded = rounded_constant(array)
    assert np.all(np.abs(rounded - array) <= 1.0001 * one.scale)  # half a step; a whole one where zero moved an end
    assert np.all(rounded[array == 0] == 0)
    assert quantized_constant(array).dtype == np.int8
