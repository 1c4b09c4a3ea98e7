"""The front end in C on an emulated Cortex-M4F, streamed: against the NumPy reference in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from emulated_cases import missing_tools, run_emulated
from frontend_cases import CLIP_SPECS, SPECS, quantization, recording, signals, write_tables

from asc_kit.frontend import log_mel, model_input

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")

NAMES = ("dcase2024", "zeros_time_mel", "magnitude_mixed_radix", "odd_half", *CLIP_SPECS)
# one second of audio at full size: 65 frames; 44 frames, and standardisation and deltas of them
INSTRUCTIONS = {"dcase2024": 14_000_000, "dsmn": 14_000_000}

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


def test_features_on_the_board(tmp_path: Path) -> None:
    units, rows, requests, sizes, expected = [], [], b"", [], []
    for index, name in enumerate(NAMES):
        spec = (SPECS | CLIP_SPECS)[name]
        clips = np.concatenate([signals(spec), recording(spec)[:1]])
        reference = [model_input(log_mel((clip / 32768).astype(np.float32), spec), spec) for clip in clips]
        info = quantization(spec, np.stack(reference))
        (tmp_path / name).mkdir()
        write_tables(spec, info, tmp_path / name)
        unit = tmp_path / f"{name}.c"
        unit.write_text(_UNIT.format(name=name))
        units.append(unit)
        rows.append(f"{{{name}_case, {clips[0].nbytes}, {info.n_elements}}},")
        for clip, features in zip(clips, reference, strict=True):
            requests += index.to_bytes(4, "little") + clip.tobytes()
            sizes.append(info.n_elements)
            expected.append(info.quantize(features).reshape(-1))
    header = f"#include <stdint.h>\n#define N_CASES {len(NAMES)}\n"
    header += "typedef struct { void (*run)(const int8_t *, int8_t *); uint32_t input_bytes, output_bytes; } case_t;\n"
    header += "extern const case_t cases[N_CASES];\n"
    header += "".join(f"void {name}_case(const int8_t *input, int8_t *output);\n" for name in NAMES)
    (tmp_path / "cases.h").write_text(header)
    (tmp_path / "cases.c").write_text(
        '#include "cases.h"\nconst case_t cases[N_CASES] = {\n' + "\n".join(rows) + "\n};\n"
    )
    answers = run_emulated([*units, tmp_path / "cases.c"], requests, sizes, tmp_path)
    clips_each = len(answers) // len(NAMES)
    for index, name in enumerate(NAMES):
        part = slice(index * clips_each, (index + 1) * clips_each)
        actual = np.stack([np.frombuffer(output, np.int8) for _, output in answers[part]]).astype(int)
        difference = np.abs(actual - np.stack(expected[part]))
        assert difference.max() <= 1, name
        assert (difference > 0).mean() <= 0.01, name
        if name in INSTRUCTIONS:
            assert max(instructions for instructions, _ in answers[part]) < INSTRUCTIONS[name]
