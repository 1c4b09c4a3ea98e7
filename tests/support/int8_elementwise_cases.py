"""Hypothesis strategies for operators that work element by element: of two tensors with broadcasting, and of one."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from int8_case import Case, activations, draw_scale, draw_tie_scale, draw_zero_point, finish, seeds
from int8_models import ACTIVATIONS, ModelBuilder

_EXTREMA = ("MAXIMUM", "MINIMUM")
# shapes that attention and normalization give, and any others
_SHAPE_PAIRS = st.sampled_from(
    [
        ((1, 5, 4, 6), (1, 1, 1, 6)),
        ((1, 5, 4, 6), (1, 5, 4, 1)),
        ((1, 5, 4, 6), (1, 5, 4, 6)),
        ((1, 5, 4, 6), (6,)),
        ((1, 5, 4, 1), (1, 1, 1, 6)),
        ((1, 1, 4, 6), (1, 5, 1, 6)),
        ((1, 7), (1, 1)),
    ]
)


@st.composite
def _shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast to one of up to four dimensions."""
    if draw(st.booleans()):
        pair = draw(_SHAPE_PAIRS)
        return pair if draw(st.booleans()) else (pair[1], pair[0])
    out = [draw(st.integers(1, 6)) for _ in range(draw(st.integers(1, 4)))]
    kinds = [draw(st.sampled_from(["both", "both", "first", "second"])) for _ in out]
    first = tuple(1 if kind == "second" else size for kind, size in zip(kinds, out, strict=True))
    second = tuple(1 if kind == "first" else size for kind, size in zip(kinds, out, strict=True))
    if draw(st.booleans()):
        while len(second) > 1 and second[0] == 1:
            second = second[1:]
    return first, second


@st.composite
def binary(draw: st.DrawFn, op: str) -> Case:
    """A function of two pieces of the input, or of the input and a constant, mostly with scales of their own."""
    rng = np.random.default_rng(draw(seeds))
    shapes = draw(_shapes())
    output_shape = np.broadcast_shapes(*shapes)
    constant = draw(st.sampled_from([None, None, None, 0, 1]))
    if op == "PRELU":  # only its factors are broadcast
        shapes, constant = (output_shape, shapes[1]), None if constant is None else 1
    scales = [draw_scale(rng, -2.0, -1.0), draw_scale(rng, -2.0, -1.0)]
    zero_points = [draw_zero_point(rng), draw_zero_point(rng)]
    if op in _EXTREMA:  # one quantization for all
        scales, zero_points = scales[:1] * 2, zero_points[:1] * 2
    sizes = [int(np.prod(shape)) for shape in shapes]
    builder = ModelBuilder()
    if constant is None:
        source, pieces = _pieces(builder, shapes, scales, zero_points)
    else:
        source = builder.activation(shapes[1 - constant], scales[1 - constant], zero_points[1 - constant])
        values = rng.choice([-128, 127, *rng.integers(-128, 128, 6)], shapes[constant]).astype(np.int8)
        fixed = builder.constant(values, scales[constant], zero_point=zero_points[constant])
        pieces = [fixed, source] if constant == 0 else [source, fixed]
        sizes = [sizes[1 - constant]]
    # the middle of the output's range, a tenth of it, and nothing but saturation
    spread = scales[0] * scales[1] * 150 if op in ("MUL", "PRELU") else max(scales)
    if op == "SQUARED_DIFFERENCE":
        spread = max(scales) ** 2 * 150
    out_scale = float(np.float32(spread * 10.0 ** rng.uniform(-1.0, 1.0)))
    if op == "MUL" and rng.random() < 0.15:
        out_scale = float(np.float32(spread * 10.0 ** rng.choice([-3.0, -2.0, 4.0])))
    elif op == "MUL" and draw(st.booleans()):
        out_scale = draw_tie_scale(rng, scales[0] * scales[1])
    out_zero_point = draw_zero_point(rng)
    if op in _EXTREMA:
        out_scale, out_zero_point = scales[0], zero_points[0]
    output = builder.activation(output_shape, out_scale, out_zero_point)
    activation = draw(activations)
    if op in _EXTREMA:
        builder.operator(op, pieces, output, "MaximumMinimumOptions")
    elif op in ("PRELU", "SQUARED_DIFFERENCE"):
        builder.operator(op, pieces, output)
    else:
        fused = ACTIVATIONS[activation]
        builder.operator(op, pieces, output, f"{op.capitalize()}Options", fusedActivationFunction=fused)
    return finish(builder, source, output, sum(sizes), rng, f"{op} {shapes} constant {constant} {activation}")


