"""Benchmark firmware with a hand-written engine instead of a generated one: the real server and the real ports.

The network sums blocks of its input; the first input value can ask it to misbehave.
"""

from __future__ import annotations

import math
import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from asc_kit.firmware_gen.write.protocol_header import protocol_header
from asc_kit.hardware.board import load_board
from asc_kit.protocol import TimerUnit

ROOT = Path(__file__).parents[2]
APP = ROOT / "firmware_gen" / "app"

# STYLE.md, rule 14
STRICT = (
    "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wundef -Wvla -Wcast-qual -Wdouble-promotion "
    "-Wstrict-prototypes -Wmissing-prototypes -Werror"
).split()
SANITIZE = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

INPUT_BYTES = 1500
OUTPUT_BYTES = 5
INPUT_SIZES, OUTPUT_SIZES = (700, 800), (3, 2)
"""The same bytes as two inputs and two outputs."""
CLIP_SAMPLES = 3000
N_OPERATORS = 200
SPEC_ID = "0123456789abcdef"
FIRMWARE_ID = "fedcba9876543210"
MODEL_SHA256 = bytes(range(32)).hex()

# First input value: what the network does.
SPIN, HANG, FAULT, STACK_OVERFLOW, EXIT, SHORT_SPIN = 100, 101, 102, 103, 104, 105
SPIN_INSTRUCTIONS = 1_400_000_000  # two wraps of a 24-bit timer that counts every 40th
SHORT_SPIN_INSTRUCTIONS = 20_000_000

MODEL_H = f"""
#ifndef ASC_MODEL_H
#define ASC_MODEL_H
#include <stdint.h>
#define ASC_INPUT_BYTES {INPUT_BYTES}u
#define ASC_OUTPUT_BYTES {OUTPUT_BYTES}u
#define ASC_ARENA_BYTES 4000u
#define ASC_N_LABELS {OUTPUT_BYTES}
#define ASC_N_OPERATORS {N_OPERATORS}
#define ASC_SAMPLE_RATE_HZ 8000u
#define ASC_CLIP_SAMPLES {CLIP_SAMPLES}u
typedef struct {{
    int8_t input[ASC_INPUT_BYTES];
    int8_t output[ASC_OUTPUT_BYTES];
    uint32_t samples;
    int32_t remembered;
}} asc_state_t;
typedef uint64_t (*asc_clock_fn)(void);
void asc_init(asc_state_t *state);
uint32_t asc_push_samples(asc_state_t *state, const int16_t *samples, uint32_t n);
void asc_reset_state(asc_state_t *state);
int8_t *asc_input(asc_state_t *state);
int8_t *asc_input_1(asc_state_t *state);
const int8_t *asc_output(const asc_state_t *state);
const int8_t *asc_output_1(const asc_state_t *state);
void asc_run(asc_state_t *state);
void asc_run_profiled(asc_state_t *state, asc_clock_fn clock, uint64_t times[ASC_N_OPERATORS]);
#endif
"""

MODEL_C = f"""
#include "asc_model.h"
#include <stdlib.h>

#ifndef FAKE_HAS_STATE
#define FAKE_HAS_STATE 0
#endif
#ifndef FAKE_IS_CALM /* whatever its input, the network behaves */
#define FAKE_IS_CALM 0
#endif

static void misbehave(int8_t how);
static volatile uint32_t depth;

void asc_init(asc_state_t *state)
{{
    state->samples = 0;
}}

/* a feature is the high byte of every second sample */
uint32_t asc_push_samples(asc_state_t *state, const int16_t *samples, uint32_t n)
{{
    for (uint32_t i = 0; i < n; i++, state->samples++) {{
        if (state->samples % 2u == 0) {{
            state->input[state->samples / 2u] = (int8_t)(samples[i] / 256);
        }}
    }}
    return n;
}}

int8_t *asc_input(asc_state_t *state)
{{
    return state->input;
}}

int8_t *asc_input_1(asc_state_t *state)
{{
    return state->input + {INPUT_SIZES[0]};
}}

const int8_t *asc_output(const asc_state_t *state)
{{
    return state->output;
}}

const int8_t *asc_output_1(const asc_state_t *state)
{{
    return state->output + {OUTPUT_SIZES[0]};
}}

/* each inference adds to the next one's sums */
void asc_reset_state(asc_state_t *state)
{{
    state->remembered = 0;
}}

#ifdef __arm__
static void spin(uint32_t n)
{{
    __asm__ volatile("1: subs %0, %0, #1\\n bne 1b" : "+r"(n) : : "cc");
}}

static void overflow(void)
{{
    volatile uint32_t block[64];
    block[0] = depth++;
    overflow();
    depth += block[0];
}}

static void misbehave(int8_t how)
{{
    switch (how) {{
    case {SPIN}:
        spin({SPIN_INSTRUCTIONS // 2}u);
        break;
    case {SHORT_SPIN}:
        spin({SHORT_SPIN_INSTRUCTIONS // 2}u);
        break;
    case {HANG}:
        for (;;) {{
        }}
    case {FAULT}:
        *(volatile uint32_t *)(uintptr_t)0xFFFFFFF0u = 1;
        break;
    case {STACK_OVERFLOW}:
        overflow();
        break;
    default:
        break;
    }}
}}
#else
static void misbehave(int8_t how)
{{
    switch (how) {{
    case {HANG}:
        for (;;) {{
            depth++;
        }}
    case {EXIT}:
        exit(7);
    default:
        break;
    }}
}}
#endif

void asc_run(asc_state_t *state)
{{
    const uint32_t block = ASC_INPUT_BYTES / ASC_OUTPUT_BYTES;
    misbehave((int8_t)(FAKE_IS_CALM ? 0 : state->input[0]));
    for (uint32_t i = 0; i < ASC_OUTPUT_BYTES; i++) {{
        int32_t sum = 0;
        for (uint32_t j = 0; j < block; j++) {{
            sum += state->input[i * block + j];
        }}
        state->output[i] = (int8_t)((sum + state->remembered) / 512);
    }}
#if FAKE_HAS_STATE
    state->remembered = (state->remembered + 64 * state->input[0]) % 4096;
#endif
    for (uint32_t i = 0; i < ASC_INPUT_BYTES; i++) {{
        state->input[i] = 0;
    }}
}}

void asc_run_profiled(asc_state_t *state, asc_clock_fn clock, uint64_t times[ASC_N_OPERATORS])
{{
    const uint64_t start = clock();
    asc_run(state);
    times[0] = clock() - start;
    for (uint32_t i = 1; i < ASC_N_OPERATORS; i++) {{
        times[i] = i;
    }}
}}
"""


