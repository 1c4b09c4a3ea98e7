"""Row kernels of the DSP set on an emulated Cortex-M4F: random operators, every byte, and nothing written beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from dsp_cases import convolution_case
from dsp_rows import RowCase, row_case, run_rows
from emulated_cases import BOARD, missing_tools
from engine_cases import reference
from int8_case import Case
from int8_cases import examples

from asc_kit.firmware_gen.kernel_sets.dsp.convolution import convolution_row, quick_convolution_row
from asc_kit.firmware_gen.plan.choices import MOST_SCRATCH
from asc_kit.hardware.board import Optimize
from asc_kit.hardware.core import load_core

RANDOM_SEED = 20261121
LAYOUTS = ("pixels", "planes", "quads")
ACTIVATIONS = (("RELU", -128), ("NONE", 11), ("NONE", -37), ("NONE", -128), ("RELU", -100), ("RELU6", -128))

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")


def with_kernels(cases: Sequence[Case], optimize: Optimize = "speed", wide_weights: int | None = None) -> list[RowCase]:
    """The cases that have a kernel, their outputs in all layouts in turn; convolutions with 16-bit weights or not."""
    own = None if wide_weights is None else partial(convolution_row, wide_weights=wide_weights)
    found = [row_case(case, LAYOUTS[index % 3], index, optimize, own) for index, case in enumerate(cases)]
    return [row for row in found if row is not None]


def assert_exact(rows: Sequence[RowCase], folder: Path) -> None:
    for row, (_, outputs) in zip(rows, run_rows(rows, folder), strict=True):
        expected = reference(row.case).reshape(-1, *row.node.output.shape[1:])
        for given, wanted in zip(outputs, expected, strict=True):
            np.testing.assert_array_equal(given, wanted[-len(given) :], err_msg=row.case.what)


def random_convolution(rng: np.random.Generator, index: int) -> Case:
    kernel = [(1, 1), (3, 3), (1, 1), (1, 3), (5, 5), (10, 4), (2, 2)][index % 7]
    stride = [(1, 1), (2, 2), (1, 2), (2, 1)][rng.integers(4)]
    dilation = (1, 1) if stride != (1, 1) or index % 3 else (int(rng.integers(1, 3)), int(rng.integers(1, 3)))
    activation, zero_point = ACTIVATIONS[index % len(ACTIVATIONS)]
    return convolution_case(
        rng,
        kernel=kernel,
        size=(int(rng.integers(1, 4)) + kernel[0] * dilation[0], int(rng.integers(0, 14)) + kernel[1] * dilation[1]),
        depth=int(rng.integers(1, 70 if kernel == (1, 1) else 18)),
        channels=int(rng.integers(1, 20)),
        stride=stride,
        dilation=dilation,
        activation=activation,
        zero_point=zero_point,
        same=bool(rng.integers(2)),
    )


@pytest.mark.parametrize("wide", [True, False], ids=["16 bits", "8 bits"])
def test_convolutions(wide: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(RANDOM_SEED)
    rows = with_kernels([random_convolution(rng, index) for index in range(30)], wide_weights=1 << 20 if wide else 0)
    fields = [dict(row.call.call.fields) for row in rows]
    assert len(rows) > 25 and {field["wide"] for field in fields} == {int(wide)}
    assert min(Counter(field["form"] for field in fields).values()) >= 4
    assert_exact(rows, tmp_path)


@pytest.mark.parametrize("wide", [True, False], ids=["16 bits", "8 bits"])
def test_convolutions_of_several_rows(wide: bool, tmp_path: Path) -> None:
    """Two and four rows in one call: of all layouts, with odd and even widths, pointwise and with windows."""
    rng = np.random.default_rng(RANDOM_SEED)
    rows = []
    for index in range(36):
        kernel = [(1, 1), (3, 3), (1, 1), (2, 2), (1, 1), (5, 3)][index % 6]
        stride = (1, 1) if kernel == (1, 1) or index % 4 == 1 else (2, int(rng.integers(1, 3)))
        activation, zero_point = ACTIVATIONS[index // 2 % len(ACTIVATIONS)]
        case = convolution_case(
            rng,
            kernel=kernel,
            size=(4 * stride[0] * int(rng.integers(1, 3)), int(rng.integers(2, 12))),
            depth=int(rng.integers(1, 40 if kernel == (1, 1) else 12)),
            channels=int(rng.integers(1, 12)),
            stride=stride,
            activation=activation,
            zero_point=zero_point,
            same=True,
        )
        own = partial(convolution_row, wide_weights=1 << 20 if wide else 0)
        found = row_case(case, LAYOUTS[index % 3], index // 3, "speed", own, rows_at_once=(2, 4)[index // 6 % 2])
        rows += [found] if found is not None else []
    shapes = Counter((row.call.height, row.call.reads_together) for row in rows)
    assert min(shapes[2, False], shapes[2, True], shapes[4, True]) >= 4
    fields = [dict(row.call.geometry(row.inputs, row.output)) for row in rows]
    assert {1, 2} <= {field["second_row"] for field in fields}
    assert any(row.call.height > 1 and not field["second_row"] for row, field in zip(rows, fields, strict=True))
    assert_exact(rows, tmp_path)


def test_convolutions_whose_sums_are_too_large_to_raise(tmp_path: Path) -> None:
    rng = np.random.default_rng(RANDOM_SEED)
    sizes = {"kernel": (7, 7), "size": (7, 10), "depth": 60, "channels": 4, "activation": "RELU"}
    cases = [convolution_case(rng, gain=2.0, **sizes) for _ in range(12)]
    rows = [
        row
        for wide_weights in (1 << 20, 0)
        for row in with_kernels(cases, wide_weights=wide_weights)
        if dict(row.call.call.fields)["raised"] == 0
    ]
    assert {dict(row.call.call.fields)["wide"] for row in rows} == {0, 1}
    assert_exact(rows, tmp_path)


def test_the_quicker_width_of_weights_is_chosen() -> None:
    """By what is estimated: 16 bits for short rows, 8 for long ones, and always the smaller figure."""
    rng = np.random.default_rng(RANDOM_SEED)
    chosen = {}
    for columns in (1, 2, 4, 32, 125):
        case = convolution_case(rng, kernel=(1, 1), size=(2, columns), depth=64, channels=64)
        kinds = [with_kernels([case], wide_weights=limit)[0].call.call for limit in (0, 1 << 20)]
        node = with_kernels([case])[0].node
        row = quick_convolution_row(replace(node, scratch_bytes=MOST_SCRATCH))
        assert row is not None
        chosen[columns] = dict(row.call.fields)["wide"]
        assert row.call.cycles == min(kind.cycles for kind in kinds if kind.cycles is not None)
    assert chosen[1] == 1 and chosen[125] == 0 and sorted(chosen.values(), reverse=True) == list(chosen.values())


def test_depthwise_convolutions(tmp_path: Path) -> None:
    rng = np.random.default_rng(RANDOM_SEED)
    steps = [((1, 1), (1, 1)), ((1, 2), (1, 1)), ((1, 1), (1, 2)), ((2, 1), (1, 1)), ((2, 2), (1, 1)), ((1, 1), (2, 2))]
    cases = []
    for index in range(24):
        stride, dilation = steps[index % len(steps)]
        activation, zero_point = ACTIVATIONS[index // 2 % len(ACTIVATIONS)]
        channels = int(rng.integers(1, 30))
        size = (int(rng.integers(1, 4)) + 3 * dilation[0], int(rng.integers(0, 20)) + 3 * dilation[1])
        cases.append(
            convolution_case(
                rng,
                kernel=(3, 3),
                size=size,
                depth=channels,
                channels=channels,
                stride=stride,
                dilation=dilation,
                activation=activation,
                zero_point=zero_point,
                same=bool(rng.integers(2)),
                depthwise=True,
            )
        )
    rows = with_kernels(cases)
    assert len(rows) > 20
    assert len({row.call.call.kernel for row in rows}) == 3
    assert min(Counter(dict(row.call.call.fields)["form"] for row in rows).values()) >= 4
    assert_exact(rows, tmp_path)


@pytest.mark.parametrize("op, n", [("CONV_2D", 24), ("DEPTHWISE_CONV_2D", 160)])
def test_operators_with_any_attribute(op: str, n: int, tmp_path: Path) -> None:
    """Extreme scales, saturating weights, groups: exact, or left to the portable kernel."""
    rows = with_kernels(examples(op, n))
    assert len(rows) >= 4
    assert_exact(rows, tmp_path)


def test_a_core_without_floating_point_registers_keeps_variables_on_the_stack(tmp_path: Path) -> None:
    rng = np.random.default_rng(RANDOM_SEED)
    cases = [random_convolution(rng, index) for index in range(10)]
    cases += [convolution_case(rng, kernel=(3, 3), size=(4, 9), depth=5, channels=5, depthwise=True) for _ in range(2)]
    rows = with_kernels(cases)
    assert len(rows) > 9
    soft = BOARD.with_core(load_core("cortex-m4"))
    for row, (_, outputs) in zip(rows, run_rows(rows, tmp_path, board=soft), strict=True):
        expected = reference(row.case).reshape(-1, *row.node.output.shape[1:])
        for given, wanted in zip(outputs, expected, strict=True):
            np.testing.assert_array_equal(given, wanted[-len(given) :], err_msg=row.case.what)
