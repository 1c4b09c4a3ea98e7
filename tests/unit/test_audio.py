"""Recordings of every kind come out as the same mono float audio, or with a clear refusal."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from asc_kit.audio import fit_length, from_int16, load_clip, read_audio, resample, to_int16
from asc_kit.errors import DataError
from asc_kit.frontend import FrontEndSpec

SPEC = FrontEndSpec(
    sample_rate_hz=16000, clip_samples=16000, n_fft=512, win_length=512, hop_length=256, n_mels=16, f_max_hz=8000.0
)


def sine(f_hz: float, seconds: float, rate_hz: int) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * f_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


@pytest.mark.parametrize(
    ("suffix", "subtype", "step"),
    [
        ("wav", "PCM_16", 2**-15),
        ("wav", "PCM_24", 2**-23),
        ("wav", "PCM_32", 2**-23),
        ("wav", "FLOAT", 2**-23),
        ("wav", "DOUBLE", 2**-23),
        ("flac", "PCM_16", 2**-15),
        ("flac", "PCM_24", 2**-23),
    ],
)
def test_every_format_reads_alike(tmp_path: Path, suffix: str, subtype: str, step: float) -> None:
    written = sine(440, 0.1, 22050)
    soundfile.write(tmp_path / f"x.{suffix}", written, 22050, subtype=subtype)
    samples, rate = read_audio(tmp_path / f"x.{suffix}")
    assert rate == 22050 and samples.dtype == np.float32 and samples.shape == (2205,)
    np.testing.assert_allclose(samples, written, atol=step)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = sine(300, 0.05, 8000), sine(500, 0.05, 8000)
    soundfile.write(tmp_path / "x.wav", np.stack([left, right], 1), 8000, subtype="FLOAT")
    samples, _ = read_audio(tmp_path / "x.wav")
    np.testing.assert_allclose(samples, (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000, 96000, 44056])
def test_any_rate_becomes_the_front_ends(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "x.wav", sine(1000, 1.0, rate), rate, subtype="PCM_24")
    clip = load_clip(tmp_path / "x.wav", SPEC)
    assert clip.shape == (16000,) and clip.dtype == np.float32
    # away from the edges, where the resampler's filter reaches past the recording
    np.testing.assert_allclose(clip[500:-500], sine(1000, 1.0, 16000)[500:-500], atol=2e-3)


def test_resampling_against_another_resampler() -> None:
    noise = np.random.default_rng(0).standard_normal(44100)
    # below 6 kHz both filters pass everything
    spectrum = np.fft.rfft(noise)
    spectrum[6000:] = 0
    smooth = np.fft.irfft(spectrum, 44100)
    ours = resample(smooth.astype(np.float32), 44100, 16000)
    scipys = resample_poly(smooth, 160, 441, window=("kaiser", 12.0))
    np.testing.assert_allclose(ours[400:-400], scipys[400:-400], atol=5e-3)


def test_short_clips_are_padded_and_long_ones_cut(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", sine(440, 0.25, 16000), 16000)
    clip = load_clip(tmp_path / "short.wav", SPEC)
    assert clip.shape == (16000,) and np.any(clip[:4000]) and not np.any(clip[4000:])
    soundfile.write(tmp_path / "long.wav", sine(440, 3.0, 16000), 16000)
    np.testing.assert_array_equal(load_clip(tmp_path / "long.wav", SPEC)[:4000], clip[:4000])
    assert fit_length(np.arange(5, dtype=np.float32), 3).tolist() == [0, 1, 2]


def test_a_clip_is_what_sixteen_bits_can_say(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", sine(440, 1.0, 16000), 16000, subtype="FLOAT")
    clip = load_clip(tmp_path / "x.wav", SPEC)
    np.testing.assert_array_equal(clip * 32768, np.rint(clip * 32768))
    np.testing.assert_array_equal(from_int16(to_int16(clip)), clip)


def test_sixteen_bits_clip_at_full_scale() -> None:
    assert to_int16(np.array([-2.0, -1.0, 0.0, 1.0, 2.0], np.float32)).tolist() == [-32768, -32768, 0, 32767, 32767]


def test_a_missing_recording(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.wav does not exist"):
        read_audio(tmp_path / "absent.wav")


def test_a_recording_without_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(0), 16000)
    with pytest.raises(DataError, match="is empty: it holds no samples"):
        read_audio(tmp_path / "x.wav")


@pytest.mark.parametrize("content", [b"", b"RIFF", b"this is no recording at all, only text" * 10])
def test_what_is_no_recording(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        read_audio(tmp_path / "x.wav")


def test_a_truncated_recording_gives_what_is_there_or_says_so(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", sine(440, 1.0, 16000), 16000)
    whole = (tmp_path / "x.wav").read_bytes()
    (tmp_path / "half.wav").write_bytes(whole[: len(whole) // 2])
    samples, _ = read_audio(tmp_path / "half.wav")
    assert 0 < len(samples) < 16000
    (tmp_path / "header.wav").write_bytes(whole[:44])
    with pytest.raises(DataError, match="is empty"):
        read_audio(tmp_path / "header.wav")
    soundfile.write(tmp_path / "x.flac", np.random.default_rng(0).uniform(-0.5, 0.5, 16000), 16000)
    flac = (tmp_path / "x.flac").read_bytes()
    (tmp_path / "half.flac").write_bytes(flac[: len(flac) // 2])
    with pytest.raises(DataError, match="half.flac"):
        read_audio(tmp_path / "half.flac")


def test_a_recording_that_is_not_a_number(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.array([0.0, np.nan, 0.1]), 16000, subtype="FLOAT")
    with pytest.raises(DataError, match="not finite"):
        read_audio(tmp_path / "x.wav")


@pytest.mark.skipif(sys.platform == "darwin", reason="its file system takes valid Unicode alone")
def test_a_name_need_not_be_text(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", sine(440, 0.1, 8000), 8000)
    path = tmp_path / os.fsdecode(b"caf\xe9 [1].wav")
    (tmp_path / "x.wav").rename(path)
    assert len(read_audio(path)[0]) == 800


def test_samples_without_a_header_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.raw").write_bytes(bytes(1000))
    with pytest.raises(DataError, match=r"x\.raw cannot be read"):
        read_audio(tmp_path / "x.raw")
