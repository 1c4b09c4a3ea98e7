"""`asc-kit bench` as people call it, and recordings to call it on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tone_bundle import LABELS, tone

BOARD = "qemu-mps2-an386"
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
needs_emulator = pytest.mark.skipif(
    shutil.which("qemu-system-arm") is None or shutil.which("arm-none-eabi-gcc") is None,
    reason="needs qemu-system-arm and arm-none-eabi-gcc",
)


def write_recordings(root: Path) -> Path:
    """Eighteen clips: three scenes, two recording devices in training and one that is not, three of each."""
    rng = np.random.default_rng(3)
    meta = ["filename\tscene_label\tidentifier\tsource_label"]
    test = ["filename\tscene_label"]
    (root / "audio").mkdir(parents=True)
    for label in LABELS:
        for device, level in (("a", 0.3), ("b", 0.2), ("s4", 0.1)):
            for number in range(2):
                f_hz = {"low": rng.uniform(300, 700), "high": rng.uniform(1500, 3000), "quiet": 100.0}[label]
                audio = tone(f_hz, 0.5, 8000, 0.0 if label == "quiet" else level)
                name = f"audio/{label}-{device}-{number}.wav"
                soundfile.write(root / name, audio + 1e-4 * rng.standard_normal(len(audio)), 8000, subtype="PCM_16")
                meta.append(f"{name}\t{label}\tcity-{number}\t{device}")
                test.append(f"{name}\t{label}")
    (root / "meta.csv").write_text("\n".join(meta) + "\n", encoding="utf-8")
    (root / "test.csv").write_text("\n".join(test) + "\n", encoding="utf-8")
    return root


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "asc_kit", "bench", *map(str, words)]


def bench(folder: Path, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("bundle", "--data", "data", *words),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"COLUMNS": "200"} | environment,
        check=False,
    )
