/*
 * The inner loop of convolutions: two vectors of inputs against four channels of weights.
 *
 * Formula   acc[p][c] = bias[c] + sum_k x[k][p] * w[k][c], requantized to y_p[c]; p < 2, c < 4
 * Shapes    x [n][2] int8, the two vectors interleaved: one pointer for both; w [n][4] int8, the generator's layout;
 *           y_p [channels] int8
 * Overflow  the generator proves |acc| < 2^31 from the weights, whatever the input
 */
#ifndef ASC_BLOCK_S8_H
#define ASC_BLOCK_S8_H

#include "asc_requantize.h"

/* One step of the sum: 6 loads for 8 products. */
#define ASC_BLOCK_STEP(k)                                                                                              \
    do {                                                                                                               \
        const int32_t a = x[2 * (k)];                                                                                  \
        const int32_t b = x[2 * (k) + 1];                                                                              \
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

/* The last channels of a number that is not a multiple of 4, and outputs whose requantization is not narrow. */
void asc_block_store_s8(const asc_requantize_t *r, int32_t channel, int32_t channels, const int32_t acc[2][4],
                        int8_t *y0, int8_t *y1);

static inline void asc_store_pair(int32_t a, int32_t b, int32_t m, int32_t s, int32_t offset, int8_t *y0, int8_t *y1) {
    *y0 = (int8_t)asc_requantize_narrow(a, m, s, offset);
    *y1 = (int8_t)asc_requantize_narrow(b, m, s, offset);
}

/* Computes channels `channel` to `channel + 3`, as far as there are `channels`, of both outputs. */
static inline void asc_block_s8(const int8_t *x, const int8_t *w, int32_t n, const asc_requantize_t *r, int32_t channel,
                                int32_t channels, int8_t *y0, int8_t *y1) {
    const int32_t *const bias = r->bias + channel;
    int32_t a0 = bias[0], a1 = bias[1], a2 = bias[2], a3 = bias[3];
    int32_t b0 = a0, b1 = a1, b2 = a2, b3 = a3;
    const int8_t *const end = x + 2 * (n & ~3);
    const int8_t *const last = x + 2 * n;
    while (x != end) {
        ASC_BLOCK_STEP(0);
        ASC_BLOCK_STEP(1);
        ASC_BLOCK_STEP(2);
        ASC_BLOCK_STEP(3);
        x += 8;
        w += 16;
    }
    while (x != last) {
        ASC_BLOCK_STEP(0);
        x += 2;
        w += 4;
    }
    y0 += channel;
    y1 += channel;
    if (r->wide != 0 || channels - channel < 4) {
        const int32_t acc[2][4] = {{a0, a1, a2, a3}, {b0, b1, b2, b3}};
        asc_block_store_s8(r, channel, channels, acc, y0, y1);
        return;
    }
    const int32_t *const m = r->multiplier + channel;
    const int8_t *const s = r->shift + channel;
    const int32_t offset = r->offset;
    asc_store_pair(a0, b0, m[0], s[0], offset, y0 + 0, y1 + 0);
    asc_store_pair(a1, b1, m[1], s[1], offset, y0 + 1, y1 + 1);
    asc_store_pair(a2, b2, m[2], s[2], offset, y0 + 2, y1 + 2);
    asc_store_pair(a3, b3, m[3], s[3], offset, y0 + 3, y1 + 3);
}

#endif
