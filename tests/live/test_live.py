"""`asc-kit live` hears, through a real sound server and PortAudio, what is played into a virtual microphone."""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_server import LIVE, SoundServer, listening, missing, sound_server
from tone_bundle import HOP_S, WINDOW_S, make_tone_bundle, tone

reason = missing()
pytestmark = pytest.mark.skipif(reason is not None, reason=str(reason))


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    # a short path: the name of a socket has at most 107 characters
    with tempfile.TemporaryDirectory(prefix="asc") as folder, sound_server(Path(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tone_bundle(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of a quiet room, two of a low tone, two of a high tone, thirty of a quiet room, at 44.1 kHz."""
    rate = 44100
    parts = [np.zeros(rate), tone(440, 2, rate), tone(2500, 2, rate), np.zeros(30 * rate)]
    audio = np.concatenate(parts)
    path = tmp_path_factory.mktemp("sound") / "tones.wav"
    # -80 dBFS: no microphone delivers exact zeros
    soundfile.write(path, audio + np.random.default_rng(0).normal(0, 1e-4, len(audio)), rate, subtype="PCM_16")
    return path


def test_it_hears_what_is_played(server: SoundServer, bundle: Path, recording: Path) -> None:
    with listening(server, str(bundle), "--hop", "0.25", "--duration", "9") as live:
        player = server.play(recording)
        assert live.process.wait(60) == 0
        summary, words = live.end()
        player.kill()
        player.wait(10)
    assert "(vmic.monitor) at 48000 Hz, 1 channel; Ctrl-C ends" in live.words
    windows = live.windows()
    # first a whole window, then one line per hop; a busy machine may leave some out, and says so
    skipped = [line["skipped"] for line in windows]
    ends = WINDOW_S - HOP_S + np.cumsum([HOP_S * (1 + count) for count in skipped])
    np.testing.assert_allclose([line["time_s"] for line in windows], ends, atol=0.01)
    assert ends[-1] == pytest.approx(WINDOW_S + 33 * HOP_S)
    labels = [line["label"] for line in windows]
    # two seconds each are seven windows of pure tone
    assert labels.count("low") >= 4 and labels.count("high") >= 4 and labels.count("quiet") >= 4, labels
    assert labels.index("low") < labels.index("high")
    steady = [line["level_dbfs"] for line in windows if line["label"] in ("low", "high")]
    # a sine of amplitude 0.3 has -13.5 dBFS
    assert np.median(steady) == pytest.approx(-13.5, abs=0.5)
    assert all(0 < line["latency_ms"] < 1000 and line["overflows"] == 0 for line in windows if line["label"])
    # before the player plays there are exact zeros, and they are no place
    assert all(line["label"] is None or line["level_dbfs"] > -90 for line in windows)
    heard = sum(line["label"] is not None for line in windows)
    assert (summary["event"], summary["windows"]) == ("summary", heard)
    assert summary["windows"] + summary["unusable"] + summary["skipped"] == 34
    assert f"{heard} windows, " in words


def test_lines_for_people(server: SoundServer, bundle: Path, recording: Path) -> None:
    player = server.play(recording)
    command = [*LIVE, str(bundle), "--device", "pulse", "--duration", "2"]
    result = subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=60)
    player.kill()
    player.wait(10)
    assert result.returncode == 0, result.stderr
    # half a clip is the hop: 0.53 s, then every 0.26 s
    assert 1 <= len(result.stdout.splitlines()) <= 6, result.stdout
    assert "dBFS" in result.stdout and " ms " in result.stdout
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert "tones, int8, on " in result.stderr and "2.0 s: " in result.stderr and "Traceback" not in result.stderr


def test_ctrl_c_ends_it_with_130_and_the_count(server: SoundServer, bundle: Path, recording: Path) -> None:
    with listening(server, str(bundle)) as live:
        player = server.play(recording)
        live.wait_for("window")
        began = time.monotonic()
        summary, words = live.end()
        player.kill()
        player.wait(10)
    assert live.process.returncode == 130, words
    # at once, on a machine that does other things too: not when the recording has come to its end, after 35 s
    assert time.monotonic() - began < 15
    assert "Traceback" not in words and "Interrupted." in words
    assert summary["event"] == "summary" and summary["gaps"] == 0


def test_the_list_of_microphones(server: SoundServer) -> None:
    command = [*LIVE, "--list-devices", "--json"]
    result = subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    assert "pulse" in [device["name"] for device in json.loads(result.stdout)]


def test_a_microphone_that_is_not_there(server: SoundServer, bundle: Path) -> None:
    command = [*LIVE, str(bundle), "--device", "nosuch"]
    result = subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "there is no microphone 'nosuch'" in result.stderr and "pulse" in result.stderr
    assert "Traceback" not in result.stderr
