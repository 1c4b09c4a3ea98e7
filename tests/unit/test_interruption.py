"""A terminal that goes, a polite kill, Ctrl-C: real signals to real processes; nothing is left, exit code 130."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SYNTH = [sys.executable, "-P", "-m", "asc_kit", "data", "synth", "--clips", "3000", "--jobs", "2", "--out"]


def wait_for_recordings(place: Path, process: subprocess.Popen[bytes], count: int = 1) -> None:
    deadline = time.monotonic() + 90
    while len(list(place.rglob("*.wav"))) < count:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_each_signal_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen([*SYNTH, str(tmp_path / "set")], stderr=subprocess.PIPE, start_new_session=True)
    wait_for_recordings(tmp_path, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert said.endswith(b"Interrupted.\n") and b"Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_that_is_closed(tmp_path: Path) -> None:
    """The whole group hears of it, and nobody reads any more what the command says."""
    terminal, line = os.openpty()
    process = subprocess.Popen(
        # a session of its own whose terminal this is
        [sys.executable, "-c", _ON_TERMINAL, *SYNTH, str(tmp_path / "set")],
        stdin=line,
        stdout=line,
        stderr=line,
    )
    os.close(line)
    wait_for_recordings(tmp_path, process)
    os.close(terminal)
    assert process.wait(timeout=60) == 130
    assert list(tmp_path.iterdir()) == []


_ON_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_nohup_goes_on(tmp_path: Path) -> None:
    command = [*SYNTH, str(tmp_path / "set")]
    process = subprocess.Popen(["nohup", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_recordings(tmp_path, process)
    process.send_signal(signal.SIGHUP)
    wait_for_recordings(tmp_path, process, len(list(tmp_path.rglob("*.wav"))) + 10)
    process.terminate()
    assert process.wait(timeout=60) == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_emulators_end(tmp_path: Path, number: signal.Signals) -> None:
    image = tmp_path / "firmware"
    image.write_text("#!/bin/sh\necho char device redirected to /dev/null ''\nexec sleep 1000\n")
    image.chmod(0o755)
    program = (
        "import time\nfrom pathlib import Path\nimport asc_kit.cli as cli\n"
        "from asc_kit.hardware.board import load_board\nfrom asc_kit.device_runner.line.emulator import emulate\n"
        "def run(**options):\n"
        f"    with emulate(load_board('host'), Path({str(image)!r})) as emulator:\n"
        "        print(emulator.process.pid, flush=True)\n"
        "        time.sleep(1000)\n"
        "cli.cli.main = run\ncli.main()\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", program], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.send_signal(number)
    assert process.wait(timeout=30) == 130
    process.stdout.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert list(tmp_path.iterdir()) == [image]


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    process = subprocess.Popen([*SYNTH, str(tmp_path / "set")], stderr=subprocess.DEVNULL)
    wait_for_recordings(tmp_path, process)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = [int(word) for word in children.read_text().split()] if children.exists() else []
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
