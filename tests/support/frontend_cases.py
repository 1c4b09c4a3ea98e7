"""Front ends of every kind, signals for them, and a program that runs the front end in C."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from engine_cases import compile_objects

from asc_kit.errors import SpecError
from asc_kit.firmware_gen.frontend.tables import FrontEndTables, frontend_tables
from asc_kit.firmware_gen.read.model import ModelInfo
from asc_kit.firmware_gen.write.emit import template
from asc_kit.frontend import FrontEndSpec
from asc_kit.hardware.board import Arithmetic
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


def random_specs(n: int) -> dict[str, FrontEndSpec]:
    """Front ends with every field drawn at random, small ones.

    No log_offset is more than 120 dB below a full-scale constant: below, bands that hold nothing else hold rounding
    errors, see docs/frontend.md.
    """
    rng = np.random.default_rng(7)
    lengths = [2 * 2**a * 3**b * 5**c for a in range(2, 9) for b in range(3) for c in range(4)]
    specs: dict[str, FrontEndSpec] = {}
    while len(specs) < n:
        n_fft = int(rng.choice([length for length in lengths if length <= 1200]))
        clip_samples = int(rng.integers(n_fft // 2 + 1, 6 * n_fft))
        rate, power = int(rng.choice([8000, 22050])), int(rng.integers(1, 3))
        try:
            specs[f"random_{len(specs)}"] = FrontEndSpec(
                sample_rate_hz=rate,
                clip_samples=clip_samples,
                n_fft=n_fft,
                win_length=int(rng.choice([n_fft, rng.integers(1, n_fft + 1)])),
                hop_length=int(rng.integers(clip_samples // 40 + 1, 2 * n_fft)),
                window=rng.choice(["hann", "hamming"]),
                window_periodic=bool(rng.integers(2)),
                center=bool(rng.integers(2)),
                pad_mode=rng.choice(["reflect", "constant"]),
                power=power,
                n_mels=int(rng.integers(1, min(n_fft // 2 + 2, 130))),
                mel_scale=rng.choice(["htk", "slaney"]),
                mel_norm=rng.choice(["none", "slaney"]),
                f_min_hz=float(rng.choice([0.0, 20.0, rate / 16])),
                f_max_hz=float(rng.choice([rate / 2, rate / 2.5])),
                log=rng.choice(["natural", "log10"]),
                log_offset=float(rng.choice([1e-5, 1e-3])) * (100 if power == 1 else 1),
                layout=rng.choice(["mel_time", "time_mel"]),
                standardize=rng.choice(["none", "clip"]),
                delta_width=int(rng.choice([0, 0, 3, 5])),
            )
        except SpecError:
            continue
    return specs


# argv: a case, then what to do with standard input. A number: features of clips, in chunks of so many samples;
# "bands": log-mel of windows; "bins": powers or magnitudes of windows, one word or (integers) two for each;
# "listen HOP BLOCK GATE": features of a stream's windows, in blocks of so many samples;
# "quantize": int8 of the bits of bands; "clip": the channels of clips, not quantized.
# Memory is allocated to the byte, so that a sanitizer sees every step beyond it.
_PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cases.h"
#include "asc_frontend_quantize.h"
#include "asc_listen.h"
static const asc_frontend_config_t *c;
static asc_frontend_work_t *work;
static int16_t *clip;
static void write_floats(const float *values, int32_t n) {
    fwrite(values, sizeof *values, (size_t)n, stdout);
}
static int push(int16_t *samples, int8_t *output, uint32_t chunk) {
    asc_frontend_t state;
    asc_frontend_init(&state);
    uint32_t at = 0;
    while (at < (uint32_t)c->clip_samples) {
        /* the last chunk offers more samples than the clip has left */
        const uint32_t taken = asc_frontend_push(c, &state, samples, work, output, clip + at, chunk);
        if (taken == 0 || taken > chunk) return 2;
        at += taken;
    }
    return at != (uint32_t)c->clip_samples || asc_frontend_push(c, &state, samples, work, output, clip, 1) != 0;
}
static void write_channels(float *bands) {
    /* the first is left in work, the second computed once more */
    const float *const values = &work[c->n_fft + 2].f32;
    write_floats(values, c->n_frames * c->n_mels);
    asc_frontend_scaling_t scaling = {0.0f, 0.0f, 1.0f};
    if (c->standardize) scaling = asc_frontend_scaling(c, values, 1);
    for (int32_t t = 0; c->delta_reach && t < c->n_frames; ++t) {
        for (int32_t m = 0; m < c->n_mels; ++m) {
            const float delta = asc_frontend_delta(c, values + t * c->n_mels + m, t);
            bands[m] = asc_frontend_scaled(scaling, delta);
        }
        write_floats(bands, c->n_mels);
    }
}
static int listen(int16_t *samples, int8_t *output, size_t output_bytes, const char *how) {
    asc_listen_t state;
    int hop, block, gate;
    if (sscanf(how, "listen %d %d %d", &hop, &block, &gate) != 3) return 1;
    int16_t *const audio = malloc(2u * (size_t)block);
    void *const ring = malloc((size_t)(c->n_frames * c->n_mels) * (c->finish_clip != NULL ? 4u : 1u));
    asc_listen_start(c, &state, hop);
    state.gate = (uint32_t)gate;
    int failed = 0;
    uint32_t n;
    while (!failed && (n = (uint32_t)fread(audio, 2, (size_t)block, stdin)) != 0) {
        for (uint32_t at = 0; at < n && !failed;) {
            const uint32_t taken = asc_listen_take(c, &state, samples, work, ring, output, audio + at, n - at);
            failed = taken == 0 || taken > n - at || (taken < n - at && !state.due) ? 3 : 0;
            at += taken;
            /* a run spoils its input */
            if (state.due) fwrite(output, 1, output_bytes, stdout);
            memset(output, 0x55, output_bytes);
        }
    }
    fprintf(stderr, "%u", (unsigned)state.quiet);
    free(audio);
    free(ring);
    return failed;
}
static void quantize(void) {
    uint32_t bits;
    while (fread(&bits, sizeof bits, 1, stdin) == 1) {
        const int8_t q = asc_frontend_quantize_band(c->thresholds, c->guess_start, c->guess_slope, bits);
        fwrite(&q, 1, 1, stdout);
    }
}
int main(int argc, char **argv) {
    const frontend_case_t *one = cases;
    if (argc != 3) return 1;
    while (one->name != NULL && strcmp(one->name, argv[1]) != 0) ++one;
    if (one->name == NULL) return 1;
    c = one->config;
    const uint32_t chunk = (uint32_t)atoi(argv[2]);
    clip = malloc(2u * ((size_t)c->clip_samples + chunk));
    int16_t *const samples = malloc(2u * (size_t)one->samples);
    work = malloc(4u * (size_t)one->words);
    float *const bands = malloc(4u * (size_t)c->n_mels);
    int8_t *const output = malloc((size_t)one->output_bytes);
    int failed = 0;
    memset(samples, 0, 2u * (size_t)one->samples);
    if (strcmp(argv[2], "quantize") == 0) quantize();
    if (strncmp(argv[2], "listen", 6) == 0) failed = listen(samples, output, (size_t)one->output_bytes, argv[2]);
    if (strcmp(argv[2], "bands") == 0 || strcmp(argv[2], "bins") == 0) {
        while (fread(samples, 2, (size_t)c->win_length, stdin) == (size_t)c->win_length) {
            memset(samples + c->win_length, 0x55, 2u * (size_t)(one->samples - c->win_length));
            if (argv[2][1] == 'i') {
                one->bins(c, samples, work);
            } else {
                c->bands(c, samples, work);
                asc_frontend_log_mel(c, work, bands);
                write_floats(bands, c->n_mels);
            }
        }
    }
    while ((chunk != 0 || strcmp(argv[2], "clip") == 0) && !failed &&
           fread(clip, 2, (size_t)c->clip_samples, stdin) == (size_t)c->clip_samples) {
        failed = push(samples, output, chunk != 0 ? chunk : (uint32_t)c->clip_samples);
        if (chunk != 0) {
            fwrite(output, 1, (size_t)one->output_bytes, stdout);
        } else {
            write_channels(bands);
        }
    }
    free(clip);
    free(samples);
    free(work);
    free(bands);
    free(output);
    return failed;
}
"""
_HEADER = """
#include "asc_frontend.h"
typedef struct {
    const char *name;
    const asc_frontend_config_t *config;
    void (*bins)(const asc_frontend_config_t *c, const int16_t *samples, asc_frontend_work_t *work);
    int32_t samples, words, output_bytes;
} frontend_case_t;
extern const frontend_case_t cases[];
void write_bins(const asc_frontend_config_t *config, const int16_t *samples, asc_frontend_work_t *work);
"""
_BINS = {
    "float": """
#include <stdio.h>
#include "asc_frontend_f32.h"
#include "cases.h"
void write_bins(const asc_frontend_config_t *config, const int16_t *samples, asc_frontend_work_t *work) {
    asc_frontend_spectrum_f32(config->tables, samples, &work->f32);
    for (int32_t k = 0; k <= config->n_fft; k += 2) fwrite(work + k, 4, 1, stdout);
}
""",
    "fixed": """
#include <stdio.h>
#include "asc_frontend_s32.h"
#include "cases.h"
void write_bins(const asc_frontend_config_t *config, const int16_t *samples, asc_frontend_work_t *work) {
    asc_frontend_spectrum_s32(config->tables, samples, 1 << 16, &work->s32);
    fwrite(work, 4, (size_t)config->n_fft + 2, stdout);
}
""",
}


