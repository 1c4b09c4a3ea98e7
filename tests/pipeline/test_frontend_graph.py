"""The graph of the front end against the NumPy reference.

The bound: both compute up to the energies in float64, then the graph sums and takes the logarithm in float32. One
unit in the last place of a feature of size 16 is 1.9e-6; the largest difference seen is that, so 5e-6 it is.
Standardisation multiplies it by what it multiplies the features by, see `bounds`.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asc_kit.frontend import STD_FLOOR, FrontEndSpec, log_mel, mel_filter_bank, model_input
from asc_kit.frontend.reference import deltas, standardize
from asc_kit.train.frontend_graph import front_end_graph, log_mel_graph
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
    "deltas": replace(MICRO, delta_width=3),
    "standardised": replace(MICRO, standardize="clip"),
    "dsmn": load_recipe("dsmn_model1").frontend,
}


def bounds(audio: np.ndarray, spec: FrontEndSpec) -> np.ndarray:
    """The largest error of each channel, shape [channels]: BOUND, and what the later steps make of it.

    Of values with an error e and a deviation s, the mean has an error of e too and s of e: standardised to values up
    to z, they have (2 + z) e / s. A delta has e times sum(n) / sum(n**2), at most 1. One more rounding ends both.
    """
    channel, bound, found = log_mel(audio, spec).astype(np.float64), BOUND, []
    for index in range(spec.n_channels):
        if index:
            channel = deltas(channel, spec.delta_width)
        if spec.standardize == "clip":
            deviation = max(channel.std(ddof=1), STD_FLOOR)
            channel = standardize(channel)
            bound *= (2 + np.abs(channel).max()) / deviation
        found.append(max(bound, BOUND))
    return np.array(found)


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
    worst = np.abs(actual - expected).max(axis=(1, 2))
    for name, clip, errors in zip(signals(spec), audio, worst, strict=True):
        assert np.all(errors <= bounds(clip, spec)), (name, errors, bounds(clip, spec))


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
        n_mels=draw(st.integers(1, min(40, n_fft // 2 + 1))),  # no more bands than frequencies
        mel_scale=draw(st.sampled_from(["htk", "slaney"])),
        mel_norm=draw(st.sampled_from(["none", "slaney"])),
        f_min_hz=draw(st.sampled_from([0.0, 60.0])),
        f_max_hz=rate / draw(st.sampled_from([2.0, 2.5])),
        log=draw(st.sampled_from(["natural", "log10"])),
        log_offset=draw(st.sampled_from([1e-3, 1e-5, 1e-8])),
        layout=draw(st.sampled_from(["mel_time", "time_mel"])),
    )


@st.composite
def specs_with_channels(draw: st.DrawFn) -> FrontEndSpec:
    spec = draw(specs())
    widths = [width for width in (0, 3, 5, 9) if width < 2 * spec.n_frames]
    standardize = draw(st.sampled_from(["none", "clip"])) if spec.n_frames * spec.n_mels > 1 else "none"
    return replace(spec, standardize=standardize, delta_width=draw(st.sampled_from(widths)))


@settings(max_examples=40, deadline=None)
@given(spec=specs_with_channels(), seed=st.integers(0, 2**32 - 1))
def test_equals_the_reference_whatever_the_spec(spec: FrontEndSpec, seed: int) -> None:
    audio = np.random.default_rng(seed).uniform(-1, 1, (2, spec.clip_samples)).astype(np.float32)
    expected = np.concatenate([model_input(log_mel(clip, spec), spec) for clip in audio])
    actual = np.asarray(front_end_graph(spec)(audio))
    assert actual.shape == expected.shape
    for clip, errors in zip(audio, np.abs(actual - expected).max(axis=(1, 2)), strict=True):
        assert np.all(errors <= bounds(clip, spec))


@pytest.mark.parametrize("standardize", ["none", "clip"])
@pytest.mark.parametrize("log", ["natural", "log10"])
def test_silence_gives_what_the_spec_says(log: str, standardize: str) -> None:
    spec = replace(MICRO, log=log, standardize=standardize, delta_width=5)
    features = np.asarray(front_end_graph(spec)(np.zeros((1, spec.clip_samples), np.float32)))
    # a vector's logarithm and a single number's may differ in the last place, which STD_FLOOR makes 100 times as large
    np.testing.assert_allclose(features[..., 0], spec.silence_feature, rtol=1e-6, atol=2e-4)
    np.testing.assert_allclose(features[..., 1], 0, atol=4e-2)


@pytest.mark.parametrize("name", ["baseline", "micro", "dsmn"])
def test_the_fast_graph_errs_by_the_rounding_of_a_float32_transform(name: str) -> None:
    """Of each bin's magnitude by a fraction of the largest; the root of a band's energy is a norm of its bins."""
    spec = SPECS[name]
    weight = np.sqrt(mel_filter_bank(spec).sum(axis=0))
    base = np.log(10.0) if spec.log == "log10" else 1.0
    graph = log_mel_graph(spec, fast=True)
    for signal_name, audio in signals(spec).items():
        exact = log_mel(audio.astype(np.float32), spec).astype(np.float64) * base
        fast = graph(audio.astype(np.float32)[np.newaxis])[0].numpy() * base
        roots = [np.sqrt(np.maximum(np.exp(values) - spec.log_offset, 0)) for values in (exact, fast)]
        largest = spec.n_fft / 2 * np.abs(audio).max()
        # and what the logarithm and its inverse round: a part in 2e6 of energy and offset
        allowed = 1e-6 * largest * weight + 2e-6 * roots[0] + np.sqrt(4e-6 * spec.log_offset)
        assert np.all(np.abs(roots[1] - roots[0]) <= allowed), signal_name
        if signal_name == "noise":
            assert np.abs(fast - exact).max() < 1e-3
