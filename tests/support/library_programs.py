"""Programs around a generated library that run on this machine and, by the same C, on an emulated board."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from emulated_cases import run_image
from engine_cases import WARNINGS

from asc_kit.hardware.board import load_board

_CASES_H = """#include <stdint.h>
#define N_CASES 1
typedef struct {{
    void (*run)(const int8_t *input, int8_t *output);
    uint32_t input_bytes, output_bytes;
}} case_t;
extern const case_t cases[N_CASES];
void program(const int8_t *input, int8_t *output);
#define INPUT_BYTES {input}
#define OUTPUT_BYTES {output}
"""
_CASES_C = '#include "cases.h"\nconst case_t cases[N_CASES] = {{program, INPUT_BYTES, OUTPUT_BYTES}};\n'
_HOST_MAIN = """#include <stdio.h>
#include "cases.h"
static int8_t input[INPUT_BYTES + 1], output[OUTPUT_BYTES];
int main(void) {
    if (fread(input, 1, INPUT_BYTES, stdin) != INPUT_BYTES) {
        return 1;
    }
    program(input, output);
    return fwrite(output, 1, OUTPUT_BYTES, stdout) != OUTPUT_BYTES;
}
"""
MISUSE = """
#include <string.h>
#include "asc_model.h"
#include "cases.h"
static asc_state_t state;
static int16_t samples[ASC_CLIP_SAMPLES];
static uint64_t times[ASC_N_OPERATORS];
static asc_state_t before;
static int8_t nested;
static uint64_t interrupt(void) {
    nested = (int8_t)asc_run(&state);
    return 0;
}
typedef char exact_t[sizeof(asc_state_t) == ASC_RAM_BYTES ? 1 : -1];
void program(const int8_t *input, int8_t *output) {
    const asc_clock_fn clock = interrupt;
    (void)input;
    /* null pointers */
    *output++ = (int8_t)asc_init(0);
    *output++ = (int8_t)asc_run(0);
    *output++ = (int8_t)asc_run_profiled(0, clock, times);
    *output++ = asc_input(0) == 0 && asc_output(0) == 0 && asc_push_samples(0, samples, 1) == 0u;
    /* no asc_init, in memory of zeros and of anything */
    *output++ = (int8_t)asc_run(&state);
    *output++ = asc_push_samples(&state, samples, 1) == 0u;
    memset(&state, 0xA5, sizeof state);
    *output++ = (int8_t)asc_run(&state);
    (void)asc_input(&state);
    *output++ = (int8_t)asc_run(&state);
    /* too few samples: nothing changes, and the clip can be completed */
    *output++ = (int8_t)asc_init(&state);
    *output++ = (int8_t)asc_run(&state);
    *output++ = asc_push_samples(&state, 0, 5) == 0u;
    *output++ = asc_push_samples(&state, samples, ASC_CLIP_SAMPLES - 1) == ASC_CLIP_SAMPLES - 1;
    (void)asc_input(&state); /* to look at the features so far */
    memcpy(&before, &state, sizeof state);
    *output++ = (int8_t)asc_run(&state);
    *output++ = (int8_t)asc_run_profiled(&state, 0, times);
    *output++ = memcmp(&before, &state, sizeof state) == 0;
    *output++ = asc_push_samples(&state, samples, 7) == 1u;
    *output++ = (int8_t)asc_run(&state);
    /* twice */
    *output++ = (int8_t)asc_run(&state);
    *output++ = asc_push_samples(&state, samples, 1) == 0u;
    /* features of one's own, without samples: the same silence */
    (void)asc_init(&state);
    memset(asc_input(&state), (int)before.arena.bytes[asc_input(&before) - before.arena.bytes], ASC_INPUT_BYTES);
    *output++ = (int8_t)asc_run(&state);
    *output++ = (int8_t)asc_run(&state);
    (void)asc_input(&state);
    *output++ = (int8_t)asc_run_profiled(&state, clock, times);
    *output++ = nested;
}
"""
"""Every wrong use of a bundle's library that it can notice, one after the other."""
PIECES = """
#include <string.h>
#include "asc_model.h"
#include "cases.h"
static asc_state_t state;
typedef char exact_t[sizeof(asc_state_t) == ASC_RAM_BYTES ? 1 : -1];
void program(const int8_t *input, int8_t *output) {
    uint32_t pieces = 1, refused = 0;
    (void)asc_init(&state);
    memcpy(asc_input(&state), input, ASC_INPUT_BYTES);
    (void)asc_run(&state);
    memcpy(output, asc_output(&state), ASC_OUTPUT_BYTES);
    output += ASC_OUTPUT_BYTES;
    /* given up in the middle, and begun anew */
    memcpy(asc_input(&state), input, ASC_INPUT_BYTES);
    (void)asc_run_step(&state);
    (void)asc_run_step(&state);
    (void)asc_init(&state);
    memcpy(asc_input(&state), input, ASC_INPUT_BYTES);
    while (asc_run_step(&state) == ASC_MORE) {
        ++pieces;
        refused += asc_run(&state) == ASC_ERROR_RUNNING;
    }
    memcpy(output, asc_output(&state), ASC_OUTPUT_BYTES);
    output += ASC_OUTPUT_BYTES;
    *output++ = pieces == ASC_N_PIECES && refused == pieces - 1u;
    *output++ = (int8_t)asc_run_step(&state);
    *output++ = (int8_t)asc_run_step(0);
}
"""
"""A run at once, and one in pieces."""
OK, NULL, NOT_INITIALIZED, NO_INPUT, RUNNING = range(5)
MISUSE_ANSWERS = bytes(
    [NULL, NULL, NULL, True, NOT_INITIALIZED, True, NOT_INITIALIZED, NOT_INITIALIZED]
    + [OK, NO_INPUT, True, True, NO_INPUT, NULL, True, True, OK, NO_INPUT, True, OK, NO_INPUT, OK, RUNNING]
)


