"""The shape of each operator's output, from those of its inputs: TFLite's own rules.

A rule is a function of a `Step`. Shapes that a network computes itself (SHAPE, STRIDED_SLICE, PACK before a RESHAPE)
are known too: they follow from shapes alone, and `shape_values.py` computes them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]


class UnknownShapeError(Exception):
    """A shape depends on what the network computes, or does not fit the operator; says how."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """An operator whose output shapes are to be found."""

    op: str
    """TFLite's name."""
    shapes: tuple[Shape | None, ...]
    """Shapes of its inputs; None for an optional input that is left out."""
    values: tuple[NDArray[np.int64] | None, ...]
    """Values of inputs that are constant whole numbers or follow from shapes; None for all others."""
    n_outputs: int
    """Number of outputs."""
    options: Any
    """Its options, of the kind `OPTIONS` names; None without."""

    def shape(self, index: int) -> Shape:
        """Return an input's shape."""
        shape = self.shapes[index] if index < len(self.shapes) else None
        if shape is None:
            raise UnknownShapeError(f"its input {index} is missing")
        return shape

    def numbers(self, index: int) -> list[int]:
        """Return an input's values."""
        values = self.values[index] if index < len(self.values) else None
        if values is None:
            raise UnknownShapeError(f"its input {index} is computed by the network")
        return [int(value) for value in values.reshape(-1)]

    def axis(self, value: int, rank: int) -> int:
        """Return an axis, counted from 0 up."""
        if not -rank <= value < rank:
            raise UnknownShapeError(f"axis {value} of {rank} dimensions")
        return value % rank


Rule = Callable[[Step], list[Shape]]


def _same(step: Step) -> list[Shape]:
    return [step.shape(0)]


def _broadcast(step: Step) -> list[Shape]:
    shapes = [shape for shape in step.shapes if shape is not None]
    try:
        return [tuple(int(size) for size in np.broadcast_shapes(*shapes))]
    except ValueError:
        raise UnknownShapeError(f"its inputs {', '.join(map(str, shapes))} cannot be broadcast together") from None


