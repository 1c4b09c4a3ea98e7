"""Every operator on random shapes, attributes and quantization: the generated C gives the reference kernels' bytes.

Compiled with the address and the undefined behaviour sanitizer: memory that is shared in the arena is shared rightly,
and no sum overflows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from engine_cases import assert_equal, reference, run_on_host
from int8_case import Case
from int8_cases import STRATEGIES, examples
from int8_elementwise_cases import TABLES
from int8_models import ModelBuilder

from asc_kit.firmware_gen.network.kernel_call import ConstantArray
from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.read.reader import read_model

CASES_PER_OPERATOR = 36
CASES_PER_TABLE = 6
TABLES_PER_OPERATOR = 120


@pytest.mark.parametrize("op", sorted(STRATEGIES))
def test_bit_exact(op: str, kernels: list[Path], sanitizing_compiler: Sequence[str], tmp_path: Path) -> None:
    n = CASES_PER_TABLE if op in TABLES else CASES_PER_OPERATOR
    cases = examples(op, n)
    assert len({case.what for case in cases}) > n // 3
    assert_equal(cases, run_on_host(cases, tmp_path, kernels, sanitizing_compiler))


def test_softmax_of_many_classes(kernels: list[Path], sanitizing_compiler: Sequence[str], tmp_path: Path) -> None:
    """The reference's limit is the sum of exponentials, 512 times the largest; beyond, the formula still says -128."""
    rng = np.random.default_rng(3)
    below = [softmax_case(rng, columns, scale=0.2) for columns in (512, 600, 4097)]
    above = [softmax_case(rng, columns, scale=1e-5) for columns in (520, 600, 5000)]
    outputs = run_on_host([*below, *above], tmp_path, kernels, sanitizing_compiler)
    assert_equal(below, outputs[: len(below)])
    for output in outputs[len(below) :]:
        assert np.all(output == -128)


def softmax_case(rng: np.random.Generator, columns: int, scale: float) -> Case:
    """One row; the largest value is rare where the scale is that of a usual network."""
    builder = ModelBuilder()
    source, output = builder.activation((1, columns), scale, 0), builder.activation((1, columns), 1 / 256, -128)
    builder.operator("SOFTMAX", [source], output, "SoftmaxOptions", beta=1.0)
    inputs = np.stack([rng.integers(-128, 128, columns), np.rint(rng.normal(0, 20, columns))])
    return Case(
        f"SOFTMAX {columns}, {scale}", builder.finish(source, output), np.clip(inputs, -128, 127).astype(np.int8)
    )


@pytest.mark.parametrize("op", sorted(TABLES))
def test_tables(op: str) -> None:
    """Many quantizations of functions of one element: the table itself, all 256 inputs."""
    for case in examples(op, TABLES_PER_OPERATOR):
        (step,) = make_plan(read_model(case.model)).steps
        table = dict(step.call.fields)["table"]
        assert isinstance(table, ConstantArray)
        assert np.array_equal(table.values, reference(case)[0]), case.what