# names in asc_frontend_tables.c, but not those of fields
_STATIC_NAMES = re.compile(
    r"(?<![.\w])(window|order|twiddles|last_table|turns|counts|slopes|shares|scales|thresholds|passes|tables"
    r"|asc_frontend_config)\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEndProgram:
    """A program that runs the front end in C."""

    path: Path
    """Where it is."""

    def run(self, name: str, what: str | int, data: np.ndarray) -> bytes:
        """Run a case: see the program's text."""
        return self._run(name, what, data).stdout

    def listen(self, name: str, data: np.ndarray, *, hop: int, block: int, gate: int = 0) -> tuple[bytes, int]:
        """Return the features of all windows of a stream, and how many were left out because they were too quiet."""
        done = self._run(name, f"listen {hop} {block} {gate}", data)
        return done.stdout, int(done.stderr)

    def _run(self, name: str, what: str | int, data: np.ndarray) -> subprocess.CompletedProcess[bytes]:
        command = [str(self.path), name, str(what)]
        done = subprocess.run(command, input=data.tobytes(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done


def build_program(
    cases: Mapping[str, tuple[FrontEndSpec, TensorInfo]],
    arithmetic: Arithmetic,
    folder: Path,
    compiler: Sequence[str],
    kernels: Sequence[Path],
) -> FrontEndProgram:
    """Compile front ends into one program; `kernels` are the runtime's object files."""
    (folder / "cases.h").write_text(_HEADER)
    (folder / "main.c").write_text(_PROGRAM)
    (folder / "bins.c").write_text(_BINS[arithmetic])
    units, rows = ['#include "cases.h"'], []
    for name, (spec, info) in cases.items():
        tables = frontend_tables(spec, info, arithmetic)
        # one unit for all: the compiler starts once
        units.append(_STATIC_NAMES.sub(rf"{name}_\1", tables_source(tables, spec, info)))
        sizes = f"{tables.buffer_samples}, {tables.work_words}, {info.n_elements}"
        rows.append(f'    {{"{name}", &{name}_asc_frontend_config, write_bins, {sizes}}},')
    units += ["const frontend_case_t cases[] = {", *rows, "    {0, 0, 0, 0, 0, 0},", "};"]
    (folder / "cases.c").write_text("\n".join(units) + "\n")
    sources = [folder / "main.c", folder / "bins.c", folder / "cases.c"]
    objects = compile_objects(compiler, sources, folder / "objects", folder)
    frontend = [path for path in kernels if path.stem.startswith(("asc_frontend", "asc_fft", "asc_listen"))]
    program = folder / "program"
    subprocess.run([*compiler, "-o", str(program), *map(str, [*objects, *frontend]), "-lm"], check=True)
    return FrontEndProgram(path=program)


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


def loud_and_still(spec: FrontEndSpec) -> np.ndarray:
    """Clips, int16: digital silence, constants, a loud and a soft tone, the lowest sample, the smallest noise."""
    rng = np.random.default_rng(3)
    n = spec.clip_samples
    tone = np.sin(2 * np.pi * 0.0371 * np.arange(n))
    clips = [
        np.zeros(n),
        np.full(n, 32767),
        np.full(n, 3),
        32767 * tone + rng.normal(0, 3, n),
        5 * tone + rng.normal(0, 1, n),
        np.where(np.arange(n) % 100 < 50, -32768, 32767),
        rng.integers(-1, 1, n),
    ]
    return np.stack([np.clip(np.rint(clip), -32768, 32767) for clip in clips]).astype(np.int16)


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
    from asc_kit.firmware_gen.write.emit import frontend_values

    model = ModelInfo(name="test", labels=("a",), frontend=spec, input=info, output=info, model_sha256="0" * 64)
    return str(template("asc_frontend_tables.c.j2").render(frontend_values(tables, model)))
