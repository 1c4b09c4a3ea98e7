"""`asc-kit live` hears, through a real sound server and PortAudio, what is played into a virtual microphone."""

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sound_server import SoundServer, missing, sound_server
from tone_bundle import make_tone_bundle, tone

reason = missing()
pytestmark = pytest.mark.skipif(reason is not None, reason=str(reason))
LIVE = [sys.executable, "-m", "asc_kit", "live"]


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
    """A second of silence, two of a low tone, two of a high tone, three of silence, at 44.1 kHz."""
    rate = 44100
    parts = [np.zeros(rate), tone(440, 2, rate), tone(2500, 2, rate), np.zeros(3 * rate)]
    path = tmp_path_factory.mktemp("sound") / "tones.wav"
    soundfile.write(path, np.concatenate(parts), rate, subtype="PCM_16")
    return path


def start(server: SoundServer, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*LIVE, *arguments], env=server.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@contextmanager
def listening(server: SoundServer, recording: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start `live`, and play the recording as soon as it listens; gives the process and its first words."""
    live = start(server, *arguments)
    assert live.stderr is not None
    words = ""
    while "Ctrl-C ends" not in words:
        line = live.stderr.readline()
        assert line, words
        words += line
    player = server.play(recording)
    try:
        yield live, words
    finally:
        live.kill()
        live.wait(10)
        player.terminate()
        player.wait(10)


def test_it_hears_what_is_played(server: SoundServer, bundle: Path, recording: Path) -> None:
    arguments = (str(bundle), "--device", "pulse", "--hop", "0.25", "--duration", "6", "--json")
    with listening(server, recording, *arguments) as (live, _):
        out, err = live.communicate(timeout=60)
    assert live.returncode == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    # first a whole clip of half a second, then one line per hop; a busy machine may leave some out, and says so
    ends = np.cumsum([0.5 + 0.25 * lines[0]["skipped"], *(0.25 * (1 + line["skipped"]) for line in lines[1:])])
    np.testing.assert_allclose([line["time_s"] for line in lines], ends)
    assert ends[-1] == pytest.approx(6.0)
    labels = [line["label"] for line in lines]
    # two seconds each are seven windows of pure tone
    assert labels.count("low") >= 4 and labels.count("high") >= 4 and labels.count("quiet") >= 4, labels
    assert labels.index("low") < labels.index("high")
    steady = [line["level_dbfs"] for line in lines if line["label"] != "quiet"]
    # a sine of amplitude 0.3 has -13.5 dBFS
    assert np.median(steady) == pytest.approx(-13.5, abs=0.5)
    assert all(0 < line["latency_ms"] < 1000 and line["overflows"] == 0 for line in lines)


def test_lines_for_people(server: SoundServer, bundle: Path, recording: Path) -> None:
    with listening(server, recording, str(bundle), "--device", "pulse", "--duration", "2") as (live, words):
        out, err = live.communicate(timeout=60)
    assert live.returncode == 0, err
    # half a clip is the hop: 0.5 s, then every 0.25 s
    assert 4 <= len(out.splitlines()) <= 7, out
    assert "dBFS" in out and " ms " in out and "overflows 0" in out
    assert "pulse" in words and "8000 Hz" in words


def test_ctrl_c_ends_it_with_130(server: SoundServer, bundle: Path, recording: Path) -> None:
    with listening(server, recording, str(bundle), "--device", "pulse") as (live, _):
        assert live.stdout is not None
        assert "dBFS" in live.stdout.readline()
        live.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, err = live.communicate(timeout=30)
    assert live.returncode == 130, err
    assert time.monotonic() - began < 5
    assert "Traceback" not in err


def test_the_list_of_microphones(server: SoundServer) -> None:
    live = start(server, "--list-devices", "--json")
    out, err = live.communicate(timeout=60)
    assert live.returncode == 0, err
    assert "pulse" in [device["name"] for device in json.loads(out)]


def test_a_microphone_that_is_not_there(server: SoundServer, bundle: Path) -> None:
    live = start(server, str(bundle), "--device", "nosuch")
    _, err = live.communicate(timeout=60)
    assert live.returncode == 1
    assert "there is no microphone 'nosuch'" in err and "pulse" in err and "Traceback" not in err
