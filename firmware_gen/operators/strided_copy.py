"""SPLIT, SLICE, STRIDED_SLICE, TRANSPOSE, DEPTH_TO_SPACE and their like: the output is a walk over the input.

Equation (22) of docs/quantization.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ..network.graph import Tensor
from ..network.kernel_call import KernelCall
from ..network.row_call import RowCall
from ..network.strides import LOOPS, merge, row_major
from .base import RANK, Node, OperatorView, RowWise, has_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitAttributes:
    """SPLIT and SPLIT_V; `take_apart` makes a StridedCopyAttributes of each output."""

    axis: int
    """From 0 up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StridedCopyAttributes:
    """SLICE, STRIDED_SLICE, TRANSPOSE and the parts of a SPLIT: the output, in order, is input[start + i * strides]."""

    start: int
    """Element of the input that comes first."""
    shape: tuple[int, ...]
    """Extent of each index."""
    strides: tuple[int, ...]
    """Elements of the input from one index to the next, along each axis; may be negative."""


class StridedCopy(RowWise[StridedCopyAttributes]):
    """A walk over the input."""

    options: ClassVar[str | None] = None

    def lower(self, node: Node[StridedCopyAttributes]) -> KernelCall:
        """Prepare the kernel's loops."""
        attributes = node.attributes
        loops = merge(attributes.shape, attributes.strides)
        assert loops is not None
        source = node.inputs[0]
        return KernelCall(
            kernel="asc_strided_copy_s8",
            struct="asc_strided_copy_t",
            fields=(("start", attributes.start), ("shape", loops.shape), ("stride", loops.strides[0])),
            inputs=(source.index,),
            overlap=(None,),
            macs=0,
        )

    def rows(self, node: Node[StridedCopyAttributes]) -> RowCall | None:
        """Walk row by row, if each row of the output comes from one row of the input."""
        attributes = node.attributes
        source = node.inputs[0]
        if len(attributes.shape) != RANK or not (has_rows(source) and source.shape[1] == node.output.shape[1]):
            return None
        row = math.prod(source.shape[2:])
        reach = [step * (size - 1) for size, step in zip(attributes.shape[2:], attributes.strides[2:], strict=True)]
        least = attributes.start + sum(min(value, 0) for value in reach)
        most = attributes.start + sum(max(value, 0) for value in reach)
        if attributes.shape[:2] != node.output.shape[:2] or attributes.strides[1] != row or least < 0 or most >= row:
            return None
        inside = replace(attributes, shape=(1, 1, *attributes.shape[2:]))
        return RowWise.rows(self, replace(node, operator=replace(node.operator, attributes=inside)))


def _walk(view: OperatorView, start: int, shape: Sequence[int], strides: Sequence[int]) -> StridedCopyAttributes:
    """Check a walk against the output."""
    if math.prod(shape) != view.output.n_elements or merge(shape, strides) is None:
        view.fail(f"it selects {tuple(shape)} elements", f"as many as its output has, in at most {LOOPS} loops")
    return StridedCopyAttributes(start=start, shape=tuple(shape), strides=tuple(strides))


class Slice(StridedCopy):
    """A box of neighbouring elements."""

    op = "SLICE"

    def read(self, view: OperatorView) -> StridedCopyAttributes:
        """Read and check its attributes."""
        view.check_inputs(3, 3)
        view.check_activations(1)
        view.check_same_quantization()
        shape = view.inputs[0].shape
        begin, sizes = view.read_indices(view.inputs[1], "begin"), view.read_indices(view.inputs[2], "size")
        inside = len(begin) == len(sizes) == len(shape) and all(
            0 <= first < n and (size == -1 or 0 < size <= n - first)
            for first, size, n in zip(begin, sizes, shape, strict=True)
        )
        if not inside:
            view.fail(f"begin {begin} and size {sizes} of {shape}", "a box inside its input")
        extents = [n - first if size == -1 else size for first, size, n in zip(begin, sizes, shape, strict=True)]
        if view.output.shape != tuple(extents):
            view.fail(f"its output does not have the shape {extents}", "the shape it selects")
        strides = row_major(shape)
        return _walk(view, sum(first * step for first, step in zip(begin, strides, strict=True)), extents, strides)


