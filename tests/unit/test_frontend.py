"""The NumPy reference of the front end against sums written out by hand and against known figures."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft, sparse
from scipy.signal import get_window, savgol_coeffs, savgol_filter
from scipy.stats import zscore

from asc_kit.errors import DataError, SpecError
from asc_kit.frontend import STD_FLOOR, FrontEndSpec, log_mel, mel_filter_bank, model_input, window
from asc_kit.frontend.reference import deltas, standardize
from asc_kit.frontend.tables import hz_to_mel, mel_to_hz
from asc_kit.records.record import parse_record, to_plain

DCASE2024 = FrontEndSpec(
    sample_rate_hz=32000, clip_samples=32000, n_fft=4096, win_length=3072, hop_length=500, n_mels=256, f_max_hz=16000.0
)
SMALL = FrontEndSpec(
    sample_rate_hz=1000, clip_samples=100, n_fft=30, win_length=20, hop_length=7, n_mels=5, f_max_hz=500.0
)

DSMN = FrontEndSpec(
    sample_rate_hz=44100, clip_samples=44100, n_fft=4096, win_length=4096, hop_length=1024, n_mels=256,
    f_max_hz=22050.0, mel_norm="slaney", log="log10", log_offset=1e-10, layout="time_mel", standardize="clip",
    delta_width=5,
)  # fmt: skip


def by_hand(audio: np.ndarray, spec: FrontEndSpec) -> np.ndarray:
    """The definition, sum by sum, with indices instead of padding and framing."""
    n, half = spec.clip_samples, spec.n_fft // 2
    taper, bank = window(spec), mel_filter_bank(spec)
    rows = []
    for t in range(spec.n_frames):
        start = t * spec.hop_length - (half if spec.center else 0)
        frame = np.zeros(spec.n_fft)
        for i in range(spec.win_length):
            k = start + (spec.n_fft - spec.win_length) // 2 + i
            if spec.center and spec.pad_mode == "reflect":
                k = -k if k < 0 else (2 * (n - 1) - k if k >= n else k)
            value = audio[k] if 0 <= k < n else 0.0
            frame[(spec.n_fft - spec.win_length) // 2 + i] = value * taper[i]
        bins = np.arange(spec.n_freqs)[:, None] * np.arange(spec.n_fft)[None] / spec.n_fft
        magnitude = np.abs((frame * np.exp(-2j * np.pi * bins)).sum(1))
        bands = (magnitude[:, None] ** spec.power * bank).sum(0) + spec.log_offset
        rows.append(np.log(bands) if spec.log == "natural" else np.log10(bands))
    return np.array(rows)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("shape", ["hann", "hamming"])
@pytest.mark.parametrize("length", [1, 2, 3, 20, 400, 2048, 3072])
def test_windows_are_scipys_bit_for_bit(shape: str, periodic: bool, length: int) -> None:
    spec = dataclasses.replace(DSMN, window=shape, window_periodic=periodic, win_length=length)
    assert np.array_equal(window(spec), get_window(shape, length, fftbins=periodic))


@pytest.mark.parametrize("spec", [DCASE2024, SMALL, DSMN])
def test_equals_scipys_transform_and_sparse_product_bit_for_bit(spec: FrontEndSpec) -> None:
    """What earlier versions computed with SciPy: features of a recording must not depend on the version."""
    filters = sparse.csr_matrix(mel_filter_bank(spec).T)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        audio = (rng.normal(size=spec.clip_samples) * 10 ** rng.uniform(-4, 0)).clip(-1, 1).astype(np.float32)
        padded = np.pad(audio.astype(np.float64), spec.n_fft // 2, mode=spec.pad_mode)
        padded = padded[(spec.n_fft - spec.win_length) // 2 :]
        frames = np.lib.stride_tricks.sliding_window_view(padded, spec.win_length)[:: spec.hop_length][: spec.n_frames]
        spectrum = fft.rfft(frames * window(spec), spec.n_fft, axis=1)
        energy = spectrum.real**2 + spectrum.imag**2
        energy = np.sqrt(energy) if spec.power == 1 else energy
        bands = (filters @ energy.T).T + spec.log_offset
        logarithm = np.log(bands) if spec.log == "natural" else np.log10(bands)
        assert np.array_equal(log_mel(audio, spec), logarithm.astype(np.float32))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_fft=st.sampled_from([16, 30, 36, 50, 64]),
    win=st.integers(1, 16),
    hop=st.integers(1, 40),
    center=st.booleans(),
    pad_mode=st.sampled_from(["reflect", "constant"]),
    power=st.sampled_from([1, 2]),
    log=st.sampled_from(["natural", "log10"]),
    shape=st.sampled_from(["hann", "hamming"]),
    periodic=st.booleans(),
    mel_scale=st.sampled_from(["htk", "slaney"]),
    mel_norm=st.sampled_from(["none", "slaney"]),
    f_min=st.sampled_from([0.0, 20.0, 130.0]),
    length=st.integers(70, 200),
)
def test_equals_the_definition(
    seed: int,
    n_fft: int,
    win: int,
    hop: int,
    center: bool,
    pad_mode: Any,
    power: Any,
    log: Any,
    shape: Any,
    periodic: bool,
    mel_scale: Any,
    mel_norm: Any,
    f_min: float,
    length: int,
) -> None:
    spec = FrontEndSpec(
        sample_rate_hz=8000, clip_samples=length, n_fft=n_fft, win_length=win, hop_length=hop, window=shape,
        window_periodic=periodic, center=center, pad_mode=pad_mode, power=power, n_mels=6, mel_scale=mel_scale,
        mel_norm=mel_norm, f_min_hz=f_min, f_max_hz=4000.0, log=log,
    )  # fmt: skip
    audio = np.random.default_rng(seed).uniform(-1, 1, length).astype(np.float32)
    actual = log_mel(audio, spec)
    assert actual.shape == (spec.n_frames, 6) and actual.dtype == np.float32
    np.testing.assert_allclose(actual, by_hand(audio, spec), rtol=1e-6, atol=2e-5)


def test_dcase2024_shape_and_filters() -> None:
    assert DCASE2024.input_shape == (1, 256, 65, 1)
    assert np.count_nonzero(mel_filter_bank(DCASE2024)) == 4067
    taps = np.count_nonzero(mel_filter_bank(DCASE2024), axis=0)
    assert (taps.min(), taps.max()) == (2, 52)


def test_mel_scales_at_known_points() -> None:
    # HTK: 1000 mel is about 1000 Hz by construction; Slaney: 15 mel is 1000 Hz, 42 mel is 6400 Hz
    np.testing.assert_allclose(hz_to_mel(np.array([0.0, 1000.0]), "htk"), [0.0, 999.9855], atol=1e-3)
    np.testing.assert_allclose(hz_to_mel(np.array([0.0, 500.0, 1000.0, 6400.0]), "slaney"), [0, 7.5, 15, 42], atol=1e-9)


@given(st.floats(0, 20000), st.sampled_from(["htk", "slaney"]))
def test_mel_scales_invert(hz: float, scale: str) -> None:
    np.testing.assert_allclose(mel_to_hz(hz_to_mel(np.array([hz]), scale), scale), [hz], rtol=1e-9, atol=1e-9)


def test_slaney_norm_gives_filters_of_area_one() -> None:
    # with many bins per band, the sum over bins times the bin's width comes close to the area
    spec = dataclasses.replace(
        DCASE2024, n_fft=32000, win_length=32000, n_mels=20, mel_norm="slaney", mel_scale="slaney"
    )
    area = mel_filter_bank(spec).sum(0) * spec.sample_rate_hz / spec.n_fft
    np.testing.assert_allclose(area, 1.0, rtol=1e-3)


@pytest.mark.parametrize("tone_hz", [100.0, 440.0, 3000.0, 12000.0])
def test_a_tone_is_loudest_in_its_own_band(tone_hz: float) -> None:
    time = np.arange(DCASE2024.clip_samples) / DCASE2024.sample_rate_hz
    features = log_mel(np.sin(2 * np.pi * tone_hz * time).astype(np.float32), DCASE2024)
    weights = mel_filter_bank(DCASE2024)[round(tone_hz * DCASE2024.n_fft / DCASE2024.sample_rate_hz)]
    assert features[30].argmax() in np.flatnonzero(weights)


def test_silence_is_the_offset() -> None:
    features = log_mel(np.zeros(DCASE2024.clip_samples, np.float32), DCASE2024)
    assert np.array_equal(features, np.full((65, 256), np.float32(np.log(1e-5))))


def test_model_input_is_laid_out_as_the_spec_says() -> None:
    features = np.arange(SMALL.n_frames * 5, dtype=np.float32).reshape(SMALL.n_frames, 5)
    assert np.array_equal(model_input(features, SMALL)[0, :, :, 0], features.T)
    time_mel = dataclasses.replace(SMALL, layout="time_mel")
    assert np.array_equal(model_input(features, time_mel)[0, :, :, 0], features)
    both = model_input(features, dataclasses.replace(SMALL, delta_width=3))
    assert np.array_equal(both[0, :, :, 0], features.T)
    # 5 values a frame: the slope of each band is 5, half of it at the ends
    assert np.array_equal(both[0, :, :, 1], [[2.5] + [5.0] * (SMALL.n_frames - 2) + [2.5]] * 5)


def channels_by_hand(matrix: np.ndarray, spec: FrontEndSpec) -> list[np.ndarray]:
    """Standardised values and deltas, loop by loop."""

    def standardised(values: np.ndarray) -> np.ndarray:
        mean = sum(values.ravel()) / values.size
        deviation = (sum((v - mean) ** 2 for v in values.ravel()) / (values.size - 1)) ** 0.5
        return (values - mean) / max(deviation, STD_FLOOR)

    matrix = matrix.astype(np.float64)
    first = standardised(matrix) if spec.standardize == "clip" else matrix
    if not spec.delta_width:
        return [first]
    reach, frames = spec.delta_width // 2, len(matrix)
    slopes = np.zeros_like(first)
    for t in range(frames):
        for m in range(matrix.shape[1]):
            above = below = 0.0
            for n in range(-reach, reach + 1):
                above += n * first[min(max(t + n, 0), frames - 1), m]
                below += n * n
            slopes[t, m] = above / below
    return [first, standardised(slopes) if spec.standardize == "clip" else slopes]


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    standardize=st.sampled_from(["none", "clip"]),
    delta_width=st.sampled_from([0, 3, 5, 9, 29]),
    level=st.sampled_from([1e-6, 1e-3, 1.0, 30.0]),
    layout=st.sampled_from(["mel_time", "time_mel"]),
)
def test_channels_equal_the_definition(
    seed: int, standardize: Any, delta_width: int, level: float, layout: Any
) -> None:
    spec = dataclasses.replace(SMALL, standardize=standardize, delta_width=delta_width, layout=layout)
    matrix = np.random.default_rng(seed).normal(-11.5, level, (spec.n_frames, 5)).astype(np.float32)
    actual = model_input(matrix, spec)
    assert actual.shape == spec.input_shape and actual.dtype == np.float32
    for channel, expected in enumerate(channels_by_hand(matrix, spec)):
        plane = actual[0, :, :, channel]
        # one rounding to float32; sums in another order differ by 1e-15 of 11.5, and STD_FLOOR divides them twice
        np.testing.assert_allclose(plane.T if layout == "mel_time" else plane, expected, rtol=1e-6, atol=1e-9)


def test_deltas_are_those_of_scipy() -> None:
    # a line fitted to 5 points has the slope that the formula gives
    kernel = deltas(np.eye(9), 5)[:, 4]
    np.testing.assert_allclose(kernel[2:7], savgol_coeffs(5, 1, deriv=1), atol=1e-15)
    assert not kernel[:2].any() and not kernel[7:].any()
    values = np.random.default_rng(0).normal(size=(44, 7))
    for width in (3, 5, 11):
        expected = savgol_filter(values, width, 1, deriv=1, axis=0, mode="nearest")
        np.testing.assert_allclose(deltas(values, width), expected, atol=1e-14)


def test_standardised_as_scipy_does() -> None:
    values = np.random.default_rng(0).normal(-9, 3, (44, 256))
    np.testing.assert_allclose(standardize(values), zscore(values, axis=None, ddof=1), atol=1e-13)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), gain=st.floats(0.1, 10), offset=st.floats(-50, 50))
def test_standardised_features_do_not_depend_on_gain_and_level(seed: int, gain: float, offset: float) -> None:
    spec = dataclasses.replace(SMALL, standardize="clip", delta_width=5)
    matrix = np.random.default_rng(seed).normal(0, 1, (spec.n_frames, 5))
    one, other = (model_input(m.astype(np.float32), spec) for m in (matrix, gain * matrix + offset))
    # the level of 50 in float32 has steps of 4e-6, which the gain of 0.1 makes ten times, the deltas up to ten times
    np.testing.assert_allclose(one, other, atol=5e-4)
    for channel in range(2):
        assert abs(one[..., channel].mean()) < 1e-6
        assert abs(one[..., channel].std(ddof=1) - 1) < 1e-6


def test_dsmn_front_end() -> None:
    assert DSMN.n_channels == 2
    assert DSMN.input_shape == (1, 44, 256, 2)
    assert dataclasses.replace(DSMN, layout="mel_time").input_shape == (1, 256, 44, 2)
    assert dataclasses.replace(DSMN, delta_width=0).input_shape == (1, 44, 256, 1)


@pytest.mark.parametrize("delta_width", [0, 5])
@pytest.mark.parametrize("log", ["natural", "log10"])
@pytest.mark.parametrize("standardize", ["none", "clip"])
def test_what_silence_gives(log: str, standardize: str, delta_width: int) -> None:
    spec = dataclasses.replace(DSMN, log=log, standardize=standardize, delta_width=delta_width)
    features = model_input(log_mel(np.zeros(spec.clip_samples, np.float32), spec), spec)
    assert np.array_equal(features[..., 0], np.full((1, 44, 256), np.float32(spec.silence_feature)))
    assert not features[..., 1:].any()


def test_hardly_any_sound_is_divided_by_the_floor() -> None:
    spec = dataclasses.replace(SMALL, standardize="clip")
    matrix = np.zeros((spec.n_frames, 5), np.float32)
    matrix[3, 2] = STD_FLOOR / 10
    features = model_input(matrix, spec)[0, 2, :, 0]
    count = spec.n_frames * 5
    np.testing.assert_allclose(features[3], 0.1 * (1 - 1 / count), rtol=1e-6)
    np.testing.assert_allclose(features[4], -0.1 / count, rtol=1e-6)


def test_spec_id_depends_on_every_field() -> None:
    changes = dict(
        sample_rate_hz=1002, clip_samples=101, n_fft=32, win_length=21, hop_length=8, window="hamming",
        window_periodic=False, center=False, pad_mode="constant", power=1, n_mels=6, mel_scale="slaney",
        mel_norm="slaney", f_min_hz=1.0, f_max_hz=499.0, log="log10", log_offset=1e-4, layout="time_mel",
        standardize="clip", delta_width=3,
    )  # fmt: skip
    assert set(changes) == {field.name for field in dataclasses.fields(FrontEndSpec)}
    ids = {dataclasses.replace(SMALL, **{name: value}).spec_id for name, value in changes.items()} | {SMALL.spec_id}
    assert len(ids) == len(changes) + 1


def test_spec_ids_are_those_of_earlier_versions() -> None:
    # what bundles, firmware and results of version 1 carry
    assert DCASE2024.spec_id == "a46022d700f4405e"
    assert parse_record(FrontEndSpec, to_plain(DCASE2024), where="here").spec_id == DCASE2024.spec_id


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n_fft": 28}, "prime factor"),
        ({"n_fft": 31}, "even"),
        ({"win_length": 31}, "win_length"),
        ({"hop_length": 0}, "hop_length"),
        ({"f_max_hz": 501.0}, "f_max_hz"),
        ({"f_min_hz": 500.0}, "f_min_hz"),
        ({"log_offset": 0.0}, "log_offset"),
        ({"clip_samples": 15}, "clip_samples"),
        ({"delta_width": 1}, "delta_width"),
        ({"delta_width": -3}, "delta_width"),
        ({"delta_width": 4}, "delta_width"),
        ({"delta_width": 31}, "15 frames"),
        ({"standardize": "clip", "n_mels": 1, "hop_length": 101}, "standardize"),
    ],
)
def test_contradictions_are_refused(change: dict, named: str) -> None:
    with pytest.raises(SpecError, match=named):
        dataclasses.replace(SMALL, **change)


def test_a_clip_of_another_length_is_refused() -> None:
    with pytest.raises(DataError, match="100 samples"):
        log_mel(np.zeros(99, np.float32), SMALL)


def test_more_bands_than_frequencies_are_refused() -> None:
    """A slip of the keyboard (100000 for 100) must not take the machine's memory."""
    assert dataclasses.replace(SMALL, n_mels=SMALL.n_freqs).n_mels == SMALL.n_freqs
    with pytest.raises(SpecError, match="n_mels must be from 1"):
        dataclasses.replace(SMALL, n_mels=SMALL.n_freqs + 1)
