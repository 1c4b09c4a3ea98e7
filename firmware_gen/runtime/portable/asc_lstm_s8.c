/*
 * UNIDIRECTIONAL_SEQUENCE_LSTM with int8 activations and an int16 cell, without peepholes, projection and
 * normalization.
 *
 * Formula   of each gate k, with x the input, h the hidden state and sat to int16:
 *           g_k = sat(scale(W_k x + bias_k) + sat(scale(R_k h + recurrent_bias_k)))
 *           c <- sat(round(sigmoid(g_forget) c / 2^15) + round(sigmoid(g_input) tanh(g_cell) / 2^(15 + cell_bits)))
 *           h <- clamp(scale(sigmoid(g_output) tanh(c)) + zero_point)
 *           Coupled gates: sigmoid(g_input) is 32767 - sigmoid(g_forget).
 * Shapes    input [steps][inputs], hidden [cells], cell [cells] of two bytes each, output [steps][cells]
 * Overflow  the generator bounds the sums by 2^31
 * Overlap   none
 * Exact     TFLite BUILTIN_REF; sigmoid and tanh are gemmlowp's, of 16 bits
 * Source    docs/quantization.md, equation (24'); S. Hochreiter, J. Schmidhuber, "Long short-term memory", 1997
 */
#include <string.h>

#include "asc_kernels.h"

enum { GATE_INPUT, GATE_FORGET, GATE_CELL, GATE_OUTPUT };

#define ONE 32767        /* in Q0.15 */
#define GATE_BITS 3      /* integer bits of a gate's sum */
#define ONE_Q13 8192     /* in Q2.13 */
#define EXP_EIGHTH 28918 /* exp(-1/8) in Q0.15 */
#define THIRD 10923
#define C_48_17 23130    /* 48/17 in Q2.13 */
#define C_32_17 (-15420) /* -32/17 */

static int32_t saturate_s16(int32_t value) {
    return value < -32768 ? -32768 : value > 32767 ? 32767 : value;
}

/* Product of two numbers with a sign and 15 more bits, ties up; saturated, for -1 * -1. */
static int32_t multiply(int32_t a, int32_t b) {
    return saturate_s16((a * b + (1 << 14)) >> 15);
}

/* Ties away from zero. */
static int32_t divide_by_power(int32_t value, int32_t exponent) {
    const int32_t mask = (int32_t)((1u << exponent) - 1u);
    const int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
    return (value >> exponent) + ((value & mask) > threshold ? 1 : 0);
}

/* exp(a) in Q0.15 for a <= 0 with `bits` integer bits: a series around -1/8, and a factor for each bit from 1/4 up. */
static int32_t exponential(int32_t a, int32_t bits) {
    static const int16_t factors[7] = {25520, 19875, 12055, 4435, 600, 11, 0}; /* exp(-2^n), n from -2 */
    const int32_t fraction = 15 - bits;
    const int32_t quarter = 1 << (fraction - 2);
    const int32_t rest = (a & (quarter - 1)) - quarter;
    const int32_t x = saturate_s16(rest * (1 << bits)) + (1 << 12);
    const int32_t x2 = multiply(x, x);
    const int32_t x3 = multiply(x2, x);
    const int32_t x4_quarter = divide_by_power(multiply(x2, x2), 2);
    const int32_t series = divide_by_power(multiply(x4_quarter + x3, THIRD) + x2, 1);
    int32_t result = saturate_s16(EXP_EIGHTH + multiply(EXP_EIGHTH, x + series));
    const int32_t remainder = rest - a;
    if (a == 0) {
        return ONE;
    }
    if (bits > 5 && a < -(1 << (20 - bits))) {
        return 0;
    }
    for (int32_t n = -2; n < bits && n < 5; ++n) {
        if ((remainder & (1 << (fraction + n))) != 0) {
            result = multiply(result, factors[n + 2]);
        }
    }
    return result;
}

/* 2 / (1 + a) in Q2.13 for a from 0 to 1 in Q0.15: Newton's division. */
static int32_t reciprocal(int32_t a) {
    const int32_t half = (a + ONE + 1) / 2;
    int32_t x = C_48_17 + multiply(half, C_32_17);
    for (int32_t i = 0; i < 3; ++i) {
        x += saturate_s16(multiply(x, ONE_Q13 - multiply(half, x)) * 4);
    }
    return x;
}

static int32_t sigmoid(int32_t a) {
    const int32_t positive = saturate_s16(reciprocal(exponential(a > 0 ? -a : a, GATE_BITS)) * 2);
    return a == 0 ? 16384 : a > 0 ? positive : ONE - positive;
}

static int32_t hyperbolic_tangent(int32_t a, int32_t bits) {
    const int32_t positive = saturate_s16((reciprocal(exponential(a > 0 ? -a : a, bits + 1)) - ONE_Q13) * 4);
    return a == 0 ? 0 : a > 0 ? positive : -positive;
}

static int32_t dot(const int8_t *weights, const int8_t *values, int32_t n, int32_t sum) {
    for (int32_t i = 0; i < n; ++i) {
        sum += weights[i] * values[i];
    }
    return sum;
}

static int32_t gate(const asc_lstm_t *p, int32_t k, int32_t c, const int8_t *input, const int8_t *hidden) {
    const int32_t row = k * p->cells + c;
    const int32_t of_input = dot(p->weights + row * p->inputs, input, p->inputs, p->bias[row]);
    const int32_t of_hidden = dot(p->recurrent + row * p->cells, hidden, p->cells, p->recurrent_bias[row]);
    const int32_t first = saturate_s16(asc_scale_wide(of_input, p->multiplier[k], p->shift[k]));
    return saturate_s16(asc_scale_wide(of_hidden, p->recurrent_multiplier[k], p->recurrent_shift[k]) + first);
}

void asc_lstm_s8(const asc_lstm_t *p, const int8_t *input, int8_t *hidden, int8_t *cell, int8_t *output) {
    for (int32_t t = 0; t < p->steps; ++t) {
        for (int32_t c = 0; c < p->cells; ++c) {
            const int32_t forget = sigmoid(gate(p, GATE_FORGET, c, input, hidden));
            const int32_t update = hyperbolic_tangent(gate(p, GATE_CELL, c, input, hidden), GATE_BITS);
            const int32_t take = p->coupled ? ONE - forget : sigmoid(gate(p, GATE_INPUT, c, input, hidden));
            const int32_t give = sigmoid(gate(p, GATE_OUTPUT, c, input, hidden));
            int32_t value, scaled;
            int16_t state;
            memcpy(&state, cell + 2 * c, sizeof state);
            value = (int16_t)divide_by_power(forget * state, 15);
            value = saturate_s16(value + (int16_t)divide_by_power(take * update, 15 + p->cell_bits));
            if (p->clip > 0) {
                value = value > p->clip ? p->clip : value < -p->clip ? -p->clip : value;
            }
            state = (int16_t)value;
            memcpy(cell + 2 * c, &state, sizeof state);
            scaled =
                asc_scale_wide(give * hyperbolic_tangent(value, p->cell_bits), p->hidden_multiplier, p->hidden_shift);
            output[c] = asc_clamp(scaled + p->zero_point, -128, 127);
        }
        memcpy(hidden, output, (size_t)p->cells);
        input += p->inputs;
        output += p->cells;
    }
}
