"""Tables of the C front end: filters, thresholds, passes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from frontend_cases import CLIP_SPECS, SPECS, quantization, tables_source

from asc_kit.errors import ModelError
from asc_kit.firmware_gen.frontend.fft import input_places, plan_passes
from asc_kit.firmware_gen.frontend.mel import MelSlopes, mel_slopes
from asc_kit.firmware_gen.frontend.tables import Thresholds, frontend_tables, quantization_thresholds
from asc_kit.frontend import FrontEndSpec, mel_filter_bank
from asc_kit.quantization import TensorInfo

SPEC = SPECS["short_clip"]
SMOOTH = [n for n in range(4, 5000) if max((f for f in range(7, n + 1) if n % f == 0), default=0) == 0]


def info(scale: float, zero_point: int) -> TensorInfo:
    return TensorInfo(shape=SPEC.input_shape, scale=scale, zero_point=zero_point)


def filter_bank(mel: MelSlopes, n_freqs: int) -> np.ndarray:
    """Return the filters of slopes as a matrix, shape [n_freqs, n_mels]."""
    n_mels = len(mel.scales)
    bank = np.zeros((n_freqs, n_mels + 2))
    bins = mel.first_bin + np.arange(len(mel.slopes))
    upper = np.repeat(np.arange(n_mels + 1), mel.counts)
    bank[bins, upper + 1] = mel.slopes
    bank[bins, upper] = 1.0 - mel.slopes
    return np.asarray(bank[:, 1:-1] * mel.scales)


@pytest.mark.parametrize("name", sorted(SPECS | CLIP_SPECS))
def test_slopes_stand_for_the_filter_bank(name: str) -> None:
    spec = (SPECS | CLIP_SPECS)[name]
    bank = filter_bank(mel_slopes(spec), spec.n_freqs)
    np.testing.assert_allclose(bank, mel_filter_bank(spec), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", sorted(SPECS | CLIP_SPECS))
def test_shares_stand_for_the_slopes(name: str) -> None:
    mel = mel_slopes((SPECS | CLIP_SPECS)[name])
    assert mel.counts.max() > 2
    starts = np.cumsum(mel.counts) - mel.counts
    for row, (start, n, (change, end)) in enumerate(zip(starts, mel.counts, mel.shares, strict=True)):
        slopes = mel.slopes[start : start + n]
        expected = end + change * (np.arange(n) if row == 0 else np.arange(n)[::-1])
        np.testing.assert_allclose(slopes if row == 0 else 1.0 - slopes, expected, rtol=0, atol=1e-12)


def guess(thresholds: Thresholds, bits: np.ndarray) -> np.ndarray:
    """What C guesses, in Python's integers."""
    exact = [(thresholds.guess_start + int(b) * thresholds.guess_slope) >> 32 for b in bits]
    return np.clip(np.array(exact, np.int64), 0, 255)


def below(thresholds: Thresholds, bits: np.ndarray) -> np.ndarray:
    return np.searchsorted(thresholds.bits[:255], bits, side="right")


@pytest.mark.parametrize("log", ["natural", "log10"])
@pytest.mark.parametrize(
    ("scale", "zero_point"), [(0.0847, 12), (0.0847, -128), (0.31, 127), (1e-4, 0), (1e-7, -3), (3.0, -40), (90.0, 5)]
)
def test_thresholds(scale: float, zero_point: int, log: str) -> None:
    spec, wanted = replace(SPEC, log=log), info(scale, zero_point)
    thresholds = quantization_thresholds(spec, wanted)
    assert (np.diff(thresholds.bits[:255].astype(np.int64)) >= 0).all()
    assert abs(thresholds.guess_start) < 2**63 - 2**31 * thresholds.guess_slope  # C adds them up in 64 bits
    rng = np.random.default_rng(1)
    energies = np.exp(rng.uniform(math.log(SPEC.log_offset), math.log(1e38), 20_000)).astype(np.float32)
    near = thresholds.bits[(thresholds.bits > 0x38000000) & (thresholds.bits < 0x7F000000)]
    bits = np.concatenate([energies.view(np.uint32), near, near - 1, near + 1])
    energies = bits.view(np.float32).astype(np.float64)
    steps = below(thresholds, bits)
    # never high, and low by little: a line differs from log2 by 0.086 octaves
    low = steps - guess(thresholds, bits)
    assert low.min() >= 0
    per_octave = math.log(2.0) / scale if log == "natural" else math.log10(2.0) / scale
    assert low.max() <= 2 + 0.0861 * per_octave
    # the reference, but for rounding at the very threshold: 2^-24 of the energy, 2^-24 of the float32 logarithm
    features = (np.log(energies) if log == "natural" else np.log10(energies)).astype(np.float32)
    position = features.astype(np.float64) / scale + zero_point
    clear = np.abs(position - np.floor(position) - 0.5) > (1e-7 + 2e-7 * np.abs(features)) / scale + 1e-6
    np.testing.assert_array_equal((steps - 128)[clear], wanted.quantize(features)[clear])
    assert clear.sum() > (0.9 if scale > 1e-3 else 0.05) * 20_000 or scale < 1e-6


@pytest.mark.parametrize("fixed", [False, True])
def test_passes_of_every_length(fixed: bool) -> None:
    for n in SMOOTH:
        for win_length in (2 * n, n + 1, n // 2, 1):
            plan = plan_passes(n, win_length, fixed=fixed)
            assert math.prod(plan.radices) == n
            assert win_length <= plan.samples_read(win_length) <= 2 * n
            m = 1 if plan.first is None else plan.first
            for radix, length in plan.middle:
                assert length == m
                m *= radix
            assert not (fixed and (8 in plan.radices or plan.fused_last))
    assert plan_passes(2048, 3072).radices == (8, 8, 8, 4)
    assert plan_passes(2048, 3072).inputs == 6
    assert sorted(input_places((8, 5, 3, 4))) == list(range(480))


def test_memory_grows_only_where_the_clip_is_kept() -> None:
    tables = {name: frontend_tables(spec, quantization(spec, np.ones(2))) for name, spec in CLIP_SPECS.items()}
    for name, spec in CLIP_SPECS.items():
        plain = replace(spec, standardize="none", delta_width=0)
        less = frontend_tables(plain, quantization(plain, np.ones(2)))
        assert tables[name].ram_bytes - less.ram_bytes == 4 * spec.n_frames * spec.n_mels
        assert less.work_words == spec.n_fft + 2
        assert "asc_frontend_clip" not in tables_source(less, plain, less.info)
        # in integers the bands of a frame have words of their own
        fixed = frontend_tables(plain, quantization(plain, np.ones(2)), "fixed")
        assert fixed.work_words == less.work_words + spec.n_mels
    assert tables["dsmn"].ram_bytes == 12 + 2 * 4098 + 4 * 4098 + 4 * 44 * 256


def test_what_c_cannot_hold_is_refused() -> None:
    wide = FrontEndSpec(
        sample_rate_hz=8000,
        clip_samples=1 << 18,
        n_fft=1 << 17,
        win_length=512,
        hop_length=512,
        n_mels=8,
        f_max_hz=4000.0,
    )
    with pytest.raises(ModelError, match="n_fft is 131072"):
        frontend_tables(wide, info(0.1, 0))
    with pytest.raises(ModelError, match="log_offset is 1e-40"):
        frontend_tables(replace(SPEC, log_offset=1e-40), info(0.1, 0), "fixed")
