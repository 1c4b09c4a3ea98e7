"""The front end in C against the NumPy reference: log-mel values, int8 features, streaming; floats and integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from frontend_cases import (
    CLIP_SPECS,
    SPECS,
    FrontEndProgram,
    build_program,
    loud_and_still,
    quantization,
    random_specs,
    recording,
    signals,
)

from asc_kit.frontend import FrontEndSpec, log_mel, model_input
from asc_kit.hardware.board import Arithmetic
from asc_kit.quantization import TensorInfo

ALL_SPECS = SPECS | CLIP_SPECS | random_specs(12)
ARITHMETICS = get_args(Arithmetic)
# float32 transforms against float64: rounding errors of about 1e-7 of the loudest bin,
# which count where a band of the full-scale square wave is near log_offset; 3.2e-4 at worst, in integers 2.6e-4
LOG_MEL_BOUND = 5e-4
# a full-scale tone or constant, and bands that hold log_offset and 130 dB less than the tone; 2.1e-3 at worst
LOUD_BOUND = 5e-3
# near STD_FLOOR, what float32 cannot hold of log-mel values (1e-6 at 11) is divided by it, maybe twice: 4.8e-3 at worst
FLOOR_BOUND = 1e-2
# bands 120 dB below a pure tone hold its rounding error and nothing else: 6.2e-2 at worst with a log_offset of 1e-10
TONE_BOUND = 1e-1
# 131,074 values with a mean far from the first one: plain float32 sums would put it off by 2e-4
LONG = replace(
    SPECS["odd_half"], n_mels=2, hop_length=1, clip_samples=65536, standardize="clip", power=1, log_offset=1e-5
)

Programs = Callable[[str], FrontEndProgram]


@cache
def clips_of(name: str) -> np.ndarray:
    spec = ALL_SPECS[name]
    return np.concatenate([signals(spec), recording(spec), loud_and_still(spec)])


@cache
def inputs_of(name: str) -> np.ndarray:
    return inputs(clips_of(name), ALL_SPECS[name])


@cache
def info_of(name: str) -> TensorInfo:
    return quantization(ALL_SPECS[name], inputs_of(name))


def inputs(clips: np.ndarray, spec: FrontEndSpec) -> np.ndarray:
    """The model's inputs of int16 clips by the NumPy reference, shape [clips, *input_shape[1:]]."""
    return np.concatenate([model_input(log_mel((clip / 32768).astype(np.float32), spec), spec) for clip in clips])


@pytest.fixture(scope="module")
def programs(
    tmp_path_factory: pytest.TempPathFactory, kernels: list[Path], sanitizing_compiler: Sequence[str]
) -> Programs:
    """One program for each arithmetic, with all specifications."""
    cases = {name: (spec, info_of(name)) for name, spec in ALL_SPECS.items()}
    cases["long"] = (LONG, quantization(LONG, np.array([-4.0, 6.0])))

    @cache
    def build(arithmetic: Arithmetic) -> FrontEndProgram:
        return build_program(cases, arithmetic, tmp_path_factory.mktemp(arithmetic), sanitizing_compiler, kernels)

    return build


@pytest.mark.parametrize("name", sorted(ALL_SPECS))
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_features(arithmetic: Arithmetic, name: str, programs: Programs) -> None:
    spec, clips, info = ALL_SPECS[name], clips_of(name), info_of(name)
    expected = info.quantize(inputs_of(name)).astype(int)
    outputs = set()
    # one sample at a time, a prime number, everything and more than everything
    for chunk in (1, 97, spec.clip_samples, 2 * spec.clip_samples):
        outputs.add(programs(arithmetic).run(name, chunk, clips))
    assert len(outputs) == 1
    difference = np.abs(np.frombuffer(outputs.pop(), np.int8).reshape(expected.shape) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() <= 0.01


def channels_in_c(clips: np.ndarray, spec: FrontEndSpec, program: FrontEndProgram, name: str) -> np.ndarray:
    """What C computes before quantization, arranged as the model's inputs."""
    data = np.frombuffer(program.run(name, "clip", clips), np.float32)
    values = data.reshape(len(clips), spec.n_channels, spec.n_frames, spec.n_mels)
    return values.transpose(0, 3, 2, 1) if spec.layout == "mel_time" else values.transpose(0, 2, 3, 1)


@pytest.mark.parametrize("name", sorted(CLIP_SPECS))
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_standardised_values_and_deltas(arithmetic: Arithmetic, name: str, programs: Programs) -> None:
    spec, program = CLIP_SPECS[name], programs(arithmetic)
    n = spec.clip_samples
    time = np.arange(n) / spec.sample_rate_hz
    groups = [
        (LOG_MEL_BOUND, np.concatenate([signals(spec), recording(spec)])),
        (TONE_BOUND, np.stack([32000 * np.sin(2 * np.pi * f_hz * time) for f_hz in (100, 1234.5)])),
        (FLOOR_BOUND, np.eye(1, n, n // 2)),
    ]
    for bound, sounds in groups:
        clips = np.rint(sounds).astype(np.int16)
        assert np.abs(channels_in_c(clips, spec, program, name) - inputs(clips, spec)).max() <= bound
    # digital silence: the spec's value exactly, and no deltas
    silence = channels_in_c(np.zeros((1, n), np.int16), spec, program, name)
    np.testing.assert_allclose(silence[..., 0], spec.silence_feature, rtol=3e-7, atol=0)
    assert not silence[..., 1:].any()


def test_sums_do_not_lose_precision_in_long_clips(programs: Programs) -> None:
    rng = np.random.default_rng(4)
    clips = np.rint(rng.normal(0, 1000, (1, LONG.clip_samples))).astype(np.int16)
    clips[:, :100] = 0
    assert np.abs(channels_in_c(clips, LONG, programs("float"), "long") - inputs(clips, LONG)).max() <= 2e-5


@pytest.mark.parametrize("name", sorted(SPECS))
@pytest.mark.parametrize("arithmetic", ARITHMETICS)
def test_log_mel_of_one_window(arithmetic: Arithmetic, name: str, programs: Programs) -> None:
    # a clip of one frame: what C computes of its window is the reference's only row
    spec = replace(SPECS[name], center=False, clip_samples=SPECS[name].n_fft)
    offset = (spec.n_fft - spec.win_length) // 2
    for clips, bound in ((signals(spec), LOG_MEL_BOUND), (loud_and_still(spec), LOUD_BOUND)):
        reference = np.stack([log_mel((clip / 32768).astype(np.float32), spec) for clip in clips])[:, 0]
        windows = np.ascontiguousarray(clips[:, offset : offset + spec.win_length])
        bands = np.frombuffer(programs(arithmetic).run(name, "bands", windows), np.float32).reshape(reference.shape)
        assert np.abs(bands - reference).max() < bound
