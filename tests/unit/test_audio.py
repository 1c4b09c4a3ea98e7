"""Recordings of every kind come out as the same mono float audio, or with a clear refusal."""

import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import resample_poly
from wav_files import pcm_bytes, wav

from asc_kit.errors import DataError
from asc_kit.frontend import FrontEndSpec
from asc_kit.recordings.audio import Mixer, fit_length, from_int16, load_clip, read_audio, resample, to_int16
from asc_kit.recordings.doubts import Doubt
from asc_kit.train.datasets.recording_facts import examine, read_header

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


@pytest.mark.parametrize("rate", [1, 999])
def test_a_rate_that_no_recording_has(tmp_path: Path, rate: int) -> None:
    """A few megabytes at 1 Hz are weeks: resampling them took all time and memory."""
    soundfile.write(tmp_path / "x.wav", np.zeros(100), rate)
    with pytest.raises(DataError, match=rf"its header says {rate} samples per second. Expected: 1,000 to") as caught:
        read_audio(tmp_path / "x.wav")
    assert caught.value.hint is not None and "rate" in caught.value.hint


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


def independent(channels: int, n: int = 4000) -> np.ndarray:
    return np.random.default_rng(channels).uniform(-0.5, 0.5, (n, channels))


@pytest.mark.parametrize(
    ("samples", "cancels"),
    [
        (np.stack([sine(440, 0.5, 16000), -sine(440, 0.5, 16000)], 1), True),
        (np.stack([sine(440, 0.5, 16000) + 0.2, 0.2 - sine(440, 0.5, 16000)], 1), True),  # an offset is no sound
        (np.stack([sine(440, 0.5, 16000), -0.95 * sine(440, 0.5, 16000)], 1), True),
        (np.concatenate([independent(2), -independent(2)], 1), True),
        (np.stack([sine(440, 0.5, 16000), -0.5 * sine(440, 0.5, 16000)], 1), False),
        (np.stack([sine(440, 0.5, 16000), np.zeros(8000)], 1), False),
        (np.repeat(sine(440, 0.5, 16000)[:, None], 2, 1), False),
        *((independent(channels), False) for channels in (1, 2, 3, 8, 64)),
        (np.zeros((4000, 2)), False),  # silence is no cancelling
        (np.stack([np.full(4000, 0.25), np.full(4000, -0.25)], 1), False),
    ],
)
def test_channels_that_cancel(tmp_path: Path, samples: np.ndarray, cancels: bool) -> None:
    soundfile.write(tmp_path / "x.wav", samples, 16000, subtype="PCM_24")
    doubts: list[Doubt] = []
    read_audio(tmp_path / "x.wav", doubts)
    assert [doubt.kind for doubt in doubts] == (["channels_cancel"] if cancels else [])
    assert (examine(tmp_path / "x.wav").problem == "channels_cancel") == cancels


def test_the_judgement_does_not_depend_on_blocks(tmp_path: Path) -> None:
    whole, pieces = Mixer(tmp_path), Mixer(tmp_path)
    samples = np.asarray(independent(2), np.float32)
    samples[:, 1] = -samples[:, 0] + 0.01 * samples[:, 1]
    mono = whole.mix(samples)
    np.testing.assert_array_equal(
        np.concatenate([pieces.mix(samples[at : at + 999]) for at in range(0, 4000, 999)]), mono
    )
    one, other = whole.doubt(), pieces.doubt()
    assert one is not None and one == other and "46 dB" in one.says


@pytest.mark.parametrize("scale", [32768.0, 2.0**31, 1e30, -1e30])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_floats_on_another_scale_are_refused_with_their_range(tmp_path: Path, scale: float, subtype: str) -> None:
    soundfile.write(tmp_path / "x.wav", sine(440, 0.5, 16000) * scale, 16000, subtype=subtype)
    for read in (read_audio, lambda path: load_clip(path, SPEC)):
        with pytest.raises(DataError, match="holds samples from -.* to .*Expected: full scale from -1 to 1") as caught:
            read(tmp_path / "x.wav")
        assert "divide" in (caught.value.hint or "")
    facts = examine(tmp_path / "x.wav")
    assert facts.problem == "out_of_range" and facts.detail.startswith("samples from -")


def test_floats_a_little_beyond_full_scale_are_clipped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", 4 * sine(440, 1.0, 16000), 16000, subtype="FLOAT")
    clip = load_clip(tmp_path / "x.wav", SPEC)
    assert clip.max() == 1 - 2**-15 and clip.min() == -1
    assert examine(tmp_path / "x.wav").problem is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_samples_that_are_no_numbers_in_one_channel(tmp_path: Path, value: float) -> None:
    samples = independent(2)
    samples[3000, 1] = value
    soundfile.write(tmp_path / "x.wav", samples, 16000, subtype="DOUBLE")
    with pytest.raises(DataError, match="not finite"):
        read_audio(tmp_path / "x.wav")
    assert examine(tmp_path / "x.wav").problem == "not_finite"


