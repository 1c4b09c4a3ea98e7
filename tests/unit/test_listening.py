"""Listening without a sound card: the sliding window, and microphones that PortAudio would not give us here."""

import itertools
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from timed_audio import timed
from tone_bundle import HOP_S, WINDOW_S, make_tone_bundle, tone

from asc_kit.bundle import Bundle
from asc_kit.device_runner.classifier import SceneClassifier
from asc_kit.device_runner.commands.live import live
from asc_kit.device_runner.listening import microphone as microphones
from asc_kit.device_runner.listening.blocks import Batch, Block, BlockQueue
from asc_kit.device_runner.listening.events import Event, Heard, InputChange, Loss, SourceChange, Tally, Unheard
from asc_kit.device_runner.listening.lines import (
    Layout,
    event_document,
    happening_text,
    tally_document,
    tally_text,
    window_text,
)
from asc_kit.device_runner.listening.listener import Listener, listen
from asc_kit.device_runner.listening.microphone import Microphone, find_device, input_devices, open_microphone
from asc_kit.device_runner.listening.sound_source import SoundSource, SourceState, find_hardware
from asc_kit.device_runner.listening.verdict import level_dbfs
from asc_kit.errors import AscKitError, ToolError
from asc_kit.recordings.audio import resample

WINDOW, HOP = round(8000 * WINDOW_S), round(8000 * HOP_S)


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> SceneClassifier:
    return SceneClassifier(Bundle.open(make_tone_bundle(tmp_path_factory.mktemp("tones"))))


def as_recorded(audio: np.ndarray) -> np.ndarray:
    """Audio with the noise of a very quiet microphone, -80 dBFS, as 16-bit values."""
    noisy = audio + np.random.default_rng(1).normal(0, 1e-4, audio.shape)
    return (np.clip(np.rint(noisy * 32768), -32768, 32767) / 32768).astype(np.float32)


def batches(audio: np.ndarray, size: int, rate: int, *, since: float = 0.0) -> Iterator[Batch]:
    """Blocks of a size as they come, from a time on."""
    parts = (audio[start : start + size] for start in range(0, len(audio), size))
    for batch in timed(parts, rate):
        (block,) = batch.blocks
        arrival = since + block.arrival_s
        yield Batch(blocks=(Block(samples=block.samples, arrival_s=arrival),), now_s=arrival)


def of_kind(events: list[Event], kind: type) -> list:
    return [event for event in events if isinstance(event, kind)]


def due_by(seconds: float) -> int:
    """Windows that end by a time."""
    return 1 + int((seconds - WINDOW_S) / HOP_S)


def last_end(seconds: float) -> float:
    """End of the last of them, in seconds."""
    return WINDOW_S + HOP_S * (due_by(seconds) - 1)


def windows_of(events: list[Event]) -> list[np.ndarray]:
    """The audio of the windows that were classified."""
    return [event.window for event in of_kind(events, Heard)]


@pytest.mark.parametrize(("rate", "size"), [(8000, 400), (8000, 333), (44100, 2205), (48000, 480)])
def test_a_line_per_hop(classifier: SceneClassifier, rate: int, size: int) -> None:
    audio = as_recorded(np.concatenate([tone(300, 1.5, rate), tone(3000, 1.5, rate), np.zeros(rate)]))
    listener = Listener(classifier, rate, hop_s=0.25, duration_s=3.75)
    heard = list(listen(listener, batches(audio, size, rate)))
    np.testing.assert_allclose([h.time_s for h in heard], [WINDOW_S + HOP_S * n for n in range(13)])
    labels = [h.ranking[0][0] for h in heard]
    # windows that lie wholly in one sound
    assert set(labels[:4]) == {"low"} and set(labels[6:10]) == {"high"} and labels[-1] == "quiet"
    assert heard[0].level_dbfs == pytest.approx(20 * np.log10(0.3 / np.sqrt(2)), abs=0.3)
    assert all(h.skipped == 0 and h.latency_ms > 0 for h in heard)
    assert listener.tally == Tally(windows=13) and listener.is_done


