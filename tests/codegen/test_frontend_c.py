"""The front end in C against the NumPy reference in float64: log-mel values, int8 features, streaming, logarithm."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engine_cases import RUNTIME, WARNINGS
from frontend_cases import CLIP_SPECS, PROGRAM, SPECS, quantization, recording, signals, tables_source, write_tables

from asc_kit.firmware_gen.frontend_tables import frontend_tables
from asc_kit.frontend import FrontEndSpec, log_mel, model_input

# float32 transforms against float64: rounding errors of about 1e-7 of the loudest bin,
# which count where a band of the full-scale square wave is near log_offset; 2.7e-4 at worst
LOG_MEL_BOUND = 5e-4
LOG_BOUND = 2.5e-7
# near STD_FLOOR, what float32 cannot hold of log-mel values (1e-6 at 11) is divided by it, maybe twice: 4.8e-3 at worst
FLOOR_BOUND = 1e-2
# bands 120 dB below a pure tone hold its rounding error and nothing else: 6.2e-2 at worst with a log_offset of 1e-10
TONE_BOUND = 1e-1
FRONTEND_SOURCES = ("asc_frontend", "asc_fft")

_LOG_PROGRAM = """
#include <stdio.h>
#include "asc_log_f32.h"
int main(void) {
    float x;
    while (fread(&x, sizeof x, 1, stdin) == 1) {
        const float y = asc_log_f32(x);
        fwrite(&y, sizeof y, 1, stdout);
    }
    return 0;
}
"""


def build(
    folder: Path, compiler: Sequence[str], program: str, sources: Sequence[Path], kernels: Sequence[Path]
) -> Path:
    main = folder / "main.c"
    main.write_text(program)
    built = folder / "program"
    command = [*compiler, *WARNINGS, f"-I{RUNTIME}", f"-I{folder}", str(main), *map(str, [*sources, *kernels])]
    subprocess.run([*command, "-lm", "-o", str(built)], check=True)
    return built


def run(program: Path, *arguments: str, data: bytes) -> bytes:
    return subprocess.run([str(program), *arguments], input=data, capture_output=True, check=True).stdout


def inputs(clips: np.ndarray, spec: FrontEndSpec) -> np.ndarray:
    """The model's inputs of int16 clips by the NumPy reference, shape [clips, *input_shape[1:]]."""
    return np.concatenate([model_input(log_mel((clip / 32768).astype(np.float32), spec), spec) for clip in clips])


@pytest.mark.parametrize("name", sorted(SPECS | CLIP_SPECS))
def test_features(name: str, tmp_path: Path, kernels: list[Path], sanitizing_compiler: Sequence[str]) -> None:
    spec = (SPECS | CLIP_SPECS)[name]
    clips = np.concatenate([signals(spec), recording(spec)])
    reference = inputs(clips, spec)
    info = quantization(spec, reference)
    tables = write_tables(spec, info, tmp_path)
    frontend = [path for path in kernels if path.stem.startswith(FRONTEND_SOURCES)]
    program = build(tmp_path, sanitizing_compiler, PROGRAM, [tables], frontend)
    # one sample at a time, a prime number, everything and more than everything
    for chunk in (1, 97, spec.clip_samples, 2 * spec.clip_samples):
        data = run(program, str(chunk), data=clips.tobytes())
        quantized = np.frombuffer(data, np.int8).reshape(len(clips), *info.shape)
        difference = np.abs(quantized.astype(int).reshape(reference.shape) - info.quantize(reference))
        assert difference.max() <= 1
        assert (difference > 0).mean() <= 0.01


def channels_in_c(clips: np.ndarray, spec: FrontEndSpec, program: Path) -> np.ndarray:
    """What C computes before quantization, arranged as the model's inputs."""
    data = np.frombuffer(run(program, "clip", data=clips.tobytes()), np.float32)
    values = data.reshape(len(clips), spec.n_channels, spec.n_frames, spec.n_mels)
    return values.transpose(0, 3, 2, 1) if spec.layout == "mel_time" else values.transpose(0, 2, 3, 1)


