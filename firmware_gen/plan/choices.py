"""The kernels among which an operator has a choice: for whole tensors, for rows, for joined rows."""

from __future__ import annotations

from dataclasses import dataclass

from asc_kit.hardware.board import Optimize

from ..kernel_sets.kernel_set import KernelSet, RowChooser
from ..network.costs import Costs
from ..network.graph import Graph, Operator, Tensor
from ..network.kernel_call import KernelCall
from ..network.row_call import RowCall
from ..operators import REGISTRY, AnyNode, Node
from ..operators.base import has_rows, longer_rows
from .streams.stream import LARGEST_COUNT

MOST_SCRATCH = 12288
"""Bytes of scratch memory that no kernel with a choice exceeds."""
# columns from which on a longer row gains little
_LONG_ROW = 24


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Joined:
    """An operator whose short rows are joined into longer ones, which takes fewer calls of its kernel."""

    tensors: tuple[Tensor, ...]
    """All tensors of the network; those of the operator have their new shape."""
    call: RowCall
    """The kernel for one of the long rows."""
    rows: int
    """Number of long rows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """The kernels among which one operator has a choice."""

    whole: KernelCall | None
    """Its kernel for whole tensors."""
    rows: RowCall | None
    """Its kernel for one row."""
    joined: Joined | None
    """Its kernel for rows that are joined."""
    height: int
    """Rows of its output; 1 when it has none."""

    @property
    def alone(self) -> KernelCall | RowCall:
        """Its kernel if it is a part by itself: for whole tensors, or for the rows of a stream of one step."""
        if self.joined is not None:
            return self.joined.call
        # a row kernel of the core's set is faster than the portable kernel for whole tensors
        if self.whole is not None and (self.rows is None or self.rows.call.kernel == self.whole.kernel):
            return self.whole
        assert self.rows is not None
        return self.rows

    @property
    def call_alone(self) -> KernelCall:
        """The call of `alone`."""
        alone = self.alone
        return alone.call if isinstance(alone, RowCall) else alone

    @property
    def calls_alone(self) -> int:
        """Number of calls of `alone`."""
        alone = self.alone
        if not isinstance(alone, RowCall):
            return 1
        return self.joined.rows if self.joined is not None else self.height

    @property
    def overlaps_alone(self) -> bool:
        """Whether the output of `alone` may lie over an input."""
        alone = self.alone
        return isinstance(alone, RowCall) or any(distance is not None for distance in alone.overlap)

    @property
    def has_scratch_choice(self) -> bool:
        """Whether more scratch memory can make it faster."""
        return self.rows is not None and self.rows.call.cycles is not None

    @property
    def in_place_alone(self) -> bool:
        """Whether each row that `alone` writes may lie over the row that it reads."""
        alone = self.alone
        return isinstance(alone, RowCall) and alone.call.overlap == (0,)

    @property
    def scratch_alone(self) -> int:
        """Bytes of scratch memory of `alone`."""
        return self.call_alone.scratch_bytes or 0


def choose(
    graph: Graph,
    operator: Operator,
    kernels: KernelSet,
    optimize: Optimize,
    scratch_bytes: int | None = None,
    rows_at_once: int = 1,
    costs: Costs | None = None,
) -> Choice:
    """Return what an operator can become with a set of kernels, for speed or for size.

    Parameters
    ----------
    graph, operator
        The network, and the operator.
    kernels, optimize
        The set, and what is preferred.
    scratch_bytes
        Most scratch memory for a kernel that has a choice: more is quicker. None for what is usual.
    rows_at_once
        Most rows that a call of a kernel with a choice computes in a stream: more is quicker, and takes more lines.
    costs
        Of the part it runs on; None for no part in particular.
    """
    node: AnyNode = Node(
        operator=operator,
        inputs=tuple(graph.tensors[index] for index in operator.inputs),
        output=graph.tensors[operator.output],
        scratch_bytes=scratch_bytes,
        rows_at_once=rows_at_once,
        costs=costs if costs is not None else Costs(),
    )
    definition = REGISTRY[operator.op]
    chooser = kernels.row_kernel(operator.op, optimize)
    rows = None
    if has_rows(node.output):
        rows = chooser(node) if chooser is not None else None
        rows = rows if rows is not None else definition.rows(node)
    # the portable kernel for whole tensors has one long row anyway
    joined = _join(graph, node, chooser) if chooser is not None and definition.by_pixel(node) else None
    height = node.output.shape[1] if has_rows(node.output) else 1
    own = kernels.whole_kernels.get(operator.op)
    whole = (own(node) if own is not None else None) or definition.lower(node)
    if whole is not None and height > LARGEST_COUNT:
        rows = None
    return Choice(whole=whole, rows=rows, joined=joined, height=height)


def _join(graph: Graph, node: AnyNode, chooser: RowChooser) -> Joined | None:
    longest = longer_rows(node, 1 << 30)
    call = chooser(longest) if longest is not None else None
    longer = longest
    if call is None or call.call.overlap != (0,):
        # a row of the output needs memory of its own
        longer = longer_rows(node, _LONG_ROW)
        call = chooser(longer) if longer is not None else None
    if longer is None or call is None:
        return None
    changed = {tensor.index: tensor for tensor in (*longer.inputs, longer.output)}
    tensors = tuple(changed.get(tensor.index, tensor) for tensor in graph.tensors)
    return Joined(tensors=tensors, call=call, rows=longer.output.shape[1])
