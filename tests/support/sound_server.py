"""A headless PulseAudio with a virtual microphone: what is played to its null sink is what programs record."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("pulseaudio", "pactl", "paplay")
SINK = "vmic"


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

    def play(self, path: Path) -> subprocess.Popen[bytes]:
        """Start playing a recording into the virtual microphone."""
        command = ["paplay", f"--device={SINK}", "--latency-msec=50", str(path)]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL)


@contextmanager
def sound_server(folder: Path, rate_hz: int = 48000) -> Iterator[SoundServer]:
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
            "-L", f"module-null-sink sink_name={SINK} rate={rate_hz} format=s16le channels=1",
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