_ALL, _NEW = -1, -2


class StridedSlice(StridedCopy):
    """Every n-th element along each axis, from one index to another."""

    op = "STRIDED_SLICE"
    options = "StridedSliceOptions"

    def read(self, view: OperatorView) -> StridedCopyAttributes:
        """Read and check its attributes."""
        view.check_inputs(4, 4)
        view.check_activations(1)
        view.check_same_quantization()
        options, shape = view.options, view.inputs[0].shape
        if options.Offset():
            view.fail("ends relative to the begin", "ends as positions")
        begins, ends, steps = (
            view.read_indices(tensor, name)
            for tensor, name in zip(view.inputs[1:], ("begin", "end", "strides"), strict=True)
        )
        numbers = _numbers(len(begins), len(shape), int(options.EllipsisMask()), int(options.NewAxisMask()))
        if not len(begins) == len(ends) == len(steps) or numbers is None:
            view.fail(f"begin {begins}, end {ends}, strides {steps} of {shape}", "at most one of each per axis")
        masks = (int(options.BeginMask()), int(options.EndMask()), int(options.ShrinkAxisMask()))
        sizes = iter(zip(range(len(shape)), shape, row_major(shape), strict=True))
        start, extents, strides, kept = 0, [], [], []
        for number in numbers:
            if number == _NEW:
                kept.append(1)
                continue
            axis, size, element = next(sizes)
            if number == _ALL:
                begin_free, end_free, shrink, begin, end, step = True, True, False, 0, size, 1
            else:
                begin_free, end_free, shrink = (bool(mask >> number & 1) for mask in masks)
                begin, end, step = begins[number], ends[number], steps[number]
            if step == 0 or (shrink and not -size <= begin < size):
                view.fail(f"stride {step} from {begin} along axis {axis} of {size}", "strides other than 0, inside")
            if shrink:
                indices = range(begin % size, begin % size + 1)
            else:
                bounds = slice(None if begin_free else begin, None if end_free else end, step)
                indices = range(*bounds.indices(size))
                kept.append(len(indices))
            if len(indices) == 0:
                view.fail(f"it selects nothing along axis {axis}", "at least one element")
            start += indices[0] * element
            extents.append(len(indices))
            strides.append(element * indices.step)
        if view.output.shape != tuple(kept):
            view.fail(f"its output does not have the shape {kept}", "the shape it selects")
        return _walk(view, start, extents, strides)


def _numbers(count: int, rank: int, ellipsis: int, new: int) -> list[int] | None:
    """Return which of `count` begins, ends and strides is of which axis, in order of the axes.

    Parameters
    ----------
    count
        How many there are.
    rank
        Axes of the input.
    ellipsis, new
        Bits of the positions that stand for all axes in between, and for a new axis of the output.

    Returns
    -------
    list of int, or None
        Positions, or _ALL for an axis as it is, or _NEW for one that the input lacks; None when they do not fit.
    """
    are_new = [bool(new >> number & 1) and not ellipsis >> number & 1 for number in range(count)]
    stand_in = [number for number in range(count) if ellipsis >> number & 1]
    missing = rank - (count - sum(are_new) - len(stand_in))
    if missing < 0 or len(stand_in) > 1:
        return None
    numbers = [_NEW if is_new else number for number, is_new in enumerate(are_new)]
    at = stand_in[0] if stand_in else count
    return [*numbers[:at], *[_ALL] * missing, *numbers[at + len(stand_in) :]]


class Transpose(StridedCopy):
    """Axes in another order."""

    op = "TRANSPOSE"

    def read(self, view: OperatorView) -> StridedCopyAttributes:
        """Read and check its attributes."""
        view.check_inputs(2, 2)
        view.check_activations(1)
        view.check_same_quantization()
        shape = view.inputs[0].shape
        listed = view.read_indices(view.inputs[1], "permutation")
        order = [view.read_axis(axis, len(shape)) for axis in listed]
        if sorted(order) != list(range(len(shape))) or view.output.shape != tuple(shape[axis] for axis in order):
            view.fail(f"permutation {listed} does not lead from {shape} to its output", "a permutation of the axes")
        strides = row_major(shape)
        return _walk(view, 0, view.output.shape, [strides[axis] for axis in order])


