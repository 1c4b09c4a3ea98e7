"""A library that listens to a stream: every window the same bits on this machine and on emulated boards."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from emulated_cases import missing_tools
from library_programs import LISTEN, LISTEN_ANSWERS, LISTEN_HOP_FRAMES, OK, run_program
from tone_bundle import FRONTEND, make_tone_bundle, tone

from asc_kit.bundle import Bundle
from asc_kit.cli import cli
from asc_kit.device_runner.listening.following import FollowerSettings, SceneFollower
from asc_kit.frontend import FrontEndSpec, ListenSpec, stream_windows
from asc_kit.inference.interpreter import Int8Model
from asc_kit.recordings.audio import from_int16

FRONTENDS = {
    "centred": FRONTEND,
    "standardised": replace(FRONTEND, standardize="clip", delta_width=5, center=False, layout="time_mel"),
}


def sound() -> np.ndarray:
    """Four seconds: a low tone, a high tone, a pause, noise."""
    rng = np.random.default_rng(0)
    parts = [tone(300, 1, 8000), tone(3000, 1, 8000), np.zeros(8000), 0.2 * rng.normal(size=8000)]
    return np.rint(32000 * np.clip(np.concatenate(parts) + 1e-3 * rng.normal(size=32000), -1, 1)).astype(np.int16)


@pytest.mark.parametrize(
    ("core", "board", "name"),
    [("cortex-m4f", "qemu-mps2-an386", "centred"), ("cortex-m3", "qemu-mps2-an385", "standardised")],
)
def test_every_window_has_the_bits_of_the_host(core: str, board: str, name: str, tmp_path: Path) -> None:
    if shutil.which("gcc") is None:
        pytest.skip("needs gcc")
    frontend: FrontEndSpec = FRONTENDS[name]
    folder = make_tone_bundle(tmp_path / "bundle", frontend)
    bundle, spec = Bundle.open(folder), ListenSpec(frontend=frontend, hop_frames=LISTEN_HOP_FRAMES)
    audio = sound()
    windows = list(stream_windows(from_int16(audio), spec))
    n_input, n_output = bundle.manifest.input.n_elements, 3
    n_answer = len(LISTEN_ANSWERS) + len(windows) * (n_input + n_output + 2)

    # portable kernels: this machine has no others
    library = tmp_path / "library"
    made = CliRunner().invoke(
        cli, ["firmware", str(folder), "--core", core, "--kernels", "portable", "--out", str(library)]
    )
    assert made.exit_code == 0, made.output

    def run(place: str | None) -> bytes:
        (tmp_path / str(place)).mkdir()
        return run_program(LISTEN, [library / "engine"], audio.tobytes(), n_answer, tmp_path / str(place), place)

    here = run(None)
    assert here.startswith(LISTEN_ANSWERS)
    rows = np.frombuffer(here[len(LISTEN_ANSWERS) :], np.int8).reshape(len(windows), -1)
    model, follower = Int8Model(bundle.model_path.read_bytes(), kernels="reference"), SceneFollower(FollowerSettings())
    wanted = np.stack([bundle.features_to_input(values).reshape(-1) for values in windows])
    features, outputs = rows[:, :n_input], rows[:, n_input + 1 : -1]
    difference = np.abs(features.astype(int) - wanted)
    assert difference.max() <= 1 and (difference > 0).mean() <= 0.01
    assert (rows[:, n_input] == OK).all()
    for number, (row, output, scene) in enumerate(zip(features, outputs, rows[:, -1], strict=True)):
        np.testing.assert_array_equal(output, model.run(row.reshape(bundle.manifest.input.shape)).reshape(-1))
        probabilities = dict(zip(range(3), bundle.probabilities(output), strict=True))
        time_s = number * spec.hop_samples / frontend.sample_rate_hz
        said = follower.take(time_s, probabilities).label  # type: ignore[arg-type]
        assert said == scene
    if missing := missing_tools():
        pytest.skip(f"needs {missing}")
    assert run(board) == here
