/*
 * FULLY_CONNECTED, two outputs at a time.
 *
 * Formula   y[r][c] = clamp(round((bias[c] + sum_k x[r][k] * w[c][k]) * multiplier * 2^(shift - 31)) + zero_point)
 *           with one rounding, ties up: unlike the convolutions', as in TensorFlow 2.21 and LiteRT 2.3
 * Shapes    input [rows][inputs], output [rows][outputs]
 * Overflow  the generator proves |acc| < 2^31; the product has 62 bits, the shift is 1 to 62
 * Overlap   none
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (10) and (16)
 */
#include "asc_kernels.h"

#include "asc_fully_connected_sums_s8.h"

/* Adds the products of two outputs, the weights of the second `next` bytes behind those of the first. */
static void add_products(const int8_t *x, const int32_t *weights, int32_t next, int32_t n, int32_t sums[2]) {
    int32_t k = 0;
#ifdef ASC_SHORT_THUMB
    k = n & ~3;
    asc_fully_connected_sums_s8(x, weights, next, k, sums);
#endif
    const int8_t *const v = (const int8_t *)weights;
    const int8_t *const w = v + next;
    int32_t s0 = sums[0], s1 = sums[1];
    for (; k < n; ++k) {
        s0 += x[k] * v[k];
        s1 += x[k] * w[k];
    }
    sums[0] = s0;
    sums[1] = s1;
}

void asc_fully_connected_s8(const asc_fully_connected_t *p, const int8_t *input, int8_t *output) {
    const int32_t words = (p->inputs + 3) / 4;
    for (int32_t row = 0; row < p->rows; ++row) {
        const int32_t *w = p->weights;
        int32_t sums[2] = {0, 0};
        for (int32_t c = 0; c < p->outputs; ++c, w += words) {
            if ((c & 1) == 0) {
                /* the last of an odd number of outputs is computed twice */
                const int32_t other = c + 1 < p->outputs ? 1 : 0;
                sums[0] = p->bias[c];
                sums[1] = p->bias[c + other];
                add_products(input, w, 4 * other * words, p->inputs, sums);
            }
            const int32_t at = p->per_channel != 0 ? c : 0;
            const int32_t right = 31 - p->shift[at];
            const int64_t rounded = (int64_t)sums[c & 1] * p->multiplier[at] + ((int64_t)1 << (right - 1));
            *output++ = asc_clamp((int32_t)(rounded >> right) + p->zero_point, p->min, p->max);
        }
        input += p->inputs;
    }
}
