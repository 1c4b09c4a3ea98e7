"""The Fourier transforms of the C front end against SciPy in float64: lengths with factors 2, 3 and 5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from frontend_cases import FrontEndProgram, build_program, quantization
from scipy.fft import rfft

from asc_kit.frontend import FrontEndSpec
from asc_kit.frontend.tables import window
from asc_kit.hardware.board import Arithmetic

# each with windows of other lengths: all of it, three quarters, a little over half, a quarter, odd ones
WINDOWS = {
    8: (8, 5), 10: (10, 3), 12: (12, 1), 16: (16, 9), 24: (24,), 30: (30, 17), 32: (32, 20), 36: (36,), 40: (40, 25),
    48: (48,), 50: (50,), 60: (60, 31), 64: (64, 32, 16), 90: (90,), 128: (128, 96, 65), 150: (150,), 200: (200,),
    256: (256, 160), 300: (300, 299), 400: (400,), 480: (480, 401), 512: (512, 400, 256), 640: (640,),
    1000: (1000, 501), 1024: (1024, 640), 2048: (2048, 1102), 4096: (4096, 3072),
}  # fmt: skip
# of the largest bin there could be, the sum of the window; measured 9.3e-8
FLOAT_BOUND = 2e-7
# in units of asc_fft_power_s32.h, of which a full-scale tone has 2^29: what is derived is 45 to 100, measured are 10.5
FIXED_BOUND = 16


def spec_of(n_fft: int, win_length: int, power: int) -> FrontEndSpec:
    return FrontEndSpec(
        sample_rate_hz=8000,
        clip_samples=2 * n_fft,
        n_fft=n_fft,
        win_length=win_length,
        hop_length=n_fft,
        n_mels=3,
        f_max_hz=4000.0,
        window="hamming",
        power=power,
    )


def sounds(n: int) -> np.ndarray:
    rng = np.random.default_rng(6)
    t = np.arange(n)
    clips = [
        rng.integers(-32768, 32768, n),
        rng.normal(0, 1000, n),
        np.zeros(n),
        np.full(n, 32767),
        np.full(n, -32768),
        np.where(t % 2 == 0, 32767, -32768),
        32767 * np.sin(2 * np.pi * 0.11 * t),
        32767 * np.cos(2 * np.pi * (n // 3) / n * t),
        np.where(t == n // 2, 32767, 0),
    ]
    return np.stack([np.clip(np.rint(clip), -32768, 32767) for clip in clips]).astype(np.int16)


CASES = {
    f"n{n_fft}_{win_length}_{power}": spec_of(n_fft, win_length, power)
    for n_fft, lengths in WINDOWS.items()
    for win_length in lengths
    for power in ((2, 1) if n_fft in (60, 512) else (2,))
}


@pytest.fixture(scope="module")
def programs(
    tmp_path_factory: pytest.TempPathFactory, kernels: list[Path], sanitizing_compiler: Sequence[str]
) -> Callable[[Arithmetic], FrontEndProgram]:
    cases = {name: (spec, quantization(spec, np.array([-4.0, 6.0]))) for name, spec in CASES.items()}

    @cache
    def build(arithmetic: Arithmetic) -> FrontEndProgram:
        return build_program(cases, arithmetic, tmp_path_factory.mktemp(arithmetic), sanitizing_compiler, kernels)

    return build


def transform(spec: FrontEndSpec, windows: np.ndarray) -> np.ndarray:
    """Magnitudes in float64; of samples from -1 to 1."""
    return np.abs(rfft(windows / 32768 * window(spec), spec.n_fft, axis=1))


@pytest.mark.parametrize("name", CASES)
def test_floats(name: str, programs: Callable[[Arithmetic], FrontEndProgram]) -> None:
    spec = CASES[name]
    windows = sounds(spec.win_length)
    expected = transform(spec, windows)
    bins = np.frombuffer(programs("float").run(name, "bins", windows), np.float32).reshape(expected.shape)
    magnitudes = bins.astype(np.float64) if spec.power == 1 else np.sqrt(bins.astype(np.float64))
    assert np.abs(magnitudes - expected).max() <= FLOAT_BOUND * window(spec).sum()
    assert not bins[2].any()


@pytest.mark.parametrize("name", CASES)
def test_integers(name: str, programs: Callable[[Arithmetic], FrontEndProgram]) -> None:
    spec = CASES[name]
    windows = sounds(spec.win_length)
    expected = transform(spec, windows)
    bins = np.frombuffer(programs("fixed").run(name, "bins", windows), np.uint64).reshape(expected.shape)
    magnitudes = bins / 2.0**16 if spec.power == 1 else np.sqrt(bins.astype(np.float64))
    units = expected * 2.0**31 / spec.n_fft
    error = np.abs(magnitudes - units)
    if spec.power == 1:
        error = error - units * 2.0**-15  # the root has 16 bits
    assert error.max() <= FIXED_BOUND
