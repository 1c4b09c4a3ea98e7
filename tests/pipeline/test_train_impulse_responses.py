"""Impulse responses: files of all kinds, and the synthetic family."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import minimum_phase

from asc_kit.errors import DataError
from asc_kit.train.augmentation import load_impulse_responses, synthetic_impulse_responses
from asc_kit.train.synth.recording_devices import RECORDING_DEVICES, _response

RATE = 32000


def test_files_come_out_aligned_with_unit_energy(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    decay = rng.normal(size=6000) * np.exp(-np.arange(6000) / 300) * 0.05
    long = np.concatenate([np.zeros(900), decay])
    long[900] = 0.9
    stereo = np.zeros((40, 2))
    stereo[0] = -0.5
    soundfile.write(tmp_path / "b.WAV", long, RATE, subtype="PCM_24")
    soundfile.write(tmp_path / "a.flac", stereo, RATE)
    (tmp_path / "licence.txt").write_text("free")
    found = load_impulse_responses(tmp_path, RATE)
    assert found.dtype == np.float32
    assert found.shape == (2, 32 + 1 + 1600)
    assert np.allclose(np.square(found).sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(np.abs(found).argmax(axis=1), [32, 32])
    assert found[0, 32] == -1  # in the order of the names; an impulse is an impulse
    assert np.count_nonzero(found[0]) == 1
    # from 1 ms before the peak, unchanged but for its level until the fade
    kept = found[1] / found[1, 32] * 0.9
    assert np.allclose(kept[:1300], long[900 - 32 :][:1300], atol=1e-5)


def test_other_rates_are_resampled(tmp_path: Path) -> None:
    # a 1 kHz resonance is one at every rate
    for number, rate in enumerate((16000, 32000, 44100)):
        t = np.arange(rate // 20) / rate
        soundfile.write(tmp_path / f"{number}.wav", 0.5 * np.sin(2000 * np.pi * t + 1) * np.exp(-t * 200), rate)
    spectra = np.abs(np.fft.rfft(load_impulse_responses(tmp_path, RATE), RATE))
    assert np.all(np.abs(spectra.argmax(axis=1) - 1000) < 25)


def test_any_scale_will_do_and_channels_that_cancel_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).standard_normal(2000) * np.exp(-np.arange(2000) / 100)
    for name, scale in (("one", 0.1), ("other", 1e6)):
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "x.wav", noise * scale, RATE, subtype="FLOAT")
    ones, others = (load_impulse_responses(tmp_path / name, RATE) for name in ("one", "other"))
    np.testing.assert_allclose(ones, others, atol=1e-6)
    assert "channels" not in capsys.readouterr().err
    soundfile.write(tmp_path / "one" / "x.wav", np.stack([noise, -0.95 * noise], 1) * 0.1, RATE, subtype="FLOAT")
    load_impulse_responses(tmp_path / "one", RATE)
    assert "the mean of its 2 channels is" in capsys.readouterr().err


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load_impulse_responses(tmp_path / "absent", RATE)
    (tmp_path / "readme.txt").write_text("none here")
    with pytest.raises(DataError, match="holds no impulse responses") as caught:
        load_impulse_responses(tmp_path, RATE)
    assert "device_ir_folder" in str(caught.value.hint)
    soundfile.write(tmp_path / "a.wav", np.zeros(100), RATE)
    with pytest.raises(DataError, match=r"a\.wav is silent"):
        load_impulse_responses(tmp_path, RATE)
    (tmp_path / "a.wav").write_bytes(b"not audio at all")
    with pytest.raises(DataError, match=r"a\.wav cannot be read"):
        load_impulse_responses(tmp_path, RATE)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_synthetic_responses_are_a_reproducible_varied_family(rate: int) -> None:
    family = synthetic_impulse_responses(rate, 32, 0)
    assert family.shape[0] == 32
    assert np.allclose(np.square(family).sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(family, synthetic_impulse_responses(rate, 32, 0))
    assert np.array_equal(family[:5], synthetic_impulse_responses(rate, 5, 0))
    assert not np.allclose(family, synthetic_impulse_responses(rate, 32, 1))
    # it has rung out before it is faded
    n = round(0.01 * rate)
    assert np.square(family[:, -n:]).sum(axis=1).max() < 1e-4
    level = band_levels(np.abs(np.fft.rfft(family, 1 << 15)), rate)
    assert (level.max(axis=1) - level.min(axis=1)).min() > 3
    apart = distances(level, level)[np.triu_indices(32, 1)]
    assert apart.min() > 0.2
    assert np.median(apart) > 3


def test_synthetic_responses_are_minimum_phase() -> None:
    # of all responses with this magnitude the one whose energy comes first
    for response in synthetic_impulse_responses(16000, 8).astype(np.float64):
        rebuilt = minimum_phase(np.convolve(response, response[::-1]), n_fft=1 << 16, half=True)[: len(response)]
        gap = np.cumsum(rebuilt**2) / np.sum(rebuilt**2) - np.cumsum(response**2)
        assert gap.max() < 0.02


def test_no_synthetic_response_is_one_of_the_simulated_devices() -> None:
    family = band_levels(np.abs(np.fft.rfft(synthetic_impulse_responses(RATE, 32), 1 << 15)), RATE)
    devices = [np.abs(_response(device, 1 << 15, RATE)) for device in RECORDING_DEVICES.values()]
    apart = distances(family, band_levels(np.array(devices), RATE))
    # 1 dB is about the least difference in level that can be heard; two of the devices are 2 dB apart
    assert apart.min() > 1
    assert np.median(apart) > 3


def band_levels(magnitudes: np.ndarray, rate: int) -> np.ndarray:
    """Third-octave levels in decibels from 100 Hz up to 0.4 of the rate, their mean taken off."""
    hz = np.arange(magnitudes.shape[1]) * rate / (2 * (magnitudes.shape[1] - 1))
    centres = 100 * 2 ** (np.arange(int(3 * np.log2(0.4 * rate / 100))) / 3)
    bands = [(hz >= centre * 2 ** (-1 / 6)) & (hz < centre * 2 ** (1 / 6)) for centre in centres]
    levels = np.stack([10 * np.log10(np.square(magnitudes[:, band]).mean(axis=1)) for band in bands], axis=1)
    return np.asarray(levels - levels.mean(axis=1, keepdims=True))


def distances(ones: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Root mean square difference of each of ones to each of others, in decibels."""
    return np.asarray(np.sqrt(np.square(ones[:, np.newaxis] - others).mean(axis=2)))
