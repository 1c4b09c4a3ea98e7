"""Kernels that compute one row of their output, of which streams consist.

A *row* is the part [width, channels] of a tensor [1, height, width, channels] at one height. While a stream runs, a
tensor has place for a few rows only, its *lines*, which are used in turn: row r lies in line r % lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .kernel_call import FieldValue, KernelCall

Layout = Literal["pixels", "planes", "quads"]
"""How the elements of a tensor's lines lie.

pixels
    [line][column][channel]: as TFLite has them; a row is one piece of memory.
planes
    [channel][line][column]: neighbouring columns of a channel are neighbours in memory.
quads
    [channel][column][4 lines]: the rows of one column are neighbours in memory; always 4 lines.
"""
OVER_READ = 16
"""Bytes that a row kernel may read beyond the end of its inputs' lines, as long as their values have no effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Where the elements of a tensor lie while a stream runs.

    Element (row, column, channel) is at row % count * line_step + column * pixel_step + channel * channel_step, columns
    counted with those of the padding. The first line begins at a multiple of 4 bytes.
    """

    layout: Layout
    """The order of the elements."""
    count: int
    """Number of lines."""
    columns: int
    """Columns of a line, padding included."""
    channels: int
    """Channels."""
    line_step: int
    """Bytes from a line to the next."""
    pixel_step: int
    """Bytes from a column to the next."""
    channel_step: int
    """Bytes from a channel to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The rows of one input that one row of the output needs, and the padding that the kernel expects around them.

    Row r of the output needs rows r * stride - top + u * dilation of the input, u from 0 to rows - 1. Rows and columns
    outside of the input exist too, as far as the padding says, and hold the input's zero point.
    """

    rows: int = 1
    """Number of rows."""
    stride: int = 1
    """Rows from one window to the next; 0: every row of the output needs the same rows."""
    dilation: int = 1
    """Distance of the rows."""
    top: int = 0
    """Rows of padding above."""
    bottom: int = 0
    """Rows of padding below."""
    left: int = 0
    """Columns of padding on the left: the pointer to a row points at the first of them."""
    right: int = 0
    """Columns of padding on the right."""
    layout: Layout = "pixels"
    """The layout the kernel reads."""


def no_geometry(inputs: tuple[Lines, ...], output: Lines) -> tuple[tuple[str, FieldValue], ...]:
    """Return no fields, for kernels that read and write pixels, whose places follow from the shapes."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowCall:
    """A kernel that computes one row of an operator's output.

    C signature with `takes_rows`: kernel(const struct *, const int8_t *const *rows[, int32_t row], int8_t *output
    [, int8_t *scratch]): `rows` are the rows of the first input's window, then those of the second one's. Without it:
    the signature of a KernelCall, whose tensors then are single rows. `output` points at column 0, channel 0.
    """

    call: KernelCall
    """Kernel, constants, scratch memory; multiply-accumulates and cycles of one row. `inputs` are tensor indices of the
    graph or constants; `overlap` is between one row of the output and the row of an input from which it is computed."""
    windows: tuple[Window, ...]
    """For each input that is not constant, the rows that it needs."""
    takes_rows: bool
    """Whether it takes an array of row pointers."""
    height: int = 1
    """How many rows of its output one call computes, a divisor of all. The window is then that of all these, from the
    first on. In the lines of the output they lie one behind the other, and do not wrap."""
    reads_together: bool = False
    """Whether so many lines of its inputs do not wrap either."""
    takes_row_number: bool = False
    """Whether it is told which row of the output it computes."""
    output_layouts: tuple[Layout, ...] = ("pixels",)
    """Layouts that it can write."""
    geometry: Callable[[tuple[Lines, ...], Lines], tuple[tuple[str, FieldValue], ...]] = no_geometry
    """Function that returns the fields which depend on the lines of its inputs and of its output."""

    @property
    def n_rows(self) -> int:
        """Rows of all its windows."""
        return sum(window.rows for window in self.windows)
