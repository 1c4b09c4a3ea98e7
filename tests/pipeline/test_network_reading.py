"""Flatbuffers as networks: the interpreter's constants, and damage of any kind."""

import signal
from collections.abc import Iterator
from types import FrameType

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from float_cases import float_case
from float_models import FloatBuilder
from int8_cases import examples

from asc_kit.errors import ModelError
from asc_kit.export.network.graph import Network
from asc_kit.export.network.reading import read_network

DAMAGED = 400
_SECONDS = 20


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MUL", "MEAN", "network"])
def test_constants_are_the_interpreters_dequantized(op: str) -> None:
    found = 0
    for case in examples(op, 12):
        network = read_network(case.model)
        interpreter = Interpreter(model_content=case.model)
        details = {int(one["index"]): one for one in interpreter.get_tensor_details()}
        for tensor in network.tensors[: len(details)]:
            one = details[tensor.index]
            assert tensor.name == one["name"] and tensor.shape == tuple(one["shape"])
            if tensor.data is None:
                continue
            stored = interpreter.get_tensor(tensor.index)
            parameters = one["quantization_parameters"]
            found += 1
            if not len(parameters["scales"]):
                assert np.array_equal(tensor.data, stored)
                continue
            along = [1] * stored.ndim
            along[parameters["quantized_dimension"]] = -1 if len(parameters["scales"]) > 1 else 1
            scales = parameters["scales"].astype(np.float64).reshape(along)
            expected = (stored.astype(np.float64) - parameters["zero_points"].reshape(along)) * scales
            assert tensor.data.dtype == np.float32
            assert np.array_equal(tensor.data, expected.astype(np.float32)), case.what
    assert found


def test_every_layer_gets_biases_of_its_own() -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 4, 4, 2), "input")
    weights, bias = builder.values(np.ones((2, 1, 1, 2), np.float32)), builder.values(np.array([1.0, 2.0]))
    options = {"options": "Conv2DOptions", "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    first = builder.one("CONV_2D", [source, weights, bias], (1, 4, 4, 2), **options)
    second = builder.one("CONV_2D", [first, weights, bias], (1, 4, 4, 2), **options)
    third = builder.one("CONV_2D", [second, weights], (1, 4, 4, 2), **options)
    network = read_network(builder.finish(source, third))
    layers = network.weighted
    assert len({layer.bias for layer in layers}) == 3
    assert [network.constant(layer.bias).tolist() for layer in layers] == [[1, 2], [1, 2], [0, 0]]
    assert network.consumers(weights) == layers


def damaged(model: bytes, seed: int) -> bytes:
    """Cut a flatbuffer off, or change some bytes, most of them where its tables are: at its ends."""
    rng = np.random.default_rng(seed)
    if seed % 5 == 0:
        return model[: rng.integers(len(model))]
    changed = bytearray(model)
    end = min(len(model), 4000)
    for _ in range(rng.integers(1, 16)):
        place = int(rng.integers(end))
        changed[(place, len(model) - 1 - place, int(rng.integers(len(model))))[seed % 3]] = int(rng.integers(256))
    return bytes(changed)


@pytest.fixture
def impatient() -> Iterator[None]:
    """Fail when one flatbuffer takes very long: a length read from damaged bytes must not be looped over."""

    def stop(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"more than {_SECONDS} s for one flatbuffer")

    before = signal.signal(signal.SIGALRM, stop)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("kind", ["float", "int8"])
def test_damage(kind: str, impatient: None) -> None:
    (case,) = examples("network", 1) if kind == "int8" else [float_case("SPLIT", 3)]
    refused = 0
    for seed in range(DAMAGED):
        signal.alarm(_SECONDS)
        try:
            network = read_network(damaged(case.model, seed))
        except ModelError:
            refused += 1
        else:
            assert_sound(network)
    assert refused > DAMAGED // 4


def assert_sound(network: Network) -> None:
    """Check what the rest of export takes for granted."""
    known = {network.input, -1} | {tensor.index for tensor in network.tensors if tensor.data is not None}
    for operator in network.operators:
        assert set(operator.inputs) <= known
        assert not known & set(operator.outputs)
        known |= set(operator.outputs)
    assert network.output in known
    for tensor in network.tensors:
        assert tensor.data is None or tensor.data.shape == tensor.shape


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x00" * 64, b"\xff" * 64, b"RIFF" + b"\x10" * 600])
def test_no_flatbuffer(content: bytes) -> None:
    with pytest.raises(ModelError):
        read_network(content)


def test_weights_that_are_no_numbers() -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 4), "input")
    broken = np.ones((3, 4), np.float32)
    broken[1, 2], broken[2, 3] = np.nan, np.inf
    weights, output = builder.values(broken, "net/dense_5/kernel"), builder.tensor((1, 3), "net/dense_5/MatMul")
    builder.operator("FULLY_CONNECTED", [source, weights], output, "FullyConnectedOptions")
    with pytest.raises(ModelError, match=r"layer dense_5 .*2 of 12 values of net/dense_5/kernel are not finite"):
        read_network(builder.finish(source, output))


@pytest.mark.parametrize("computed", ["weights", "biases"])
def test_weights_that_are_computed(computed: str) -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 4), "input")
    hidden = builder.one("TANH", [source], (1, 4))
    inputs = [source, hidden] if computed == "weights" else [source, builder.values(np.ones((4, 4))), hidden]
    output = builder.tensor((1, 4), "net/attention_2/MatMul")
    builder.operator("FULLY_CONNECTED", inputs, output, "FullyConnectedOptions")
    with pytest.raises(ModelError, match=r"layer attention_2 \(FULLY_CONNECTED\).*computed"):
        read_network(builder.finish(source, output))


def test_several_outputs() -> None:
    builder = FloatBuilder()
    source = builder.tensor((1, 4), "input")
    outputs = [builder.one(op, [source], (1, 4)) for op in ("RELU", "TANH")]
    builder.finish(source, outputs[0])
    builder.graph.outputs = outputs
    import flatbuffers

    packed = flatbuffers.Builder(1024)
    packed.Finish(builder.model.Pack(packed), b"TFL3")
    with pytest.raises(ModelError, match="one input and one output. Received: 1 and 2"):
        read_network(bytes(packed.Output()))
