"""Listening without a sound card: the sliding window, and microphones that PortAudio would not give us here."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from tone_bundle import make_tone_bundle, tone

from asc_kit.bundle import Bundle
from asc_kit.device_runner import microphone as microphones
from asc_kit.device_runner.classifier import SceneClassifier
from asc_kit.device_runner.cli_host import _as_json, _as_text, live
from asc_kit.device_runner.live import Heard, level_dbfs, listen
from asc_kit.device_runner.microphone import Microphone, find_device, input_devices, open_microphone
from asc_kit.errors import AscKitError, ToolError


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> SceneClassifier:
    return SceneClassifier(Bundle.open(make_tone_bundle(tmp_path_factory.mktemp("tones"))))


def blocks(audio: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(audio), size):
        yield audio[start : start + size].astype(np.float32)


@pytest.mark.parametrize(("rate", "size"), [(8000, 400), (8000, 333), (44100, 2205), (48000, 480)])
def test_a_line_per_hop(classifier: SceneClassifier, rate: int, size: int) -> None:
    audio = np.concatenate([tone(300, 1.5, rate), tone(3000, 1.5, rate), np.zeros(rate)])
    heard = list(listen(classifier, blocks(audio, size), rate, hop_s=0.25, duration_s=3.75))
    assert [h.time_s for h in heard] == [0.5 + 0.25 * n for n in range(14)]
    labels = [h.ranking[0][0] for h in heard]
    # windows that lie wholly in one sound
    assert set(labels[:5]) == {"low"} and set(labels[6:11]) == {"high"} and labels[-1] == "quiet"
    assert heard[0].level_dbfs == pytest.approx(20 * np.log10(0.3 / np.sqrt(2)), abs=0.3)
    assert all(h.skipped == 0 and h.latency_ms > 0 for h in heard)


def test_windows_are_cut_where_they_end(classifier: SceneClassifier) -> None:
    audio = np.random.default_rng(0).normal(0, 0.05, 16000)
    seen = []
    original = classifier.probabilities
    spy = SimpleNamespace(
        frontend=classifier.frontend,
        ranking=classifier.ranking,
        probabilities=lambda clip: (seen.append(clip.copy()), original(clip))[1],
    )
    list(listen(spy, blocks(audio, 777), 8000, hop_s=0.3))
    assert len(seen) == 6
    for number, window in enumerate(seen):
        start = number * 2400
        np.testing.assert_array_equal(window, audio[start : start + 4000].astype(np.float32))


def test_what_comes_too_fast_is_skipped_and_said(classifier: SceneClassifier) -> None:
    # two seconds at once: seven windows are due, the newest is classified
    audio = np.concatenate([tone(300, 1.4, 8000), tone(3000, 0.6, 8000)])
    (heard,) = listen(classifier, [audio.astype(np.float32)], 8000, hop_s=0.25)
    assert (heard.time_s, heard.skipped, heard.ranking[0][0]) == (2.0, 6, "high")


def test_level() -> None:
    assert level_dbfs(np.zeros(10, np.float32)) == -120
    assert level_dbfs(np.ones(10, np.float32)) == pytest.approx(0)
    assert level_dbfs(np.full(10, 1e-9, np.float32)) == -120


class PortAudioError(Exception):
    pass


class FakeSound:
    """As much of module ``sounddevice`` as is used, with a stereo microphone that knows 48 kHz only."""

    PortAudioError = PortAudioError
    default = SimpleNamespace(device=[1, 0])

    def __init__(self, channels: int = 2, rate: int = 48000) -> None:
        self.channels, self.rate, self.closed = channels, rate, False

    def query_hostapis(self) -> list[dict]:
        return [{"name": "ALSA", "default_input_device": 1}]

    def query_devices(self) -> list[dict]:
        names = (("speaker", 0), ("USB microphone", self.channels), ("USB camera", 1))
        return [
            {"name": n, "hostapi": 0, "max_input_channels": c, "default_samplerate": float(self.rate)} for n, c in names
        ]

    def check_input_settings(self, device: int, channels: int, dtype: str, samplerate: int) -> None:
        if (channels, samplerate) != (self.channels, self.rate):
            raise PortAudioError("Invalid sample rate")

    def InputStream(self, callback, channels, samplerate, **_):  # noqa: N802
        def start() -> None:
            part = np.stack([tone(440, 0.1, samplerate), np.zeros(samplerate // 10)], 1).astype(np.float32)
            for overflow in (False, True, True):
                callback(part, len(part), None, SimpleNamespace(input_overflow=overflow))

        def close() -> None:
            self.closed = True

        return SimpleNamespace(start=start, abort=lambda: None, close=close)


def test_a_microphone_with_its_own_rate_and_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSound()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    device = find_device(None)
    assert (device.index, device.name, device.is_default) == (1, "USB microphone", True)
    with open_microphone(device, 16000) as microphone:
        assert (microphone.rate_hz, microphone.channels) == (48000, 2)
        audio = next(microphone.blocks())
        # three blocks at once, both channels mixed; two overflows counted
        assert audio.shape == (3 * 4800,) and microphone.overflows == 2
        assert np.max(audio) == pytest.approx(0.15, abs=0.001)
    assert fake.closed


def test_a_microphone_that_takes_neither_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSound()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    device = find_device("camera")
    with pytest.raises(AscKitError, match="accepts neither 16000 Hz nor 48000 Hz"), open_microphone(device, 16000):
        pass


def test_a_microphone_by_number_name_or_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSound())
    assert find_device("2").name == "USB camera"
    assert find_device("MICRO").index == 1
    with pytest.raises(AscKitError, match="2 microphones are called 'usb'"):
        find_device("usb")
    with pytest.raises(AscKitError, match="no microphone '0'") as missing:
        find_device("0")
    assert "1 USB microphone; 2 USB camera" in (missing.value.hint or "")


def test_no_microphone_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSound()
    fake.query_devices = list
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    assert input_devices() == []
    with pytest.raises(AscKitError, match="has no microphone"):
        find_device(None)


def test_no_portaudio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # what sounddevice itself does where the library is missing
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(ToolError, match="PortAudio") as missing:
        input_devices()
    assert "apt-get install libportaudio2" in (missing.value.hint or "")


def test_a_microphone_that_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSound())
    monkeypatch.setattr(microphones, "_SILENT_S", 0.05)
    microphone = Microphone(find_device(None), 48000, 1)
    with pytest.raises(AscKitError, match=r"delivered nothing for 0\.05 s"):
        next(microphone.blocks())


@pytest.mark.parametrize("option", ["--hop", "--duration"])
@pytest.mark.parametrize("seconds", ["nan", "inf"])
def test_a_time_must_be_a_number(option: str, seconds: str) -> None:
    result = CliRunner().invoke(live, ["bundle", option, seconds])
    assert result.exit_code == 2 and f"{seconds} is not a length of time" in result.stderr


def test_a_line_of_several_labels() -> None:
    ranking = (("low", 0.9), ("high", 0.6), ("quiet", 0.2), ("tram", 0.1))
    heard = Heard(time_s=1.5, ranking=ranking, latency_ms=1.0, level_dbfs=-20.0, skipped=0)
    assert _as_text(heard, 0, 5, 0.5).endswith("overflows 0  and high 60.0 %")
    assert "and" not in _as_text(heard, 0, 5, 0.7) and "and" not in _as_text(heard, 0, 5, None)
    document = json.loads(_as_json(heard, 0, 5, 0.5))
    assert document["labels"] == ["low", "high"] and len(document["top"]) == 3
    assert "labels" not in json.loads(_as_json(heard, 0, 5, None))
