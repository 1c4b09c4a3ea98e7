/*
 * The inner loop of convolutions: two vectors of inputs against four channels of weights.
 *
 * Formula   acc[p][c] = bias[c] + sum_k x_p[k] * w[k][c], requantized to y_p[c]; p < 2, c < 4
 * Shapes    x_p [n] int8; w [n][4] int8, the generator's layout; y_p [channels] int8
 * Overflow  the generator proves |acc| < 2^31 from the weights, whatever the input
 */
#ifndef ASC_BLOCK_S8_H
#define ASC_BLOCK_S8_H

#include "asc_requantize.h"

/* One step of the sum: 6 loads for 8 products. */
#define ASC_BLOCK_STEP(k)                                                                                              \
    do {                                                                                                               \
        const int32_t a = x0[k];                                                                                       \
        const int32_t b = x1[k];                                                                                       \
        int32_t v = w[4 * (k)];                                                                                        \
        a0 += v * a;                                                                                                   \
        b0 += v * b;                                                                                                   \
        v = w[4 * (k) + 1];                                                                                            \
        a1 += v * a;                                                                                                   \
        b1 += v * b;                                                                                                   \
        v = w[4 * (k) + 2];                                                                                            \
        a2 += v * a;                                                                                                   \
        b2 += v * b;                                                                                                   \
        v = w[4 * (k) + 3];                                                                                            \
        a3 += v * a;                                                                                                   \
        b3 += v * b;                                                                                                   \
    } while (0)

/* Computes channels `channel` to `channel + 3`, as far as there are `channels`, of both outputs. */
static inline void asc_block_s8(const int8_t *x0, const int8_t *x1, const int8_t *w, int32_t n,
                                const asc_requantize_t *r, int32_t channel, int32_t channels, int8_t *y0, int8_t *y1) {
    const int32_t *const bias = r->bias + channel;
    int32_t a0 = bias[0], a1 = bias[1], a2 = bias[2], a3 = bias[3];
    int32_t b0 = a0, b1 = a1, b2 = a2, b3 = a3;
    const int8_t *const end = x0 + (n & ~3);
    const int8_t *const last = x0 + n;
    while (x0 != end) {
        ASC_BLOCK_STEP(0);
        ASC_BLOCK_STEP(1);
        ASC_BLOCK_STEP(2);
        ASC_BLOCK_STEP(3);
        x0 += 4;
        x1 += 4;
        w += 16;
    }
    while (x0 != last) {
        ASC_BLOCK_STEP(0);
        x0 += 1;
        x1 += 1;
        w += 4;
    }
    y0 += channel;
    y1 += channel;
    const int32_t left = channels - channel;
    if (r->wide == 0) {
        const int32_t *const m = r->multiplier + channel;
        const int8_t *const s = r->shift + channel;
        const int32_t offset = r->offset;
        y0[0] = asc_requantize_narrow(a0, m[0], s[0], offset);
        y1[0] = asc_requantize_narrow(b0, m[0], s[0], offset);
        if (left > 1) {
            y0[1] = asc_requantize_narrow(a1, m[1], s[1], offset);
            y1[1] = asc_requantize_narrow(b1, m[1], s[1], offset);
        }
        if (left > 2) {
            y0[2] = asc_requantize_narrow(a2, m[2], s[2], offset);
            y1[2] = asc_requantize_narrow(b2, m[2], s[2], offset);
        }
        if (left > 3) {
            y0[3] = asc_requantize_narrow(a3, m[3], s[3], offset);
            y1[3] = asc_requantize_narrow(b3, m[3], s[3], offset);
        }
        return;
    }
    const int32_t acc[2][4] = {{a0, a1, a2, a3}, {b0, b1, b2, b3}};
    for (int32_t c = 0; c < 4 && c < left; ++c) {
        y0[c] = asc_requantize(r, channel + c, acc[0][c]);
        y1[c] = asc_requantize(r, channel + c, acc[1][c]);
    }
}

#endif