# (container, sample format, endianness, rate, channels, largest error in full scale)
FORMATS = [
    ("WAV", "PCM_U8", "FILE", 8000, 1, 2**-7),
    ("WAV", "PCM_24", "FILE", 384_000, 1, 2**-20),
    ("WAV", "PCM_16", "FILE", 48000, 8, 2**-14),
    ("WAV", "FLOAT", "FILE", 48000, 2, 1e-6),
    ("WAV", "DOUBLE", "FILE", 48000, 2, 1e-6),
    ("WAVEX", "PCM_16", "FILE", 48000, 2, 2**-14),
    ("WAVEX", "PCM_24", "FILE", 48000, 8, 2**-20),
    ("WAVEX", "PCM_32", "FILE", 48000, 2, 2**-20),
    ("WAVEX", "FLOAT", "FILE", 48000, 2, 1e-6),
    ("RF64", "PCM_16", "FILE", 48000, 2, 2**-14),
    ("W64", "PCM_16", "FILE", 48000, 2, 2**-14),
    ("WAV", "PCM_16", "BIG", 44100, 2, 2**-14),
    ("WAV", "ULAW", "FILE", 8000, 1, 0.03),
    ("WAV", "ALAW", "FILE", 8000, 1, 0.03),
    ("WAV", "MS_ADPCM", "FILE", 22050, 1, 0.15),
    ("WAV", "IMA_ADPCM", "FILE", 22050, 1, 0.15),
    ("WAV", "GSM610", "FILE", 8000, 1, 0.3),
]


@pytest.mark.parametrize(("container", "subtype", "endian", "rate", "channels", "error"), FORMATS)
def test_every_form_of_wav_is_read_without_a_doubt(
    tmp_path: Path, container: str, subtype: str, endian: str, rate: int, channels: int, error: float
) -> None:
    path = tmp_path / "x.wav"
    mono = sine(440, 0.25, rate)
    written = np.repeat(mono[:, None], channels, 1)
    soundfile.write(path, written, rate, format=container, subtype=subtype, endian=endian)
    doubts: list[Doubt] = []
    samples, found_rate = read_audio(path, doubts)
    assert found_rate == rate and doubts == []
    # codecs with blocks fill the last one up
    assert len(mono) <= len(samples) <= len(mono) + (2048 if subtype in ("MS_ADPCM", "IMA_ADPCM", "GSM610") else 0)
    # steps of ADPCM grow from the smallest
    np.testing.assert_allclose(samples[100 : len(mono)], mono[100:], atol=error)
    facts = examine(path)
    assert (facts.problem, facts.header_off) == (None, "")


def test_twenty_four_bits_in_thirty_two(tmp_path: Path) -> None:
    # EXTENSIBLE with 24 valid bits in containers of 32
    samples = sine(440, 0.25, 8000)
    data = pcm_bytes(samples, 32)
    content = bytearray(wav(data, bits=32, tag=0xFFFE))
    extension = struct.pack("<HHIH14s", 22, 24, 4, 1, bytes.fromhex("000000001000800000aa00389b71"))
    content[36:36] = extension
    struct.pack_into("<I", content, 16, 16 + len(extension))
    struct.pack_into("<I", content, 4, len(content) - 8)
    (tmp_path / "x.wav").write_bytes(content)
    doubts: list[Doubt] = []
    found, _ = read_audio(tmp_path / "x.wav", doubts)
    np.testing.assert_allclose(found, samples, atol=2**-20)
    assert doubts == [] and examine(tmp_path / "x.wav").problem is None


def test_a_page_of_html_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "x.wav").write_text("<!DOCTYPE html><html><body>404 Not Found</body></html>" * 20)
    with pytest.raises(DataError, match="cannot be read"):
        read_audio(tmp_path / "x.wav")
    assert examine(tmp_path / "x.wav").problem == "unreadable"


def flac_of_unknown_length(path: Path, samples: np.ndarray, rate: int) -> None:
    """Write FLAC as an encoder does that cannot go back to its start: no number of samples, no MD5."""
    soundfile.write(path, samples, rate, format="FLAC")
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:42] = bytes(20)
    path.write_bytes(content)


@pytest.mark.parametrize("channels", [1, 2])
def test_flac_of_unknown_length_is_read_to_its_end(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "x.flac"
    samples = np.repeat(sine(440, 1.3, 16000)[:, None], channels, 1)
    flac_of_unknown_length(path, samples, 16000)
    found, rate = read_audio(path)
    np.testing.assert_allclose(found, samples[:, 0], atol=2**-15)
    facts = examine(path)
    assert (facts.problem, facts.n_frames, rate) == (None, len(samples), 16000)
    assert read_header(path).seconds == pytest.approx(1.3)
    np.testing.assert_array_equal(load_clip(path, SPEC), from_int16(to_int16(found[:16000])))


@given(st.integers(2, 9), st.integers(1, 300), st.integers(0, 99))
def test_a_mix_is_the_mean_over_channels(channels: int, n: int, seed: int) -> None:
    block = np.random.default_rng(seed).uniform(-1, 1, (n, channels)).astype(np.float32)
    # in the order of the channels, one after the other, as NumPy's mean has it
    expected = np.zeros(n, np.float32)
    for channel in range(channels):
        expected += block[:, channel]
    np.testing.assert_array_equal(Mixer(Path("x")).mix(block), expected / np.float32(channels))
