"""The executor against the interpreter: every operator, every attribute, several examples at once; its gradients."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from float_cases import FLOAT_OPERATORS, float_case
from float_models import FloatBuilder

from asc_kit.errors import ModelError
from asc_kit.export.network import operators
from asc_kit.export.network.execution import execute, in_batches, run, statistics
from asc_kit.export.network.graph import Network, logits_of
from asc_kit.export.network.reading import read_network

CASES = 10


def interpreted(model: bytes, inputs: np.ndarray) -> np.ndarray:
    """What LiteRT's float reference kernels give, one example after the other."""
    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    outputs = []
    for example in inputs:
        interpreter.set_tensor(source["index"], example.reshape(source["shape"]))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(target["index"]).copy())
    return np.stack(outputs)


def test_every_operator_has_cases() -> None:
    assert set(FLOAT_OPERATORS) == set(operators.OPERATORS)


@pytest.mark.parametrize("op", sorted(FLOAT_OPERATORS))
def test_as_interpreted(op: str) -> None:
    for seed in range(CASES * (3 if "CONV" in op else 1)):
        case = float_case(op, seed)
        network = read_network(case.model)
        expected = interpreted(case.model, case.inputs)
        actual = execute(network, tf.constant(case.inputs)).numpy()
        inner = network.tensors[network.output].inner
        assert actual.shape == (len(case.inputs), *inner), case.what
        scale = max(1.0, float(np.abs(expected).max()))
        # float32 sums in another order: some 1e-6
        assert np.abs(actual - expected.reshape(actual.shape)).max() <= 1e-5 * scale, case.what


def test_no_convolution_has_a_dilation_of_its_own() -> None:
    """Without oneDNN TensorFlow has no gradient for them: this must hold wherever the tests run."""
    seen = 0
    for seed in range(40):
        case = float_case("CONV_2D", 300 + seed)
        network = read_network(case.model)
        options = network.weighted[0].options
        if (options.DilationHFactor(), options.DilationWFactor()) == (1, 1):
            continue
        seen += 1
        traced = tf.function(lambda x, network=network: execute(network, x)).get_concrete_function(case.inputs)
        nodes = traced.graph.as_graph_def().node
        dilations = [list(node.attr["dilations"].list.i) for node in nodes if node.op == "Conv2D"]
        assert dilations and all(one == [1, 1, 1, 1] for one in dilations), case.what
    assert seen > 5


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_gradients(op: str) -> None:
    """Groups, unequal strides, dilations with strides: the slope along a random direction is what TensorFlow says."""
    for seed in range(12):
        case = float_case(op, 100 + seed)
        network = read_network(case.model)
        # no kinks: linear in weights and inputs each
        network = replace(network, operators=tuple(replace(one, activation=0) for one in network.operators))
        layer = network.weighted[0]
        weights, inputs = tf.constant(network.constant(layer.weights)), tf.constant(case.inputs)
        rng = np.random.default_rng(seed)
        direction = rng.normal(size=weights.shape).astype(np.float32)
        if op == "DEPTHWISE_CONV_2D":  # the executor may count on corners that are 0
            direction *= network.constant(layer.weights) != 0

        def loss(
            weights: tf.Tensor, inputs: tf.Tensor, network: Network = network, index: int = layer.weights
        ) -> tf.Tensor:
            return tf.reduce_sum(tf.sin(execute(network, inputs, constants={index: weights})))

        with tf.GradientTape() as tape:
            tape.watch([weights, inputs])
            value = loss(weights, inputs)
        for_weights, for_inputs = tape.gradient(value, [weights, inputs])
        assert np.isfinite(for_weights.numpy()).all() and np.isfinite(for_inputs.numpy()).all(), case.what
        step = 2e-3
        across = rng.normal(size=inputs.shape).astype(np.float32)
        slopes = [
            (loss(weights + step * direction, inputs) - loss(weights - step * direction, inputs)) / (2 * step),
            (loss(weights, inputs + step * across) - loss(weights, inputs - step * across)) / (2 * step),
        ]
        expected = [np.vdot(for_weights, direction), np.vdot(for_inputs, across)]
        size = np.array(
            [
                np.linalg.norm(for_weights) * np.linalg.norm(direction),
                np.linalg.norm(for_inputs) * np.linalg.norm(across),
            ]
        )
        # central differences of float32
        assert np.all(np.abs(np.array(slopes) - expected) <= 2e-2 * size + 0.02), case.what


def two_layers() -> Network:
    builder = FloatBuilder()
    source = builder.tensor((1, 4), "input")
    hidden = builder.one("TANH", [source], (1, 4))
    weights = builder.values(np.arange(12, dtype=np.float32).reshape(3, 4))
    logits = builder.one("FULLY_CONNECTED", [hidden, weights], (1, 3), "FullyConnectedOptions")
    return read_network(builder.finish(source, builder.one("SOFTMAX", [logits], (1, 3), "SoftmaxOptions", beta=1.0)))


