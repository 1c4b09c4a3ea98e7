"""Run row kernels of the DSP set on an emulated Cortex-M4F, one operator at a time, without the engine about them.

A case's input is laid out as the kernel's window wants it, padding and all; bytes between the lines are random, and
bytes of the output that no element owns must keep their value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from emulated_cases import BOARD, run_image
from engine_cases import ROOT, RUNTIME
from int8_case import Case

from asc_kit.firmware_gen.kernel_sets import load_kernel_set
from asc_kit.firmware_gen.network.kernel_call import ConstantArray, FieldValue
from asc_kit.firmware_gen.network.row_call import Layout, Lines, RowCall, Window
from asc_kit.firmware_gen.operators.base import AnyNode, Node
from asc_kit.firmware_gen.plan.simplify import simplify
from asc_kit.firmware_gen.read.reader import read_model
from asc_kit.hardware.board import Board, Optimize

UNTOUCHED = 0xA5
_GUARD = 16
MAIN = ROOT / "tests" / "support" / "emulated_main.c"


@dataclass(frozen=True)
class RowCase:
    """One operator, and where its lines lie."""

    case: Case
    node: AnyNode
    call: RowCall
    inputs: tuple[Lines, ...]
    output: Lines
    out_left: int
    """Columns before the output's first."""
    seed: int

    @property
    def out_bytes(self) -> int:
        """Bytes of the output's lines with a guard on both sides."""
        return _span(self.output) + 2 * _GUARD


def single_node(case: Case) -> AnyNode | None:
    """The one operator of a case after the passes; None when there are several."""
    graph = simplify(read_model(case.model))
    if len(graph.operators) != 1:
        return None
    (operator,) = graph.operators
    inputs = tuple(graph.tensors[index] for index in operator.inputs)
    return Node(operator=operator, inputs=inputs, output=graph.tensors[operator.output])


def row_case(
    case: Case,
    layout: Layout = "pixels",
    seed: int = 0,
    optimize: Optimize = "speed",
    convolution: Callable[[AnyNode], RowCall | None] | None = None,
    rows_at_once: int = 1,
) -> RowCase | None:
    """Choose the kernel of a case, of a CONV_2D by `convolution` if it is given; None when there is none.

    Of several rows at once, every other case has lines without padding, whose last column is followed by the next row's
    first.
    """
    node = single_node(case)
    if node is None:
        return None
    node = replace(node, rows_at_once=rows_at_once)
    packed = rows_at_once > 1 and seed % 2 == 0
    op = node.operator.op
    chooser = load_kernel_set("dsp").row_kernel(op, optimize)
    if op == "CONV_2D" and convolution is not None:
        chooser = convolution
    call = chooser(node) if chooser is not None else None
    if call is None:
        return None
    if layout not in call.output_layouts:
        layout = call.output_layouts[0]
    rng = np.random.default_rng(seed)
    inputs = []
    activations = [tensor for tensor in node.inputs if tensor.data is None]
    for tensor, window in zip(activations, call.windows, strict=True):
        _, height, width, channels = tensor.shape
        rows = height + window.top + window.bottom
        slack = 0 if packed else int(rng.integers(4))
        inputs.append(_lines(window.layout, rows, width + window.left + window.right, channels, slack))
    _, height, width, channels = node.output.shape
    left, right, slack = (0, 0, 0) if packed else (int(value) for value in (*rng.integers(0, 3, 2), rng.integers(4)))
    output = _lines(layout, height, width + left + right, channels, slack)
    return RowCase(case=case, node=node, call=call, inputs=tuple(inputs), output=output, out_left=left, seed=seed)


def _lines(layout: Layout, count: int, columns: int, channels: int, slack: int) -> Lines:
    if layout == "pixels":
        line, pixel, channel = columns * channels + slack, channels, 1
    elif layout == "planes":
        line, pixel, channel = columns + slack, 1, count * (columns + slack)
    else:
        count, line, pixel, channel = 4, 1, 4, 4 * columns
    return Lines(
        layout=layout,
        count=count,
        columns=columns,
        channels=channels,
        line_step=line,
        pixel_step=pixel,
        channel_step=channel,
    )


def _span(lines: Lines) -> int:
    last = (lines.count - 1) * lines.line_step + (lines.columns - 1) * lines.pixel_step
    return last + (lines.channels - 1) * lines.channel_step + 1


def _places(lines: Lines, height: int, left: int, width: int) -> np.ndarray:
    """Offsets of the elements, shape [height, width, channels]."""
    rows = (np.arange(height) % lines.count) * lines.line_step
    columns = (np.arange(width) + left) * lines.pixel_step
    return rows[:, None, None] + columns[:, None] + np.arange(lines.channels) * lines.channel_step


def lay_out(row: RowCase, vector: np.ndarray) -> bytes:
    """The memory that the kernel reads, all inputs one after the other."""
    rng = np.random.default_rng(row.seed + 1)
    parts = []
    activations = [tensor for tensor in row.node.inputs if tensor.data is None]
    flat = vector.reshape(-1)
    for tensor, window, lines in zip(activations, row.call.windows, row.inputs, strict=True):
        memory = rng.integers(-128, 128, _input_bytes(lines), dtype=np.int64).astype(np.int8)
        _, height, width, channels = tensor.shape
        padded = np.full((lines.count, lines.columns, channels), tensor.zero_point, np.int8)
        image = flat[: height * width * channels].reshape(height, width, channels)
        padded[window.top : window.top + height, window.left : window.left + width] = image
        memory[_places(lines, lines.count, 0, lines.columns)] = padded
        if len(activations) > 1:
            flat = flat[height * width * channels :] if flat.size > height * width * channels else flat
        parts.append(memory.tobytes())
    return b"".join(parts)


