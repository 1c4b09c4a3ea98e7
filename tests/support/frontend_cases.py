"""Front ends of every kind, signals for them, and a program that runs the front end in C."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from asc_kit.board import Arithmetic
from asc_kit.firmware_gen.emit import ModelInfo, template
from asc_kit.firmware_gen.frontend_tables import FrontEndTables, frontend_tables
from asc_kit.frontend import FrontEndSpec
from asc_kit.quantization import TensorInfo
from asc_kit.train.recipe import load_recipe

SPECS = {
    "dcase2024": FrontEndSpec(
        sample_rate_hz=32000,
        clip_samples=32000,
        n_fft=4096,
        win_length=3072,
        hop_length=500,
        n_mels=256,
        f_max_hz=16000.0,
    ),
    "zeros_time_mel": FrontEndSpec(
        sample_rate_hz=16000,
        clip_samples=8000,
        n_fft=1024,
        win_length=1024,
        hop_length=256,
        n_mels=64,
        f_max_hz=8000.0,
        pad_mode="constant",
        layout="time_mel",
        log="log10",
        mel_scale="slaney",
        mel_norm="slaney",
    ),
    "magnitude_mixed_radix": FrontEndSpec(
        sample_rate_hz=8000,
        clip_samples=3001,
        n_fft=480,
        win_length=401,
        hop_length=160,
        n_mels=40,
        f_min_hz=60.0,
        f_max_hz=3800.0,
        power=1,
        window="hamming",
        window_periodic=False,
    ),
    "not_centred": FrontEndSpec(
        sample_rate_hz=8000,
        clip_samples=4000,
        n_fft=512,
        win_length=320,
        hop_length=200,
        n_mels=32,
        f_max_hz=4000.0,
        center=False,
    ),
    "hop_beyond_window": FrontEndSpec(
        sample_rate_hz=8000,
        clip_samples=4003,
        n_fft=300,
        win_length=100,
        hop_length=333,
        n_mels=20,
        f_max_hz=4000.0,
    ),
    "odd_half": FrontEndSpec(
        sample_rate_hz=8000, clip_samples=1000, n_fft=90, win_length=90, hop_length=1, n_mels=12, f_max_hz=4000.0
    ),
    "short_clip": FrontEndSpec(
        sample_rate_hz=8000, clip_samples=129, n_fft=256, win_length=256, hop_length=16, n_mels=16, f_max_hz=4000.0
    ),
}
# those that need a whole clip's log-mel values
CLIP_SPECS = {
    "dsmn": load_recipe("dsmn_model1").frontend,
    "standardised": replace(SPECS["not_centred"], standardize="clip"),
    "deltas": replace(SPECS["magnitude_mixed_radix"], delta_width=9),
    "both_mel_time": replace(SPECS["odd_half"], standardize="clip", delta_width=3, hop_length=50),
}

# with a number: features of clips on standard input, in chunks of so many samples; "bands": log-mel of windows;
# "clip": the channels of clips, not quantized
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "asc_frontend.h"
#include "sizes.h"
static int16_t clip[2 * CLIP_SAMPLES];
static int16_t samples[SAMPLES];
static asc_frontend_work_t work[WORDS];
static float bands[N_MELS];
static int8_t output[INPUT_BYTES];
int main(int argc, char **argv) {
    const asc_frontend_config_t *const c = &asc_frontend_config;
    if (argc != 2) return 1;
    if (strcmp(argv[1], "bands") == 0) {
        while (fread(clip, sizeof *clip, (size_t)c->win_length, stdin) == (size_t)c->win_length) {
            c->bands(c, clip, work);
            asc_frontend_log_mel(c, work, bands);
            fwrite(bands, sizeof *bands, N_MELS, stdout);
        }
        return 0;
    }
    if (strcmp(argv[1], "clip") == 0) {
        /* the channels before quantization: the first is left in work, the second computed once more */
        while (fread(clip, sizeof *clip, CLIP_SAMPLES, stdin) == CLIP_SAMPLES) {
            asc_frontend_t state;
            asc_frontend_init(&state);
            if (asc_frontend_push(c, &state, samples, work, output, clip, CLIP_SAMPLES) != CLIP_SAMPLES) return 4;
            const float *const values = &work[c->n_fft + 2].f32;
            fwrite(values, sizeof *values, (size_t)(c->n_frames * c->n_mels), stdout);
            asc_frontend_scaling_t scaling = {0.0f, 0.0f, 1.0f};
            if (c->standardize) scaling = asc_frontend_scaling(c, values, 1);
            for (int32_t t = 0; c->delta_reach && t < c->n_frames; ++t) {
                for (int32_t m = 0; m < c->n_mels; ++m) {
                    const float delta = asc_frontend_delta(c, values + t * c->n_mels + m, t);
                    bands[m] = asc_frontend_scaled(scaling, delta);
                }
                fwrite(bands, sizeof *bands, N_MELS, stdout);
            }
        }
        return 0;
    }
    const uint32_t chunk = (uint32_t)atoi(argv[1]);
    while (fread(clip, sizeof *clip, CLIP_SAMPLES, stdin) == CLIP_SAMPLES) {
        asc_frontend_t state;
        asc_frontend_init(&state);
        uint32_t at = 0;
        while (at < CLIP_SAMPLES) {
            /* the last chunk offers more samples than the clip has left */
            const uint32_t taken = asc_frontend_push(c, &state, samples, work, output, clip + at, chunk);
            if (taken == 0 || taken > chunk) return 2;
            at += taken;
        }
        if (at != CLIP_SAMPLES || asc_frontend_push(c, &state, samples, work, output, clip, 1) != 0) return 3;
        fwrite(output, 1, INPUT_BYTES, stdout);
    }
    return 0;
}
"""


