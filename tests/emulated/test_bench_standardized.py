"""`asc-kit bench` on audio for a front end that needs the whole clip: standardised log-mel values and their deltas."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tone_bundle import FRONTEND, LABELS, make_tone_bundle, tone

from asc_kit.firmware import read_firmware
from asc_kit.records.record import read_record
from asc_kit.result import BenchmarkResult

SPEC = replace(FRONTEND, standardize="clip", delta_width=5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle and six recordings, the last one digital silence."""
    folder = tmp_path_factory.mktemp("bench")
    make_tone_bundle(folder / "bundle", SPEC)
    rng = np.random.default_rng(7)
    (folder / "data" / "audio").mkdir(parents=True)
    rows = []
    for number, (label, f_hz, level) in enumerate(
        [
            ("low", 400, 0.3),
            ("low", 650, 0.05),
            ("high", 1700, 0.2),
            ("high", 2900, 0.9),
            ("quiet", 0, 0),
            ("quiet", 0, 0),
        ]
    ):
        audio = tone(f_hz, 0.5, 8000, level) * np.linspace(1, 0.3, 4000)
        if number < 5:
            audio = audio + 1e-3 * rng.standard_normal(4000)
        name = f"audio/{number}.wav"
        soundfile.write(folder / "data" / name, audio, 8000, subtype="PCM_16")
        rows.append(f"{name}\t{label}\tcity-{number}\ta\n")
    header = "filename\tscene_label\tidentifier\tsource_label\n"
    (folder / "data" / "meta.csv").write_text(header + "".join(rows), encoding="utf-8")
    test = "".join("\t".join(row.split("\t")[:2]) + "\n" for row in rows)
    (folder / "data" / "test.csv").write_text("filename\tscene_label\n" + test, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("board", "tools"), [("host", ("gcc",)), ("qemu-mps2-an386", ("qemu-system-arm", "arm-none-eabi-gcc"))]
)
def test_audio_gives_the_features_of_the_reference(folder: Path, board: str, tools: tuple[str, ...]) -> None:
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    words = ["bench", "bundle", "--data", "data", "--board", board, "--mode", "audio", "--out", f"out-{board}"]
    done = subprocess.run(
        [sys.executable, "-m", "asc_kit", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result = read_record(BenchmarkResult, folder / f"out-{board}" / "results.json")
    assert (result.clips, result.bit_identical, result.labels) == (6, 6, LABELS)
    assert result.feature_lsb_max <= 1 and result.feature_mismatch_share <= 0.01
    firmware = folder / "bundle" / "firmware" / board
    assert (firmware / "engine" / "asc_frontend_clip.c").is_file()
    # one spectrum, one window and what the mirror image takes, three counters; 32 frames of 16 bands
    assert read_firmware(firmware).memory.frontend_bytes == 4 * 258 + 2 * 258 + 12 + 4 * 32 * 16
