"""Hypothesis strategies for operators that reduce, cut, join and rearrange tensors."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from int8_case import Case, draw_scale, draw_zero_point, finish, seeds
from int8_models import ModelBuilder

Shape = list[int]


def _rank_4(draw: st.DrawFn) -> Shape:
    return [1, draw(st.integers(1, 9)), draw(st.integers(1, 8)), draw(st.integers(1, 9))]


def _logistic(builder: ModelBuilder, source: int, shape: Shape) -> int:
    """A function of the output, so that a view is not all of the model, which is refused."""
    output = builder.activation(shape, 1 / 256, -128)
    builder.operator("LOGISTIC", [source], output)
    return output


@st.composite
def reduce(draw: st.DrawFn, op: str) -> Case:
    """MEAN, SUM or REDUCE_MAX over any axes, keeping them or not."""
    rng = np.random.default_rng(draw(seeds))
    shape = [
        draw(st.sampled_from([1, 1, 3])),
        draw(st.integers(1, 40)),
        draw(st.integers(1, 12)),
        draw(st.integers(1, 9)),
    ]
    axes = draw(
        st.sampled_from([(1, 2), (1, 2), (1,), (2,), (2, 1), (-2,), (3,), (-1,), (1, 2, 3), (1, 3), (0, 2), (0, 1, 3)])
    )
    keep = draw(st.booleans())
    reduced = {axis % 4 for axis in axes}
    out_shape = [1 if axis in reduced else size for axis, size in enumerate(shape)]
    if not keep:
        out_shape = [size for axis, size in enumerate(shape) if axis not in reduced]
    builder = ModelBuilder()
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    source = builder.activation(shape, scale, zero_point)
    out_scale, out_zero_point = scale, zero_point
    if op == "SUM" and draw(st.booleans()):
        # mostly inside the range of bytes
        terms = math.prod(shape) / max(math.prod(out_shape), 1)
        out_scale, out_zero_point = float(np.float32(scale * terms * 10.0 ** rng.uniform(-1, 1))), draw_zero_point(rng)
    if op == "MEAN" and draw(st.booleans()):
        out_scale, out_zero_point = float(np.float32(scale * 10.0 ** rng.uniform(-1.5, 1.5))), draw_zero_point(rng)
    output = builder.activation(out_shape, out_scale, out_zero_point)
    builder.operator(op, [source, builder.constant(np.array(axes, np.int32))], output, "ReducerOptions", keepDims=keep)
    return finish(builder, source, output, int(np.prod(shape)), rng, f"{op} {shape} {axes} {keep}")


@st.composite
def concatenation(draw: st.DrawFn) -> Case:
    """CONCATENATION of the parts of a SPLIT_V, in another order and with repetitions, along any axis."""
    rng = np.random.default_rng(draw(seeds))
    shape = _rank_4(draw)
    axis = draw(st.integers(1, 3))
    sizes = [draw(st.integers(1, 4)) for _ in range(draw(st.integers(1, 4)))]
    shape[axis] = sum(sizes)
    builder = ModelBuilder()
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    source = builder.activation(shape, scale, zero_point)
    parts = [builder.activation([*shape[:axis], size, *shape[axis + 1 :]], scale, zero_point) for size in sizes]
    tensors = [source, builder.constant(np.array(sizes, np.int32)), builder.constant(np.array(axis, np.int32))]
    builder.operator("SPLIT_V", tensors, parts, "SplitVOptions", numSplits=len(sizes))
    order = draw(st.lists(st.integers(0, len(sizes) - 1), min_size=1, max_size=5))
    joined = [*shape[:axis], sum(sizes[part] for part in order), *shape[axis + 1 :]]
    output = builder.activation(joined, scale, zero_point)
    given_axis = axis - 4 if draw(st.booleans()) else axis
    builder.operator("CONCATENATION", [parts[k] for k in order], output, "ConcatenationOptions", axis=given_axis)
    return finish(builder, source, output, int(np.prod(shape)), rng, f"CONCATENATION {shape} {axis} {sizes} {order}")


@st.composite
def unpack(draw: st.DrawFn) -> Case:
    """UNPACK along any axis; some of the slices, in any order, go into PACK along any axis."""
    rng = np.random.default_rng(draw(seeds))
    shape = [draw(st.integers(1, 6)) for _ in range(draw(st.integers(2, 4)))]
    axis, n = draw(st.integers(0, len(shape) - 1)), draw(st.integers(1, 4))
    new_axis = draw(st.integers(-len(shape), len(shape) - 1))
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    rest = [*shape[:axis], *shape[axis + 1 :]]
    builder = ModelBuilder()
    source = builder.activation(shape, scale, zero_point)
    slices = [builder.activation(rest, scale, zero_point) for _ in range(shape[axis])]
    builder.operator("UNPACK", [source], slices, "UnpackOptions", num=shape[axis], axis=axis)
    order = [int(number) for number in rng.integers(0, shape[axis], n)]
    at = new_axis % len(shape)
    output = builder.activation([*rest[:at], n, *rest[at:]], scale, zero_point)
    chosen = [slices[number] for number in order]
    builder.operator("PACK", chosen, output, "PackOptions", valuesCount=n, axis=new_axis)
    return finish(builder, source, output, int(np.prod(shape)), rng, f"UNPACK {shape} {axis} PACK {order} {new_axis}")


@st.composite
def split(draw: st.DrawFn) -> Case:
    """SPLIT along any axis; all parts, or some, are added up: pieces that are views share memory with sums."""
    rng = np.random.default_rng(draw(seeds))
    shape = _rank_4(draw)
    axis, n = draw(st.integers(1, 3)), draw(st.integers(2, 4))
    part_shape = list(shape)
    shape[axis] *= n
    builder = ModelBuilder()
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    source = builder.activation(shape, scale, zero_point)
    parts = [builder.activation(part_shape, scale, zero_point) for _ in range(n)]
    given_axis = axis - 4 if draw(st.booleans()) else axis
    builder.operator(
        "SPLIT", [builder.constant(np.array(given_axis, np.int32)), source], parts, "SplitOptions", numSplits=n
    )
    order = draw(st.lists(st.integers(0, n - 1), min_size=1, max_size=4))
    total = _logistic(builder, parts[order[0]], part_shape)
    for part in order[1:]:
        output = builder.activation(part_shape, 2 * scale, draw_zero_point(rng))
        pair = [total, parts[part]] if draw(st.booleans()) else [parts[part], total]
        builder.operator("ADD", pair, output, "AddOptions")
        total = output
    return finish(builder, source, total, int(np.prod(shape)), rng, f"SPLIT {shape} {axis} {n} {order}")


@st.composite
def slice_(draw: st.DrawFn) -> Case:
    """SLICE of one to four dimensions."""
    rng = np.random.default_rng(draw(seeds))
    shape = [draw(st.integers(1, 7)) for _ in range(draw(st.integers(1, 4)))]
    begin = [draw(st.integers(0, size - 1)) for size in shape]
    sizes = [draw(st.sampled_from([-1, size - first])) for first, size in zip(begin, shape, strict=True)]
    out_shape = [size - first for first, size in zip(begin, shape, strict=True)]
    builder = ModelBuilder()
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    source = builder.activation(shape, scale, zero_point)
    piece = builder.activation(out_shape, scale, zero_point)
    tensors = [source, builder.constant(np.array(begin, np.int32)), builder.constant(np.array(sizes, np.int32))]
    builder.operator("SLICE", tensors, piece, "SliceOptions")
    output = _logistic(builder, piece, out_shape)
    return finish(builder, source, output, int(np.prod(shape)), rng, f"SLICE {shape} {begin} {sizes}")


@st.composite
def strided_slice(draw: st.DrawFn) -> Case:
    """STRIDED_SLICE: steps forward and back, ends from the last element, free ends, axes that are dropped."""
    rng = np.random.default_rng(draw(seeds))
    shape = [draw(st.integers(1, 7)) for _ in range(draw(st.integers(1, 4)))]
    begins, ends, steps, out_shape = [], [], [], []
    masks = {"begin": 0, "end": 0, "shrink": 0}
    for axis, size in enumerate(shape):
        step = draw(st.sampled_from([1, 1, 2, 3, -1, -2]))
        first, last = draw(st.integers(0, size - 1)), draw(st.integers(0, size - 1))
        if (last - first) * step < 0:
            first, last = last, first
        end = last + (1 if step > 0 else -1)
        kind = draw(st.sampled_from(["plain", "free", "negative", "shrink"]))
        if kind == "shrink":
            masks["shrink"] |= 1 << axis
            step, end = 1, first + 1
        elif kind == "free" or end < 0:
            masks["begin"] |= 1 << axis
            masks["end"] |= 1 << axis
            first, last = (0, size - 1) if step > 0 else (size - 1, 0)
        elif kind == "negative" and end < size:
            end -= size
        if kind != "shrink":
            out_shape.append((last - first) // step + 1)
        begins.append(first)
        ends.append(end)
        steps.append(step)
    extra = draw(st.sampled_from(["", "", "ellipsis", "new_axis"]))
    if extra == "ellipsis":  # all of some last axes, none of them dropped
        count = draw(st.integers(0, len(shape)))
        kept = len(out_shape) - sum(not masks["shrink"] >> axis & 1 for axis in range(count, len(shape)))
        out_shape = out_shape[:kept] + shape[count:]
        begins, ends, steps = ([*values[:count], 1] for values in (begins, ends, steps))
        masks = {name: mask & ((1 << count) - 1) for name, mask in masks.items()} | {"ellipsis": 1 << count}
    elif extra == "new_axis" and len(shape) < 4:
        out_shape = [*out_shape, 1]
        begins, ends, steps = ([*values, 1] for values in (begins, ends, steps))
        masks["new_axis"] = 1 << len(shape)
    builder = ModelBuilder()
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    source = builder.activation(shape, scale, zero_point)
    piece = builder.activation(out_shape, scale, zero_point)
    tensors = [source, *(builder.constant(np.array(values, np.int32)) for values in (begins, ends, steps))]
    builder.operator(
        "STRIDED_SLICE",
        tensors,
        piece,
        "StridedSliceOptions",
        beginMask=masks["begin"],
        endMask=masks["end"],
        shrinkAxisMask=masks["shrink"],
        ellipsisMask=masks.get("ellipsis", 0),
        newAxisMask=masks.get("new_axis", 0),
    )
    output = _logistic(builder, piece, out_shape)
    what = f"STRIDED_SLICE {shape} {begins} {ends} {steps} {masks}"
    return finish(builder, source, output, int(np.prod(shape)), rng, what)


@st.composite
def transpose(draw: st.DrawFn) -> Case:
    """TRANSPOSE of one to four dimensions."""
    rng = np.random.default_rng(draw(seeds))
    shape = [draw(st.integers(1, 6)) for _ in range(draw(st.integers(1, 4)))]
    order = draw(st.permutations(range(len(shape))))
    builder = ModelBuilder()
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    source = builder.activation(shape, scale, zero_point)
    turned = builder.activation([shape[axis] for axis in order], scale, zero_point)
    builder.operator("TRANSPOSE", [source, builder.constant(np.array(order, np.int32))], turned, "TransposeOptions")
    output = _logistic(builder, turned, [shape[axis] for axis in order])
    return finish(builder, source, output, int(np.prod(shape)), rng, f"TRANSPOSE {shape} {order}")


@st.composite
def squeeze(draw: st.DrawFn) -> Case:
    """SQUEEZE, then EXPAND_DIMS elsewhere."""
    rng = np.random.default_rng(draw(seeds))
    h, c = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    builder = ModelBuilder()
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    source = builder.activation((1, h, 1, c), scale, zero_point)
    flat = builder.activation((1, h, c), scale, zero_point)
    builder.operator("SQUEEZE", [source], flat, "SqueezeOptions", squeezeDims=[2])
    axis = draw(st.integers(1, 3))
    shape = [1, h, c]
    shape.insert(axis, 1)
    wide = builder.activation(shape, scale, zero_point)
    tensors = [flat, builder.constant(np.array([axis], np.int32))]
    builder.operator("EXPAND_DIMS", tensors, wide, "ExpandDimsOptions")
    return finish(builder, source, _logistic(builder, wide, shape), h * c, rng, f"SQUEEZE {h} {c} {axis}")


@st.composite
def depth(draw: st.DrawFn, op: str) -> Case:
    """SPACE_TO_DEPTH or DEPTH_TO_SPACE."""
    rng = np.random.default_rng(draw(seeds))
    block, height, width, channels = (draw(st.integers(1, 4)) for _ in range(4))
    fine, coarse = [1, height * block, width * block, channels], [1, height, width, channels * block**2]
    shape, out_shape = (fine, coarse) if op == "SPACE_TO_DEPTH" else (coarse, fine)
    builder = ModelBuilder()
    scale, zero_point = draw_scale(rng), draw_zero_point(rng)
    source = builder.activation(shape, scale, zero_point)
    moved = builder.activation(out_shape, scale, zero_point)
    options = {"SPACE_TO_DEPTH": "SpaceToDepthOptions", "DEPTH_TO_SPACE": "DepthToSpaceOptions"}[op]
    builder.operator(op, [source], moved, options, blockSize=block)
    output = _logistic(builder, moved, out_shape)
    return finish(builder, source, output, int(np.prod(shape)), rng, f"{op} {shape} block {block}")


ARRAY_STRATEGIES = {
    **{op: depth(op) for op in ("DEPTH_TO_SPACE", "SPACE_TO_DEPTH")},
    "CONCATENATION": concatenation(),
    "MEAN": reduce("MEAN"),
    "SUM": reduce("SUM"),
    "REDUCE_MAX": reduce("REDUCE_MAX"),
    "SLICE": slice_(),
    "SPLIT": split(),
    "UNPACK and PACK": unpack(),
    "SQUEEZE": squeeze(),
    "STRIDED_SLICE": strided_slice(),
    "TRANSPOSE": transpose(),
}
