"""The front end in C against the NumPy reference in float64: log-mel values, int8 features, streaming, logarithm."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engine_cases import RUNTIME, WARNINGS
from frontend_cases import PROGRAM, SPECS, quantization, signals, write_tables

from asc_kit.frontend import log_mel, model_input

# float32 transforms against float64: rounding errors of about 1e-7 of the loudest bin,
# which count where a band of the full-scale square wave is near log_offset; 2.7e-4 at worst
LOG_MEL_BOUND = 5e-4
LOG_BOUND = 2.5e-7

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


@pytest.mark.parametrize("name", sorted(SPECS))
def test_features(name: str, tmp_path: Path, kernels: list[Path], sanitizing_compiler: Sequence[str]) -> None:
    spec = SPECS[name]
    clips = signals(spec)
    reference = np.stack([log_mel((clip / 32768).astype(np.float32), spec) for clip in clips])
    info = quantization(spec, reference)
    tables = write_tables(spec, info, tmp_path)
    frontend = [path for path in kernels if path.stem in ("asc_frontend", "asc_fft_f32")]
    program = build(tmp_path, sanitizing_compiler, PROGRAM, [tables], frontend)
    # one sample at a time, a prime number, everything and more than everything
    for chunk in (1, 97, spec.clip_samples, 2 * spec.clip_samples):
        data = run(program, str(chunk), data=clips.tobytes())
        quantized = np.frombuffer(data, np.int8).reshape(len(clips), *info.shape)
        expected = np.stack([info.quantize(model_input(features, spec)) for features in reference])
        difference = np.abs(quantized.astype(int) - expected)
        assert difference.max() <= 1
        assert (difference > 0).mean() <= 0.01


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
    frontend = [path for path in kernels if path.stem in ("asc_frontend", "asc_fft_f32")]
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