def _input_bytes(lines: Lines) -> int:
    return (_span(lines) + 16 + 3) // 4 * 4


def write_unit(rows: Sequence[RowCase], folder: Path, *, fill: bool = True) -> list[Path]:
    """Write cases.h and cases.c: a function for each case that computes all rows; `fill` marks the output first."""
    scratch = max([row.call.call.scratch_bytes or 0 for row in rows], default=0)
    text = [
        "#include <string.h>",
        '#include "cases.h"',
        '#include "asc_kernels.h"',
        '#include "asc_kernels_dsp.h"',
        f"static int32_t scratch[{scratch // 4 + 8}];",
    ]
    table = []
    for index, row in enumerate(rows):
        text += _case_function(index, row, fill)
        table.append(f"    {{case_{index}, {sum(map(_input_bytes, row.inputs))}, {row.out_bytes}}},")
    text += ["const case_t cases[N_CASES] = {", *table, "};"]
    (folder / "cases.c").write_text("\n".join(text) + "\n")
    header = [
        "#include <stdint.h>",
        f"#define N_CASES {len(rows)}",
        "typedef struct {",
        "    void (*run)(const int8_t *input, int8_t *output);",
        "    uint32_t input_bytes, output_bytes;",
        "} case_t;",
        "extern const case_t cases[N_CASES];",
    ]
    (folder / "cases.h").write_text("\n".join(header) + "\n")
    return [folder / "cases.c"]


def _case_function(index: int, row: RowCase, fill: bool) -> list[str]:
    call = row.call.call
    text: list[str] = []
    values: dict[str, FieldValue] = dict(call.fields) | dict(row.call.geometry(row.inputs, row.output))
    names = {}
    for name, value in values.items():
        if isinstance(value, ConstantArray):
            numbers = ", ".join(str(int(number)) for number in value.values)
            text.append(f"static const {value.c_type} c{index}_{name}[] __attribute__((aligned(4))) = {{{numbers}}};")
            names[name] = f"c{index}_{name}"
        elif isinstance(value, tuple):
            names[name] = "{" + ", ".join(map(str, value)) + "}"
        else:
            names[name] = str(value).replace("-2147483648", "INT32_MIN")
    text.append(f"static const {call.struct} p{index} = {{")
    text += [f"    .{name} = {value}," for name, value in names.items()]
    height = row.node.output.shape[1]
    first = _GUARD + row.out_left * row.output.pixel_step
    text += ["};", f"static void case_{index}(const int8_t *input, int8_t *output) {{"]
    if fill:
        text.append(f"    memset(output, {UNTOUCHED}, {row.out_bytes});")
    scratch = f"(scratch_end - {-(-(call.scratch_bytes or 0) // 4)})"
    text += [
        "    int32_t *const scratch_end = scratch + sizeof scratch / sizeof *scratch - 4;",
        "    for (int32_t i = 0; i < 4; ++i) scratch_end[i] = 0x5A5A5A5A;",
        f"    for (int32_t r = 0; r < {height}; r += {row.call.height}) {{",
    ]
    pointers, base = [], 0
    for window, lines in zip(row.call.windows, row.inputs, strict=True):
        pointers += [
            f"input + {base} + ({_row(window, u)}) % {lines.count} * {lines.line_step}" for u in range(window.rows)
        ]
        base += _input_bytes(lines)
    target = f"output + {first} + r % {row.output.count} * {row.output.line_step}"
    tail = f", (int8_t *){scratch}" if call.scratch_bytes is not None else ""
    if row.call.takes_rows:
        text.append(f"        const int8_t *const rows[] = {{{', '.join(pointers)}}};")
        number = ", r" if row.call.takes_row_number else ""
        text.append(f"        {call.kernel}(&p{index}, rows{number}, {target}{tail});")
    else:
        text.append(f"        {call.kernel}(&p{index}, {', '.join(pointers)}, {target}{tail});")
    text += [
        "    }",
        "    for (int32_t i = 0; i < 4; ++i) if (scratch_end[i] != 0x5A5A5A5A) output[0] = 0;",
        "}",
    ]
    return text


def _row(window: Window, u: int) -> str:
    return f"r * {window.stride} + {u * window.dilation}"


def run_rows(
    rows: Sequence[RowCase], folder: Path, *, fill: bool = True, board: Board = BOARD
) -> list[tuple[int, list[np.ndarray]]]:
    """Run all inputs of all cases; return instructions, and each output [height, width, channels].

    Fails when a byte beside the output's elements changed.
    """
    kernels = sorted({RUNTIME / "dsp" / f"{row.call.call.kernel}.S" for row in rows})
    requests = [
        index.to_bytes(4, "little") + lay_out(row, vector)
        for index, row in enumerate(rows)
        for vector in row.case.inputs
    ]
    data = run_image([*write_unit(rows, folder, fill=fill), MAIN, *kernels], b"".join(requests), folder, board)
    results = []
    for row in rows:
        outputs = []
        for _ in row.case.inputs:
            count = int.from_bytes(data[:4], "little")
            outputs.append(_elements(row, data[4 : 4 + row.out_bytes], fill))
            data = data[4 + row.out_bytes :]
        results.append((count, outputs))
    assert not data
    return results


def _elements(row: RowCase, data: bytes, fill: bool) -> np.ndarray:
    memory = np.frombuffer(data, np.int8)
    _, height, width, _ = row.node.output.shape
    rows_kept = min(height, row.output.count)
    places = _GUARD + _places(row.output, height, row.out_left, width)
    if fill:
        beside = np.ones(memory.size, bool)
        beside[places] = False
        assert np.all(memory[beside].view(np.uint8) == UNTOUCHED), f"{row.case.what}: wrote beside its output"
    return memory[places][height - rows_kept :]
