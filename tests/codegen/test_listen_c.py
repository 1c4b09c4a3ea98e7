"""Continuous listening in C: every window has the bits of a clip of the same frames, and follows the NumPy spec."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from engine_cases import RUNTIME, compile_objects
from frontend_cases import CLIP_SPECS, SPECS, FrontEndProgram, build_program, quantization, random_specs

from asc_kit.device_runner.listening.following import FollowerSettings, SceneFollower
from asc_kit.frontend import FrontEndSpec, ListenSpec, model_input, stream_windows
from asc_kit.hardware.board import Arithmetic
from asc_kit.quantization import TensorInfo
from asc_kit.scores.metrics import OutputActivation, probabilities

ALL_SPECS = SPECS | CLIP_SPECS | random_specs(12)
ARITHMETICS = get_args(Arithmetic)
Programs = Callable[[str], FrontEndProgram]


def twin(spec: FrontEndSpec) -> FrontEndSpec:
    """The front end of a clip that has the frames of a window, all of them within it."""
    return replace(spec, center=False, clip_samples=(spec.n_frames - 1) * spec.hop_length + spec.n_fft)


@cache
def stream_of(name: str) -> np.ndarray:
    """Sound with events and pauses, long enough for seven windows that overlap and one that does not."""
    spec = ALL_SPECS[name]
    n = 3 * ListenSpec(frontend=spec, hop_frames=1).window_samples + spec.hop_length // 2
    rng = np.random.default_rng(5)
    loudness = np.repeat(rng.choice([0.0, 3.0, 300.0, 9000.0], 40), math.ceil(n / 40))[:n]
    return np.clip(np.rint(loudness * rng.normal(0, 1, n)), -32768, 32767).astype(np.int16)


def hop_of(name: str) -> int:
    return max(1, ALL_SPECS[name].n_frames // 3)


def listen_spec(name: str) -> ListenSpec:
    return ListenSpec(frontend=ALL_SPECS[name], hop_frames=hop_of(name))


@cache
def features_of(name: str) -> np.ndarray:
    """The network's inputs of all windows by NumPy, [windows, *input_shape[1:]]."""
    spec = listen_spec(name)
    audio = (stream_of(name) / 32768).astype(np.float32)
    return np.concatenate([model_input(values, spec.frontend) for values in stream_windows(audio, spec)])


@cache
def info_of(name: str) -> TensorInfo:
    return quantization(ALL_SPECS[name], features_of(name))


@pytest.fixture(scope="module")
def programs(
    tmp_path_factory: pytest.TempPathFactory, kernels: list[Path], sanitizing_compiler: Sequence[str]
) -> Programs:
    cases = {name: (spec, info_of(name)) for name, spec in ALL_SPECS.items()}
    cases |= {f"twin_{name}": (twin(spec), info_of(name)) for name, spec in ALL_SPECS.items()}

    @cache
    def build(arithmetic: Arithmetic) -> FrontEndProgram:
        return build_program(cases, arithmetic, tmp_path_factory.mktemp(arithmetic), sanitizing_compiler, kernels)

    return build


@pytest.mark.parametrize("name", sorted(ALL_SPECS))
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_windows(arithmetic: Arithmetic, name: str, programs: Programs) -> None:
    program, spec, audio, info = programs(arithmetic), listen_spec(name), stream_of(name), info_of(name)
    found = set()
    # one sample at a time, a prime number, a DMA's block, everything
    for block in (1, 97, 256, len(audio)):
        found.add(program.listen(name, audio, hop=spec.hop_frames, block=block)[0])
    assert len(found) == 1
    windows = np.frombuffer(found.pop(), np.int8).reshape(features_of(name).shape)
    assert len(windows) == 1 + (len(audio) - spec.window_samples) // spec.hop_samples >= 3
    # the same frames as a clip without edges: samples that the window's zeros stand for do not count
    frontend = spec.frontend
    before = (frontend.n_fft - frontend.win_length) // 2
    length = twin(frontend).clip_samples
    padded = np.concatenate([np.full(before, 77, np.int16), audio, np.full(frontend.n_fft, 77, np.int16)])
    clips = [padded[number * spec.hop_samples :][:length] for number in range(len(windows))]
    twins = program.run(f"twin_{name}", length, np.stack(clips))
    np.testing.assert_array_equal(np.frombuffer(twins, np.int8).reshape(windows.shape), windows)
    # and the specification in NumPy, as near as a board must be
    difference = np.abs(windows.astype(int) - info.quantize(features_of(name)))
    assert difference.max() <= 1 and (difference > 0).mean() <= 0.01


@pytest.mark.parametrize("hop", [1, 2, 1000])
def test_any_hop(hop: int, programs: Programs) -> None:
    name, program = "zeros_time_mel", programs("float")
    audio = np.tile(stream_of(name), 3)
    spec = ListenSpec(frontend=ALL_SPECS[name], hop_frames=hop)
    every = program.listen(name, audio, hop=1, block=500)[0]
    n = info_of(name).n_elements
    chosen = np.frombuffer(every, np.int8).reshape(-1, n)[::hop]
    found = np.frombuffer(program.listen(name, audio, hop=hop, block=77)[0], np.int8).reshape(-1, n)
    np.testing.assert_array_equal(found, chosen)
    assert len(found) == 1 + (len(audio) - spec.window_samples) // spec.hop_samples


