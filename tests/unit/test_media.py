"""Sound that comes as bytes: WAV without a length, raw samples, pieces of any size; and what ffmpeg decodes."""

import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fake_ffmpeg import install_fake_ffmpeg
from hypothesis import given
from hypothesis import strategies as st
from tone_bundle import tone
from wav_files import pcm_bytes, wav

from asc_kit.device_runner.media.byte_source import Ffmpeg, hide_password
from asc_kit.device_runner.media.finding import find_recordings
from asc_kit.device_runner.media.pcm import PcmDecoder, PcmFormat, read_format
from asc_kit.device_runner.media.reading import open_blocks
from asc_kit.errors import AscKitError, DataError, ToolError

SUBTYPES = {
    "PCM_U8": "u8",
    "PCM_16": "s16le",
    "PCM_24": "s24le",
    "PCM_32": "s32le",
    "FLOAT": "f32le",
    "DOUBLE": "f64le",
}


def written(samples: np.ndarray, subtype: str, format: str = "WAV") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 16000, subtype=subtype, format=format)
    return file.getvalue()


def decoded(data: bytes, size: int, pcm: PcmFormat | None = None) -> tuple[np.ndarray, PcmFormat | None]:
    decoder = PcmDecoder("it", pcm)
    blocks = [decoder.decode(data[at : at + size]) for at in range(0, len(data), size)]
    return np.concatenate([block for block in blocks if len(block)]), decoder.format


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("format", ["WAV", "WAVEX"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_it_is_what_libsndfile_reads(subtype: str, format: str, channels: int) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (500, channels))
    data = written(samples, subtype, format)
    expected, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    found, pcm = decoded(data, 7)
    assert pcm == PcmFormat(rate_hz=rate, channels=channels, encoding=SUBTYPES[subtype])
    np.testing.assert_array_equal(found, expected)


@given(size=st.integers(1, 400), declared=st.sampled_from([0, 0x7FFFF000, 0x80000000, 0xFFFFFFFF, None]))
def test_pieces_and_lengths_that_nobody_knew(size: int, declared: int | None) -> None:
    samples = tone(440, 0.05, 8000)
    data = wav(pcm_bytes(samples)) if declared is None else wav(pcm_bytes(samples), declared=declared)
    found, _ = decoded(data, size)
    np.testing.assert_allclose(found[:, 0], samples, atol=1e-4)


def test_chunks_behind_the_audio_are_no_audio() -> None:
    samples = tone(440, 0.05, 8000)
    found, _ = decoded(wav(pcm_bytes(samples)) + b"LIST\x04\x00\x00\x00abcd", 100)
    assert len(found) == len(samples)


def test_raw_samples_need_their_format() -> None:
    samples = np.round(tone(440, 0.05, 8000) * 32768).astype("<i2")
    found, _ = decoded(samples.tobytes(), 33, read_format("8000:2"))
    np.testing.assert_array_equal(found, samples.reshape(-1, 2) / np.float32(32768))
    with pytest.raises(AscKitError, match="it is not WAV") as failure:
        decoded(samples.tobytes(), 33)
    assert "--pcm" in str(failure.value.hint)


@pytest.mark.parametrize("text", ["", "abc", "48000:0", "48000:1:s20le", "10", "48000:1:s16le:2", "99999999"])
def test_what_is_no_format(text: str) -> None:
    with pytest.raises(AscKitError, match="is not a format of raw samples"):
        read_format(text)


@pytest.mark.parametrize("subtype", ["ALAW", "MS_ADPCM"])
def test_compressed_samples_are_refused_in_words(subtype: str) -> None:
    with pytest.raises(AscKitError, match="Expected: integers of 8 to 32 bits, or floats"):
        decoded(written(tone(440, 0.1, 16000), subtype), 64)


def test_a_fifo_is_read_to_its_end(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    samples = tone(440, 30, 8000)
    # a pipe holds 64 kB: the writer waits
    writer = threading.Thread(target=fifo.write_bytes, args=(wav(pcm_bytes(samples), declared=0x7FFFF000),))
    writer.start()
    with open_blocks(fifo, []) as recording:
        found = np.concatenate(list(recording.blocks))
    writer.join(10)
    assert (recording.rate_hz, recording.channels, recording.seconds) == (8000, 1, None)
    np.testing.assert_allclose(found[:, 0], samples, atol=1e-4)


def test_what_only_ffmpeg_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A rest")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(DataError, match="cannot be read") as failure, open_blocks(path, []):
        pass
    assert failure.value.hint == "sudo apt-get install ffmpeg, which can decode more formats"
    install_fake_ffmpeg(tmp_path, monkeypatch)
    with open_blocks(path, []) as recording:
        assert sum(len(block) for block in recording.blocks) == 16000
    path.write_bytes(b"broken")
    with pytest.raises(DataError, match=r"recording .*x.m4a holds no audio: Invalid data"), open_blocks(path, []):
        pass


def test_a_stream_needs_ffmpeg_and_keeps_its_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    url = "rtsp://me:secret@camera.local/live?key=secret"
    assert hide_password(url) == "rtsp://camera.local/live"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"^rtsp://camera.local/live needs ffmpeg") as failure:
        Ffmpeg(url)
    assert failure.value.hint == "sudo apt-get install ffmpeg"
    install_fake_ffmpeg(tmp_path, monkeypatch)
    source = Ffmpeg("rtsp://me:secret@refused/live")
    while source.read(100, 1.0):
        pass
    assert source.reason() == "rtsp://refused/live: Connection refused"
    source.close()


def test_recordings_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.wav", "a/c.MP3", "a/d.txt", "._b.wav", ".hidden/e.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_recordings(tmp_path) == ([tmp_path / "a/c.MP3", tmp_path / "b.wav"], 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no recordings"):
        find_recordings(tmp_path / "empty")
