"""A program that behaves like ffmpeg, for machines without it."""

import os
import sys
from pathlib import Path

import pytest

# a second of noise at 16 kHz for any place, except those that fail
_PROGRAM = """#!{python}
import random, struct, sys, time
place = sys.argv[sys.argv.index("-i") + 1]
if "refused" in place:
    sys.exit(sys.stderr.write(f"[in#0 @ 0x1] {{place}}: Connection refused\\n"))
if place.startswith("file:") and open(place[5:], "rb").read() == b"broken":
    sys.exit(sys.stderr.write("[in#0 @ 0x1] Invalid data found when processing input\\n"))
rate, channels = 16000, 1
fmt = struct.pack("<HHIIHH", 3, channels, rate, 4 * rate, 4, 32)
header = b"RIFF\\xff\\xff\\xff\\xffWAVEfmt \\x10\\0\\0\\0" + fmt + b"data\\xff\\xff\\xff\\xff"
sys.stdout.buffer.write(header)
source = random.Random(0)
sys.stdout.buffer.write(struct.pack("<16000f", *(source.uniform(-.1, .1) for _ in range(16000))))
sys.stdout.flush()
if "endless" in place:
    time.sleep(1000)
"""


def install_fake_ffmpeg(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put it first in PATH."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    program = programs / "ffmpeg"
    program.write_text(_PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
