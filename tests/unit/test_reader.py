"""The model reader: what it says of good models, and that bad ones give a ModelError that names the place."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from int8_models import ModelBuilder
from reference_networks import cp_mobile

from asc_kit.errors import ModelError
from asc_kit.firmware_gen.network.graph import Padding
from asc_kit.firmware_gen.operators.conv_2d import Conv2DAttributes
from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.read.model import bare_info
from asc_kit.firmware_gen.read.reader import read_model

CONVOLUTION = {"padding": 0, "strideH": 2, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}


def convolution(
    builder: ModelBuilder,
    *,
    zero_point: int = 0,
    weights: np.ndarray | None = None,
    axis: int = 0,
    bias: np.ndarray | None = None,
    **options: int,
) -> tuple[int, int]:
    """A 3x3 convolution from (1, 5, 4, 2) to (1, 3, 4, 3); returns input and output."""
    source = builder.activation((1, 5, 4, 2), 0.05, zero_point)
    weights = np.ones((3, 3, 3, 2), np.int8) if weights is None else weights
    tensors = [
        source,
        builder.constant(weights, [0.01, 0.02, 0.03], axis=axis),
        builder.constant(np.arange(3, dtype=np.int32) if bias is None else bias, [0.0005, 0.001, 0.0015]),
    ]
    output = builder.activation((1, 3, 4, 3), 0.1, -128)
    builder.operator("CONV_2D", tensors, output, "Conv2DOptions", **(CONVOLUTION | options))
    return source, output


def test_attributes_and_tensors() -> None:
    builder = ModelBuilder()
    source, output = convolution(builder, fusedActivationFunction=1)
    graph = read_model(builder.finish(source, output))
    (operator,) = graph.operators
    assert operator.op == "CONV_2D"
    assert operator.attributes == Conv2DAttributes(
        stride_h=2,
        stride_w=1,
        dilation_h=1,
        dilation_w=1,
        # 3 rows at stride 2 reach over 7 of 5 rows: one above, one below
        padding=Padding(top=1, bottom=1, left=1, right=1),
        activation="RELU",
    )
    assert graph.tensors[graph.input].shape == (1, 5, 4, 2)
    weights = graph.tensors[operator.inputs[1]]
    assert weights.quantization is not None
    assert weights.quantization.scales == tuple(float(np.float32(scale)) for scale in (0.01, 0.02, 0.03))
    bias = graph.tensors[operator.inputs[2]]
    assert bias.data is not None
    assert bias.data.tolist() == [0, 1, 2]


def test_macs_of_cp_mobile() -> None:
    # the challenge counts 29,419,156, of which 2,708 are batch normalization, folded here
    assert make_plan(read_model(cp_mobile().model)).macs == 29_416_448


def model_with(change: Callable[[ModelBuilder], tuple[int, int]]) -> bytes:
    builder = ModelBuilder()
    return builder.finish(*change(builder))


def unknown_operator(builder: ModelBuilder) -> tuple[int, int]:
    source = builder.activation((1, 4), 0.1, 0)
    output = builder.activation((1, 4), 0.1, 0)
    builder.operator("COS", [source], output)
    return source, output


def operator_alone(op: str) -> Callable[[ModelBuilder], tuple[int, int]]:
    """An operator the generator does not know, with an output of a type it does not know either."""

    def change(builder: ModelBuilder) -> tuple[int, int]:
        source = builder.activation((1, 4), 0.1, 0)
        inner, output = builder.activation((1, 4), 0.1, 0), builder.activation((1, 4), 0.1, 0)
        builder.graph.tensors[inner].type = 0
        builder.operator(op, [source], inner)
        builder.operator("RELU", [inner], output)
        return source, output

    return change


def other_shapes(builder: ModelBuilder) -> tuple[int, int]:
    source = builder.activation((1, 2, 4, 3), 0.1, 0)
    pooled = builder.activation((1, 1, 2, 3), 0.1, 0)
    window = {"filterHeight": 2, "filterWidth": 2, "strideH": 2, "strideW": 2, "padding": 1}
    builder.operator("MAX_POOL_2D", [source], pooled, "Pool2DOptions", **window)
    output = builder.activation((1, 2, 4, 3), 0.1, 0)
    builder.operator("ADD", [source, pooled], output, "AddOptions")
    return source, output


def other_scale(builder: ModelBuilder) -> tuple[int, int]:
    source = builder.activation((1, 2, 2, 3), 0.1, 0)
    output = builder.activation((1, 1, 1, 3), 0.2, 0)
    window = {"filterHeight": 2, "filterWidth": 2, "strideH": 2, "strideW": 2, "padding": 1}
    builder.operator("AVERAGE_POOL_2D", [source], output, "Pool2DOptions", **window)
    return source, output


def softmax_scale(builder: ModelBuilder) -> tuple[int, int]:
    source = builder.activation((1, 4), 0.1, 0)
    output = builder.activation((1, 4), 0.1, 0)
    builder.operator("SOFTMAX", [source], output, "SoftmaxOptions", beta=1.0)
    return source, output


def no_options(builder: ModelBuilder) -> tuple[int, int]:
    source = builder.activation((1, 4), 0.1, 0)
    output = builder.activation((1, 4), 1 / 256, -128)
    builder.operator("SOFTMAX", [source], output)
    return source, output


def never_computed(builder: ModelBuilder) -> tuple[int, int]:
    source, _ = convolution(builder)
    return source, builder.activation((1, 3), 0.1, 0)


def used_before_computed(builder: ModelBuilder) -> tuple[int, int]:
    source, output = convolution(builder)
    builder.graph.operators.insert(0, builder.graph.operators[0])
    builder.graph.operators[0] = type(builder.graph.operators[1])()
    builder.graph.operators.pop(0)
    late = builder.activation((1, 3, 4, 3), 0.1, 0)
    total = builder.activation((1, 3, 4, 3), 0.1, 0)
    builder.operator("ADD", [output, late], total, "AddOptions")
    return source, total


@pytest.mark.parametrize(
    ("change", "message", "hint"),
    [
        (unknown_operator, r"operator 0 COS, which computes tensor 1 'activation_1'.*not supported", "CONV_2D"),
        (operator_alone("SHAPE"), r"operator 0 SHAPE, which computes tensor 1 'activation_1' \(1x4\)", "batch_size=1"),
        (operator_alone("SPACE_TO_BATCH_ND"), "operator 0 SPACE_TO_BATCH_ND", "batch_size=1"),
        (operator_alone("GELU"), "operator 0 GELU", "supported: ABS, ADD, "),
        (lambda b: convolution(b, fusedActivationFunction=4), r"operator 0 CONV_2D.*activation 4", "RELU6"),
        (lambda b: convolution(b, strideH=0), "stride_h is 0", "positive"),
        (lambda b: convolution(b, strideH=1), "must have size 5 along axis 1. Received: 3", "NHWC"),
        (lambda b: convolution(b, padding=7), "padding 7", "SAME"),
        (lambda b: convolution(b, axis=3), "3 scales along axis 3, whose size is 2", "one scale, or 2"),
        (lambda b: convolution(b, weights=np.ones((3, 3, 3, 3), np.int8)), "do not fit 2 input", "groups"),
        (
            lambda b: convolution(b, bias=np.arange(4, dtype=np.int32)),
            "3 scales along axis 0, whose size is 4",
            "or 4 along axis 0",
        ),
        (lambda b: convolution(b, bias=np.ones(3, np.int8)), "not constant int32", "bias"),
        (other_shapes, "shapes do not lead to its output's", "broadcasting"),
        (other_scale, "quantized differently", "one scale"),
        (softmax_scale, "scale 0.1", "scale 1/256"),
        (no_options, "has no options", "SoftmaxOptions"),
        (never_computed, "output .* is never computed", None),
        (used_before_computed, "uses tensor .* before it is computed", None),
    ],
)
def test_refusals_name_the_place(
    change: Callable[[ModelBuilder], tuple[int, int]], message: str, hint: str | None
) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        read_model(model_with(change))
    if hint is not None:
        assert hint in str(caught.value.hint)


def test_a_float_model_is_refused() -> None:
    builder = ModelBuilder()
    source, output = convolution(builder)
    builder.graph.tensors[source].type = 0
    with pytest.raises(ModelError, match=r"input 0 'activation_0' \(float32 .*\. Received: 0 CONV_2D"):
        read_model(builder.finish(source, output))
    # an activation inside, at whose place the ends' types are no help
    inner = builder.activation((1, 2), 0.1, 0)
    builder.graph.tensors[inner].type = 0
    with pytest.raises(ModelError, match=f"tensor {inner} 'activation_{inner}' has type FLOAT32"):
        read_model(builder.finish(source, output))
    builder.operator("RELU", [inner], builder.activation((1, 2), 0.1, 0))
    with pytest.raises(ModelError, match=f"'activation_{inner}', taken by operator 1 RELU, has type FLOAT32"):
        read_model(builder.finish(source, output))
    builder.operator("RELU", [output], inner)
    with pytest.raises(ModelError, match=f"'activation_{inner}', computed by operator 2 RELU, has type FLOAT32"):
        read_model(builder.finish(source, output))


def test_an_output_without_dimensions_is_one_class() -> None:
    builder = ModelBuilder()
    source, output = builder.activation((1, 4, 4, 1), 0.5, 3), builder.activation((), 0.5, 3)
    axes = builder.constant(np.array([0, 1, 2, 3], np.int32))
    builder.operator("MEAN", [source, axes], output, "ReducerOptions", keepDims=False)
    model = builder.finish(source, output)
    graph = read_model(model)
    assert bare_info(graph, model, "mean").labels == ("class_0",)
    with pytest.raises(ModelError, match="the model has 1 classes"):
        bare_info(graph, model, "mean", ("quiet", "loud"))


def test_a_loop_over_time_is_refused_by_its_name() -> None:
    builder = ModelBuilder()
    source, output = operator_alone("WHILE")(builder)
    builder.model.subgraphs = [builder.graph, builder.graph]
    with pytest.raises(
        ModelError, match="2 of 4 operators are not supported: 2 WHILE. The first, operator 0 WHILE, computes tensor 1"
    ) as caught:
        read_model(builder.finish(source, output))
    assert caught.value.hint is not None and "LSTM" in caught.value.hint


@pytest.mark.parametrize(
    ("source", "output", "taken"),
    [
        (2.5e7, 1e7, True),
        (2.6e7, 1e7, False),
        (0.05, 0.05 / 127, True),
        (0.05, 0.05 / 128, False),
        (0.05, 0.05 * 511, True),
        (0.05, 0.05 * 513, False),
        (1.8e-7, 1e-7, True),
        (1.7e-7, 1e-7, False),
        (1e30, 1e-30, False),
    ],
)
def test_a_hard_swish_that_the_reference_cannot_compute(source: float, output: float, taken: bool) -> None:
    """Beyond 2.5e7 TFLite shifts a 1 by 32 places; below 1/128 of the input's scale it refuses the model itself.

    Above 512 times the input's scale, and from inputs below 1.8e-7, it rounds with a mask that has no place in 16 bits.
    """
    builder = ModelBuilder()
    first, last = builder.activation((1, 4), source, 0), builder.activation((1, 4), output, 0)
    builder.operator("HARD_SWISH", [first], last)
    model = builder.finish(first, last)
    if taken:
        make_plan(read_model(model))
        return
    with pytest.raises(ModelError, match=r"operator 0 HARD_SWISH.*: scales .* of its input"):
        read_model(model)


@pytest.mark.parametrize(
    ("op", "options", "source", "output", "taken"),
    [
        ("QUANTIZE", "QuantizeOptions", 0.99 * 2**22, 1.0, True),
        ("QUANTIZE", "QuantizeOptions", 1.01 * 2**22, 1.0, False),
        ("RELU", None, 58.5, 3e-6, False),
        ("ADD", "AddOptions", 0.99 * 2**19, 1.0, True),
        ("ADD", "AddOptions", 1.01 * 2**19, 1.0, False),
        ("SUB", "SubOptions", 1.01 * 2**19, 1.0, False),
    ],
)
def test_scales_with_which_the_reference_leaves_32_bits(
    op: str, options: str | None, source: float, output: float, taken: bool
) -> None:
    builder = ModelBuilder()
    first, last = builder.activation((1, 4), source, 0), builder.activation((1, 4), output, 0)
    builder.operator(op, [first, first] if op in ("ADD", "SUB") else [first], last, options)
    graph = read_model(builder.finish(first, last))
    if taken:
        make_plan(graph)
        return
    with pytest.raises(ModelError, match=f"operator 0 {op}, which computes tensor 1 .*: input scales .* output scale"):
        make_plan(graph)


def test_a_softmax_of_nearly_nothing_says_what_is_too_small() -> None:
    builder = ModelBuilder()
    source = builder.activation((1, 4), 1e-9, 0)
    output = builder.activation((1, 4), 1 / 256, -128)
    builder.operator("SOFTMAX", [source], output, "SoftmaxOptions", beta=1.0)
    with pytest.raises(ModelError, match=r"beta 1\.0 with an input of scale 1e-09"):
        read_model(builder.finish(source, output))


@pytest.mark.parametrize("scale", [0.0, -0.1, 1e-37, 1e37, float("inf"), float("nan")])
def test_scales_beyond_all_use_are_refused(scale: float) -> None:
    builder = ModelBuilder()
    source, output = convolution(builder)
    builder.graph.tensors[output].quantization.scale = [scale]
    with pytest.raises(ModelError, match="has a scale that is not positive, or beyond all use"):
        read_model(builder.finish(source, output))


def shared(uses: int, n: int) -> bytes:
    """A chain of FULLY_CONNECTED operators that have one [n, n] matrix of weights."""
    builder = ModelBuilder()
    source = current = builder.activation((1, n), 0.05, 3)
    weights = builder.constant(np.ones((n, n), np.int8), 0.01)
    for _ in range(uses):
        output = builder.activation((1, n), 0.05, 3)
        builder.operator("FULLY_CONNECTED", [current, weights], output, "FullyConnectedOptions")
        current = output
    return builder.finish(source, current)


def test_constants_may_be_shared_within_reason() -> None:
    assert len(read_model(shared(10, 100)).operators) == 10
    with pytest.raises(ModelError, match=r"the operators use 400,000 bytes of constants, the model has [\d,]+ bytes"):
        read_model(shared(40, 100))


def test_endless_chains_are_refused() -> None:
    builder = ModelBuilder()
    source = current = builder.activation((1, 4), 0.05, 3)
    for _ in range(513):
        output = builder.activation((1, 4), 0.05, 3)
        builder.operator("RELU", [current], output)
        current = output
    with pytest.raises(ModelError, match="the model has 513 operators"):
        read_model(builder.finish(source, current))


def test_tensors_that_share_bytes_share_memory() -> None:
    builder = ModelBuilder()
    source, output = convolution(builder)
    large = builder.constant(np.zeros(1 << 20, np.int8))
    for _ in range(300):
        builder._tensor((1 << 20,), np.int8, "again", None, builder.graph.tensors[large].buffer)
    model = builder.finish(source, output)
    tracemalloc.start()
    try:
        graph = read_model(model)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()
    assert len(graph.tensors) > 300


def test_an_input_that_is_computed_is_refused() -> None:
    builder = ModelBuilder()
    source, output = convolution(builder)
    with pytest.raises(ModelError, match="which has a value already"):
        read_model(builder.finish([source, output], output))
    with pytest.raises(ModelError, match="2 inputs"):
        read_model(builder.finish([source, source], output))


def test_an_overflowing_sum_is_refused() -> None:
    bias = np.array([0, 2**31 - 1, 0], np.int32)
    graph = read_model(model_with(lambda b: convolution(b, zero_point=-128, bias=bias)))
    with pytest.raises(ModelError, match="operator 0 CONV_2D.*32 bits"):
        make_plan(graph)


@pytest.mark.parametrize("data", [b"", b"TFL3", b"\0" * 64, b"\x1c\0\0\0TFL3" + b"\xff" * 100, b"\x08\0\0\0TFL3"])
def test_not_a_model(data: bytes) -> None:
    with pytest.raises(ModelError):
        read_model(data)


def test_a_damaged_file_gives_an_error_and_nothing_else(tmp_path: Path) -> None:
    """Truncations, and random bytes at random places: a ModelError, or a model of other numbers."""
    builder = ModelBuilder()
    source, hidden = convolution(builder)
    pooled = builder.activation((1, 3), 0.1, 3)
    axes = builder.constant(np.array([1, 2], np.int32))
    builder.operator("MEAN", [hidden, axes], pooled, "ReducerOptions", keepDims=False)
    output = builder.activation((1, 3), 1 / 256, -128)
    builder.operator("SOFTMAX", [pooled], output, "SoftmaxOptions", beta=1.0)
    model = builder.finish(source, output)
    make_plan(read_model(model))
    rng = np.random.default_rng(11)
    refused = 0
    damaged = [model[: int(n)] for n in rng.integers(0, len(model), 100)]
    for _ in range(900):
        cut = bytearray(model)
        for _ in range(int(rng.choice([1, 1, 2, 8]))):
            cut[int(rng.integers(8, len(cut)))] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF, int(rng.integers(256))]))
        damaged.append(bytes(cut))
    for data in damaged:
        try:
            make_plan(read_model(data))
        except ModelError:
            refused += 1
    assert refused > 300


def test_a_float_function_of_int8_is_refused() -> None:
    """The reference negates bytes: -q, where the number's is 2 * zero_point - q."""
    builder = ModelBuilder()
    source, output = builder.activation((1, 4), 0.1, 3), builder.activation((1, 4), 0.1, 3)
    builder.operator("NEG", [source], output)
    with pytest.raises(ModelError, match="NEG, which computes tensor 1 .* takes int8"):
        read_model(builder.finish(source, output))
