"""`asc-kit live` tells the world: a real broker, the page's server and the log, with sound from a real sound server."""

import json
import signal
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from broker import MOSQUITTO, broker, free_port, subscriber
from sound_server import LIVE, SoundServer, listening, missing, sound_server
from tone_bundle import make_tone_bundle, tone

from asc_kit.device_runner.outlets.mqtt import PASSWORD

reason = missing() or (None if MOSQUITTO else "mosquitto is not installed (apt-get install mosquitto)")
pytestmark = pytest.mark.skipif(reason is not None, reason=str(reason))
NODE = "kitchen"


@pytest.fixture(scope="module")
def server() -> Iterator[SoundServer]:
    with tempfile.TemporaryDirectory(prefix="asc") as folder, sound_server(Path(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tone_bundle(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A low tone and a high tone, turn by turn, for a minute."""
    rate = 44100
    audio = np.concatenate([tone(hz, 3, rate) for _ in range(10) for hz in (440, 2500)])
    path = tmp_path_factory.mktemp("sound") / "tones.wav"
    soundfile.write(path, audio + np.random.default_rng(0).normal(0, 1e-4, len(audio)), rate, subtype="PCM_16")
    return path


def test_a_broker_has_the_scene_and_hears_of_the_end(
    server: SoundServer, bundle: Path, recording: Path, tmp_path: Path
) -> None:
    port = free_port()
    state, availability = f"asc-kit/{NODE}/state", f"asc-kit/{NODE}/availability"
    with broker(tmp_path, port), subscriber(port) as home:
        with listening(server, str(bundle), "--mqtt", f"mqtt://127.0.0.1:{port}", "--mqtt-name", NODE):
            player = server.play(recording)
            home.wait_for(lambda topic, payload: (topic, payload) == (availability, "online"))
            first = home.wait_for_state(state, scene="low", problem=None)
            home.wait_for_state(state, scene="high", problem=None)
            assert first["model"] and first["source"] and str(first["utc"]).endswith("Z")
            configuration = json.loads(home.wait_for(lambda topic, _: topic.endswith("/scene/config")))
            assert set(configuration["options"]) > {"low", "high"}
            # whoever subscribes later, as Home Assistant after a restart, has it all at once
            with subscriber(port) as late:
                late.wait_for(lambda topic, _: topic.endswith("/level/config"))
                late.wait_for(lambda topic, payload: (topic, payload) == (availability, "online"))
                assert all(retained for _, _, retained in late.messages[:4])
            # Home Assistant that starts asks for everything again
            home.messages.clear()
            home.client.publish("homeassistant/status", "online")
            home.wait_for(lambda topic, _: topic.endswith("/scene/config"))
            player.kill()
            player.wait(10)
        # the process was killed: the broker tells its last will
        home.wait_for(lambda topic, payload: (topic, payload) == (availability, "offline"))


def test_a_broker_that_goes_and_comes_is_found_again(
    server: SoundServer, bundle: Path, recording: Path, tmp_path: Path
) -> None:
    port = free_port()
    command = [*LIVE, str(bundle), "--device", "pulse", "--json", "--mqtt", f"127.0.0.1:{port}", "--mqtt-name", NODE]
    player = server.play(recording)
    with (tmp_path / "words").open("w") as words:
        live = subprocess.Popen(command, env=server.environment, stdout=subprocess.DEVNULL, stderr=words)
    try:
        deadline = time.monotonic() + 30
        while "cannot be reached" not in (tmp_path / "words").read_text():
            assert live.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        for _ in range(2):
            with broker(tmp_path, port), subscriber(port) as home:
                home.wait_for(lambda topic, payload: topic.endswith("availability") and payload == "online")
                home.wait_for(lambda topic, _: topic.endswith("/state"))
        live.send_signal(signal.SIGINT)
        assert live.wait(20) == 130
    finally:
        live.kill()
        player.kill()
        player.wait(10)
    said = (tmp_path / "words").read_text()
    assert said.count("cannot be reached; trying again") >= 1 and said.count(": connected") >= 1
    assert "Traceback" not in said


def test_a_wrong_password_is_told(server: SoundServer, bundle: Path, tmp_path: Path) -> None:
    port, secrets = free_port(), tmp_path / "passwords"
    secrets.touch(mode=0o600)
    subprocess.run(["mosquitto_passwd", "-b", str(secrets), "me", "right"], check=True, capture_output=True)
    command = [*LIVE, str(bundle), "--device", "pulse", "--mqtt", f"mqtt://me@127.0.0.1:{port}", "--duration", "4"]
    with broker(tmp_path, port, secrets):
        environment = server.environment | {PASSWORD: "hunter2"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0 and "Not authorized" in done.stderr, done.stderr
    assert "hunter2" not in done.stderr


def test_page_and_log_hear_the_same(server: SoundServer, bundle: Path, recording: Path, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "live.log"
    with listening(server, str(bundle), "--web", str(port), "--log", str(log), "--hop", "0.25") as live:
        player = server.play(recording)
        deadline = time.monotonic() + 30
        scenes: set[str] = set()
        while not {"low", "high"} <= scenes:
            assert time.monotonic() < deadline, scenes
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/history.json", timeout=10) as answer:
                scenes = {change["scene"] for change in json.load(answer)["changes"]}
            time.sleep(0.1)
        live.end()
        player.kill()
        player.wait(10)
    assert f"page: http://127.0.0.1:{port}/" in live.words
    written = [json.loads(line) for line in log.read_text().splitlines()]
    assert written == [line for _, line in live.lines]
    assert [line["seq"] for line in written] == list(range(1, len(written) + 1))
    assert written[-1]["event"] == "summary"
