"""The demo, small: every stage, on the emulated board."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from asc_kit.bundle import Bundle

SMALL = ["--clips", "270", "--epochs", "1", "--audio-limit", "3", "--seed", "7"]


def start(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "asc_kit", *arguments],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    # every command twice into one folder: test_written_files
    "times",
    [pytest.param(1, id="once"), pytest.param(2, id="and again", marks=pytest.mark.slow)],
)
def test_the_whole_pipeline(tmp_path: Path, times: int) -> None:
    for _ in range(times):
        process = start("demo", "--out", "demo", *SMALL, cwd=tmp_path)
        stdout, stderr = process.communicate(timeout=400)
        assert process.returncode == 0, stderr[-3000:]
    assert "[6/6] report" in stderr
    written = [line.split(maxsplit=1)[-1].strip() for line in stdout.splitlines() if "demo/" in line]
    paths = [tmp_path / text[text.index("demo/") :] for text in written]
    assert len(paths) == 7 and all(path.exists() for path in paths)
    measured = [json.loads(path.read_text()) for path in paths if path.name == "results.json"]
    features, audio = measured
    assert [result["mode"] for result in measured] == ["features", "audio"] and audio["partial"]
    # all demos' measurements are there: none replaced another
    assert len(list((tmp_path / "demo" / "results" / "bundle").glob("*/*/results.json"))) == 2 * times
    assert features["clips"] > 20 and features["bit_identical"] == features["clips"]
    assert audio["clips"] == 3 and audio["bit_identical"] == 3
    assert audio["feature_lsb_max"] <= 1 and audio["feature_mismatch_share"] <= 0.01
    # instruction counts of one image on one board: the same network costs the same whichever way its input came
    assert features["latency"]["unit"] == "instructions"
    assert abs(features["latency"]["median"] / audio["latency"]["median"] - 1) < 0.01
    # the operators, timed one by one, are what the whole took: nobody's clock stood still
    operators = [operator["time"] for operator in features["profile"]]
    assert min(operators) > 0 and abs(sum(operators) / features["latency"]["median"] - 1) < 0.05
    assert features["memory"]["arena_bytes"] > 0 and features["memory"]["stack_bytes"] > 0
    Bundle.open(tmp_path / "demo" / "bundle")
    page = (tmp_path / "demo" / "report" / "index.html").read_text()
    assert features["model_sha256"][:12] in page


def test_ctrl_c_ends_it_with_130_and_leaves_nothing_half_written(tmp_path: Path) -> None:
    process = start("demo", "--out", "demo", "--clips", "100000", cwd=tmp_path)
    deadline = time.monotonic() + 60
    while not (tmp_path / "demo").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "demo").exists() or not list((tmp_path / "demo").iterdir())
