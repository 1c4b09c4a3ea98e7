"""Passes of the Fourier transform in assembler against those in C: the same bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from emulated_cases import missing_tools, run_emulated

from asc_kit.firmware_gen.frontend.fft import last_turns, twiddles
from asc_kit.hardware.board import load_board

pytestmark = pytest.mark.skipif(bool(missing_tools()), reason=f"needs {missing_tools()}")

# the pass in C once more under another name: that of the header is in assembler
_UNIT = """
#include <string.h>
#include "cases.h"
#include "asc_fft_f32.h"
#include "asc_fft_registers_f32.h"
#ifndef ASC_FFT_REGISTERS_F32
#error "there is no pass in assembler"
#endif
#undef ASC_FFT_REGISTERS_F32
#define asc_fft_pass_8_f32 pass_8
void pass_8(float *x, const float *end, int32_t m, const float *w);
#include "asc_fft_pass_8_portable_f32.c"
#undef asc_fft_pass_8_f32
static float values[FLOATS], others[FLOATS], factors[14 * LONGEST];
/* input: m, factors, values; output: both results */
static void passes(const int8_t *input, int8_t *output) {
    int32_t m;
    memcpy(&m, input, 4);
    memcpy(factors, input + 4, sizeof factors);
    memcpy(values, input + 4 + sizeof factors, sizeof values);
    memcpy(others, values, sizeof others);
    asc_fft_pass_8_f32(values, values + FLOATS, m, factors);
    pass_8(others, others + FLOATS, m, factors);
    memcpy(output, values, sizeof values);
    memcpy(output + sizeof values, others, sizeof others);
}
const case_t cases[N_CASES] = {{passes, 4 + sizeof factors + sizeof values, 2 * sizeof values}};
"""
_WINDOW_UNIT = """
#include <string.h>
#include "cases.h"
#include "asc_fft_registers_f32.h"
#include "asc_fft_window_f32.h"
#ifndef ASC_FFT_REGISTERS_F32
#error "there is no pass in assembler"
#endif
#undef ASC_FFT_REGISTERS_F32
#define asc_fft_window_8x6_f32 window_8x6
void window_8x6(const asc_fft_window_f32_t *c, const int16_t *samples, float *x);
#include "asc_fft_window_8x6_portable_f32.c"
#undef asc_fft_window_8x6_f32
static float values[FLOATS], others[FLOATS], window[6 * FLOATS / 8];
static int16_t samples[6 * FLOATS / 8 + 1];
static uint16_t order[FLOATS / 16];
/* input: window, order, samples; output: both results. Samples begin in the middle of a word, as in a stream */
static void passes(const int8_t *input, int8_t *output) {
    const asc_fft_window_f32_t c = {FLOATS, 6 * FLOATS / 8, window, order};
    memcpy(window, input, sizeof window);
    memcpy(order, input + sizeof window, sizeof order);
    memcpy(samples + 1, input + sizeof window + sizeof order, sizeof samples - 2);
    asc_fft_window_8x6_f32(&c, samples + 1, values);
    window_8x6(&c, samples + 1, others);
    memcpy(output, values, sizeof values);
    memcpy(output + sizeof values, others, sizeof others);
}
const case_t cases[N_CASES] = {{passes, sizeof window + sizeof order + sizeof samples - 2, 2 * sizeof values}};
"""
_PAIRS_UNIT = """
#include <string.h>
#include "cases.h"
#include "asc_fft_power_f32.h"
#include "asc_fft_registers_f32.h"
#ifndef ASC_FFT_REGISTERS_F32
#error "there is no pass in assembler"
#endif
#undef ASC_FFT_REGISTERS_F32
#define asc_fft_power_pairs_f32 power_pairs
void power_pairs(float *x, int32_t n_fft, const float *table);
#include "asc_fft_power_pairs_portable_f32.c"
#undef asc_fft_power_pairs_f32
static float values[FLOATS], others[FLOATS], table[FLOATS / 2];
/* input: n_fft, factors, values; output: both results */
static void passes(const int8_t *input, int8_t *output) {
    int32_t n_fft;
    memcpy(&n_fft, input, 4);
    memcpy(table, input + 4, sizeof table);
    memcpy(values, input + 4 + sizeof table, sizeof values);
    memcpy(others, values, sizeof others);
    asc_fft_power_pairs_f32(values, n_fft, table);
    power_pairs(others, n_fft, table);
    memcpy(output, values, sizeof values);
    memcpy(output + sizeof values, others, sizeof others);
}
const case_t cases[N_CASES] = {{passes, 4 + sizeof table + sizeof values, 2 * sizeof values}};
"""
_BANDS_UNIT = """
#include <string.h>
#include "cases.h"
#include "asc_fft_registers_f32.h"
#include "asc_frontend_f32.h"
#ifndef ASC_FFT_REGISTERS_F32
#error "there are no bands in assembler"
#endif
#undef ASC_FFT_REGISTERS_F32
#define asc_frontend_bands_f32 bands_in_c
void bands_in_c(const asc_frontend_f32_t *c, int32_t n_mels, float *work);
#include "asc_frontend_bands_portable_f32.c"
#undef asc_frontend_bands_f32
#define INTERVALS 32
static float values[FLOATS], others[FLOATS], shares[2 * INTERVALS], scales[INTERVALS];
static uint16_t counts[INTERVALS];
static void take(void *to, const int8_t **input, uint32_t bytes) {
    memcpy(to, *input, bytes);
    *input += bytes;
}
/* input: counts, shares, scales, values; output: both results */
static void passes(const int8_t *input, int8_t *output) {
    asc_frontend_f32_t c;
    memset(&c, 0, sizeof c);
    c.first_bin = 2;
    c.counts = counts;
    c.shares = shares;
    c.scales = scales;
    c.offset = 1e-5f;
    take(counts, &input, sizeof counts);
    take(shares, &input, sizeof shares);
    take(scales, &input, sizeof scales);
    take(values, &input, sizeof values);
    memcpy(others, values, sizeof others);
    asc_frontend_bands_f32(&c, INTERVALS - 1, values);
    bands_in_c(&c, INTERVALS - 1, others);
    memcpy(output, values, sizeof values);
    memcpy(output + sizeof values, others, sizeof others);
}
const case_t cases[N_CASES] = {
    {passes, sizeof counts + sizeof shares + sizeof scales + sizeof values, 2 * sizeof values}};
