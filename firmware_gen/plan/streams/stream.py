"""A stream as data: steps that compute rows, and buffers that hold them."""

from __future__ import annotations

from dataclasses import dataclass

from asc_kit.errors import ModelError

from ...network.graph import Operator, Tensor
from ...network.row_call import Layout, Lines, RowCall

_QUAD = 4
LARGEST_COUNT = (1 << 16) - 1
"""Largest number that asc_stream.h stores in 16 bits, such as the rows of a tensor, padding included."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Buffer:
    """Memory for the rows of a tensor: all of them, or a few lines that are used in turn."""

    tensor: Tensor
    """The tensor, of shape [1, height, width, channels]."""
    whole: bool
    """Whether it has all rows, in TFLite's order, and outlives the stream."""
    given: bool = False
    """Whether all rows are there when the stream begins."""
    layout: Layout = "pixels"
    """The order of its elements."""
    top: int = 0
    """Rows of padding above."""
    bottom: int = 0
    """Rows of padding below."""
    left: int = 0
    """Columns of padding on the left."""
    right: int = 0
    """Columns of padding on the right."""
    together: int = 1
    """Rows that are written or read at once: the padding above and the lines are multiples of it."""
    count: int = 0
    """Number of lines, once the schedule is known."""

    @property
    def height(self) -> int:
        """Rows of the tensor."""
        return self.tensor.shape[1]

    @property
    def rows(self) -> int:
        """Rows with the padding."""
        return self.top + self.height + self.bottom

    @property
    def padded(self) -> bool:
        """Whether there is padding on any side."""
        return bool(self.top or self.bottom or self.left or self.right)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of the tensor, without padding."""
        return self.tensor.shape[2] * self.tensor.shape[3]

    def check(self) -> None:
        """Check that asc_stream.h can count its rows, and fill them if they are padding."""
        counts = {"rows": self.rows}
        if self.bottom:
            counts |= {
                "columns with padding below them": self.lines.columns,
                "channels with padding below them": self.lines.channels,
            }
        for noun, count in counts.items():
            if count > LARGEST_COUNT:
                raise ModelError(
                    f"tensor {self.tensor.describe()} has {count:,} {noun}",
                    hint=f"supported: up to {LARGEST_COUNT:,}; a long axis may lie along columns, in one row",
                )

    @property
    def lines(self) -> Lines:
        """Where the elements lie."""
        _, _, width, channels = self.tensor.shape
        columns = self.left + width + self.right
        if self.layout == "planes":
            steps = (columns, 1, columns * self.count)
        elif self.layout == "quads":
            steps = (1, _QUAD, _QUAD * columns)
        else:
            # lines begin at multiples of a word, for kernels that load words; whole tensors lie as TFLite has them
            aligned = columns * channels if self.whole else -(-columns * channels // 4) * 4
            steps = (aligned, channels, 1)
        return Lines(
            layout=self.layout,
            count=self.count,
            columns=columns,
            channels=channels,
            line_step=steps[0],
            pixel_step=steps[1],
            channel_step=steps[2],
        )

    @property
    def n_bytes(self) -> int:
        """Bytes of all lines."""
        lines = self.lines
        if self.layout == "pixels":
            return lines.count * lines.line_step
        return lines.channels * lines.channel_step


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowStep:
    """One operator of a stream, or a copy into another layout."""

    operator: Operator
    """What it computes."""
    call: RowCall
    """The kernel."""
    sources: tuple[int, ...]
    """Buffer of each of its windows."""
    target: int
    """Buffer of its output."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """Steps, each after those whose outputs it reads; their buffers; and their schedule."""

    steps: tuple[RowStep, ...]
    """The steps; `asc_stage_t` in C."""
    buffers: tuple[Buffer, ...]
    """The buffers, with the lines they need."""
    order: tuple[int, ...]
    """The step that computes a row, or fills a row of padding below, move by move."""
    overlap: dict[tuple[int, int], int]
    """(output, input) -> least distance at which a whole output may begin before a whole input that is used up."""

    @property
    def scratch_bytes(self) -> int:
        """Bytes of scratch memory; steps use it one after the other."""
        return max(step.call.call.scratch_bytes or 0 for step in self.steps)