class _Depth(StridedCopy):
    """Blocks of pixels to channels, or back."""

    factor: ClassVar[int]
    """1 where pixels become channels, -1 where channels become pixels."""

    def read(self, view: OperatorView) -> StridedCopyAttributes:
        """Read and check its attributes."""
        view.check_inputs(1, 1)
        view.check_activations(1)
        view.check_batch()
        view.check_same_quantization()
        block, (source, output) = int(view.options.BlockSize()), (view.inputs[0].shape, view.output.shape)
        view.check_positive(block_size=block)
        fine, coarse = (source, output) if self.factor > 0 else (output, source)
        fits = len(fine) == len(coarse) == RANK and fine[0] == 1
        if not fits or fine != (1, coarse[1] * block, coarse[2] * block, coarse[3] // block**2) or coarse[3] % block**2:
            view.fail(f"block size {block} does not lead from {source} to {output}", "NHWC, and sizes that divide")
        _, height, width, deep = coarse
        # a pixel of the coarse tensor has its block row by row
        if self.factor > 0:
            row = fine[2] * fine[3]
            strides = (block * row, block * fine[3], row, 1)
            return _walk(view, 0, (height, width, block, block * fine[3]), strides)
        return _walk(view, 0, (height, block, width, block * fine[3]), (width * deep, block * fine[3], deep, 1))


class SpaceToDepth(_Depth):
    """Blocks of pixels as channels."""

    op = "SPACE_TO_DEPTH"
    options = "SpaceToDepthOptions"
    factor = 1


class DepthToSpace(_Depth):
    """Channels as blocks of pixels."""

    op = "DEPTH_TO_SPACE"
    options = "DepthToSpaceOptions"
    factor = -1


class Split(StridedCopy):
    """Parts of a tensor along an axis, as several outputs; the pass `take_apart` makes one operator of each."""

    op = "SPLIT"
    options = "SplitOptions"
    many_outputs = True

    def read(self, view: OperatorView) -> Any:
        """Read and check its attributes, of which `take_apart` makes those of a copy for each output."""
        view.check_inputs(2, 2)
        return _split(view, source=view.inputs[1], axis=view.inputs[0])


class SplitV(StridedCopy):
    """SPLIT into parts of given sizes."""

    op = "SPLIT_V"
    options = "SplitVOptions"
    many_outputs = True

    def read(self, view: OperatorView) -> Any:
        """Read and check its attributes, of which `take_apart` makes those of a copy for each output."""
        view.check_inputs(3, 3)
        split = _split(view, source=view.inputs[0], axis=view.inputs[2])
        sizes = view.read_indices(view.inputs[1], "sizes")
        shapes = [tensor.shape[split.axis] for tensor in view.outputs]
        # one size may be left to the rest
        if len(sizes) != len(shapes) or any(size not in (-1, out) for size, out in zip(sizes, shapes, strict=True)):
            view.fail(f"sizes {sizes} of outputs that have {shapes}", "static shapes that agree with the sizes")
        return split


def _split(view: OperatorView, source: Tensor, axis: Tensor) -> SplitAttributes:
    for tensor in (source, *view.outputs):
        view.check_activation(tensor)
    view.check_same_quantization(source)
    if int(view.options.NumSplits()) != len(view.outputs):
        view.fail(f"num_splits is {int(view.options.NumSplits())}, and it has {len(view.outputs)} outputs", "as many")
    values = view.read_indices(axis, "axis")
    if len(values) != 1:
        view.fail(f"the axes {values}", "one axis")
    along = view.read_axis(values[0], len(source.shape))
    rest = {(*tensor.shape[:along], *tensor.shape[along + 1 :]) for tensor in (source, *view.outputs)}
    if len(rest) != 1 or sum(tensor.shape[along] for tensor in view.outputs) != source.shape[along]:
        view.fail(f"its outputs do not make up {source.describe()} along axis {along}", "equal sizes elsewhere")
    return SplitAttributes(axis=along)
