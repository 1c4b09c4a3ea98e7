"""A TFLite model as the rules count it: the published table of 2022, weights by hand, pruning, and bad files."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from int8_models import ModelBuilder

from asc_kit.challenge_rules import check_rules
from asc_kit.errors import ModelError
from asc_kit.train.complexity.flatbuffer import FlatbufferComplexity, flatbuffer_complexity

SAME_CONVOLUTION = {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
# DCASE 2022 Task 1, the table published with the baseline: MACs and bytes of each operator
PUBLISHED_2022 = [
    ("CONV_2D", 1_599_360, 848),
    ("CONV_2D", 25_589_760, 12_608),
    ("MAX_POOL_2D", 32_000, 0),
    ("CONV_2D", 2_007_040, 25_216),
    ("MAX_POOL_2D", 2_560, 0),
    ("FULLY_CONNECTED", 3_200, 6_800),
    ("FULLY_CONNECTED", 1_000, 1_040),
]


class Layers:
    """A chain of operators, all of whose weights are 1 unless given."""

    def __init__(self, *shape: int) -> None:
        self.builder = ModelBuilder()
        self.shape = shape
        self.input = self.last = self.builder.activation(shape, 0.1, 0)

    def _next(self, *shape: int) -> int:
        self.shape = shape
        self.last = self.builder.activation(shape, 0.1, 0)
        return self.last

    def _weights(self, weights: np.ndarray, units: int) -> list[int]:
        biases = np.ones(units, np.int32)
        return [self.last, self.builder.constant(weights, 0.01), self.builder.constant(biases, 0.001)]

    def convolution(self, channels: int, size: int, weights: np.ndarray | None = None) -> Layers:
        if weights is None:
            weights = np.ones((channels, size, size, self.shape[-1]), np.int8)
        inputs = self._weights(weights, channels)
        output = self._next(*self.shape[:-1], channels)
        self.builder.operator("CONV_2D", inputs, output, "Conv2DOptions", **SAME_CONVOLUTION)
        return self

    def depthwise(self, size: int) -> Layers:
        inputs = self._weights(np.ones((1, size, size, self.shape[-1]), np.int8), self.shape[-1])
        options = {**SAME_CONVOLUTION, "depthMultiplier": 1}
        self.builder.operator("DEPTHWISE_CONV_2D", inputs, self._next(*self.shape), "DepthwiseConv2DOptions", **options)
        return self

    def pool(self, height: int, width: int) -> Layers:
        source = self.last
        output = self._next(1, self.shape[1] // height, self.shape[2] // width, self.shape[3])
        window = {"filterHeight": height, "filterWidth": width, "strideH": height, "strideW": width, "padding": 1}
        self.builder.operator("MAX_POOL_2D", [source], output, "Pool2DOptions", **window)
        return self

    def flat(self) -> Layers:
        source, size = self.last, math.prod(self.shape)
        shape = self.builder.constant(np.array([1, size], np.int32))
        self.builder.operator("RESHAPE", [source, shape], self._next(1, size))
        return self

    def dense(self, units: int) -> Layers:
        inputs = self._weights(np.ones((units, self.shape[-1]), np.int8), units)
        self.builder.operator("FULLY_CONNECTED", inputs, self._next(1, units), "FullyConnectedOptions")
        return self

    def finish(self) -> bytes:
        return self.builder.finish(self.input, self.last)

    def counted(self) -> FlatbufferComplexity:
        return flatbuffer_complexity(self.finish(), 1.0)


def baseline(n_frames: int, last_pool: int) -> Layers:
    network = Layers(1, 40, n_frames, 1).convolution(16, 7).convolution(16, 7).pool(5, 5).convolution(32, 7)
    return network.pool(4, last_pool).flat().dense(100).dense(10)


def test_the_published_table_of_2022() -> None:
    counted = baseline(51, 10).counted()
    rows = [(layer.kind, layer.macs_2022, layer.parameter_bytes) for layer in counted.layers]
    assert [row for row in rows if row[0] != "RESHAPE"] == PUBLISHED_2022
    counts = counted.counts
    assert (counts.macs_2022, counts.storage[0].parameter_bytes) == (29_234_920, 46_512)
    # 46,118 trained values less two per normalized channel
    assert counts.parameters == 46_118 - 2 * 64
    assert all(check.holds for check in check_rules(counts))


def test_macs_by_the_rule_of_2024() -> None:
    layers = Layers(1, 6, 5, 3).convolution(4, 3).depthwise(3).flat().dense(7).counted().layers
    assert [(layer.parameters, layer.macs, layer.macs_2022) for layer in layers] == [
        (4 * 27 + 4, (4 * 27 + 4) * 30, 4 * 27 * 30),
        (9 * 4 + 4, (9 * 4 + 4) * 30, 9 * 4 * 30),
        (0, 0, 0),
        (7 * 120 + 7, 7 * 120 + 7, 7 * 4),
    ]
    assert [layer.input_shape for layer in layers][:2] == [(6, 5, 3), (6, 5, 4)]


def test_groups_of_channels_count_what_they_multiply() -> None:
    (layer,) = Layers(1, 6, 5, 8).convolution(4, 1, np.ones((4, 1, 1, 2), np.int8)).counted().layers
    assert (layer.parameters, layer.macs, layer.macs_2022) == (4 * 2 + 4, 12 * 30, 8 * 30)


def test_a_sum_and_a_mean_count_in_2022_alone() -> None:
    network = Layers(1, 4, 4, 2).convolution(2, 1)
    builder, first = network.builder, network.last
    added = builder.activation((1, 4, 4, 2), 0.1, 0)
    builder.operator("ADD", [first, network.input], added, "AddOptions")
    axes = builder.constant(np.array([1, 2], np.int32))
    network.last = builder.activation((1, 2), 0.1, 0)
    builder.operator("MEAN", [added, axes], network.last, "ReducerOptions")
    layers = network.counted().layers
    assert [(layer.kind, layer.parameters, layer.macs, layer.macs_2022) for layer in layers[1:]] == [
        ("ADD", 0, 0, 32),
        ("MEAN", 0, 0, 32),
    ]


def test_batch_normalization_that_was_not_folded_counts_two_values_per_channel() -> None:
    network = Layers(1, 4, 4, 3).convolution(3, 1)
    builder = network.builder
    for op, options in (("MUL", "MulOptions"), ("ADD", "AddOptions")):
        values = builder.constant(np.ones(3, np.int8), 0.01)
        output = builder.activation((1, 4, 4, 3), 0.1, 0)
        builder.operator(op, [network.last, values], output, options)
        network.last = output
    assert [(layer.parameters, layer.macs) for layer in network.counted().layers[1:]] == [(3, 3), (3, 3)]


def test_a_layer_used_twice_has_its_weights_once() -> None:
    network = Layers(1, 4, 4, 3)
    weights = network.builder.constant(np.ones((3, 1, 1, 3), np.int8), 0.01)
    biases = network.builder.constant(np.ones(3, np.int32), 0.001)
    for _ in range(2):
        output = network.builder.activation((1, 4, 4, 3), 0.1, 0)
        network.builder.operator(
            "CONV_2D", [network.last, weights, biases], output, "Conv2DOptions", **SAME_CONVOLUTION
        )
        network.last = output
    counted = network.counted()
    assert [(layer.parameters, layer.macs) for layer in counted.layers] == [(12, 12 * 16), (0, 12 * 16)]
    assert counted.counts.storage[0].parameter_bytes == 9 + 3 * 4


def test_zero_is_the_zero_point() -> None:
    network = Layers(1, 4, 4, 1)
    weights = network.builder.constant(np.array([5, 0, -3, 5], np.int8).reshape(4, 1, 1, 1), 0.01, zero_point=5)
    output = network.builder.activation((1, 4, 4, 4), 0.1, 0)
    network.builder.operator("CONV_2D", [network.input, weights], output, "Conv2DOptions", **SAME_CONVOLUTION)
    network.last = output
    assert network.counted().counts.nonzero_parameters == 2


@settings(max_examples=20, deadline=None, derandomize=True, database=None)
@given(st.sets(st.integers(0, 5 * 9 * 3 - 1)))
def test_a_pruned_weight_lowers_the_count_of_2021_alone(pruned: set[int]) -> None:
    weights = np.ones((5, 3, 3, 3), np.int8)
    dense = check_rules(Layers(1, 6, 5, 3).convolution(5, 3, weights).counted().counts)
    weights.reshape(-1)[list(pruned)] = 0
    sparse = check_rules(Layers(1, 6, 5, 3).convolution(5, 3, weights).counted().counts)
    assert dense[1:] == sparse[1:]
    # 5 biases of 4 bytes
    assert dense[0].limits[0].value == 135 + 20
    assert dense[0].limits[0].value - sparse[0].limits[0].value == len(pruned)


@pytest.mark.parametrize("op", ["COS", "BATCH_MATMUL", "UNIDIRECTIONAL_SEQUENCE_LSTM"])
def test_an_operator_without_a_rule_is_named(op: str) -> None:
    network = Layers(1, 4, 4, 3).convolution(3, 1)
    output = network.builder.activation((1, 4, 4, 3), 0.1, 0)
    network.builder.operator(op, [network.last], output)
    network.last = output
    with pytest.raises(ModelError, match=rf"operator 1 {op}, which computes tensor {output} 'activation_{output}'"):
        network.counted()


def test_weights_that_are_computed_are_refused() -> None:
    network = Layers(1, 4, 4, 3)
    weights = network.builder.activation((3, 1, 1, 3), 0.1, 0)
    output = network.builder.activation((1, 4, 4, 3), 0.1, 0)
    network.builder.operator("CONV_2D", [network.input, weights], output, "Conv2DOptions", **SAME_CONVOLUTION)
    network.last = output
    with pytest.raises(ModelError, match="operator 0 CONV_2D.*no constant weights"):
        network.counted()


def test_a_model_without_parameters_is_refused() -> None:
    with pytest.raises(ModelError, match="no parameters"):
        Layers(1, 4, 4, 3).pool(2, 2).counted()


def test_a_circle_is_damage() -> None:
    network = Layers(1, 4, 4, 3).convolution(3, 1).flat().dense(2)
    reshape = network.builder.graph.operators[1]
    reshape.inputs = [reshape.outputs[0]]
    with pytest.raises(ModelError, match="before it is computed"):
        network.counted()


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\0" * 64, b"\x1c\0\0\0TFL3" + b"\xff" * 100, b"\x08\0\0\0TFL3"])
def test_not_a_model(data: bytes) -> None:
    with pytest.raises(ModelError):
        flatbuffer_complexity(data, None)


def test_a_damaged_file_gives_an_error_and_nothing_else() -> None:
    """Truncations, and random bytes at random places: a ModelError, or a model of other numbers."""
    model = Layers(1, 6, 5, 3).convolution(4, 3).depthwise(3).pool(2, 2).flat().dense(7).finish()
    refused = 0
    for length in range(0, len(model), 37):
        with pytest.raises(ModelError):
            flatbuffer_complexity(model[:length], 1.0)
    rng = np.random.default_rng(4)
    for _ in range(400):
        damaged = bytearray(model)
        for place in rng.integers(8, len(model), 3):
            damaged[place] = rng.integers(256)
        try:
            flatbuffer_complexity(bytes(damaged), 1.0)
        except ModelError:
            refused += 1
    assert 40 < refused < 400