"""
LENGTHS = (1, 2, 3, 5, 8, 64)
LONGEST = max(LENGTHS)
N_FFT = 512
BOARDS = ("qemu-mps2-an386", "qemu-mps2-an500", "qemu-mps2-an505")


def write_unit(unit: str, floats: int, folder: Path) -> Path:
    """Write a unit with one case for so many floats; return its C file."""
    header = f"#include <stdint.h>\n#define N_CASES 1\n#define FLOATS {floats}\n#define LONGEST {LONGEST}\n"
    header += "typedef struct { void (*run)(const int8_t *, int8_t *); uint32_t input_bytes, output_bytes; } case_t;\n"
    (folder / "cases.h").write_text(header + "extern const case_t cases[N_CASES];\n")
    (folder / "cases.c").write_text(unit)
    return folder / "cases.c"


@pytest.mark.parametrize("board", BOARDS)
def test_the_same_bits(board: str, tmp_path: Path) -> None:
    n = 8 * np.lcm.reduce(LENGTHS)
    unit = write_unit(_UNIT, 2 * n, tmp_path)
    rng = np.random.default_rng(8)
    # of very different sizes, so that every rounding shows
    values = (rng.normal(size=2 * n) * 2.0 ** rng.integers(-20, 20, 2 * n)).astype("<f4")
    requests = b""
    for m in LENGTHS:
        factors = np.zeros((LONGEST, 7), np.complex128)
        factors[:m] = twiddles(8, m)
        interleaved = np.stack([factors.real, factors.imag], axis=-1).astype("<f4")
        requests += (0).to_bytes(4, "little") + m.to_bytes(4, "little") + interleaved.tobytes() + values.tobytes()
    sizes = [16 * n] * len(LENGTHS)
    for _, output in run_emulated([unit], requests, sizes, tmp_path, load_board(board)):
        in_assembler, in_c = np.frombuffer(output, "<u4").reshape(2, -1)
        assert np.array_equal(in_assembler, in_c)
        assert not np.array_equal(in_c, values.view("<u4"))


@pytest.mark.parametrize("board", BOARDS)
def test_the_same_bits_of_a_window(board: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    window = (rng.uniform(size=6 * N_FFT // 8) * 2.0 ** rng.integers(-30, -16, 6 * N_FFT // 8)).astype("<f4")
    order = (2 * rng.permutation(N_FFT // 16)).astype("<u2")
    samples = rng.integers(-32768, 32768, 6 * N_FFT // 8).astype("<i2")
    requests = (0).to_bytes(4, "little") + window.tobytes() + order.tobytes() + samples.tobytes()
    unit = write_unit(_WINDOW_UNIT, N_FFT, tmp_path)
    [(_, output)] = run_emulated([unit], requests, [8 * N_FFT], tmp_path, load_board(board))
    in_assembler, in_c = np.frombuffer(output, "<u4").reshape(2, -1)
    assert np.array_equal(in_assembler, in_c)
    assert in_c.all()


@pytest.mark.parametrize("board", BOARDS)
def test_the_same_bits_of_powers(board: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(10)
    values = (rng.normal(size=N_FFT) * 2.0 ** rng.integers(-20, 20, N_FFT)).astype("<f4")
    unit = write_unit(_PAIRS_UNIT, N_FFT, tmp_path)
    lengths = (8, 16, 24, 48, N_FFT)
    requests = b""
    for n_fft in lengths:
        turns = last_turns(n_fft // 2)
        table = np.zeros(N_FFT // 2, "<f4")
        table[: 2 * turns.size] = np.stack([turns.real, turns.imag], axis=-1).reshape(-1)
        requests += (0).to_bytes(4, "little") + n_fft.to_bytes(4, "little") + table.tobytes() + values.tobytes()
    answers = run_emulated([unit], requests, [8 * N_FFT] * len(lengths), tmp_path, load_board(board))
    for n_fft, (_, output) in zip(lengths, answers, strict=True):
        in_assembler, in_c = np.frombuffer(output, "<u4").reshape(2, -1)
        assert np.array_equal(in_assembler, in_c)
        # 8 powers for each j but 0, four where j is m - j
        assert (in_c != values.view("<u4")).sum() == n_fft // 2 - 4


@pytest.mark.parametrize("board", BOARDS)
def test_the_same_bits_of_bands(board: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    # every number of bins up to 31, none in the first interval, then many
    requests = b""
    for counts in (np.arange(32), np.arange(32)[::-1]):
        shares = np.stack([rng.uniform(0, 0.1, 32), rng.uniform(0, 1, 32)], axis=1).astype("<f4")
        scales = rng.uniform(0.1, 1, 32).astype("<f4")
        values = (rng.uniform(size=1024) * 2.0 ** rng.integers(-20, 20, 1024)).astype("<f4")
        tables = (counts.astype("<u2"), shares, scales, values)
        requests += (0).to_bytes(4, "little") + b"".join(table.tobytes() for table in tables)
    unit = write_unit(_BANDS_UNIT, 1024, tmp_path)
    for _, output in run_emulated([unit], requests, [8 * 1024] * 2, tmp_path, load_board(board)):
        in_assembler, in_c = np.frombuffer(output, "<u4").reshape(2, -1)
        assert np.array_equal(in_assembler, in_c)
        assert not np.array_equal(in_c, values.view("<u4"))
