/*
 * FULLY_CONNECTED.
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

void asc_fully_connected_s8(const asc_fully_connected_t *p, const int8_t *input, int8_t *output) {
    for (int32_t row = 0; row < p->rows; ++row) {
        const int8_t *w = p->weights;
        for (int32_t c = 0; c < p->outputs; ++c) {
            int32_t acc = p->bias[c];
            for (int32_t k = 0; k < p->inputs; ++k) {
                acc += input[k] * *w++;
            }
            const int32_t at = p->per_channel != 0 ? c : 0;
            const int32_t right = 31 - p->shift[at];
            const int64_t rounded = (int64_t)acc * p->multiplier[at] + ((int64_t)1 << (right - 1));
            *output++ = asc_clamp((int32_t)(rounded >> right) + p->zero_point, p->min, p->max);
        }
        input += p->inputs;
    }
}
