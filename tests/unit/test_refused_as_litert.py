"""Files that LiteRT refuses are refused here too; the one exception is a field that says nothing of a bias."""

from __future__ import annotations

import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from int8_models import ModelBuilder
from small_layers import BIAS, INPUT, OUTPUT, WEIGHTS, Change, layer, quantization

from asc_kit.errors import ModelError
from asc_kit.firmware_gen.read.reader import read_model


def inputs(*tensors: int) -> Change:
    return lambda builder: setattr(builder.graph.operators[0], "inputs", list(tensors))


def version(number: int) -> Change:
    return lambda builder: setattr(builder.model, "version", number)


def bias_shape(*shape: int) -> Change:
    return lambda builder: setattr(builder.graph.tensors[BIAS], "shape", list(shape))


def litert_takes(model: bytes) -> bool:
    try:
        Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF).allocate_tensors()
    except (RuntimeError, ValueError):
        return False
    return True


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.parametrize("n_scales", [1, 4])
@pytest.mark.parametrize(
    "change",
    [
        lambda builder: None,
        inputs(INPUT, WEIGHTS),
        inputs(INPUT, WEIGHTS, -1),
        bias_shape(1, 4),
        quantization(BIAS, "scale", [5e-4 * 1.5]),
        quantization(BIAS, "scale", [5e-4 * 2.99]),
        quantization(BIAS, "scale", [5e-4 * 3.01]),
        quantization(BIAS, "scale", [5e-4 * 50]),
        quantization(WEIGHTS, "quantizedDimension", 4),
        quantization(WEIGHTS, "quantizedDimension", -1),
        quantization(INPUT, "quantizedDimension", 4),
        quantization(OUTPUT, "quantizedDimension", -1),
        *(quantization(tensor, "zeroPoint", None) for tensor in range(4)),
        *(quantization(tensor, "zeroPoint", [0, 0]) for tensor in range(4)),
        quantization(WEIGHTS, "zeroPoint", [0]),
        *(version(number) for number in (0, 1, 2, 4)),
    ],
)
def test_a_layer_is_taken_where_litert_takes_it(op: str, n_scales: int, change: Change) -> None:
    def both(builder: ModelBuilder) -> None:
        change(builder)
        scale = builder.graph.tensors[BIAS].quantization
        if len(scale.scale) != len(scale.zeroPoint or ()) == n_scales:
            scale.zeroPoint = [0] * len(scale.scale)  # the change is the scale's

    model = layer(op, n_scales=n_scales, change=both)
    if litert_takes(model):
        read_model(model)
    else:
        with pytest.raises(ModelError):
            read_model(model)


@pytest.mark.parametrize("op", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
def test_the_axis_of_a_bias_says_nothing(op: str) -> None:
    model = layer(op, change=quantization(BIAS, "quantizedDimension", 3))
    read_model(model)
    assert not litert_takes(model)


def test_a_bias_of_another_scale_is_named() -> None:
    with pytest.raises(ModelError, match=r"bias 2 .* has scale 0\.025\d+; the product of the input's and the weights'"):
        read_model(layer("FULLY_CONNECTED", n_scales=1, change=quantization(BIAS, "scale", [0.025])))


def test_a_missing_bias_is_named() -> None:
    with pytest.raises(ModelError, match="operator 0 CONV_2D has no input 2: the file has -1 in its place"):
        read_model(layer("CONV_2D", change=inputs(INPUT, WEIGHTS, -1)))
    with pytest.raises(ModelError, match="it has no bias"):
        read_model(layer("CONV_2D", change=inputs(INPUT, WEIGHTS)))
