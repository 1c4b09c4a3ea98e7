"""The graph of the front end against the NumPy reference.

The bound: both compute up to the energies in float64, then the graph sums and takes the logarithm in float32. One
unit in the last place of a feature of size 16 is 1.9e-6; the largest difference seen is that, so 5e-6 it is.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asc_kit.frontend import FrontEndSpec, log_mel, model_input
from asc_kit.train.frontend_graph import front_end_graph, silence_level
from asc_kit.train.recipe import load_recipe

BOUND = 5e-6

BASELINE = load_recipe("dcase2024_baseline").frontend
MICRO = load_recipe("cp_mobile_micro").frontend
SPECS = {
    "baseline": BASELINE,
    "micro": MICRO,
    "magnitude": replace(MICRO, power=1),
    "not centred": replace(MICRO, center=False),
    "zeros around": replace(MICRO, pad_mode="constant"),
    "short window": replace(MICRO, win_length=801),
    "tiny offset": replace(MICRO, log_offset=1e-10),
    "all else": replace(
        MICRO,
        n_fft=600,
        win_length=400,
        hop_length=160,
        window="hamming",
        window_periodic=False,
        mel_scale="slaney",
        mel_norm="slaney",
        f_min_hz=50.0,
        f_max_hz=7600.0,
        log="log10",
        layout="time_mel",
    ),
}


def signals(spec: FrontEndSpec) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    n = spec.clip_samples
    seconds = np.arange(n) / spec.sample_rate_hz
    return {
        "noise": rng.uniform(-1, 1, n),
        "faint noise": rng.normal(0, 1e-4, n),
        "tone on a bin": np.sin(2 * np.pi * 1000 * seconds),
        "tone between bins": np.sin(2 * np.pi * 1234.5 * seconds),
        "click": (np.arange(n) == n // 2).astype(float),
        "silence": np.zeros(n),
    }


@pytest.mark.parametrize("name", SPECS)
def test_equals_the_reference(name: str) -> None:
    spec = SPECS[name]
    audio = np.stack(list(signals(spec).values())).astype(np.float32)
    expected = np.concatenate([model_input(log_mel(clip, spec), spec) for clip in audio])
    actual = np.asarray(front_end_graph(spec)(audio))
    assert actual.shape == expected.shape
    assert actual.dtype == np.float32
    worst = np.abs(actual - expected).max(axis=(1, 2, 3))
    assert worst.max() <= BOUND, dict(zip(signals(spec), worst.tolist(), strict=True))


@st.composite
def specs(draw: st.DrawFn) -> FrontEndSpec:
    n_fft = draw(st.sampled_from([64, 80, 96, 120, 128, 250]))
    center = draw(st.booleans())
    rate = draw(st.sampled_from([8000, 11025, 16000]))
    return FrontEndSpec(
        sample_rate_hz=rate,
        clip_samples=draw(st.integers(n_fft, 700)),
        n_fft=n_fft,
        win_length=draw(st.integers(n_fft // 3, n_fft)),
        hop_length=draw(st.integers(1, 2 * n_fft)),
        window=draw(st.sampled_from(["hann", "hamming"])),
        window_periodic=draw(st.booleans()),
        center=center,
        pad_mode=draw(st.sampled_from(["reflect", "constant"])),
        power=draw(st.sampled_from([1, 2])),
        n_mels=draw(st.integers(1, 40)),
        mel_scale=draw(st.sampled_from(["htk", "slaney"])),
        mel_norm=draw(st.sampled_from(["none", "slaney"])),
        f_min_hz=draw(st.sampled_from([0.0, 60.0])),
        f_max_hz=rate / draw(st.sampled_from([2.0, 2.5])),
        log=draw(st.sampled_from(["natural", "log10"])),
        log_offset=draw(st.sampled_from([1e-3, 1e-5, 1e-8])),
        layout=draw(st.sampled_from(["mel_time", "time_mel"])),
    )


@settings(max_examples=40, deadline=None)
@given(spec=specs(), seed=st.integers(0, 2**32 - 1))
def test_equals_the_reference_whatever_the_spec(spec: FrontEndSpec, seed: int) -> None:
    audio = np.random.default_rng(seed).uniform(-1, 1, (2, spec.clip_samples)).astype(np.float32)
    expected = np.concatenate([model_input(log_mel(clip, spec), spec) for clip in audio])
    actual = np.asarray(front_end_graph(spec)(audio))
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() <= BOUND


@pytest.mark.parametrize("log", ["natural", "log10"])
def test_silence_level_is_what_silence_gives(log: str) -> None:
    spec = replace(MICRO, log=log)
    features = log_mel(np.zeros(spec.clip_samples, np.float32), spec)
    assert np.allclose(features, silence_level(spec), rtol=1e-6)
