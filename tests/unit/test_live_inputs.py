"""`asc-kit live` from files, pipes and streams: opened, gone, back, and told apart."""

import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from fake_ffmpeg import install_fake_ffmpeg
from tone_bundle import HOP_S, WINDOW_S, make_tone_bundle, tone
from wav_files import pcm_bytes, wav

from asc_kit.device_runner.commands.live import live as command
from asc_kit.device_runner.listening import stream as streams
from asc_kit.device_runner.listening.blocks import Block
from asc_kit.device_runner.listening.inputs import open_input, read_choices
from asc_kit.device_runner.listening.merging import merge
from asc_kit.device_runner.listening.stream import StreamInput
from asc_kit.device_runner.media.pcm import PcmFormat
from asc_kit.errors import AscKitError

RATE = 8000
DUE = 1 + int((4 - WINDOW_S) / HOP_S)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tone_bundle(tmp_path_factory.mktemp("tones"))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "tones.wav"
    audio = np.concatenate([tone(440, 2, RATE), tone(2500, 2, RATE)])
    # no microphone repeats itself bit for bit
    soundfile.write(path, audio + np.random.default_rng(0).normal(0, 1e-3, len(audio)), RATE)
    return path


def live(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "asc_kit", "live", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, **options)  # type: ignore[call-overload]


def test_every_window_of_a_recording(bundle: Path, recording: Path) -> None:
    done = live(bundle, "--source", recording, "--hop", 0.25, "--raw", "--json")
    assert done.returncode == 0, done.stderr
    *windows, summary = map(json.loads, done.stdout.splitlines())
    assert (summary["windows"], summary["skipped"], summary["gaps"]) == (DUE, 0, 0)
    labels = [line["label"] for line in windows]
    assert labels[:6] == ["low"] * 6 and labels[-6:] == ["high"] * 6
    assert {line["source"] for line in windows} == {"tones.wav"}
    assert "tones.wav at 8000 Hz, 1 channel, 4.0 s; Ctrl-C ends" in done.stderr
    # the same sound through a pipe, as arecord and ffmpeg write it
    data = wav(recording.read_bytes()[44:], declared=0x7FFFF000)
    words = [sys.executable, "-m", "asc_kit", "live", bundle, "--source", "in=-", "--hop", "0.25", "--raw", "--json"]
    piped = subprocess.run(words, input=data, capture_output=True, timeout=120)
    others = [json.loads(line) for line in piped.stdout.splitlines()]
    keys = ("label", "probability", "time_s", "level_dbfs")
    assert [[line[key] for key in keys] for line in others[:-1]] == [[line[key] for key in keys] for line in windows]
    assert {line["source"] for line in others} == {"in"}


def test_several_sources_in_one_session(bundle: Path, recording: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    done = live(bundle, "--source", f"hall={recording}", "--source", f"yard={recording}", "--log", log)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    for name in ("hall", "yard"):
        own = [line for line in lines if line["source"] == name]
        assert own[-1]["event"] == "summary" and own[-1]["windows"] == len(own) - 1 == DUE
    assert len([line for line in done.stdout.splitlines() if line.startswith("hall  ")]) == DUE
    # the demo's network says so in every line
    demo = live("--demo", "--source", recording)
    assert demo.returncode == 0 and all(line.startswith("[demo] ") for line in demo.stdout.splitlines())
    assert "trained on synthetic scenes" in demo.stderr and demo.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--source", "absent.wav"], 1, "--source absent.wav: No such file or directory"),
        (["--source", "."], 1, "is neither a file nor a FIFO"),
        (["--source", "-", "--source", "-"], 1, "is given twice"),
        (["--source", "-", "--device", "x"], 2, "write --source mic:DEVICE"),
        (["--source", "-", "--pcm", "loud"], 1, "is not a format of raw samples"),
        (["--source", "a=-", "--source", "mic", "--web", "8080"], 2, "shows one --source"),
        (["--source", "-"], 1, "stdin gives no sound"),
        (["--demo", "--source", "-"], 2, "--demo takes no BUNDLE"),
    ],
)
def test_what_cannot_be_listened_to(bundle: Path, arguments: list[str], code: int, words: str) -> None:
    done = CliRunner().invoke(command, [str(bundle), *arguments])
    if code == 2:
        assert done.exit_code == 2 and words in done.output
    else:
        assert isinstance(done.exception, AscKitError) and words in done.exception.message


def test_names_of_sources(tmp_path: Path) -> None:
    (tmp_path / "a=b.wav").touch()
    os.mkfifo(tmp_path / "fifo")
    texts = [
        str(tmp_path / "a=b.wav"), f"door={tmp_path / 'fifo'}", "mic", "mic:USB", "-",
        "rtsp://me:secret@camera/live?token=secret", "http://camera/live", "https://camera/live",
    ]  # fmt: skip
    found = [(choice.kind, choice.name) for choice in read_choices(texts, None)]
    assert found == [
        ("recording", "a=b.wav"), ("fifo", "door"), ("microphone", "mic"), ("microphone", "USB"), ("pipe", "stdin"),
        ("stream", "camera/live"), ("stream", "camera/live-2"), ("stream", "camera/live-3"),
    ]  # fmt: skip
    assert [(c.kind, c.place) for c in read_choices([], "USB")] == [("microphone", "USB")]


