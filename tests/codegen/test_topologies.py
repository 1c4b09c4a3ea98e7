"""Networks whose tensors have several users and views: the generated C gives the reference kernels' bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine_cases import assert_equal, run_on_host
from int8_topology_cases import topologies, wide


def test_bit_exact(kernels: list[Path], sanitizing_compiler: Sequence[str], tmp_path: Path) -> None:
    cases = [*topologies(), wide()]
    assert_equal(cases, run_on_host(cases, tmp_path, kernels, sanitizing_compiler))
