"""Windows of recordings: where they start, that all readers cut the same ones, and what clips get from them."""

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from asc_kit.dataset import Clip, Dataset
from asc_kit.errors import AscKitError
from asc_kit.frontend import FrontEndSpec
from asc_kit.recordings import clips as module
from asc_kit.recordings.clips import Windows, load_windows, read_windows, window_starts

SPEC = FrontEndSpec(
    sample_rate_hz=8000, clip_samples=1000, n_fft=256, win_length=256, hop_length=128, n_mels=16, f_max_hz=4000.0
)
# shorter than a window, one exactly, a little more than one, several; one of another rate
LENGTHS = ((400, 8000), (1000, 8000), (1005, 8000), (4321, 8000), (9000, 22050))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    rng = np.random.default_rng(3)
    found = []
    for number, (length, rate) in enumerate(LENGTHS):
        name = f"{number}.wav"
        soundfile.write(tmp_path / name, rng.uniform(-0.5, 0.5, length), rate, subtype="PCM_16")
        found.append(Clip(filename=name, labels=("x",), identifier=name, recording_device="a"))
    return Dataset(root=tmp_path, labels=("x",), clips=tuple(found))


@given(st.integers(1, 5000), st.integers(1, 1000), st.integers(1, 1500))
def test_windows_cover_a_recording(n_samples: int, clip_samples: int, hop_samples: int) -> None:
    starts = window_starts(n_samples, clip_samples, hop_samples)
    assert starts[0] == 0
    regular = starts[:-1] if len(starts) > 1 else starts
    assert regular == [index * hop_samples for index in range(len(regular))]
    assert all(start + clip_samples <= n_samples for start in starts) or starts == [0]
    # not heard: a hundredth of a window at the end, at most
    assert n_samples - (starts[-1] + clip_samples) <= clip_samples // 100
    assert len(set(starts)) == len(starts)


@pytest.mark.parametrize("hop_samples", [None, 300, 1000])
@pytest.mark.parametrize("in_memory_bytes", [2**30, 0])
def test_all_readers_cut_the_same_windows(
    dataset: Dataset, hop_samples: int | None, in_memory_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_IN_MEMORY_BYTES", in_memory_bytes)
    windows = load_windows(dataset, SPEC, hop_samples, "clips")
    assert isinstance(windows.samples, np.memmap) == (in_memory_bytes == 0)
    each = [read_windows(dataset, SPEC, hop_samples, index) for index in range(len(LENGTHS))]
    np.testing.assert_array_equal(windows.samples, np.concatenate(each))
    assert windows.clip.tolist() == [index for index, found in enumerate(each) for _ in found]
    source, _ = soundfile.read(dataset.root / "3.wav", dtype="int16")
    for row, start in enumerate(window_starts(4321, 1000, hop_samples) if hop_samples else [0]):
        np.testing.assert_array_equal(each[3][row], source[start : start + 1000])
    np.testing.assert_array_equal(each[0][0, 400:], 0)


def test_strange_recordings_are_counted_in_one_warning(dataset: Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    for clip in dataset.clips:
        samples, rate = soundfile.read(dataset.path(clip))
        soundfile.write(dataset.path(clip), np.stack([samples, -samples], 1), rate)
    for hop_samples in (None, 300):
        load_windows(dataset, SPEC, hop_samples, "clips")
        said = capsys.readouterr().err
        assert said.count("Warning: 5 recordings with channels that cancel each other") == 1
        assert said.count("dB below them") == 3 and "…" in said


def test_recordings_read_one_by_one_are_named_once_and_not_all(
    dataset: Dataset, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asc_kit.recordings.doubts._mentioned", defaultdict(set))
    for clip in dataset.clips:
        samples, rate = soundfile.read(dataset.path(clip))
        soundfile.write(dataset.path(clip), np.stack([samples, -samples], 1), rate)
    for _ in range(3):
        for index in range(len(LENGTHS)):
            read_windows(dataset, SPEC, None, index)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4 and "asc-kit data check" in lines[3]


def test_recordings_that_fit_nowhere_are_an_error_with_a_way_out(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(module, "reserve", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(AscKitError, match="No space left") as caught:
        load_windows(dataset, SPEC, None, "clips")
    assert "TMPDIR" in (caught.value.hint or "")
    assert not list(tmp_path.glob("asc-kit-clips*"))


def test_a_clip_gets_the_mean_over_its_windows() -> None:
    values = np.random.default_rng(4).standard_normal((7, 3))
    clip = np.array([0, 0, 0, 1, 2, 2, 2], np.int32)
    found = Windows(samples=np.zeros((7, 2), np.int16), clip=clip).clip_means(values)
    np.testing.assert_allclose(found, [values[:3].mean(0), values[3], values[4:].mean(0)], rtol=1e-12)