@pytest.mark.parametrize("name", sorted(CLIP_SPECS))
def test_standardised_values_and_deltas(
    name: str, tmp_path: Path, kernels: list[Path], sanitizing_compiler: Sequence[str]
) -> None:
    spec = CLIP_SPECS[name]
    n = spec.clip_samples
    time = np.arange(n) / spec.sample_rate_hz
    groups = [
        (LOG_MEL_BOUND, np.concatenate([signals(spec), recording(spec)])),
        (TONE_BOUND, np.stack([32000 * np.sin(2 * np.pi * f_hz * time) for f_hz in (100, 1234.5)])),
        (FLOOR_BOUND, np.eye(1, n, n // 2)),
    ]
    tables = write_tables(spec, quantization(spec, np.array([-4.0, 6.0])), tmp_path)
    frontend = [path for path in kernels if path.stem.startswith(FRONTEND_SOURCES)]
    program = build(tmp_path, sanitizing_compiler, PROGRAM, [tables], frontend)
    for bound, sounds in groups:
        clips = np.rint(sounds).astype(np.int16)
        assert np.abs(channels_in_c(clips, spec, program) - inputs(clips, spec)).max() <= bound
    # digital silence: the spec's value exactly, and no deltas
    silence = channels_in_c(np.zeros((1, n), np.int16), spec, program)
    np.testing.assert_allclose(silence[..., 0], spec.silence_feature, rtol=3e-7, atol=0)
    assert not silence[..., 1:].any()


def test_sums_do_not_lose_precision_in_long_clips(
    tmp_path: Path, kernels: list[Path], sanitizing_compiler: Sequence[str]
) -> None:
    # 131,074 values with a mean far from the first one: plain float32 sums would put it off by 2e-4
    spec = replace(SPECS["odd_half"], n_mels=2, hop_length=1, clip_samples=65536, standardize="clip", power=1)
    rng = np.random.default_rng(4)
    clips = np.rint(rng.normal(0, 1000, (1, spec.clip_samples))).astype(np.int16)
    clips[:, :100] = 0
    tables = write_tables(spec, quantization(spec, np.array([-4.0, 6.0])), tmp_path)
    frontend = [path for path in kernels if path.stem.startswith(FRONTEND_SOURCES)]
    program = build(tmp_path, sanitizing_compiler, PROGRAM, [tables], frontend)
    assert np.abs(channels_in_c(clips, spec, program) - inputs(clips, spec)).max() <= 2e-5


def test_memory_grows_only_where_the_clip_is_kept() -> None:
    tables = {name: frontend_tables(spec, quantization(spec, np.ones(2))) for name, spec in CLIP_SPECS.items()}
    for name, spec in CLIP_SPECS.items():
        plain = replace(spec, standardize="none", delta_width=0)
        less = frontend_tables(plain, quantization(plain, np.ones(2)))
        assert tables[name].ram_bytes - less.ram_bytes == 4 * spec.n_frames * spec.n_mels
        assert less.work_words == spec.n_fft + 2
        assert "asc_frontend_clip" not in tables_source(less, plain, less.info)
    assert tables["dsmn"].ram_bytes == 12 + 2 * 4098 + 4 * 4098 + 4 * 44 * 256


@pytest.mark.parametrize("name", sorted(SPECS))
def test_log_mel_of_one_window(
    name: str, tmp_path: Path, kernels: list[Path], sanitizing_compiler: Sequence[str]
) -> None:
    # a clip of one frame: what the parts compute is the reference's only row
    spec = replace(SPECS[name], center=False, clip_samples=SPECS[name].n_fft)
    offset = (spec.n_fft - spec.win_length) // 2
    clips = signals(spec)
    reference = np.stack([log_mel((clip / 32768).astype(np.float32), spec) for clip in clips])[:, 0]
    tables = write_tables(spec, quantization(spec, reference), tmp_path)
    frontend = [path for path in kernels if path.stem.startswith(FRONTEND_SOURCES)]
    program = build(tmp_path, sanitizing_compiler, PROGRAM, [tables], frontend)
    windows = clips[:, offset : offset + spec.win_length]
    data = run(program, "bands", data=windows.tobytes())
    bands = np.frombuffer(data, np.float32).reshape(reference.shape)
    assert np.abs(bands - reference).max() < LOG_MEL_BOUND


def test_logarithm(tmp_path: Path, sanitizing_compiler: Sequence[str]) -> None:
    program = build(tmp_path, sanitizing_compiler, _LOG_PROGRAM, [], [])
    rng = np.random.default_rng(5)
    tiny = float(np.finfo(np.float32).tiny)
    x = np.concatenate(
        [
            np.exp(rng.uniform(np.log(tiny), np.log(3e38), 200_000)),
            1.0 + rng.uniform(-0.5, 0.5, 100_000),
            [tiny, 1.0, 0.70710678, 0.7071068, 1.4142135, 1.4142137, 3.4e38],
        ]
    ).astype(np.float32)
    y = np.frombuffer(run(program, data=x.tobytes()), np.float32).astype(np.float64)
    exact = np.log(x.astype(np.float64))
    assert (np.abs(y - exact) / np.maximum(1.0, np.abs(exact))).max() < LOG_BOUND