def test_observers_see_and_replace() -> None:
    network = two_layers()
    features = np.random.default_rng(0).normal(size=(70, 4)).astype(np.float32)
    seen: list[int] = []

    def observe(index: int, value: tf.Tensor, _inputs: Sequence[tf.Tensor]) -> tf.Tensor:
        seen.append(index)
        return tf.zeros_like(value) if index == logits_of(network) else value

    outputs = execute(network, tf.constant(features), observe=observe)
    assert tuple(seen) == network.activations
    assert np.allclose(outputs, 1 / 3)
    wanted = run(network, features, wanted=logits_of(network))
    assert np.allclose(wanted, np.tanh(features) @ np.arange(12).reshape(3, 4).T, atol=1e-4)


def test_statistics_of_all_batches() -> None:
    network = two_layers()
    features = np.random.default_rng(0).normal(size=(70, 4)).astype(np.float32)
    found = list(statistics(network, features, lambda _, value: (tf.reduce_sum(value), tf.shape(value)[0])))
    assert sum(int(batch[network.input][1]) for batch in found) == 70
    assert np.isclose(sum(float(batch[network.input][0]) for batch in found), features.sum(), atol=1e-3)
    assert sum(float(batch[network.output][0]) for batch in found) == pytest.approx(70, abs=1e-3)


@pytest.mark.parametrize("last", ["SOFTMAX", "LOGISTIC"])
def test_logits_before_a_reshape(last: str) -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 1, 1, 4), "input")
    beta = {"options": "SoftmaxOptions", "beta": 1.0} if last == "SOFTMAX" else {}
    logits = builder.one("LEAKY_RELU", [source], (1, 1, 1, 4), "LeakyReluOptions", alpha=0.3)
    output = builder.one(last, [logits], (1, 1, 1, 4), **beta)
    for shape in ((1, 4), (4,)):
        output = builder.one("RESHAPE", [output, builder.values(list(shape))], shape, "ReshapeOptions")
    assert logits_of(read_network(builder.finish(source, output))) == logits


def test_an_output_that_is_used_again() -> None:
    """All activations are seen, also those behind the output: each needs a range."""
    builder = FloatBuilder()
    source = builder.tensor((1, 4), "input")
    output = builder.one("TANH", [source], (1, 4))
    builder.one("RELU", [output], (1, 4))
    network = read_network(builder.finish(source, output))
    features = np.random.default_rng(0).normal(size=(70, 4)).astype(np.float32)
    assert set(next(statistics(network, features, lambda _, value: value))) == set(network.activations)
    assert np.allclose(run(network, features), np.tanh(features), atol=1e-6)


def test_many_inputs_are_taken_in_pieces() -> None:
    sizes: list[int] = []

    def double(part: np.ndarray) -> np.ndarray:
        sizes.append(len(part))
        return 2 * part

    features = np.random.default_rng(0).normal(size=(70, 4)).astype(np.float32)
    assert np.array_equal(in_batches(double, features), 2 * features)
    assert sum(sizes) == 70 and max(sizes) <= 32


def test_what_cannot_be_quantized_is_named() -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 8), "input")
    output = builder.tensor((1, 8), "net/wave_7/Sin")
    builder.operator("SIN", [source], output)
    network = read_network(builder.finish(source, output))
    with pytest.raises(ModelError, match=r"layer wave_7 .*operator SIN"):
        run(network, np.zeros((1, 8), np.float32))


@pytest.mark.parametrize(
    ("op", "tensors", "shape", "options"),
    [
        ("MEAN", [0], (1, 6), {"options": "ReducerOptions", "keepDims": True}),
        ("CONCATENATION", None, (2, 6), {"options": "ConcatenationOptions", "axis": 0}),
        ("TRANSPOSE", [1, 0], (6, 1), {"options": "TransposeOptions"}),
        ("PAD", [[1, 0], [0, 0]], (2, 6), {"options": "PadOptions"}),
    ],
)
def test_work_along_the_batch_is_refused(op: str, tensors: list | None, shape: tuple, options: dict) -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 6), "input")
    inputs = [source, source] if tensors is None else [source, builder.values(tensors)]
    network = read_network(builder.finish(source, builder.one(op, inputs, shape, **options)))
    if op == "MEAN":  # of a batch of one: nothing happens
        features = np.arange(12, dtype=np.float32).reshape(2, 6)
        assert np.array_equal(run(network, features), features)
        return
    with pytest.raises(ModelError, match="batch"):
        run(network, np.zeros((2, 6), np.float32))


def test_a_joined_constant_is_refused() -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 4), "input")
    output = builder.tensor((1, 8), "net/join_3/concat")
    inputs = [source, builder.values(np.ones((1, 4), np.float32))]
    builder.operator("CONCATENATION", inputs, output, "ConcatenationOptions", axis=1)
    with pytest.raises(ModelError, match=r"layer join_3 .*CONCATENATION of a constant"):
        run(read_network(builder.finish(source, output)), np.zeros((3, 4), np.float32))


def test_a_fused_function_that_is_unknown() -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 6), "input")
    output = builder.one("ADD", [source, source], (1, 6), "AddOptions", fusedActivationFunction=4)
    with pytest.raises(ModelError, match="fused activation function number 4"):
        run(read_network(builder.finish(source, output)), np.zeros((1, 6), np.float32))
