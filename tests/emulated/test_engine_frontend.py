"""The front end in C on emulated cores, streamed: against the NumPy reference in float64 and against this machine.

With floats on a Cortex-M4F, in integers on a Cortex-M3.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from emulated_cases import missing_tools, run_emulated
from engine_cases import INCLUDES, RUNTIME, WARNINGS
from frontend_cases import CLIP_SPECS, SPECS, loud_and_still, quantization, recording, signals, write_tables

from asc_kit.frontend import log_mel, model_input
from asc_kit.hardware.board import load_board
from asc_kit.quantization import TensorInfo

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")

NAMES = ("dcase2024", "zeros_time_mel", "magnitude_mixed_radix", "odd_half", *CLIP_SPECS)
# at most, for one second of audio at full size: 65 frames; 44 frames, and standardisation and deltas of them, which
# a Cortex-M3 calculates in software. Counted: 10.4, 11.6, 24.2 and 64 million
INSTRUCTIONS = {
    "qemu-mps2-an386": {"dcase2024": 10_800_000, "dsmn": 12_000_000},
    "qemu-mps2-an385": {"dcase2024": 25_000_000, "dsmn": 68_000_000},
}

_UNIT = """
#define asc_frontend_config {name}_config
#include <string.h>
#include "cases.h"
#include "{name}/asc_frontend_tables.c"
#include "{name}/sizes.h"
static int16_t samples[SAMPLES];
static asc_frontend_work_t work[WORDS];
void {name}_case(const int8_t *input, int8_t *output) {{
    int16_t chunk[160];
    asc_frontend_t state;
    asc_frontend_init(&state);
    for (uint32_t at = 0; at < CLIP_SAMPLES; at += 160) {{
        const uint32_t n = CLIP_SAMPLES - at < 160 ? CLIP_SAMPLES - at : 160;
        memcpy(chunk, input + 2 * at, 2 * n);
        asc_frontend_push(&asc_frontend_config, &state, samples, work, output, chunk, n);
    }}
}}
"""
_HOST_MAIN = """
#include <stdio.h>
#include "cases.h"
static int8_t input[1 << 18], output[1 << 18];
int main(void) {
    uint32_t index;
    while (fread(&index, sizeof index, 1, stdin) == 1) {
        if (fread(input, 1, cases[index].input_bytes, stdin) != cases[index].input_bytes) return 1;
        cases[index].run(input, output);
        fwrite(output, 1, cases[index].output_bytes, stdout);
    }
    return 0;
}
"""


@cache
def clips_and_features(name: str) -> tuple[np.ndarray, np.ndarray, TensorInfo]:
    spec = (SPECS | CLIP_SPECS)[name]
    clips = np.concatenate([signals(spec), recording(spec)[:1], loud_and_still(spec)[:4]])
    features = np.stack([model_input(log_mel((clip / 32768).astype(np.float32), spec), spec) for clip in clips])
    return clips, features, quantization(spec, features)


def write_units(board: str, folder: Path) -> list[Path]:
    """Write the front ends of NAMES and the table `cases`; return the C files."""
    units, rows = [folder / "cases.c"], []
    for name in NAMES:
        clips, _, info = clips_and_features(name)
        (folder / name).mkdir()
        write_tables((SPECS | CLIP_SPECS)[name], info, folder / name, load_board(board).frontend)
        units.append(folder / f"{name}.c")
        units[-1].write_text(_UNIT.format(name=name))
        rows.append(f"{{{name}_case, {clips[0].nbytes}, {info.n_elements}}},")
    header = f"#include <stdint.h>\n#define N_CASES {len(NAMES)}\n"
    header += "typedef struct { void (*run)(const int8_t *, int8_t *); uint32_t input_bytes, output_bytes; } case_t;\n"
    header += "extern const case_t cases[N_CASES];\n"
    header += "".join(f"void {name}_case(const int8_t *input, int8_t *output);\n" for name in NAMES)
    (folder / "cases.h").write_text(header)
    (folder / "cases.c").write_text(
        '#include "cases.h"\nconst case_t cases[N_CASES] = {\n' + "\n".join(rows) + "\n};\n"
    )
    return units


def run_on_this_machine(units: Sequence[Path], requests: bytes, folder: Path) -> bytes:
    (folder / "main.c").write_text(_HOST_MAIN)
    runtime = sorted((RUNTIME / "frontend").glob("*.c"))
    command = ["gcc", "-O2", *WARNINGS, *INCLUDES, f"-I{folder}", *map(str, [folder / "main.c", *units, *runtime])]
    subprocess.run([*command, "-o", str(folder / "host"), "-lm"], check=True)
    return subprocess.run([str(folder / "host")], input=requests, capture_output=True, check=True).stdout


@pytest.mark.parametrize("board", INSTRUCTIONS)
def test_features_on_the_board(board: str, tmp_path: Path) -> None:
    units = write_units(board, tmp_path)
    requests, sizes = b"", []
    for index, name in enumerate(NAMES):
        clips, _, info = clips_and_features(name)
        requests += b"".join(index.to_bytes(4, "little") + clip.tobytes() for clip in clips)
        sizes += [info.n_elements] * len(clips)
    answers = run_emulated(units, requests, sizes, tmp_path, load_board(board))
    # the same bits here, where the compiler and the floating-point unit are others
    assert b"".join(output for _, output in answers) == run_on_this_machine(units, requests, tmp_path)
    for name in NAMES:
        clips, features, info = clips_and_features(name)
        own, answers = answers[: len(clips)], answers[len(clips) :]
        actual = np.stack([np.frombuffer(output, np.int8) for _, output in own]).astype(int)
        difference = np.abs(actual - info.quantize(features).reshape(actual.shape))
        assert difference.max() <= 1, name
        assert (difference > 0).mean() <= 0.01, name
        most = max(instructions for instructions, _ in own)
        assert most < INSTRUCTIONS[board].get(name, most + 1), name
