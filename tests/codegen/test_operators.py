"""Every operator on random shapes, attributes and quantization: the generated C gives the reference kernels' bytes.

Compiled with the address and the undefined behaviour sanitizer: memory that is shared in the arena is shared rightly,
and no sum overflows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from engine_cases import assert_equal, run_on_host
from int8_cases import STRATEGIES, examples

CASES_PER_OPERATOR = 36


@pytest.mark.parametrize("op", sorted(STRATEGIES))
def test_bit_exact(op: str, kernels: list[Path], sanitizing_compiler: Sequence[str], tmp_path: Path) -> None:
    cases = examples(op, CASES_PER_OPERATOR)
    assert len({case.what for case in cases}) > CASES_PER_OPERATOR // 3
    assert_equal(cases, run_on_host(cases, tmp_path, kernels, sanitizing_compiler))