def signals(spec: FrontEndSpec) -> np.ndarray:
    """Clips, int16: noise, a chirp, full-scale square waves, near silence, an impulse."""
    rng = np.random.default_rng(1)
    n = spec.clip_samples
    t = np.arange(n) / n
    clips = [
        rng.normal(0, 3000, n),
        12000 * np.sin(np.pi * n * t**2 / 2) + rng.normal(0, 30, n),
        32767 * np.sign(np.sin(2 * np.pi * 37.5 * t) + 1e-9),
        rng.integers(-1, 2, n),
        np.where(np.arange(n) == n // 2, 32767, 0) + rng.normal(0, 10, n),
    ]
    return np.stack([np.clip(np.rint(clip), -32768, 32767) for clip in clips]).astype(np.int16)


def recording(spec: FrontEndSpec) -> np.ndarray:
    """Clips, int16, as recordings are: noise with a falling spectrum, events in time, a tone; at four levels."""
    rng = np.random.default_rng(2)
    n = spec.clip_samples
    t = np.arange(n) / spec.sample_rate_hz
    spectrum = np.fft.rfft(rng.normal(0, 1, n)) / (1 + np.arange(n // 2 + 1) / n * 100)
    noise = np.fft.irfft(spectrum, n)
    events = np.exp(-((t % (0.3 * n / spec.sample_rate_hz)) * 40 * spec.sample_rate_hz / n))
    sound = noise / noise.std() * (0.2 + events) + 0.5 * np.sin(2 * np.pi * spec.sample_rate_hz / 20 * t)
    clips = [level * sound / np.abs(sound).max() for level in (30000, 3000, 300, 60)]
    return np.stack([np.rint(clip) for clip in clips]).astype(np.int16)


def quantization(spec: FrontEndSpec, features: np.ndarray) -> TensorInfo:
    """What a converter would choose for these features or inputs of the model."""
    scale = float(np.float32((features.max() - features.min()) / 255)) or 1.0
    zero_point = int(np.clip(-128 - round(float(features.min()) / scale), -128, 127))
    return TensorInfo(shape=spec.input_shape, scale=scale, zero_point=zero_point)


def write_tables(spec: FrontEndSpec, info: TensorInfo, folder: Path, arithmetic: Arithmetic = "float") -> Path:
    """Write asc_frontend_tables.c and sizes.h; return the former."""
    tables = frontend_tables(spec, info, arithmetic)
    source = folder / "asc_frontend_tables.c"
    source.write_text(tables_source(tables, spec, info))
    sizes = {
        "CLIP_SAMPLES": spec.clip_samples,
        "SAMPLES": tables.buffer_samples,
        "WORDS": tables.work_words,
        "N_MELS": spec.n_mels,
        "INPUT_BYTES": info.n_elements,
    }
    (folder / "sizes.h").write_text("".join(f"#define {name} {value}\n" for name, value in sizes.items()))
    return source


def tables_source(tables: FrontEndTables, spec: FrontEndSpec, info: TensorInfo) -> str:
    """Return the text of asc_frontend_tables.c."""
    from asc_kit.board import Arithmetic
from asc_kit.firmware_gen.emit import frontend_values

    model = ModelInfo(name="test", labels=("a",), frontend=spec, input=info, output=info, model_sha256="0" * 64)
    return str(template("asc_frontend_tables.c.j2").render(frontend_values(tables, model)))