def _pieces(
    builder: ModelBuilder, shapes: tuple[tuple[int, ...], ...], scales: list[float], zero_points: list[int]
) -> tuple[int, list[int]]:
    """Cut the model's input into tensors of these shapes; return the input and them."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    source = builder.activation((sum(sizes),), 0.05, 4)
    cut = [builder.activation((size,), 0.05, 4) for size in sizes]
    tensors = [source, builder.constant(np.array(sizes, np.int32)), builder.constant(np.array(0, np.int32))]
    builder.operator("SPLIT_V", tensors, cut, "SplitVOptions", numSplits=len(sizes))
    pieces = []
    for piece, shape, scale, zero_point in zip(cut, shapes, scales, zero_points, strict=True):
        shaped = builder.activation(shape, 0.05, 4)
        builder.operator("RESHAPE", [piece, builder.constant(np.array(shape, np.int32))], shaped)
        # QUANTIZE spreads the values over the new range
        pieces.append(builder.activation(shape, scale, zero_point))
        builder.operator("QUANTIZE", [shaped], pieces[-1], "QuantizeOptions")
    return source, pieces


@st.composite
def table(draw: st.DrawFn, op: str) -> Case:
    """A function of one element; the first vector is all 256 inputs."""
    rng = np.random.default_rng(draw(seeds))
    builder = ModelBuilder()
    in_scale = draw_scale(rng, -3.0, -1.0 if op == "EXP" else 0.7)
    # the reference has no root of a negative number
    source = builder.activation((1, 256), in_scale, -128 if op == "RSQRT" else draw_zero_point(rng))
    fixed = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
    out_scale = float(np.float32(in_scale * 10.0 ** rng.uniform(-1.5, 1.5)))
    kind = draw(st.sampled_from(["any", "same", "tie", "tie"]))
    if kind != "any":
        out_scale = in_scale if kind == "same" else draw_tie_scale(rng, in_scale)
    if op == "RSQRT":  # of a value in the middle
        out_scale = float(np.float32(10.0 ** rng.uniform(-3.0, 0.0) / np.sqrt(in_scale)))
    elif op == "LOG":
        out_scale = float(np.float32(10.0 ** rng.uniform(-2.0, 0.0)))
    out_scale, zero_point = fixed.get(op, (out_scale, draw_zero_point(rng)))
    output = builder.activation((1, 256), out_scale, zero_point)
    if op == "LEAKY_RELU":
        alpha = draw(st.sampled_from([0.01, 0.1, 0.2, 0.3, 1.5]))
        builder.operator(op, [source], output, "LeakyReluOptions", alpha=alpha)
    elif op == "QUANTIZE":
        builder.operator(op, [source], output, "QuantizeOptions")
    elif op == "NEG":  # in float32, as converters leave it
        real, negated = builder.real((1, 256)), builder.real((1, 256))
        builder.operator("DEQUANTIZE", [source], real, "DequantizeOptions")
        builder.operator("NEG", [real], negated, "NegOptions")
        builder.operator("QUANTIZE", [negated], output, "QuantizeOptions")
    else:
        builder.operator(op, [source], output)
    case = finish(builder, source, output, 256, rng, f"{op} {in_scale:.3g} -> {out_scale:.3g}")
    case.inputs[0] = np.arange(-128, 128)
    return case


@st.composite
def resize(draw: st.DrawFn, op: str) -> Case:
    """RESIZE_NEAREST_NEIGHBOR or RESIZE_BILINEAR: larger and smaller, with each rule of places."""
    rng = np.random.default_rng(draw(seeds))
    sizes = st.integers(1, 17)
    shape, size = (1, draw(sizes), draw(sizes), draw(st.integers(1, 5))), (draw(sizes), draw(sizes))
    rule = draw(st.sampled_from([{}, {"alignCorners": True}, {"halfPixelCenters": True}]))
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    builder = ModelBuilder()
    source = builder.activation(shape, scale, zero_point)
    output = builder.activation((1, *size, shape[3]), scale, zero_point)
    inputs = [source, builder.constant(np.array(size, np.int32))]
    options = {"RESIZE_BILINEAR": "ResizeBilinearOptions"}.get(op, "ResizeNearestNeighborOptions")
    builder.operator(op, inputs, output, options, **rule)
    return finish(builder, source, output, int(np.prod(shape)), rng, f"{op} {shape} to {size} {rule}")


_CLIPPED = ("RELU", "RELU6", "RELU_0_TO_1", "RELU_N1_TO_1")
_FUNCTIONS = ("ABS", "EXP", "HARD_SWISH", "LEAKY_RELU", "LOG", "LOGISTIC", "NEG", "QUANTIZE", "RSQRT", "TANH")
TABLES = {op: table(op) for op in (*_FUNCTIONS, *_CLIPPED)}
BINARY = {op: binary(op) for op in ("MUL", "PRELU", "SQUARED_DIFFERENCE", "SUB", *_EXTREMA)}
ELEMENTWISE_STRATEGIES = {
    "ADD broadcast": binary("ADD"),
    **{op: resize(op) for op in ("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR")},
    **BINARY,
    **TABLES,
}
