"""The generated C on an emulated Cortex-M4F: every operator, random and full-size networks, all bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from emulated_cases import missing_tools, run_emulated
from engine_cases import assert_equal, model_info, request, split_outputs, write_cases
from int8_case import Case
from int8_cases import STRATEGIES, examples
from int8_elementwise_cases import TABLES
from reference_networks import cp_mobile, mobilenet

CASES_PER_OPERATOR = 3
"""The host has 36 of each: what may differ on the board is the compiler and the core, not the arithmetic."""
CASES_PER_TABLE = 1
# portable C; the peer's portable kernels need 373.7 M, its optimized ones 93.9 M
CP_MOBILE_INSTRUCTIONS = 90_000_000

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")


def run_on_board(cases: Sequence[Case], folder: Path) -> tuple[list[np.ndarray], list[int]]:
    """Run cases; return outputs and the instructions of each case's first input."""
    units = write_cases([case.model for case in cases], folder)
    sizes = [model_info(case.model).output.n_elements for case in cases for _ in case.inputs]
    answers = run_emulated(units, request(cases), sizes, folder)
    outputs = split_outputs(cases, b"".join(output for _, output in answers))
    vectors = len(cases[0].inputs)
    return outputs, [instructions for instructions, _ in answers[::vectors]]


def test_every_operator(tmp_path: Path) -> None:
    numbers = {op: CASES_PER_TABLE if op in TABLES else CASES_PER_OPERATOR for op in sorted(STRATEGIES)}
    cases = [case for op, n in numbers.items() for case in examples(op, n)]
    outputs, _ = run_on_board(cases, tmp_path)
    assert_equal(cases, outputs)


def test_cp_mobile_at_full_size(tmp_path: Path) -> None:
    case = cp_mobile()
    outputs, instructions = run_on_board([case], tmp_path)
    assert_equal([case], outputs)
    assert len(np.unique(outputs[0])) > 8  # else the network says the same whatever it hears
    assert instructions[0] < CP_MOBILE_INSTRUCTIONS


def test_mobilenet_fits_the_board(tmp_path: Path) -> None:
    """3.3 MB of weights: the largest network of the recipes."""
    case = mobilenet()
    outputs, _ = run_on_board([case], tmp_path)
    assert_equal([case], outputs)
    assert len(np.unique(outputs[0])) > 8
