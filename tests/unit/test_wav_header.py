"""WAV files whose headers are not true: what is read of them, and what is said."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from data_layouts import sound
from hypothesis import given
from hypothesis import strategies as st
from wav_files import RATE_HZ, chunk, pcm_bytes, wav

from asc_kit.errors import DataError
from asc_kit.recordings.audio import open_recording, read_audio
from asc_kit.recordings.doubts import Doubt
from asc_kit.recordings.wav_header import find_extent
from asc_kit.train.datasets.recording_facts import examine

ONE_SECOND = sound("one second", RATE_HZ)
DATA = pcm_bytes(ONE_SECOND)
LIST = chunk(b"LIST", b"INFOISFT\x06\0\0\0tests\0")
ODD_LIST = chunk(b"LIST", b"INFO" + b"x" * 77, pad=False)
PLACEHOLDERS = (0, 0x7FFFF000, 0x7FFFFFFF, 0x7FFFFF00, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFF - 36, 0xFFFFF000)


def read(path: Path, content: bytes) -> tuple[np.ndarray, list[Doubt]]:
    path.write_bytes(content)
    doubts: list[Doubt] = []
    return read_audio(path, doubts)[0], doubts


def assert_whole(samples: np.ndarray, expected: np.ndarray = ONE_SECOND) -> None:
    assert len(samples) == len(expected)
    np.testing.assert_allclose(samples, expected, atol=2**-14)


@pytest.mark.parametrize("declared", [2048, 8001, 1, 15_000])
@pytest.mark.parametrize("after", [(), (LIST,)])
def test_a_header_that_says_less_than_the_file_holds(tmp_path: Path, declared: int, after: tuple[bytes, ...]) -> None:
    path = tmp_path / "x.wav"
    samples, doubts = read(path, wav(DATA, declared=declared, after=after))
    held = len(DATA) + sum(map(len, after))
    assert_whole(samples[:RATE_HZ])
    (doubt,) = doubts
    assert doubt.kind == "longer_than_header"
    assert doubt.says == (
        f"its header says {declared:,} bytes of audio ({declared // 2:,} samples), "
        f"the file holds {held:,} bytes of audio ({held // 2:,} samples)"
    )
    facts = examine(path)
    assert (facts.problem, facts.detail) == ("longer_than_header", doubt.says)


@pytest.mark.parametrize("declared", PLACEHOLDERS)
@pytest.mark.parametrize("big_endian", [False, True])
def test_a_length_that_was_never_filled_in(tmp_path: Path, declared: int, big_endian: bool) -> None:
    path = tmp_path / "x.wav"
    data = pcm_bytes(ONE_SECOND, big_endian=big_endian)
    samples, doubts = read(path, wav(data, declared=declared, big_endian=big_endian))
    assert_whole(samples)
    facts = examine(path)
    assert doubts == [] and facts.problem is None and facts.header_off == "" and facts.n_frames == RATE_HZ


@pytest.mark.parametrize("extra", [2, 8, 36, 44])
def test_a_length_a_few_bytes_too_large_is_a_warning(tmp_path: Path, extra: int) -> None:
    path = tmp_path / "x.wav"
    samples, doubts = read(path, wav(DATA, declared=len(DATA) + extra))
    assert_whole(samples)
    assert [doubt.kind for doubt in doubts] == ["header_off"]
    facts = examine(path)
    assert facts.problem is None and facts.header_off == doubts[0].says


def test_a_length_a_few_bytes_too_small_is_a_warning_that_says_both_lengths(tmp_path: Path) -> None:
    samples, doubts = read(tmp_path / "x.wav", wav(DATA, declared=len(DATA) - 10))
    assert_whole(samples, ONE_SECOND[:-5])
    (doubt,) = doubts
    assert doubt.kind == "header_off"
    assert "header says 15,990 bytes" in doubt.says and "file holds 16,000 bytes" in doubt.says


@pytest.mark.parametrize("missing", [46, 200, 8000])
def test_a_recording_that_is_cut_off(tmp_path: Path, missing: int) -> None:
    path = tmp_path / "x.wav"
    samples, doubts = read(path, wav(DATA)[:-missing])
    assert_whole(samples, ONE_SECOND[: RATE_HZ - missing // 2])
    assert [doubt.kind for doubt in doubts] == ["cut_off"]
    facts = examine(path)
    assert facts.problem == "unreadable" and facts.detail.startswith("cut off: its header says 16,000 bytes")


@pytest.mark.parametrize(
    "after",
    [
        (LIST,),
        (LIST, LIST),
        (ODD_LIST,),
        (chunk(b"Zorg", b"12345"),),  # a chunk nobody knows
        (LIST[:-5],),  # its end is missing, the audio is whole
        (b"TAG" + bytes(125),),
        (b"ID3\x04" + b"\x17" * 200,),
        (b"\0" * 300,),
        (b"\x17\x18\x19\x1a",),  # rubbish, too little to be audio
    ],
)
@pytest.mark.parametrize("bits", [8, 16, 24])
@pytest.mark.parametrize("n_frames", [7999, 8000])
@pytest.mark.parametrize("pad", [True, False])
def test_what_follows_the_audio_is_none(
    tmp_path: Path, after: tuple[bytes, ...], bits: int, n_frames: int, pad: bool
) -> None:
    path = tmp_path / "x.wav"
    samples, doubts = read(path, wav(pcm_bytes(ONE_SECOND[:n_frames], bits), bits=bits, after=after, pad=pad))
    assert len(samples) == n_frames and doubts == []
    assert examine(path).problem is None


@pytest.mark.parametrize("after", [(LIST,), (LIST, ODD_LIST), ()])
def test_an_empty_recording_stays_empty(tmp_path: Path, after: tuple[bytes, ...]) -> None:
    with pytest.raises(DataError, match="holds no samples"):
        read(tmp_path / "x.wav", wav(b"", after=after))
    assert examine(tmp_path / "x.wav").problem == "empty"


@st.composite
def wav_files(draw: st.DrawFn) -> tuple[bytes, np.ndarray, int]:
    bits, channels = draw(st.sampled_from([8, 16, 24, 32])), draw(st.integers(1, 3))
    n_frames = draw(st.integers(200, 700))
    big_endian = draw(st.booleans()) and bits > 8
    samples = sound(str(draw(st.integers(0, 9))), n_frames * channels).reshape(n_frames, channels)
    data = pcm_bytes(samples, bits, big_endian=big_endian)
    before = draw(st.lists(st.sampled_from([b"JUNK", b"bext", b"iXML"]), max_size=2))
    chunks = [chunk(name, b"y" * draw(st.integers(0, 50)), big_endian=big_endian) for name in before]
    header = 44 + sum(map(len, chunks))
    declared = draw(
        st.one_of(
            st.just(len(data)),
            st.sampled_from(PLACEHOLDERS),
            st.integers(1, max(1, len(data) - header - 60)),
            st.integers(len(data) + 1, len(data) + header),
        )
    )
    after = [LIST] if declared == len(data) and not big_endian and draw(st.booleans()) else []
    content = wav(
        data, bits=bits, channels=channels, declared=declared, before=chunks, after=after, big_endian=big_endian
    )
    return content, samples, bits


@given(wav_files())
def test_all_audio_is_read_whatever_the_header_says(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[bytes, np.ndarray, int]
) -> None:
    content, samples, bits = drawn
    path = tmp_path_factory.mktemp("wav") / "x.wav"
    path.write_bytes(content)
    with open_recording(path) as recording:
        found = recording.read(dtype="float64", always_2d=True)
    # a byte of padding may be one sample more where the length was never filled in
    assert len(samples) <= len(found) <= len(samples) + 1
    np.testing.assert_allclose(found[: len(samples)], samples, atol=2.0 ** (3 - bits))


@pytest.mark.parametrize("frames_after_the_wrap", [512, 2**20])
def test_a_length_that_wrapped_at_four_gib(tmp_path: Path, frames_after_the_wrap: int) -> None:
    path = tmp_path / "x.wav"
    true_bytes = 2**32 + 4 * frames_after_the_wrap
    header = wav(b"", channels=2, declared=4 * frames_after_the_wrap)
    mark = pcm_bytes(np.stack([ONE_SECOND, ONE_SECOND], 1))
    with path.open("wb") as stream:
        stream.write(header)
        # sparse: what is not written costs no room
        for place in (4 * frames_after_the_wrap, true_bytes // 2 // 4 * 4, true_bytes - len(mark)):
            stream.seek(44 + place)
            stream.write(mark)
    extent = find_extent(path)
    assert extent is not None and extent.fault == "longer"
    assert (extent.declared_bytes, extent.held_bytes) == (4 * frames_after_the_wrap, true_bytes)
    with open_recording(path) as recording:
        assert recording.frames == true_bytes // 4 and (recording.samplerate, recording.channels) == (RATE_HZ, 2)
        for place in (4 * frames_after_the_wrap, true_bytes // 2 // 4 * 4, true_bytes - len(mark)):
            recording.seek(place // 4)
            assert_whole(recording.read(RATE_HZ, always_2d=True)[:, 1])


@pytest.mark.parametrize("subtype", ["MS_ADPCM", "IMA_ADPCM", "GSM610"])
def test_blocks_of_compressed_samples_are_left_as_they_are(tmp_path: Path, subtype: str) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, ONE_SECOND, RATE_HZ, subtype=subtype)
    whole = path.read_bytes()
    place = whole.index(b"data") + 4
    (declared,) = struct.unpack_from("<I", whole, place)
    assert examine(path).problem is None
    path.write_bytes(whole[:place] + struct.pack("<I", declared // 2) + whole[place + 4 :])
    # the length of the audio stands in two places of such headers: which is true, nobody knows
    assert examine(path).problem == "longer_than_header"


def test_a_chunk_that_leads_nowhere(tmp_path: Path) -> None:
    content = wav(DATA, before=(chunk(b"JUNK", b"1234", declared=2**31),))
    with pytest.raises(DataError, match="x.wav"):
        read(tmp_path / "x.wav", content)
    for n_bytes in range(0, 44):
        with pytest.raises(DataError, match="x.wav"):
            read(tmp_path / "x.wav", wav(DATA)[:n_bytes])