def network(quantized: NDArray[np.int8], remembered: int = 0) -> NDArray[np.int8]:
    """What the fake network computes: C truncates towards zero."""
    sums = quantized.astype(np.int64).reshape(OUTPUT_BYTES, -1).sum(axis=1)
    return np.trunc((sums + remembered) / 512).astype(np.int8)


class RememberingNetwork:
    """The fake network with its state."""

    def __init__(self) -> None:
        self.remembered = 0

    def reset(self) -> None:
        self.remembered = 0

    def run(self, values: bytes) -> bytes:
        quantized = np.frombuffer(values, np.int8)
        output = network(quantized, self.remembered)
        self.remembered = int(math.fmod(self.remembered + 64 * int(quantized[0]), 4096))
        return output.tobytes()


def features(samples: NDArray[np.int16]) -> NDArray[np.int8]:
    """What the fake front end computes."""
    return np.trunc(samples[::2] / 256).astype(np.int8)


def build(
    board_name: str,
    folder: Path,
    *,
    compiler: str | None = None,
    flags: list[str] | None = None,
    port: Path | None = None,
    has_several: bool = False,
    has_state: bool = False,
) -> Path:
    """Compile the firmware for a board, with another port if one is given, and return the image.

    `has_several` gives it two inputs and two outputs; `has_state` a sum that lasts, and no audio.
    """
    board = load_board(board_name)
    unit = {"instructions": TimerUnit.INSTRUCTIONS, "ns": TimerUnit.NS, "cycles": TimerUnit.CYCLES}[board.timer]

    def braces(hexadecimal: str) -> str:
        return "{" + ",".join(f"0x{byte:02x}" for byte in bytes.fromhex(hexadecimal)) + "}"

    (folder / "asc_build.h").write_text(
        f'#define ASC_BOARD_NAME "{board.name}"\n'
        f"#define ASC_TIMER_UNIT {int(unit)}u\n#define ASC_TIMER_HZ {board.clock_hz}u\n"
        f"#define ASC_SPEC_ID_BYTES {braces(SPEC_ID)}\n#define ASC_FIRMWARE_ID_BYTES {braces(FIRMWARE_ID)}\n"
        f"#define ASC_MODEL_SHA256_BYTES {braces(MODEL_SHA256)}\n"
        f"#define ASC_HAS_STATE {int(has_state)}\n"
        f"#define ASC_INPUT_COUNT {len(INPUT_SIZES) if has_several else 1}u\n"
        f"#define ASC_OUTPUT_COUNT {len(OUTPUT_SIZES) if has_several else 1}u\n"
        "#define ASC_INPUT_SIZES "
        f"{{{', '.join(map(str, INPUT_SIZES)) if has_several else INPUT_BYTES}}}\n"
        "#define ASC_OUTPUT_SIZES "
        f"{{{', '.join(map(str, OUTPUT_SIZES)) if has_several else OUTPUT_BYTES}}}\n"
        f"#define ASC_INPUT_FUNCTIONS {{asc_input{', asc_input_1' if has_several else ''}}}\n"
        f"#define ASC_OUTPUT_FUNCTIONS {{asc_output{', asc_output_1' if has_several else ''}}}\n",
        encoding="utf-8",
    )
    (folder / "asc_protocol.h").write_text(protocol_header(), encoding="utf-8")
    header = MODEL_H
    if has_state:  # of such a network nobody knows when a clip begins
        header = header.replace("#define ASC_CLIP_SAMPLES", "#define FAKE_CLIP_SAMPLES")
    (folder / "asc_model.h").write_text(header, encoding="utf-8")
    (folder / "asc_model.c").write_text(MODEL_C, encoding="utf-8")
    image = folder / "firmware.elf"
    command = [
        compiler or board.compiler,
        *(*STRICT, "-Wno-infinite-recursion", *board.toolchain.cflags),
        *(f"-I{path}" for path in (folder, APP, *board.folders)),
        *(str(path) for path in sorted(APP.glob("*.c"))),
        *([str(ROOT / port)] if port else [str(board.files[name]) for name in board.sources]),
        *(str(folder / "asc_model.c"), "-o", str(image), *board.linker_flags(board.folders), *board.toolchain.ldflags),
        *board.toolchain.libraries,
        f"-DFAKE_HAS_STATE={int(has_state)}",
        *(flags or []),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return image
