"""Generated engines with the kernels of the DSP set on an emulated Cortex-M4F: all bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from emulated_cases import BOARD, missing_tools, run_emulated
from engine_cases import assert_equal, model_info, request, split_outputs, write_cases
from int8_case import Case
from int8_cases import examples
from mve_cases import addition, convolution, pool, product

from asc_kit.firmware_gen.plan import make_plan
from asc_kit.firmware_gen.reader import read_model

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")


def assert_exact(cases: Sequence[Case], folder: Path) -> None:
    units = write_cases([case.model for case in cases], folder, "dsp")
    sizes = [model_info(case.model).output.n_elements for case in cases for _ in case.inputs]
    answers = run_emulated(units, request(cases), sizes, folder, BOARD)
    assert_equal(cases, split_outputs(cases, b"".join(output for _, output in answers)))


def kernels(case: Case) -> set[str]:
    return {step.call.kernel for step in make_plan(read_model(case.model), "dsp").steps}


@pytest.mark.parametrize(
    "draw, n, wanted",
    [
        (addition, 12, {"asc_add_dsp": 5}),
        (product, 12, {"asc_mul_row_dsp": 3}),
        (pool, 14, {"asc_average_pool_row_dsp": 4, "asc_max_pool_row_dsp": 4}),
        (lambda seed: convolution(seed, depthwise=seed % 2 == 1), 10, {"asc_conv_row_dsp": 3}),
    ],
    ids=["sums", "products", "pools", "convolutions"],
)
def test_random_operators(draw: Callable[[int], Case], n: int, wanted: dict[str, int], tmp_path: Path) -> None:
    cases = [draw(seed) for seed in range(n)]
    used = [kernels(case) for case in cases]
    for kernel, least in wanted.items():
        assert sum(kernel in names for names in used) >= least
    assert_exact(cases, tmp_path)


def test_random_networks(tmp_path: Path) -> None:
    assert_exact(examples("network", 4), tmp_path)
