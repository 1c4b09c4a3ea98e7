/*
 * The inner loop of convolutions: two vectors of inputs against four channels of weights.
 *
 * Formula   acc[p][c] = bias[c] + sum_k x[k][p] * w[k][c], requantized to y_p[c]; p < 2, c < 4
 * Shapes    x int8, the two vectors as asc_block_put leaves them: one pointer for both, and room for a multiple of 4
 *           taps; w [n / 2][4 channels][2 taps] int8 in words, the generator's layout, up to a multiple of 4 taps whose
 *           weights beyond n are 0; y_p [channels] int8
 * Overflow  the generator proves |acc| < 2^31 from the weights, whatever the input
 */
#ifndef ASC_BLOCK_S8_H
#define ASC_BLOCK_S8_H

#include "asc_block_sums_s8.h"
#include "asc_requantize.h"

/*
 * Where inputs lie: [n][2 vectors], interleaved. Sums in assembler take two taps of one vector beside each other, as
 * bytes without sign: x + 128 of the first vector, 127 - x of the other.
 */
#ifdef ASC_SHORT_THUMB
#define ASC_BLOCK_OTHER 2
#define ASC_BLOCK_NEXT(x) ((x) + 1 + 2 * (int32_t)((uintptr_t)(x)&1u)) /* x is aligned to 4 bytes */
#define ASC_BLOCK_FLIP 128
#define ASC_BLOCK_FLIP_OTHER 127
#else
#define ASC_BLOCK_OTHER 1
#define ASC_BLOCK_NEXT(x) ((x) + 2)
#define ASC_BLOCK_FLIP 0
#define ASC_BLOCK_FLIP_OTHER 0
#endif

/* Puts an input in its place and returns that of the next tap; the other vector begins at x + ASC_BLOCK_OTHER. */
static inline int8_t *asc_block_put(int8_t *x, int32_t value, int32_t flip) {
    *x = (int8_t)(value ^ flip);
    return ASC_BLOCK_NEXT(x);
}

/* Taps of a channel's weights: n and zeros. */
static inline int32_t asc_block_taps(int32_t n) {
    return (n + 3) & ~3;
}

/* One step of the sum: 6 loads for 8 products. */
#define ASC_BLOCK_STEP(x, w)                                                                                           \
    do {                                                                                                               \
        const int32_t a = (x)[0];                                                                                      \
        const int32_t b = (x)[1];                                                                                      \
        int32_t v = (w)[0];                                                                                            \
        a0 += v * a;                                                                                                   \
        b0 += v * b;                                                                                                   \
        v = (w)[2];                                                                                                    \
        a1 += v * a;                                                                                                   \
        b1 += v * b;                                                                                                   \
        v = (w)[4];                                                                                                    \
        a2 += v * a;                                                                                                   \
        b2 += v * b;                                                                                                   \
        v = (w)[6];                                                                                                    \
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
static inline void asc_block_s8(const int8_t *x, const int32_t *weights, int32_t n, const asc_requantize_t *r,
                                int32_t channel, int32_t channels, int8_t *y0, int8_t *y1) {
    const int32_t *const bias = r->bias + channel;
#ifdef ASC_SHORT_THUMB
    int32_t sums[2][4];
    asc_block_sums_s8(x, weights, asc_block_taps(n), bias, sums);
    const int32_t a0 = sums[0][0], a1 = sums[0][1], a2 = sums[0][2], a3 = sums[0][3];
    const int32_t b0 = sums[1][0], b1 = sums[1][1], b2 = sums[1][2], b3 = sums[1][3];
#else
    int32_t a0 = bias[0], a1 = bias[1], a2 = bias[2], a3 = bias[3];
    int32_t b0 = a0, b1 = a1, b2 = a2, b3 = a3;
    const int8_t *w = (const int8_t *)weights;
    const int8_t *const end = x + 2 * (n & ~3);
    const int8_t *const last = end + 2 * (n & 3);
    for (; x != end; x += 8, w += 16) {
        ASC_BLOCK_STEP(x, w);
        ASC_BLOCK_STEP(x + 2, w + 1);
        ASC_BLOCK_STEP(x + 4, w + 8);
        ASC_BLOCK_STEP(x + 6, w + 9);
    }
    /* weights of two taps lie beside each other: from one tap to the next, 1 and 7 bytes in turn */
    for (int32_t step = 1; x != last; x += 2, w += step, step = 8 - step) {
        ASC_BLOCK_STEP(x, w);
    }
#endif
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