def test_the_gate_leaves_out_what_is_quiet(programs: Programs) -> None:
    name, hop = "not_centred", 5
    spec = ListenSpec(frontend=ALL_SPECS[name], hop_frames=hop)
    rng = np.random.default_rng(0)
    loudness = np.repeat([1000, 10, 1000, 10], 8000)
    audio = np.rint(loudness * rng.normal(0, 1, len(loudness))).astype(np.int16)
    program = programs("float")
    n = info_of(name).n_elements
    ends = np.arange(spec.window_samples, len(audio) + 1, spec.hop_samples)
    starts = np.concatenate([[0], ends[:-1]])
    squares = np.square(audio.astype(np.int64))
    levels = np.array([squares[start:end].mean() for start, end in zip(starts, ends, strict=True)])
    gate = 100_000
    every = np.frombuffer(program.listen(name, audio, hop=hop, block=160)[0], np.int8).reshape(-1, n)
    found, quiet = program.listen(name, audio, hop=hop, block=160, gate=gate)
    np.testing.assert_array_equal(np.frombuffer(found, np.int8).reshape(-1, n), every[levels >= gate])
    assert quiet == (levels < gate).sum() > 10
    # the quietest window that is let through, and the loudest that is not, to the square
    edge = math.floor(np.sort(levels)[3])
    assert program.listen(name, audio, hop=hop, block=160, gate=edge)[1] == (levels < edge).sum()


_FOLLOW = """
#include <stdio.h>
#include <stdlib.h>
#include "asc_follow.h"
int main(int argc, char **argv) {
    asc_follow_settings_t settings;
    asc_follow_t state;
    float logs[16];
    int8_t output[16];
    if (argc != 9) return 1;
    asc_follow_settle(&settings, (float)atof(argv[1]), (float)atof(argv[2]), (float)atof(argv[3]));
    settings.lead = (float)atof(argv[4]);
    settings.unsure_below = (float)atof(argv[5]);
    const asc_follow_outputs_t outputs = {(float)atof(argv[6]), atoi(argv[7]), 5, atoi(argv[8])};
    asc_follow_start(&state);
    while (fread(output, 1, 5, stdin) == 5) {
        asc_follow_take(&settings, &outputs, &state, logs, output);
        printf("%d %d %.9g\\n", (int)state.label, (int)state.is_new, (double)state.probability);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def follow_program(tmp_path_factory: pytest.TempPathFactory, sanitizing_compiler: Sequence[str]) -> Path:
    folder = tmp_path_factory.mktemp("follow")
    (folder / "main.c").write_text(_FOLLOW)
    sources = [folder / "main.c", RUNTIME / "listening" / "asc_follow.c"]
    objects = compile_objects(sanitizing_compiler, sources, folder / "objects", RUNTIME / "frontend")
    subprocess.run([*sanitizing_compiler, "-o", str(folder / "program"), *map(str, objects)], check=True)
    return folder / "program"


@pytest.mark.parametrize("activation", ["logits", "softmax"])
@pytest.mark.parametrize(
    ("hop_s", "settings"),
    [
        (0.256, FollowerSettings()),
        (0.25, FollowerSettings(time_constant_s=2.0, lead=1.5, dwell_s=0.75, unsure_below=0.5)),
        (0.1, FollowerSettings(time_constant_s=0.0, dwell_s=0.0, lead=1.0, unsure_below=0.35)),
        (1.0, FollowerSettings(dwell_s=5.0, unsure_below=0.8)),
    ],
)
def test_scenes_are_those_of_live(
    hop_s: float, settings: FollowerSettings, activation: OutputActivation, follow_program: Path
) -> None:
    rng = np.random.default_rng(1)
    scale, zero_point = (0.05, -10) if activation == "logits" else (1 / 256, -128)
    # scenes that last, with noise in every window
    scenes = np.repeat(rng.integers(0, 5, 60), 25)
    strength = np.repeat(rng.uniform(0, 3, 60), 25)
    real = rng.normal(0, 1.2, (len(scenes), 5))
    real[np.arange(len(scenes)), scenes] += strength
    if activation == "softmax":
        real = probabilities(real, "logits")
    outputs = np.clip(np.rint(real / scale) + zero_point, -128, 127).astype(np.int8)
    values = [
        hop_s,
        settings.time_constant_s,
        settings.dwell_s,
        settings.lead,
        settings.unsure_below,
        scale,
        zero_point,
    ]
    command = [str(follow_program), *map(str, values), str(int(activation == "logits"))]
    done = subprocess.run(command, input=outputs.tobytes(), capture_output=True, check=True)
    found = np.array([line.split() for line in done.stdout.decode().splitlines()], float)
    follower = SceneFollower(settings)
    wanted = []
    for number, row in enumerate(probabilities((outputs.astype(float) - zero_point) * scale, activation)):
        scene = follower.take(number * hop_s, {str(label): p for label, p in enumerate(row)})
        wanted.append((-1 if scene.label is None else int(scene.label), scene.is_new, scene.probability))
    expected = np.array(wanted, float)
    np.testing.assert_allclose(found[:, 2], expected[:, 2], atol=1e-4)
    np.testing.assert_array_equal(found[:, :2], expected[:, :2])
    # the case is one: scenes change, and unsure is said where it may be
    assert expected[:, 1].sum() > 10
    assert (expected[:, 0] == -1).any() == (settings.unsure_below > 0)


def test_the_settings_are_those_of_live() -> None:
    header = (RUNTIME / "listening" / "asc_follow.h").read_text()
    usual = FollowerSettings()
    for name, value in (("TIME_CONSTANT_S", usual.time_constant_s), ("LEAD", usual.lead), ("DWELL_S", usual.dwell_s)):
        assert f"#define ASC_FOLLOW_{name} {value}f\n" in header
    assert usual.unsure_below == 0
