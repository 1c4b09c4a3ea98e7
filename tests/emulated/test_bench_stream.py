"""`asc-kit bench --mode stream`: every window of a recording on a board, against the host's specification."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result
from tone_bundle import FRONTEND, make_tone_bundle, tone

from asc_kit.cli import cli

RATE, SECONDS = 8000, 6
NEEDS = {"host": ("gcc",), "qemu-mps2-an386": ("qemu-system-arm", "arm-none-eabi-gcc")}
NEEDS["qemu-mps2-an385"] = NEEDS["qemu-mps2-an386"]


def bench(*words: object) -> Result:
    return CliRunner().invoke(cli, ["bench", *map(str, words), "--mode", "stream"])


def require(board: str) -> None:
    missing = [tool for tool in NEEDS[board] if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(0)
    parts = [tone(300, 2, RATE), tone(3000, 1, RATE), np.zeros(RATE), 0.2 * rng.normal(size=2 * RATE)]
    audio = np.concatenate(parts) + 1e-3 * rng.normal(size=SECONDS * RATE)
    path = tmp_path_factory.mktemp("stream") / "long.wav"
    soundfile.write(path, np.clip(audio, -1, 1), RATE, subtype="PCM_16")
    return path


def measured(bundle: Path, board: str, recording: Path, out: Path) -> dict[str, object]:
    require(board)
    result = bench(bundle, "--board", board, "--data", recording, "--hop", "0.1", "--out", out)
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads((out / "stream.json").read_text())
    # a window of 4,224 samples, then one every 6 frames of 128, which is nearest to a tenth of a second
    n_windows = 1 + (SECONDS * RATE - 4224) // 768
    assert found["windows"] == found["outputs_equal"] == found["frames_equal"] == n_windows
    assert found["hop_frames"] == 6 and found["lost"] == 0
    return found


def test_every_window_and_the_cost_of_a_hop(tmp_path: Path, recording: Path) -> None:
    bundle = make_tone_bundle(tmp_path / "bundle")
    here = measured(bundle, "host", recording, tmp_path / "host")
    there = measured(bundle, "qemu-mps2-an386", recording, tmp_path / "board")
    # both compute in float32: not a feature, not an output differs, bit for bit
    for name in ("features_sha256", "outputs_sha256", "feature_lsb_max", "feature_mismatch_share"):
        assert here[name] == there[name]
    # the frames of a hop and the network, within 5 %
    hop, frame, network = (there[name] for name in ("hop_time", "frame_time", "network_time"))
    assert isinstance(hop, float) and isinstance(frame, float) and isinstance(network, float)
    assert there["timer"] == "instructions"
    assert (hop + network) / (6 * frame + network) == pytest.approx(1, abs=0.05)
    # 32 frames of 16 bands, and where the stream stands
    assert there["listener_bytes"] == 32 * 16 + 40
    # what exists is not replaced
    again = bench(bundle, "--board", "host", "--data", recording, "--out", tmp_path / "host")
    assert again.exit_code == 1 and "exists already" in str(again.exception or again.output)


def test_integers_and_what_needs_a_whole_window(tmp_path: Path, recording: Path) -> None:
    bundle = make_tone_bundle(tmp_path / "bundle", replace(FRONTEND, standardize="clip", delta_width=5))
    found = measured(bundle, "qemu-mps2-an385", recording, tmp_path / "board")
    # log-mel values instead of features: four bytes each
    assert found["listener_bytes"] == 4 * 32 * 16 + 40


def test_what_does_not_go_with_a_stream(tmp_path: Path, recording: Path) -> None:
    require("host")
    bundle = make_tone_bundle(tmp_path / "bundle")
    for words in (["--jobs", "2"], ["--resume"], ["--estimate-cycles"]):
        result = bench(bundle, "--board", "host", "--data", recording, *words)
        assert result.exit_code == 2 and "a stream goes to one board" in result.output
    short = tmp_path / "short.wav"
    soundfile.write(short, np.zeros(4223), RATE, subtype="PCM_16")
    result = bench(bundle, "--board", "host", "--data", short)
    assert result.exit_code == 1 and "fewer than the 4,224 of a window" in str(result.exception)
    clips = CliRunner().invoke(cli, ["bench", str(bundle), "--board", "host", "--data", str(short), "--hop", "1"])
    assert clips.exit_code == 2 and "--hop goes with --mode stream" in clips.output
