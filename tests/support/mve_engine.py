"""Run generated engines with the Helium kernels on an emulated Cortex-M55."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import engine_cases
import numpy as np
from emulated_cases import run_emulated
from int8_case import Case

from asc_kit.hardware.board import load_board

BOARD = load_board("qemu-mps3-an547")


def run_on_m55(cases: Sequence[Case], folder: Path) -> tuple[list[np.ndarray], list[int]]:
    """Run cases; return outputs and the instructions of each case's first input."""
    units = engine_cases.write_cases([case.model for case in cases], folder, "mve")
    sizes = [engine_cases.model_info(case.model).output.n_elements for case in cases for _ in case.inputs]
    answers = run_emulated(units, engine_cases.request(cases), sizes, folder, BOARD)
    outputs = engine_cases.split_outputs(cases, b"".join(output for _, output in answers))
    at = np.cumsum([0, *(len(case.inputs) for case in cases)])[:-1]
    return outputs, [answers[position][0] for position in at]
