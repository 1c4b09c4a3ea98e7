"""`live` under systemd: what the supervisor hears, the unit, the end; and the doctor's words about a Pi."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tone_bundle import make_tone_bundle, tone
from wav_files import pcm_bytes, wav

from asc_kit.cli.requirements import machine_words
from asc_kit.device_runner.live.service import Supervisor, unit_text
from asc_kit.errors import ToolError
from asc_kit.inference import interpreter


class Systemd:
    """The supervisor's end of the socket."""

    def __init__(self, path: Path) -> None:
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "300000"}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(30)

    def next(self) -> str:
        return self._socket.recv(4096).decode()

    def waiting(self) -> list[str]:
        self._socket.setblocking(False)
        found = []
        while True:
            try:
                found.append(self.next())
            except BlockingIOError:
                return found


def test_the_watchdog_hears_of_all_sources_or_of_none(tmp_path: Path) -> None:
    systemd, now = Systemd(tmp_path / "s"), [0.0]
    supervisor = Supervisor(systemd.environment, 2, clock=lambda: now[0])
    for now[0] in (0.05, 0.15, 0.25):
        supervisor.alive(0)
    # the other source hangs
    assert systemd.waiting() == []
    supervisor.alive(1)
    supervisor.alive(1)
    assert systemd.waiting() == ["WATCHDOG=1"]
    supervisor.status("hall: a\nb")
    assert systemd.waiting() == ["STATUS=hall: a b"]


def test_without_a_supervisor_and_with_one_that_is_gone(tmp_path: Path) -> None:
    for environment in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "0"}):
        supervisor = Supervisor(environment, 1)
        supervisor.ready()
        supervisor.alive(0)
    # a watchdog of another process
    systemd = Systemd(tmp_path / "s")
    supervisor = Supervisor(systemd.environment | {"WATCHDOG_PID": "1"}, 1, clock=iter(range(100)).__next__)
    supervisor.alive(0)
    assert systemd.waiting() == []


def test_a_polite_kill_is_the_usual_end(tmp_path: Path) -> None:
    systemd, bundle = Systemd(tmp_path / "s"), make_tone_bundle(tmp_path / "tones")
    command = [sys.executable, "-m", "asc_kit", "live", str(bundle), "--source", "-", "--json", "--changes"]
    process = subprocess.Popen(
        command, env=os.environ | systemd.environment | {"JOURNAL_STREAM": "1:2"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    # with noise: no microphone repeats itself bit for bit
    sound = tone(440, 1.5, 8000) + np.random.default_rng(0).normal(0, 1e-3, 12000)
    process.stdin.write(wav(pcm_bytes(sound), declared=0x7FFFF000))
    process.stdin.flush()
    heard = [systemd.next()]
    while heard[-1] != "STATUS=stdin: low":
        heard.append(systemd.next())
    assert heard[0] == "READY=1"
    # nothing comes any more, and it is alive all the same
    deadline = time.monotonic() + 30
    while heard[-1] != "WATCHDOG=1":
        assert time.monotonic() < deadline
        heard.append(systemd.next())
    process.send_signal(signal.SIGTERM)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines[-1]["event"] == "summary" and lines[-1]["windows"] >= 1
    # only changes: one line for the scene
    assert len([line for line in lines if line.get("label") == "low"]) == 1
    assert b"Traceback" not in said and b"Interrupted" not in said
    assert "STOPPING=1" in systemd.waiting()


def test_the_unit_runs_what_was_typed(tmp_path: Path) -> None:
    arguments = ["my bundle", "--source", "a=rtsp://x/$y?%20", "--log", 'say "hi"']
    text = unit_text(["/opt/bin/asc-kit"], arguments, tmp_path)
    assert 'ExecStart=/opt/bin/asc-kit live "my bundle" --source a=rtsp://x/$$y?%%20 --log "say \\"hi\\""\n' in text
    done = subprocess.run(
        [sys.executable, "-m", "asc_kit", "live", "--demo", "--source", "mic:USB mic", "--print-service"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert f"WorkingDirectory={tmp_path}\n" in done.stdout
    assert f'ExecStart={sys.executable} -P -m asc_kit live --demo --source "mic:USB mic"\n' in done.stdout
    if shutil.which("systemd-analyze") is not None:
        unit = tmp_path / "asc-kit-live.service"
        unit.write_text(done.stdout)
        command = ["systemd-analyze", "verify", "--user", str(unit)]
        verified = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert "asc-kit-live" not in verified.stderr, verified.stderr


@pytest.mark.parametrize(
    ("machine", "bits", "words"),
    [
        ("aarch64", 32, "a 32-bit system on a 64-bit kernel"),
        ("armv7l", 32, "there is no LiteRT for it"),
        ("aarch64", 64, None),
    ],
)
def test_the_doctor_knows_a_pi(tmp_path: Path, machine: str, bits: int, words: str | None) -> None:
    (tmp_path / "model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    first, *others = machine_words(machine, bits, tmp_path)
    assert first.startswith(f"Raspberry Pi 4 Model B Rev 1.4: {machine} kernel, Python 3.")
    assert [words in other for other in others] == [True] if words else others == []


def test_no_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(interpreter, "_CPU_INFO", tmp_path / "cpuinfo")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(ToolError, match="cpuinfo is missing, and LiteRT cannot run without it"):
        interpreter._import_runtime()
    (tmp_path / "cpuinfo").touch()
    interpreter._import_runtime()