def run_program(
    text: str, engines: Sequence[Path], request: bytes, n_answer: int, folder: Path, board: str | None = None
) -> bytes:
    """Return what a program writes that is compiled with the files of some engines.

    Parameters
    ----------
    text
        C with `void program(const int8_t *input, int8_t *output)`, which includes cases.h.
    engines
        Folders of engines; this machine compiles all of their files, a board one of those with the same name.
    request
        Its input.
    n_answer
        Bytes of its output.
    folder
        Where to work.
    board
        Name of the emulated board; None for this machine, under sanitizers.
    """
    (folder / "cases.h").write_text(_CASES_H.format(input=len(request), output=n_answer))
    (folder / "cases.c").write_text(_CASES_C)
    (folder / "program.c").write_text(text)
    (folder / "main.c").write_text(_HOST_MAIN)
    files = [path for engine in engines for path in sorted(engine.glob("*.[cS]"))]
    sources = [folder / "program.c", *files]
    if board is not None:
        sources = [folder / "program.c", *{path.name: path for path in files}.values()]
        sources += [folder / "cases.c", Path(__file__).with_name("emulated_main.c")]
        return run_image(sources, bytes(4) + request, folder, load_board(board), engines)[4:]
    command = ["gcc", "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", *WARNINGS]
    command += [f"-I{engine}" for engine in engines]
    command += [str(path) for path in (*sources, folder / "main.c")]
    subprocess.run([*command, "-lm", "-o", str(folder / "program")], check=True)
    return subprocess.run([folder / "program"], input=request, capture_output=True, check=True).stdout


LISTEN = """
#include <string.h>
#include "asc_listener.h"
#include "cases.h"
#define HOP_FRAMES 5
#define BLOCK 100
static asc_state_t state;
static asc_listener_t listener;
static asc_follower_t follower;
static int16_t block[BLOCK];
void program(const int8_t *input, int8_t *output) {
    const int8_t *const end = input + INPUT_BYTES;
    int8_t *const last = output + OUTPUT_BYTES;
    /* before it is started, and with null pointers, nothing is taken */
    *output++ = asc_listen_push(&state, &listener, block, 1) == 0u;
    *output++ = (int8_t)asc_listen_init(&state, 0, HOP_FRAMES);
    *output++ = (int8_t)asc_listen_init(0, &listener, HOP_FRAMES);
    *output++ = asc_listen_push(0, &listener, block, 1) == 0u;
    *output++ = (int8_t)asc_listen_init(&state, &listener, HOP_FRAMES);
    *output++ = asc_listen_push(&state, &listener, 0, 1) == 0u;
    *output++ = (int8_t)asc_run(&state);
    asc_follower_init(&follower, HOP_FRAMES);
    while (end - input >= 2 * BLOCK) {
        const int16_t *samples = block;
        uint32_t n = BLOCK;
        memcpy(block, input, sizeof block);
        input += sizeof block;
        while (n > 0) {
            const uint32_t taken = asc_listen_push(&state, &listener, samples, n);
            samples += taken;
            n -= taken;
            if (listener.stream.due != 0 && last - output >= ASC_INPUT_BYTES + ASC_OUTPUT_BYTES + 2) {
                memcpy(output, asc_input(&state), ASC_INPUT_BYTES);
                output += ASC_INPUT_BYTES;
                *output++ = (int8_t)asc_run(&state);
                memcpy(output, asc_output(&state), ASC_OUTPUT_BYTES);
                output += ASC_OUTPUT_BYTES;
                *output++ = (int8_t)asc_follower_take(&follower, &state);
            }
        }
    }
}
"""
"""A library that listens to a stream in blocks: for each window its features, the status, the outputs, the scene."""
LISTEN_HOP_FRAMES = 5
LISTEN_ANSWERS = bytes([True, NULL, NULL, True, OK, True, NO_INPUT])
