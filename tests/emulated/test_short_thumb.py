"""Portable kernels as cores of Armv6-M get them, such as Cortex-M0+: sums in assembler, products of halves. All bytes.

The Cortex-M3's machine runs that code, as its instructions are a part of the larger core's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from dsp_cases import convolution_case
from emulated_cases import missing_tools, run_emulated
from engine_cases import assert_equal, model_info, request, split_outputs, write_cases
from int8_case import Case
from int8_cases import examples
from int8_models import ACTIVATIONS, ModelBuilder

from asc_kit.hardware.board import load_board
from asc_kit.hardware.core import load_core

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")

BOARD = load_board("qemu-mps2-an385").with_core(load_core("cortex-m0plus"))

_PRODUCTS = """
#include <string.h>
#include "cases.h"
#include "asc_requantize.h"
#ifndef ASC_SHORT_THUMB
#error "these are not the products of halves"
#endif
static void products(const int8_t *input, int8_t *output) {
    for (uint32_t i = 0; i < N; ++i) {
        int32_t pair[2];
        memcpy(pair, input + 8 * i, sizeof pair);
        pair[0] = asc_high_multiply(pair[0], pair[1]);
        memcpy(output + 4 * i, pair, 4);
    }
}
const case_t cases[N_CASES] = {{products, 8 * N, 4 * N}};
"""


def assert_exact(cases: Sequence[Case], folder: Path) -> None:
    units = write_cases([case.model for case in cases], folder)
    sizes = [model_info(case.model).output.n_elements for case in cases for _ in case.inputs]
    answers = run_emulated(units, request(cases), sizes, folder, BOARD)
    assert_equal(cases, split_outputs(cases, b"".join(output for _, output in answers)))


def extreme_convolution(weights: Sequence[int], taps: int) -> Case:
    """A 1x1 convolution of three pixels whose weights and inputs are at the ends of their ranges."""
    rng = np.random.default_rng(taps)
    builder = ModelBuilder()
    source = builder.activation((1, 1, 3, taps), 0.05, -128)
    scales = np.full(6, 0.01)
    data = rng.choice(weights, (6, 1, 1, taps)).astype(np.int8)
    data[:2] = weights[0]
    constant, bias = builder.constant(data, scales), builder.constant(np.zeros(6, np.int32), 0.05 * scales)
    output = builder.activation((1, 1, 3, 6), 0.06 * taps, 3)
    options = {"padding": 0, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    options |= {"fusedActivationFunction": ACTIVATIONS["NONE"]}
    builder.operator("CONV_2D", [source, constant, bias], output, "Conv2DOptions", **options)
    inputs = np.stack([np.full(3 * taps, -128), np.full(3 * taps, 127), rng.choice([-128, 127], 3 * taps)])
    return Case(f"extreme {weights} {taps}", builder.finish(source, output), inputs.astype(np.int8))


def test_random_operators(tmp_path: Path) -> None:
    numbers = {"CONV_2D": 16, "DEPTHWISE_CONV_2D": 8, "MUL": 4, "network": 3}
    assert_exact([case for op, n in numbers.items() for case in examples(op, n)], tmp_path)


def test_convolutions_of_all_numbers_of_taps(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    sizes = {"size": (2, 5), "channels": 6}
    assert_exact(
        [
            convolution_case(rng, kernel=kernel, depth=depth, **sizes)
            for kernel, depth in (((1, 1), 1), ((1, 1), 2), ((1, 1), 7), ((3, 3), 1), ((2, 3), 1), ((3, 3), 5))
        ],
        tmp_path,
    )


def test_weights_and_inputs_at_the_ends_of_their_ranges(tmp_path: Path) -> None:
    """Two products of -128 and -128 leave no more than 15 bits and a sign to the sum beside."""
    assert_exact(
        [extreme_convolution(weights, taps) for weights in ((-128, 127), (127, -127)) for taps in (1, 4, 64)], tmp_path
    )


def test_products_of_halves(tmp_path: Path) -> None:
    """Equation (13) for accumulators and multipliers of all sizes, about every carry."""
    rng = np.random.default_rng(13)
    limit = 1 << 30
    powers = 1 << np.arange(30)
    accs = np.concatenate([[0, limit - 1, 1 - limit], powers, -powers, powers - 1, rng.integers(1 - limit, limit, 300)])
    multipliers = np.concatenate(
        [[0, 2**30, 2**31 - 1, 0x40008000, 0x7FFF8000, 0x4000FFFF], rng.integers(2**30, 2**31, 20)]
    )
    pairs = np.stack(np.meshgrid(accs, multipliers), axis=-1).reshape(-1, 2).astype("<i4")
    header = f"#include <stdint.h>\n#define N_CASES 1\n#define N {len(pairs)}u\n"
    header += "typedef struct { void (*run)(const int8_t *, int8_t *); uint32_t input_bytes, output_bytes; } case_t;\n"
    (tmp_path / "cases.h").write_text(header + "extern const case_t cases[N_CASES];\n")
    (tmp_path / "cases.c").write_text(_PRODUCTS)
    requests = (0).to_bytes(4, "little") + pairs.tobytes()
    ((_, output),) = run_emulated([tmp_path / "cases.c"], requests, [4 * len(pairs)], tmp_path, BOARD)
    acc, multiplier = pairs.astype(np.int64).T
    expected = (acc * multiplier + (1 << 30)) >> 31
    assert np.array_equal(np.frombuffer(output, "<i4"), expected)