def blocks_of(stream: StreamInput, number: int) -> list[Block]:
    blocks = (block for batch in stream.batches() for block in batch.blocks)
    return list(itertools.islice(blocks, number))


def test_a_fifo_waits_for_the_next_writer(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    data = wav(pcm_bytes(tone(440, 0.05, RATE)))

    def write() -> threading.Thread:
        writer = threading.Thread(target=fifo.write_bytes, args=(data,))
        writer.start()
        return writer

    writers = [write()]
    (choice,) = read_choices([str(fifo)], None)
    with open_input(choice, RATE, None) as opened:
        blocks = []
        for block in (block for batch in opened.input.batches() for block in batch.blocks):
            blocks.append(block)
            if block.words.endswith("trying again"):
                # a short writer that has come and gone before the next look is heard all the same
                writers.append(write())
                writers[-1].join(10)
            if len(blocks) == 4:
                break
    for writer in writers:
        writer.join(10)
    assert [len(block.samples) for block in blocks] == [400, 0, 0, 400]
    assert blocks[1].words == "fifo ended; trying again" and blocks[2].words.startswith("fifo is back after ")
    assert blocks[3].returned and blocks[3].arrival_s - blocks[0].arrival_s >= 0.25


class FakeSource:
    """Bytes, a pause for each None, then the end."""

    def __init__(self, *parts: bytes | None, words: str = "") -> None:
        self._parts: Iterator[bytes | None] = iter((*parts, b""))
        self._words = words

    def read(self, n_bytes: int, timeout_s: float) -> bytes | None:
        return next(self._parts)

    def reason(self) -> str:
        return self._words

    def close(self) -> None:
        pass


PCM = PcmFormat(rate_hz=RATE, channels=1, encoding="s16le")
SOUND = pcm_bytes(tone(440, 0.05, RATE))


@pytest.mark.parametrize("waits", [True, False])
def test_a_stream_that_fails_and_returns(monkeypatch: pytest.MonkeyPatch, waits: bool) -> None:
    monkeypatch.setattr(streams, "backoff", lambda: itertools.repeat(0.01))
    asked: list[PcmFormat | None] = []
    sources = iter([FakeSource(SOUND, None, SOUND, words="reset by peer"), FakeSource(), FakeSource(SOUND)])

    def connect(pcm: PcmFormat | None) -> FakeSource:
        asked.append(pcm)
        return next(sources)

    stream = StreamInput("camera", connect, pcm=PCM, comes_back=True, waits=waits, gives_up=True)
    blocks = blocks_of(stream, 5)
    assert [len(block.samples) for block in blocks] == [400, 400, 0, 0, 400]
    assert blocks[2].words == "camera ended (reset by peer); trying again"
    # the same rate and channels as the first time
    assert asked == [None, PCM, PCM]
    # time is that of the samples, whatever the network does
    assert blocks[1].arrival_s - blocks[0].arrival_s == pytest.approx(0.05)


def test_a_stream_that_returns_with_another_rate_is_told() -> None:
    sources = iter([FakeSource(wav(SOUND)), FakeSource(wav(SOUND, rate=16000))])
    stream = StreamInput("camera", lambda _: next(sources), pcm=None, comes_back=True, waits=True)
    with pytest.raises(AscKitError, match=r"camera came back with 1 channels at 16000 Hz .* had 1 at 8000 Hz"):
        blocks_of(stream, 9)


def test_a_stream_without_sound_is_refused_with_its_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install_fake_ffmpeg(tmp_path, monkeypatch)
    (choice,) = read_choices(["rtsp://me:secret@refused/live"], None)
    words = "^refused/live gives no sound: rtsp://refused/live: Connection refused$"
    with pytest.raises(AscKitError, match=words), open_input(choice, RATE, None):
        pass
    (choice,) = read_choices(["rtsp://endless/live"], None)
    with open_input(choice, RATE, None) as opened:
        assert (opened.input.rate_hz, opened.input.channels) == (16000, 1)
        first = next(batch for batch in opened.input.batches() if batch.blocks)
        assert first.blocks[0].samples.shape[1] == 1


def test_a_failing_source_ends_the_others() -> None:
    stop = threading.Event()

    def endless() -> Iterator[int]:
        while not stop.is_set():
            yield 1

    def failing() -> Iterator[int]:
        yield 2
        raise AscKitError("gone")

    seen = []
    with pytest.raises(AscKitError, match="gone"):
        for item in merge([endless, failing], stop):
            seen.append(item)
    assert (1, 2) in seen and stop.is_set()