def _extent(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    if min(kernel, stride, dilation) < 1:
        raise UnknownShapeError(f"a window of {kernel} with stride {stride} and dilation {dilation}")
    reach = (kernel - 1) * dilation + 1
    result = -(-size // stride) if padding == 0 else (size - reach) // stride + 1
    if result < 1:
        raise UnknownShapeError(f"a window of {reach} over {size}")
    return result


def _window(step: Step, kernel: tuple[int, int], dilation: tuple[int, int], channels: int) -> list[Shape]:
    batch, *sides, _ = _rank(step.shape(0), 4)
    strides = (step.options.StrideH(), step.options.StrideW())
    extents = [_extent(*sizes, step.options.Padding()) for sizes in zip(sides, kernel, strides, dilation, strict=True)]
    return [(batch, *extents, channels)]


def _rank(shape: Shape, rank: int) -> Shape:
    if len(shape) != rank:
        raise UnknownShapeError(f"an input of {len(shape)} dimensions in place of {rank}")
    return shape


def _conv_2d(step: Step) -> list[Shape]:
    channels, height, width, depth = _rank(step.shape(1), 4)
    if depth < 1 or _rank(step.shape(0), 4)[3] % depth:
        raise UnknownShapeError(f"weights for {depth} channels of {step.shape(0)[3]}")
    return _window(step, (height, width), (step.options.DilationHFactor(), step.options.DilationWFactor()), channels)


def _depthwise_conv_2d(step: Step) -> list[Shape]:
    _, height, width, channels = _rank(step.shape(1), 4)
    return _window(step, (height, width), (step.options.DilationHFactor(), step.options.DilationWFactor()), channels)


def _pool_2d(step: Step) -> list[Shape]:
    kernel = (step.options.FilterHeight(), step.options.FilterWidth())
    return _window(step, kernel, (1, 1), _rank(step.shape(0), 4)[3])


def _transpose_conv(step: Step) -> list[Shape]:
    return [tuple(step.numbers(0))]


def _lstm(step: Step) -> list[Shape]:
    """Of the input, with the outputs of the recurrent weights of the output gate; a projection makes them fewer."""
    _, outputs = _rank(step.shape(8), 2)
    return [(*step.shape(0)[:-1], outputs)]


def _fully_connected(step: Step) -> list[Shape]:
    outputs, inputs = _rank(step.shape(1), 2)
    shape = step.shape(0)
    if inputs < 1 or math.prod(shape) % inputs:
        raise UnknownShapeError(f"{math.prod(shape)} elements for a layer that takes {inputs}")
    if step.options is not None and step.options.KeepNumDims():
        if not shape or shape[-1] != inputs:
            raise UnknownShapeError(f"rows of {shape[-1] if shape else 1} elements for a layer that takes {inputs}")
        return [(*shape[:-1], outputs)]
    return [(math.prod(shape) // inputs, outputs)]


def _batch_matmul(step: Step) -> list[Shape]:
    first, second = list(step.shape(0)), list(step.shape(1))
    if min(len(first), len(second)) < 2:
        raise UnknownShapeError("matrices of fewer than two dimensions")
    if step.options.AdjX():
        first[-2:] = first[:-3:-1]
    if step.options.AdjY():
        second[-2:] = second[:-3:-1]
    if first[-1] != second[-2]:
        raise UnknownShapeError(f"a product of {first} and {second}")
    return [(*np.broadcast_shapes(tuple(first[:-2]), tuple(second[:-2])), first[-2], second[-1])]


def _reduce(step: Step) -> list[Shape]:
    shape = step.shape(0)
    axes = {step.axis(axis, len(shape)) for axis in step.numbers(1)}
    if step.options.KeepDims():
        return [tuple(1 if axis in axes else size for axis, size in enumerate(shape))]
    return [tuple(size for axis, size in enumerate(shape) if axis not in axes)]


def _arg(step: Step) -> list[Shape]:
    shape = step.shape(0)
    axis = step.axis(step.numbers(1)[0], len(shape))
    return [shape[:axis] + shape[axis + 1 :]]


def _concatenation(step: Step) -> list[Shape]:
    shapes = [step.shape(index) for index in range(len(step.shapes))]
    axis = step.axis(step.options.Axis(), len(shapes[0]))
    if any(other[:axis] + other[axis + 1 :] != shapes[0][:axis] + shapes[0][axis + 1 :] for other in shapes):
        raise UnknownShapeError(f"{', '.join(map(str, shapes))} cannot be joined along axis {axis}")
    return [(*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :])]


def _pack(step: Step) -> list[Shape]:
    shape = step.shape(0)
    if any(other != shape for other in step.shapes):
        raise UnknownShapeError("it stacks tensors of different shapes")
    axis = step.axis(step.options.Axis(), len(shape) + 1)
    return [(*shape[:axis], len(step.shapes), *shape[axis:])]


def _unpack(step: Step) -> list[Shape]:
    shape = step.shape(0)
    axis = step.axis(step.options.Axis(), len(shape))
    if shape[axis] != step.n_outputs:
        raise UnknownShapeError(f"{shape[axis]} parts for {step.n_outputs} outputs")
    return [shape[:axis] + shape[axis + 1 :]] * step.n_outputs


def _split(step: Step) -> list[Shape]:
    shape = step.shape(1)
    axis = step.axis(step.numbers(0)[0], len(shape))
    if not step.n_outputs or shape[axis] % step.n_outputs:
        raise UnknownShapeError(f"{shape[axis]} in {step.n_outputs} equal parts")
    return [(*shape[:axis], shape[axis] // step.n_outputs, *shape[axis + 1 :])] * step.n_outputs


def _split_v(step: Step) -> list[Shape]:
    shape, sizes = step.shape(0), step.numbers(1)
    axis = step.axis(step.numbers(2)[0], len(shape))
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = shape[axis] - sum(sizes) - 1
    if sum(sizes) != shape[axis] or min(sizes) < 0 or len(sizes) != step.n_outputs:
        raise UnknownShapeError(f"{shape[axis]} in parts of {sizes}")
    return [(*shape[:axis], size, *shape[axis + 1 :]) for size in sizes]


def _pad(step: Step) -> list[Shape]:
    shape, pads = step.shape(0), step.numbers(1)
    if len(pads) != 2 * len(shape):
        raise UnknownShapeError(f"{len(pads)} paddings for {len(shape)} dimensions")
    return [tuple(size + sum(pads[2 * axis : 2 * axis + 2]) for axis, size in enumerate(shape))]


def _reshape(step: Step) -> list[Shape]:
    total = math.prod(step.shape(0))
    if len(step.shapes) > 1:
        wanted = step.numbers(1)
    elif step.options is not None:
        wanted = [int(step.options.NewShape(axis)) for axis in range(step.options.NewShapeLength())]
    else:
        raise UnknownShapeError("it has no shape")
    if wanted.count(-1) == 1:
        rest = -math.prod(wanted)
        if rest <= 0 or total % rest:
            raise UnknownShapeError(f"{total} elements as {wanted}")
        wanted[wanted.index(-1)] = total // rest
    if math.prod(wanted) != total or min(wanted, default=0) < 0:
        raise UnknownShapeError(f"{total} elements as {wanted}")
    return [tuple(wanted)]


def _squeeze(step: Step) -> list[Shape]:
    shape = step.shape(0)
    listed = [step.options.SqueezeDims(index) for index in range(step.options.SqueezeDimsLength())]
    axes = {step.axis(axis, len(shape)) for axis in listed} or {a for a, size in enumerate(shape) if size == 1}
    if any(shape[axis] != 1 for axis in axes):
        raise UnknownShapeError(f"it drops axes {sorted(axes)} of {shape}, which are not all 1")
    return [tuple(size for axis, size in enumerate(shape) if axis not in axes)]


def _expand_dims(step: Step) -> list[Shape]:
    shape = step.shape(0)
    axis = step.axis(step.numbers(1)[0], len(shape) + 1)
    return [(*shape[:axis], 1, *shape[axis:])]


def _transpose(step: Step) -> list[Shape]:
    shape, order = step.shape(0), step.numbers(1)
    if sorted(order) != list(range(len(shape))):
        raise UnknownShapeError(f"the order {order} of {len(shape)} dimensions")
    return [tuple(shape[axis] for axis in order)]


def _slice(step: Step) -> list[Shape]:
    shape, begin, sizes = step.shape(0), step.numbers(1), step.numbers(2)
    if not len(shape) == len(begin) == len(sizes):
        raise UnknownShapeError(f"begin {begin} and sizes {sizes} of {shape}")
    counts = tuple(
        size - first if wanted == -1 else wanted for size, first, wanted in zip(shape, begin, sizes, strict=True)
    )
    if any(first < 0 or n < 0 or first + n > size for size, first, n in zip(shape, begin, counts, strict=True)):
        raise UnknownShapeError(f"begin {begin} and sizes {sizes} of {shape}")
    return [counts]


def strided_ranges(step: Step) -> tuple[list[slice | int | None], list[int]]:
    """Return the indices of a STRIDED_SLICE along each axis, in NumPy's form, with its ellipsis written out."""
    shape, options = step.shape(0), step.options
    begin, end, strides = (step.numbers(index) for index in (1, 2, 3))
    if not len(begin) == len(end) == len(strides) or 0 in strides or len(begin) > 32:
        raise UnknownShapeError(f"begin {begin}, end {end} and strides {strides}")
    bits = range(len(begin))
    ellipsis = [bit for bit in bits if options.EllipsisMask() >> bit & 1]
    new = [bit for bit in bits if options.NewAxisMask() >> bit & 1 and bit not in ellipsis]
    taken = len(begin) - len(new) - len(ellipsis)
    if taken > len(shape) or len(ellipsis) > 1:
        raise UnknownShapeError(f"{taken} indexes of {len(shape)} dimensions")
    parts: list[slice | int | None] = []
    sizes = iter(shape)
    for bit in bits:
        if bit in ellipsis:
            parts += [slice(None)] * (len(shape) - taken)
            for _ in range(len(shape) - taken):
                next(sizes)
        elif bit in new:
            parts.append(None)
        else:
            size = next(sizes)
            if options.ShrinkAxisMask() >> bit & 1:
                if not -size <= begin[bit] < size:
                    raise UnknownShapeError(f"index {begin[bit]} of {size}")
                parts.append(begin[bit])
                continue
            first = None if options.BeginMask() >> bit & 1 else begin[bit]
            last = None if options.EndMask() >> bit & 1 else end[bit]
            parts.append(slice(first, last, strides[bit]))
    return parts, list(sizes)


def _strided_slice(step: Step) -> list[Shape]:
    if step.options.Offset():
        raise UnknownShapeError("its ends count from its beginnings")
    ranges, rest = strided_ranges(step)
    kept: list[int] = []
    sizes = iter(step.shape(0))
    for taken in ranges:
        if taken is None:
            kept.append(1)
        elif isinstance(taken, slice):
            kept.append(len(range(*taken.indices(next(sizes)))))
        else:
            next(sizes)
    return [(*kept, *rest)]


def _gather(step: Step) -> list[Shape]:
    shape, indices = step.shape(0), step.shape(1)
    axis = step.axis(step.options.Axis() if step.options is not None else 0, len(shape))
    if step.options is not None and step.options.BatchDims():
        raise UnknownShapeError("it gathers within batches")
    return [(*shape[:axis], *indices, *shape[axis + 1 :])]


def _tile(step: Step) -> list[Shape]:
    shape, times = step.shape(0), step.numbers(1)
    if len(times) != len(shape):
        raise UnknownShapeError(f"{len(times)} factors for {len(shape)} dimensions")
    return [tuple(size * n for size, n in zip(shape, times, strict=True))]


def _given(index: int) -> Rule:
    return lambda step: [tuple(step.numbers(index))]


def _blocks(step: Step, sign: int) -> list[Shape]:
    shape, block, amounts = step.shape(0), step.numbers(1), step.numbers(2)
    if len(amounts) != 2 * len(block) or len(block) >= len(shape) or min(block, default=0) < 1:
        raise UnknownShapeError(f"blocks {block} and {amounts} of {shape}")
    factor = math.prod(block)
    sides = []
    for axis, side in enumerate(block):
        around = sum(amounts[2 * axis : 2 * axis + 2])
        size = shape[1 + axis] + around if sign > 0 else shape[1 + axis] * side - around
        if size < 1 or (sign > 0 and size % side):
            raise UnknownShapeError(f"blocks {block} and {amounts} of {shape}")
        sides.append(size // side if sign > 0 else size)
    if sign < 0 and shape[0] % factor:
        raise UnknownShapeError(f"blocks {block} of a batch of {shape[0]}")
    batch = shape[0] * factor if sign > 0 else shape[0] // factor
    return [(batch, *sides, *shape[1 + len(block) :])]


def _depth(step: Step, sign: int) -> list[Shape]:
    batch, height, width, depth = _rank(step.shape(0), 4)
    block = step.options.BlockSize()
    divided = (height, width) if sign > 0 else (depth,)
    if block < 1 or any(size % (block if sign > 0 else block * block) for size in divided):
        raise UnknownShapeError(f"blocks of {block} in {step.shape(0)}")
    if sign > 0:
        return [(batch, height // block, width // block, depth * block * block)]
    return [(batch, height * block, width * block, depth // (block * block))]


def _resize(step: Step) -> list[Shape]:
    batch, _, _, depth = _rank(step.shape(0), 4)
    return [(batch, *step.numbers(1), depth)]


def _shape_of_shape(step: Step) -> list[Shape]:
    return [(len(step.shape(0)),)]


_SAME = """ABS CAST CEIL COS CUMSUM DEQUANTIZE ELU EXP FAKE_QUANT FLOOR GELU HARD_SWISH L2_NORMALIZATION LEAKY_RELU LOG
LOCAL_RESPONSE_NORMALIZATION LOGICAL_NOT LOGISTIC LOG_SOFTMAX NEG PRELU QUANTIZE RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1
REVERSE_V2 ROUND RSQRT SIGN SIN SOFTMAX SQRT SQUARE TANH ZEROS_LIKE""".split()
_BROADCAST = """ADD DIV EQUAL FLOOR_DIV FLOOR_MOD GREATER GREATER_EQUAL LESS LESS_EQUAL LOGICAL_AND LOGICAL_OR MAXIMUM
MINIMUM MUL NOT_EQUAL POW SELECT_V2 SQUARED_DIFFERENCE SUB""".split()
_REDUCTIONS = ("MEAN", "REDUCE_ALL", "REDUCE_ANY", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SUM")
RULES: dict[str, Rule] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(_BROADCAST, _broadcast),
    **dict.fromkeys(_REDUCTIONS, _reduce),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN"), _arg),
    **dict.fromkeys(("AVERAGE_POOL_2D", "L2_POOL_2D", "MAX_POOL_2D"), _pool_2d),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _pad),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _resize),
    "BATCH_MATMUL": _batch_matmul,
    "BATCH_TO_SPACE_ND": lambda step: _blocks(step, -1),
    "BROADCAST_TO": _given(1),
    "CONCATENATION": _concatenation,
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "DEPTH_TO_SPACE": lambda step: _depth(step, -1),
    "EXPAND_DIMS": _expand_dims,
    "FILL": _given(0),
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _gather,
    "PACK": _pack,
    "RESHAPE": _reshape,
    "SHAPE": _shape_of_shape,
    "SLICE": _slice,
    "SPACE_TO_BATCH_ND": lambda step: _blocks(step, 1),
    "SPACE_TO_DEPTH": lambda step: _depth(step, 1),
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "SQUEEZE": _squeeze,
    "STRIDED_SLICE": _strided_slice,
    "TILE": _tile,
    "TRANSPOSE": _transpose,
    "TRANSPOSE_CONV": _transpose_conv,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _lstm,
    "UNPACK": _unpack,
}
"""Rules by operator. An operator without a rule keeps its stored shapes, and is refused if they cannot be right."""

OPTIONS = {
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER": "GatherOptions",
    "L2_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "PACK": "PackOptions",
    "RESHAPE": "ReshapeOptions",
    "SPACE_TO_DEPTH": "SpaceToDepthOptions",
    "SQUEEZE": "SqueezeOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "UNPACK": "UnpackOptions",
    **dict.fromkeys(_REDUCTIONS, "ReducerOptions"),
}
"""The options that a rule reads, by operator."""
OPTIONAL = frozenset({"FULLY_CONNECTED", "GATHER", "RESHAPE"})
"""Operators whose rule does without options."""
