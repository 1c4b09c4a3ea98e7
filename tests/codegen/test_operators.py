"""Every operator on random shapes, attributes and quantization: the generated C gives the reference kernels' bytes.

Compiled with the address and the undefined behaviour sanitizer: memory that is shared in the arena is shared rightly,
and no sum overflows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from engine_cases import assert_equal, run_on_host
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from int8_cases import STRATEGIES

CASES_PER_PROGRAM = 8
PROGRAMS = 4


@pytest.mark.parametrize("op", sorted(STRATEGIES))
def test_bit_exact(op: str, kernels: list[Path], sanitizing_compiler: Sequence[str]) -> None:
    @settings(
        max_examples=PROGRAMS,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],  # shrinking would compile hundreds of programs
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(st.lists(STRATEGIES[op], min_size=CASES_PER_PROGRAM, max_size=CASES_PER_PROGRAM))
    def check(cases: list) -> None:  # type: ignore[type-arg]
        with tempfile.TemporaryDirectory() as folder:
            assert_equal(cases, run_on_host(cases, Path(folder), kernels, sanitizing_compiler))

    check()
