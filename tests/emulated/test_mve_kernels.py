"""The Helium kernels on an emulated Cortex-M55: random operators and CP-Mobile, all bytes; and how fast."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from emulated_cases import missing_tools
from engine_cases import RUNTIME, assert_equal
from int8_case import Case
from int8_cases import examples, one_channel_layer, wide_layer
from mve_cases import addition, convolution, pool, product, reduction
from mve_engine import run_on_m55
from reference_networks import cp_mobile

from asc_kit.firmware_gen.kernel_sets.mve import add
from asc_kit.firmware_gen.kernel_sets.mve.pool_2d import division
from asc_kit.firmware_gen.plan.plan import make_plan
from asc_kit.firmware_gen.read.reader import read_model

KERNELS = {path.stem for path in (RUNTIME / "mve").glob("asc_*_mve.S")} - {"asc_matrix_mve", "asc_add_mve"}
# the peer's optimized kernels need 21.8 M
CP_MOBILE_INSTRUCTIONS = 7_500_000
CP_MOBILE_PER_MAC = 0.26

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")


def kernels_of(cases: list[Case]) -> set[str]:
    return {step.call.kernel for case in cases for step in make_plan(read_model(case.model), "mve").steps}


def check(cases: list[Case], folder: Path) -> None:
    outputs, _ = run_on_m55(cases, folder)
    assert_equal(cases, outputs)


def test_operators(tmp_path: Path) -> None:
    """All in one image: most of the time goes into compiling."""
    cases = [convolution(seed, depthwise=False) for seed in range(16)]
    cases += [convolution(seed, depthwise=False, kernel=(1, 1)) for seed in range(8)]
    cases += [convolution(seed, depthwise=True) for seed in range(12)]
    cases += [addition(seed) for seed in range(8)]
    cases += [pool(seed) for seed in range(8)]
    cases += [product(seed) for seed in range(8)]
    cases += [reduction(seed) for seed in range(8)]
    layers = [*examples("FULLY_CONNECTED", 30), wide_layer()]
    assert sum("asc_fully_connected_mve" in kernels_of([case]) for case in layers) > 20
    # a convolution of one channel, in truth
    assert kernels_of([one_channel_layer()]) & {"asc_conv_2d_mve", "asc_conv_plane_mve"}
    cases += [*layers, one_channel_layer()]
    assert kernels_of(cases) >= KERNELS
    check(cases, tmp_path)


def test_sums_without_linear_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(add, "_linear_form", lambda *_: None)
    cases = [addition(seed) for seed in range(8)]
    assert "asc_add_mve" in kernels_of(cases)
    check(cases, tmp_path)


def test_divisions_of_pools() -> None:
    """The kernel's 16-bit arithmetic, written out, against the rule: half away from zero."""
    for count in range(1, 129):
        entry = division(count)
        assert entry is not None
        addend, multiplier, shift, even = entry
        sums = np.arange(-128 * count, 127 * count + 1)
        raised = sums - even * (sums < 0) + addend
        assert raised.min() >= 0 and raised.max() < 1 << 15
        means = (raised * multiplier >> 15 - shift) - 128
        away = np.sign(sums) * ((2 * np.abs(sums) + count) // (2 * count))
        assert np.array_equal(means, away), count
    assert division(300) is None


def test_cp_mobile(tmp_path: Path) -> None:
    case = cp_mobile()
    outputs, instructions = run_on_m55([case], tmp_path)
    assert_equal([case], outputs)
    assert len(np.unique(outputs[0])) > 8  # else the network says the same whatever it hears
    macs = make_plan(read_model(case.model), "mve").macs
    assert instructions[0] < min(CP_MOBILE_INSTRUCTIONS, CP_MOBILE_PER_MAC * macs)
