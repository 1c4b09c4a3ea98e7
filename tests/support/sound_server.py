"""A headless PulseAudio with a virtual microphone: what is played to its null sink is what programs record."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PROGRAMS = ("pulseaudio", "pactl", "paplay")
SINK = "vmic"
LIVE = [sys.executable, "-m", "asc_kit", "live"]


def missing() -> str | None:
    """Why no sound server can run here; None when one can."""
    absent = [name for name in PROGRAMS if shutil.which(name) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (apt-get install pulseaudio pulseaudio-utils)"
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError) as failure:
        return f"sounddevice does not work here: {failure}"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SoundServer:
    """A running sound server."""

    environment: dict[str, str]
    """What programs need to find it."""

    def play(self, path: Path, sink: str = SINK) -> subprocess.Popen[bytes]:
        """Start playing a recording into a virtual microphone."""
        # a second of latency: a busy machine fills gaps with silence when it is late by more
        command = ["paplay", f"--device={sink}", "--latency-msec=1000", str(path)]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL)

    def control(self, *words: str) -> str:
        """Run pactl and return what it prints."""
        command = ["pactl", *words]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    def add_microphone(self, sink: str, rate_hz: int = 48000, channels: int = 1) -> str:
        """Add a virtual microphone; returns what `control("unload-module", …)` takes to unplug it."""
        return self.control(
            "load-module", "module-null-sink", f"sink_name={sink}", f"rate={rate_hz}", "format=s16le",
            f"channels={channels}",
        ).strip()  # fmt: skip


@contextmanager
def sound_server(folder: Path, rate_hz: int = 48000, channels: int = 1) -> Iterator[SoundServer]:
    """Run a sound server whose files are in `folder`; its path must be short (a socket's name)."""
    environment = os.environ | {
        "HOME": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "PULSE_RUNTIME_PATH": str(folder),
        "PULSE_SERVER": f"unix:{folder}/native",
    }
    server = subprocess.Popen(
        [
            "pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--disable-shm=yes", "--use-pid-file=no",
            "-L", f"module-native-protocol-unix auth-anonymous=1 socket={folder}/native",
            "-L", f"module-null-sink sink_name={SINK} rate={rate_hz} format=s16le channels={channels}",
            "-L", "module-always-sink",
        ],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 10
        while True:
            asked = subprocess.run(
                ["pactl", "set-default-source", f"{SINK}.monitor"], env=environment, capture_output=True, text=True
            )
            if asked.returncode == 0:
                break
            assert server.poll() is None and time.monotonic() < deadline, f"no sound server: {asked.stderr}"
            time.sleep(0.05)
        yield SoundServer(environment=environment)
    finally:
        server.terminate()
        server.wait(10)


@dataclass(slots=True)
class Listening:
    """`asc-kit live --json` at work, and when it said what."""

    process: subprocess.Popen[str]
    words: str
    """What it said on stderr until it listened."""
    lines: list[tuple[float, dict]] = field(default_factory=list)
    """What it said on stdout, with the time at which it came (`time.monotonic`)."""
    _reader: threading.Thread | None = None

    def follow(self) -> None:
        """Read stdout in a thread of its own."""

        def read() -> None:
            assert self.process.stdout is not None
            for line in self.process.stdout:
                self.lines.append((time.monotonic(), json.loads(line)))

        self._reader = threading.Thread(target=read, daemon=True)
        self._reader.start()

    def wait_for(self, event: str, timeout_s: float = 30, since: float = 0.0, **fields: object) -> tuple[float, dict]:
        """Wait for a line with these fields that came later than `since`; returns its time and itself."""
        deadline = time.monotonic() + timeout_s
        while True:
            for at, line in list(self.lines):
                if at > since and line["event"] == event and all(line.get(k) == v for k, v in fields.items()):
                    return at, line
            assert self.process.poll() is None, (event, fields, self.lines[-5:], self.process.stderr)
            assert time.monotonic() < deadline, (event, fields, self.lines[-20:])
            time.sleep(0.02)

    def end(self) -> tuple[dict, str]:
        """Press Ctrl-C; returns the last line and the rest of stderr."""
        if self.process.poll() is None:
            self.process.send_signal(2)
        assert self.process.stderr is not None and self._reader is not None
        words = self.process.stderr.read()
        self.process.wait(30)
        self._reader.join(10)
        return self.lines[-1][1], words

    def windows(self) -> list[dict]:
        """The lines of windows."""
        return [line for _, line in self.lines if line["event"] == "window"]


@contextmanager
def listening(server: SoundServer, *arguments: str, source: str | None = None) -> Iterator[Listening]:
    """Run `live --json` until it listens; every Python warning would end it."""
    environment = server.environment | {"PYTHONWARNINGS": "error"}
    if source is not None:
        environment["PULSE_SOURCE"] = source
    process = subprocess.Popen(
        [*LIVE, *arguments, "--device", "pulse", "--json"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
    )  # fmt: skip
    try:
        assert process.stderr is not None
        words = ""
        while "Ctrl-C ends" not in " ".join(words.split()):
            line = process.stderr.readline()
            assert line, words
            words += line
        running = Listening(process, " ".join(words.split()))
        running.follow()
        yield running
    finally:
        process.kill()
        process.wait(10)
