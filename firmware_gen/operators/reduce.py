"""MEAN, SUM and REDUCE_MAX: equations (21) and (22) of docs/quantization.md."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from ..arithmetic.scales import INT32_LIMIT, quantize_multiplier
from ..network.kernel_call import FieldValue, KernelCall
from ..network.row_call import RowCall
from .base import Node, OperatorView, RowWise

_FIRST_AXIS_IN_ROW = 2
Constants = tuple[str, str, tuple[tuple[str, FieldValue], ...]]
"""Kernel, type of its parameters, and the parameters beside the loops."""
_LARGEST_TERM = 255  # between an int8 value and an int8 zero point


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceAttributes:
    """MEAN and REDUCE_MAX."""

    axes: tuple[int, ...]
    """Axes that are reduced, ascending."""


class Reduce(RowWise[ReduceAttributes]):
    """Reduction of all elements along some axes to one number."""

    options = "ReducerOptions"

    def read(self, view: OperatorView) -> ReduceAttributes:
        """Read and check its attributes."""
        view.check_inputs(2, 2)
        view.check_activations(1)
        source = view.inputs[0]
        rank = len(source.shape)
        axes = sorted({view.read_axis(axis, rank) for axis in view.read_indices(view.inputs[1], "axes")})
        if not axes or levels(source.shape, tuple(axes)) is None:
            view.fail(f"the axes {axes} of {rank} dimensions", "axes in at most two groups of neighbours")
        kept = [1 if axis in axes else size for axis, size in enumerate(source.shape)]
        dropped = [size for axis, size in enumerate(source.shape) if axis not in axes]
        if list(view.output.shape) not in (kept, dropped):
            view.fail("its output's shape does not follow from its input's", f"{kept} or {dropped}")
        self.check(view)
        return ReduceAttributes(axes=tuple(axes))

    def check(self, view: OperatorView) -> None:
        """Check what is special to the operator."""

    def lower(self, node: Node[ReduceAttributes]) -> KernelCall:
        """Prepare the kernel's constants."""
        attributes = node.attributes
        source = node.inputs[0]
        extents = levels(source.shape, attributes.axes)
        assert extents is not None
        kernel, struct, fields = self.constants(node, extents[1] * extents[3])
        return KernelCall(
            kernel=kernel,
            struct=struct,
            fields=(("over", extents), *fields),
            inputs=(source.index,),
            overlap=(None,),
            macs=0,
        )

    def rows(self, node: Node[ReduceAttributes]) -> RowCall | None:
        """Reduce row by row, unless a number comes from several rows."""
        attributes = node.attributes
        return RowWise.rows(self, node) if attributes.axes[0] >= _FIRST_AXIS_IN_ROW else None

    @abstractmethod
    def constants(self, node: Node[ReduceAttributes], count: int) -> Constants:
        """Return kernel, type of its parameters, and the parameters beside the loops."""


def levels(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the extents of kept and reduced axes in turn, five in all; None when there are more turns.

    Axes of size 1 are of either kind. A single group of reduced axes is the second: its loop is the innermost.
    """
    runs: list[tuple[bool, int]] = [(False, 1)]
    for axis, size in enumerate(shape):
        reduced = axis in axes
        if size == 1:
            continue
        if runs[-1][0] == reduced:
            runs[-1] = (reduced, runs[-1][1] * size)
        else:
            runs.append((reduced, size))
    extents = [size for _, size in runs]
    if len(extents) <= 3:
        return (1, 1, *extents, *(1,) * (3 - len(extents)))
    if len(extents) <= 5:
        return (*extents, *(1,) * (5 - len(extents)))
    return None


class Mean(Reduce):
    """Mean."""

    op = "MEAN"

    def check(self, view: OperatorView) -> None:
        """Check that the sum fits."""
        count = view.inputs[0].n_elements // view.output.n_elements
        if count * _LARGEST_TERM >= INT32_LIMIT:
            view.fail(f"the mean of {count} elements", "sums of 32 bits")

    def constants(self, node: Node[ReduceAttributes], count: int) -> Constants:
        """Fold the division into the multiplier, with as many more bits as TFLite's 64-bit arithmetic has room for."""
        source, output = node.inputs[0], node.output
        multiplier, shift = quantize_multiplier(source.scale / output.scale)
        left = min(count.bit_length() - 1, 32, 31 + shift)
        fields: tuple[tuple[str, FieldValue], ...] = (
            ("input_zero_point", source.zero_point),
            ("multiplier", (multiplier << left) // count),
            ("shift", shift - left),
            ("zero_point", output.zero_point),
        )
        return "asc_mean_s8", "asc_mean_t", fields


class Sum(Reduce):
    """Sum of signed bytes, as in TFLite Micro; the reference kernel reads int8 as unsigned."""

    op = "SUM"

    def check(self, view: OperatorView) -> None:
        """Check that the sum fits."""
        count = view.inputs[0].n_elements // view.output.n_elements
        _, shift = quantize_multiplier(view.inputs[0].scale / view.output.scale)
        if count * _LARGEST_TERM << max(shift, 0) >= INT32_LIMIT:
            view.fail(f"the sum of {count} elements times 2**{shift}", "sums of 32 bits")

    def constants(self, node: Node[ReduceAttributes], count: int) -> Constants:
        """Prepare the multiplier of MEAN's kernel, without the division."""
        source, output = node.inputs[0], node.output
        multiplier, shift = quantize_multiplier(source.scale / output.scale)
        fields: tuple[tuple[str, FieldValue], ...] = (
            ("input_zero_point", source.zero_point),
            ("multiplier", multiplier),
            ("shift", shift),
            ("zero_point", output.zero_point),
        )
        return "asc_mean_s8", "asc_mean_t", fields


class ReduceMax(Reduce):
    """Maximum."""

    op = "REDUCE_MAX"

    def check(self, view: OperatorView) -> None:
        """Check that the output needs no requantization."""
        view.check_same_quantization()

    def constants(self, node: Node[ReduceAttributes], count: int) -> Constants:
        """Return no constants."""
        return "asc_reduce_max_s8", "asc_reduce_t", ()