def test_windows_are_cut_where_they_end(classifier: SceneClassifier) -> None:
    audio = np.random.default_rng(0).normal(0, 0.05, 16000).astype(np.float32)
    seen = windows_of(list(listen(Listener(classifier, 8000, hop_s=0.3), batches(audio, 777, 8000))))
    assert len(seen) == 5
    for number, window in enumerate(seen):
        # 19 frames are nearest to 0.3 s
        start = number * 19 * 128
        np.testing.assert_array_equal(window, audio[start : start + WINDOW])


@pytest.mark.parametrize("rate", [11025, 44100, 48000])
def test_windows_are_what_training_would_have_made(classifier: SceneClassifier, rate: int) -> None:
    # two channels, and twice as much as a window: the same samples as one resampling of the whole, as a file's are
    audio = np.random.default_rng(0).normal(0, 0.05, (3 * rate, 2)).astype(np.float32)
    seen = windows_of(list(listen(Listener(classifier, rate, hop_s=0.25), batches(audio, rate // 20, rate))))
    offline = resample(audio.mean(axis=1, dtype=np.float32), rate, 8000)
    assert len(seen) == 10
    for number, window in enumerate(seen):
        # 24 bit: far below the 16 that both are rounded to
        np.testing.assert_allclose(window, offline[HOP * number :][:WINDOW], atol=2**-24)


def test_what_comes_too_fast_is_skipped_and_said(classifier: SceneClassifier) -> None:
    # two seconds at once: six windows are due, the newest is classified
    audio = as_recorded(np.concatenate([tone(300, 1.4, 8000), tone(3000, 0.6, 8000)]))
    listener = Listener(classifier, 8000, hop_s=0.25)
    (heard,) = listen(listener, batches(audio, len(audio), 8000))
    assert (heard.time_s, heard.skipped, heard.ranking[0][0]) == (WINDOW_S + 5 * HOP_S, 5, "high")
    assert listener.tally == Tally(windows=1, skipped=5)


def test_no_window_holds_both_sides_of_a_gap(classifier: SceneClassifier) -> None:
    low, high = as_recorded(tone(300, 2, 8000)), as_recorded(tone(3000, 3, 8000))
    listener = Listener(classifier, 8000, hop_s=0.25)
    # the process was stopped for eight seconds and nothing of them was kept
    stream = [*batches(low, 400, 8000), *batches(high, 400, 8000, since=10.0)]
    events = list(listen(listener, stream))
    (loss,) = of_kind(events, Loss)
    assert loss.lost_s == pytest.approx(8, abs=0.01) and 10 < loss.time_s < 10.5
    assert "8.0 s of audio were lost" in loss.words
    (first, *rest) = of_kind(events, Unheard)
    # 32 windows ended between 2 s and the gap's end, or begin before it: told in one line or two, none classified
    assert {first.reason, *(each.reason for each in rest)} == {"gap"}
    heard = of_kind(events, Heard)
    assert {h.ranking[0][0] for h in heard if h.time_s <= 2} == {"low"}
    after = [h for h in heard if h.time_s > 2]
    assert {h.ranking[0][0] for h in after} == {"high"}
    # true to the clock: the first window after the gap begins after it, the last ends with the sound
    assert after[0].time_s >= 10.5 and after[-1].time_s == pytest.approx(last_end(13))
    # each window is a tone of its own: the share of the other one is that of the noise
    bins = [round(300 * WINDOW_S), round(3000 * WINDOW_S)]
    for window in windows_of(events):
        one, other = np.abs(np.fft.rfft(window * np.hanning(len(window))))[bins]
        assert min(one, other) < 1e-3 * max(one, other)
    tally = listener.tally
    assert (tally.gaps, tally.dropped_s, tally.overflows) == (1, 0, 0)
    assert tally.lost_s == pytest.approx(8, abs=0.01)
    # every window that was due is counted once
    assert tally.windows + tally.unusable + tally.skipped == due_by(13)


def test_a_stop_that_lost_nothing_is_told_as_what_it_was(classifier: SceneClassifier) -> None:
    audio = as_recorded(tone(300, 12, 8000))
    stream = list(batches(audio, 400, 8000))
    # stopped from 2 s to 10 s, and then everything at once
    late = [b for b in stream if 2 < b.now_s <= 10]
    blocks = tuple(Block(samples=b.blocks[0].samples, arrival_s=10.0) for b in late)
    stream = [*stream[:40], Batch(blocks=blocks, now_s=10.0), *stream[200:]]
    listener = Listener(classifier, 8000, hop_s=0.25)
    events = list(listen(listener, stream))
    (loss,) = of_kind(events, Loss)
    assert (loss.lost_s, loss.late_s) == (0, pytest.approx(8, abs=0.1))
    assert "held up" in loss.words and "none of it is lost" in loss.words
    assert not of_kind(events, Unheard)
    tally = listener.tally
    assert (tally.windows + tally.skipped, tally.skipped) == (due_by(12), due_by(10) - due_by(2) - 1)
    assert of_kind(events, Heard)[-1].time_s == pytest.approx(last_end(12))


def test_what_our_own_queue_drops_is_counted(classifier: SceneClassifier) -> None:
    audio = as_recorded(tone(300, 10, 8000))
    queue = BlockQueue(3 * 8000)
    for batch in batches(audio, 400, 8000):
        queue.put(batch.blocks[0])
    taken = queue.take_all(0)
    # the newest three seconds
    assert sum(len(block.samples) for block in taken.blocks) == 3 * 8000
    np.testing.assert_array_equal(np.concatenate([b.samples[:, 0] for b in taken.blocks]), audio[-3 * 8000 :])
    assert taken.blocks[0].dropped_frames == 7 * 8000 and queue.take_all(0).blocks == ()
    listener = Listener(classifier, 8000, hop_s=0.25)
    (loss, heard) = listener.take(taken)
    assert (loss.lost_s, heard.time_s) == (7, 10) and "this machine is too slow" in loss.words
    assert listener.tally.dropped_s == listener.tally.lost_s == 7


def test_what_the_sound_system_flags_is_counted_and_not_glued(classifier: SceneClassifier) -> None:
    audio = as_recorded(tone(300, 3, 8000))
    stream = list(batches(audio, 400, 8000))
    (block,) = stream[30].blocks
    stream[30] = Batch(
        blocks=(Block(samples=block.samples, arrival_s=block.arrival_s, overflowed=True),), now_s=block.arrival_s
    )
    listener = Listener(classifier, 8000, hop_s=0.25)
    events = list(listen(listener, stream))
    assert listener.tally.overflows == listener.tally.gaps == 1 and listener.tally.lost_s == 0
    # the two windows that end within a window of 1.5 s
    np.testing.assert_allclose([e.time_s for e in of_kind(events, Unheard)], [WINDOW_S + n * HOP_S for n in (4, 5)])
    assert "less than 0.1 s" in of_kind(events, Loss)[0].words


def noise(seconds: float, level_db: float = -40, rate: int = 8000) -> np.ndarray:
    sigma = 10 ** (level_db / 20)
    return as_recorded(np.random.default_rng(7).normal(0, sigma, round(seconds * rate)))


FAULTS = {
    "zeros": np.zeros(5 * 8000, np.float32),
    "constant": 0.05 + np.random.default_rng(0).normal(0, 2e-5, 5 * 8000).astype(np.float32),
    "too_quiet": np.random.default_rng(0).normal(0, 2e-5, 5 * 8000).astype(np.float32),
    "repeats": np.tile(noise(0.128), 40)[: 5 * 8000],
    "clipped": np.clip(10 * noise(5, -20), -1, 1),
    "not_numbers": np.where(np.arange(5 * 8000) % 50 == 0, np.float32("nan"), noise(5)),
}


@pytest.mark.parametrize("reason", FAULTS)
@pytest.mark.filterwarnings("error")
def test_a_faulty_input_is_told_in_time_never_classified_and_over_when_it_is(
    classifier: SceneClassifier, reason: str
) -> None:
    audio = np.concatenate([noise(3), FAULTS[reason], noise(3)]).astype(np.float32)
    listener = Listener(classifier, 8000, hop_s=0.25)
    events = list(listen(listener, batches(audio, 400, 8000)))
    begun, ended = of_kind(events, InputChange)
    assert begun.reason == reason and begun.words and ended.reason is None
    assert 3 < begun.time_s < 6 and 8 < ended.time_s < 11
    # windows that lie in the fault, but for what it takes to see it
    assert all(h.time_s <= begun.time_s or h.time_s > 8 for h in of_kind(events, Heard))
    unheard = of_kind(events, Unheard)
    assert {each.reason for each in unheard} == {reason} and len(unheard) >= 19
    # as soon as a window holds none of it, it is classified; half a window of clipping is still a sound
    again = [h.time_s for h in of_kind(events, Heard) if h.time_s > 8]
    assert 8 + WINDOW_S - 0.26 < again[0] < 8 + WINDOW_S + 0.25 + HOP_S and len(again) >= 8
    assert listener.tally.unusable == len(unheard)


@pytest.mark.filterwarnings("error")
def test_channels_that_cancel(classifier: SceneClassifier) -> None:
    left = noise(6)
    opposite = np.stack([left, -left], axis=1)
    events = list(listen(Listener(classifier, 8000, hop_s=0.25), batches(opposite, 400, 8000)))
    assert not of_kind(events, Heard)
    (change,) = of_kind(events, InputChange)
    assert change.reason == "channels_cancel" and change.time_s < 3


@pytest.mark.filterwarnings("error")
def test_floats_beyond_all_bounds_end_in_words(classifier: SceneClassifier) -> None:
    # the sum of two channels, and their squares, exceed float32
    wild = np.full((3 * 8000, 2), 3e38, np.float32)
    wild[::3] = np.inf
    wild[1::3, 0] = np.nan
    events = list(listen(Listener(classifier, 8000, hop_s=0.25), batches(wild, 400, 8000)))
    assert not of_kind(events, Heard) and of_kind(events, InputChange)[0].reason == "not_numbers"
    # as little as one of them, through a resampler: what follows is whole again
    audio = np.repeat(noise(4, rate=48000)[:, None], 2, axis=1)
    audio[40000] = 3e38
    events = list(listen(Listener(classifier, 48000, hop_s=0.25), batches(audio, 2400, 48000)))
    assert all(np.all(np.abs(window) < 1) for window in windows_of(events)) and of_kind(events, Heard)[-1].time_s > 3.5


def test_a_source_that_vanished_is_told_and_not_classified(classifier: SceneClassifier) -> None:
    usb = SoundSource(name="usb", rate_hz=8000, channels=1, is_muted=False)
    other = SoundSource(name="monitor", rate_hz=48000, channels=2, is_muted=False)
    listener = Listener(classifier, 8000, hop_s=0.25)
    events: list[Event] = []
    for batch in batches(noise(9), 400, 8000):
        away = 3 < batch.now_s <= 6
        state = SourceState(source=other, gone="usb") if away else SourceState(source=usb, gone=None)
        events += listener.take(batch, state)
    begun, ended = of_kind(events, InputChange)
    assert begun.reason == "rerouted" and begun.time_s == pytest.approx(3.05) and 6 < ended.time_s < 7
    assert begun.words == "usb is gone; the sound server gives monitor in its place"
    assert not [h for h in of_kind(events, Heard) if 3.05 <= h.time_s < 6.5]
    assert of_kind(events, Heard)[-1].time_s == pytest.approx(last_end(9))
    # chosen by somebody: listened to, and told that it is resampled
    (change,) = of_kind(
        list(listener.take(Batch(blocks=(), now_s=9), SourceState(source=other, gone=None))), SourceChange
    )
    assert "told to give monitor in place of usb, and resamples it from 48000 Hz" in change.words
    muted = SourceState(source=SoundSource(name="monitor", rate_hz=48000, channels=2, is_muted=True), gone=None)
    for batch in batches(np.zeros(8000, np.float32), 400, 8000, since=9):
        events += listener.take(batch, muted)
    assert "muted in the sound server" in of_kind(events, InputChange)[-1].words


def test_nothing_comes(classifier: SceneClassifier) -> None:
    listener = Listener(classifier, 8000, hop_s=0.25, duration_s=4)
    first = list(batches(noise(1), 400, 8000))
    silence = [Batch(blocks=(), now_s=1 + 0.25 * n) for n in range(1, 40)]
    events = list(listen(listener, [*first, *silence]))
    (change,) = of_kind(events, InputChange)
    assert change.reason == "nothing_comes" and "nothing has come" in change.words
    # it does not wait for ever for the end
    assert listener.is_done


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

    def InputStream(  # noqa: N802
        self, callback: Any, channels: int, samplerate: int, finished_callback: Any, **_: object
    ) -> Any:
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
        assert (microphone.rate_hz, microphone.channels, microphone.source) == (48000, 2, None)
        blocks = next(microphone.batches()).blocks
        # three blocks at once, both channels; two overflows
        assert [block.samples.shape for block in blocks] == [(4800, 2)] * 3
        assert [block.overflowed for block in blocks] == [False, True, True]
    assert fake.closed


@pytest.mark.parametrize(
    ("accepted", "opened"),
    [
        ({8000, 16000, 44100, 48000, 96000}, 48000),
        ({16000, 44100, 96000}, 44100),
        ({16000, 96000}, 96000),
        ({16000}, 16000),
    ],
)
def test_the_wanted_rate_comes_last(monkeypatch: pytest.MonkeyPatch, accepted: set[int], opened: int) -> None:
    fake = FakeSound(channels=1, rate=96000)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)

    def check(samplerate: int, **_: object) -> None:
        if samplerate not in accepted:
            raise PortAudioError("Invalid sample rate")

    fake.check_input_settings = check  # type: ignore[assignment]
    with open_microphone(find_device(None), 16000) as microphone:
        assert microphone.rate_hz == opened


def test_the_source_knows_its_rate_and_channels_best(monkeypatch: pytest.MonkeyPatch) -> None:
    # a sound server takes any rate and says 32 channels of everything
    fake = FakeSound(channels=32, rate=44100)
    fake.check_input_settings = lambda **_: None
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    source = SoundSource(name="usb", rate_hz=16000, channels=1, is_muted=False)
    asked: list[None] = []
    monkeypatch.setattr(microphones, "find_source", lambda: (asked.append(None), source)[1])
    with open_microphone(find_device(None), 32000) as microphone:
        assert (microphone.rate_hz, microphone.channels, microphone.source) == (16000, 1, source)
    assert len(asked) == 2


def test_the_kernel_knows_what_hangs_behind_a_plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getpid", lambda: 4711)
    for card, owner, rate in (("card0", 1, 48000), ("card1", 4711, 16000)):
        stream = tmp_path / card / "pcm0c" / "sub0"
        stream.mkdir(parents=True)
        (stream / "status").write_text(f"state: RUNNING\nowner_pid   : {owner}\ntrigger_time: 12.5\n")
        (stream / "hw_params").write_text(
            f"access: MMAP_INTERLEAVED\nformat: S16_LE\nchannels: 4\nrate: {rate} ({rate}/1)\nperiod_size: 512\n"
        )
    found = find_hardware(tmp_path)
    assert found == SoundSource(name="card1/pcm0c/sub0", rate_hz=16000, channels=4, is_muted=False)
    # closed between two looks
    (tmp_path / "card1" / "pcm0c" / "sub0" / "hw_params").write_text("closed\n")
    assert find_hardware(tmp_path) is None and find_hardware(tmp_path / "none") is None


def test_a_microphone_that_takes_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSound()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    device = find_device("camera")
    words = "accepts none of 48000 Hz, 44100 Hz and 16000 Hz"
    with pytest.raises(AscKitError, match=words), open_microphone(device, 16000):
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


def test_a_microphone_that_goes_and_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSound()
    refusals = iter([True, True, False])
    restarts: list[str] = []
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    monkeypatch.setattr(microphones, "_TICK_S", 0.02)
    monkeypatch.setattr(microphones, "backoff", lambda: itertools.repeat(0.01))
    fake._terminate = lambda: restarts.append("off")  # type: ignore[attr-defined]
    fake._initialize = lambda: restarts.append("on")  # type: ignore[attr-defined]
    with open_microphone(find_device(None), 48000) as microphone:
        batches = microphone.batches()
        assert len(next(batches).blocks) == 3
        open_again = fake.InputStream

        def stream(**settings: Any) -> Any:
            if next(refusals):
                raise PortAudioError("Device unavailable")
            # renumbered, as after plugging it in again
            assert settings["device"] == 2 and settings["samplerate"] == 48000
            return open_again(**settings)

        fake.InputStream = stream  # type: ignore[assignment]
        devices = fake.query_devices()
        fake.query_devices = lambda: [devices[0], devices[2], devices[1]]  # type: ignore[method-assign]
        microphone._queue.end()
        seen = [block for batch in itertools.islice(batches, 30) for block in batch.blocks]
    assert seen[0].words == "the microphone 'USB microphone' went away, or its sound server did; trying again"
    assert seen[1].words.startswith("the microphone 'USB microphone' is back after ")
    assert [block.returned for block in seen[2:5]] == [True, False, False]
    # PortAudio looks for devices only when it starts
    assert restarts == ["off", "on"] * 3


def test_a_microphone_that_delivers_nothing_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSound())
    monkeypatch.setattr(microphones, "_TICK_S", 0.02)
    monkeypatch.setattr(microphones, "_GIVE_UP_S", 0.05)
    microphone = Microphone(find_device(None), 48000, 1)
    (words,) = next(batch.blocks for batch in microphone.batches() if batch.blocks)
    assert words.words == "the microphone 'USB microphone' delivered nothing for 0.05 s; trying again"


def test_the_time_that_a_source_was_away_is_lost(classifier: SceneClassifier) -> None:
    rate = 8000
    sound = as_recorded(tone(440, 10, rate))[:, None]
    blocks = [Block(samples=sound[at : at + 400], arrival_s=(at + 400) / rate) for at in range(0, 20000, 400)]
    # the new stream comes 3.25 s later, with another lag
    later = [replace(block, arrival_s=block.arrival_s + 2.5 + 3.25) for block in blocks]
    later[0] = replace(later[0], returned=True, words="back")
    listener = Listener(classifier, rate, hop_s=0.25)
    events = [
        event for block in [*blocks, *later] for event in listener.take(Batch(blocks=(block,), now_s=block.arrival_s))
    ]
    (loss,) = (event for event in events if isinstance(event, Loss))
    assert loss.words == "3.2 s of audio are missing, while the source was away" and loss.lost_s == 3.25
    assert [event.words for event in events if isinstance(event, SourceChange)] == ["back"]
    assert listener.time_s == pytest.approx(8.25)
    heard = [event.time_s for event in events if isinstance(event, Heard)]
    # half a second of sound before the first window of either side
    assert not [at for at in heard if 2.5 < at < 6.25] and any(at >= 6.25 for at in heard)


@pytest.mark.parametrize("option", ["--hop", "--duration"])
@pytest.mark.parametrize("seconds", ["nan", "inf"])
def test_a_time_must_be_a_number(option: str, seconds: str) -> None:
    result = CliRunner().invoke(live, ["bundle", option, seconds])
    assert result.exit_code == 2 and f"{seconds} is not a length of time" in result.stderr


LAYOUT = Layout(label_width=17, columns=80)
RANKING = (("street_pedestrian", 0.9), ("high", 0.6), ("quiet", 0.2), ("tram", 0.1))


def test_a_line_of_several_labels() -> None:
    heard = Heard(time_s=1.5, ranking=RANKING, latency_ms=1.0, level_dbfs=-20.0, skipped=0)
    line = window_text(heard, Layout(label_width=5, columns=80, threshold=0.5))
    assert line.endswith("dBFS  and high 60.0 %")
    assert "and" not in window_text(heard, Layout(label_width=5, columns=80, threshold=0.7))
    assert " and" not in window_text(heard, LAYOUT)
    document = event_document(heard, 0, 0.5)
    assert document["labels"] == ["street_pedestrian", "high"] and len(document["top"]) == 3
    assert "labels" not in event_document(heard, 0, None)


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_lines_fit_the_terminal(columns: int) -> None:
    layout = Layout(label_width=17, columns=columns)
    heard = Heard(
        time_s=12345.67, ranking=(("street_pedestrian", 1.0),), latency_ms=1234.5, level_dbfs=-120, skipped=12
    )
    events = (
        InputChange(time_s=12345.67, reason="zeros", words="w " * 90),
        InputChange(time_s=1, reason=None, words=""),
        Loss(time_s=12.0, lost_s=8.0, late_s=0, words="8.0 s of audio were lost " * 4),
        SourceChange(time_s=12.0, words="told to " * 20),
    )
    lines = [line for event in events for line in happening_text(event, columns).splitlines()]
    # a bar keeps five characters, however narrow the terminal is
    assert len(window_text(heard, layout)) <= max(columns, 80)
    tally = Tally(windows=100000, unusable=2000, skipped=300, gaps=12, lost_s=123.4, dropped_s=12.0, late_s=1.5)
    lines += tally_text(tally, 123456.7, columns).splitlines()
    assert max(map(len, lines)) <= columns
    assert any("the input is good again" in line for line in lines)


def test_json_of_all_that_happens() -> None:
    unheard = Unheard(time_s=2.0, reason="zeros", words="exact zeros", skipped=3)
    document = event_document(unheard, 2, None)
    assert document == {
        "event": "window", "time_s": 2.0, "label": None, "probability": None, "reason": "zeros",
        "detail": "exact zeros", "overflows": 2, "skipped": 3,
    }  # fmt: skip
    assert window_text(unheard, LAYOUT) == "    2.00 s  no usable input: exact zeros  skip 3"
    change = event_document(InputChange(time_s=1, reason=None, words=""), 0, None)
    assert (change["event"], change["usable"], change["reason"]) == ("input", True, None)
    loss = event_document(Loss(time_s=1, lost_s=8, late_s=0, words="w"), 0, None)
    assert (loss["event"], loss["lost_s"], loss["late_s"]) == ("loss", 8, 0)
    assert event_document(SourceChange(time_s=1, words="w"), 0, None)["event"] == "source"
    tally = Tally(windows=1, unusable=2, skipped=3, gaps=1, lost_s=8.04, dropped_s=1.0, late_s=0.5, overflows=4)
    assert tally_document(tally, 9.0) == {"event": "summary", "time_s": 9.0} | asdict(tally)
    assert tally_text(tally, 9.0, 200) == (
        "9.0 s: 1 window, 2 without usable input, 3 skipped; "
        "1 gap, 8.0 s lost (1.0 s of them dropped by this machine), 0.5 s late; 4 overflows"
    )
