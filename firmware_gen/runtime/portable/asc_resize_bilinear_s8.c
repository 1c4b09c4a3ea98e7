/*
 * RESIZE_BILINEAR: each pixel lies between two rows and two columns of the input.
 *
 * Formula   y = round(sum of x[r_i][c_j] a_i b_j / 2^20), ties away from zero, over the two rows r_i and columns c_j,
 *           with weights a_1 + a_2 = b_1 + b_2 = 2^10 from tables
 * Shapes    input [*][in_w][channels], output [out_h][out_w][channels]
 * Overflow  the weights' magnitudes have sums below 2^11: |sum| < 2^29
 * Overlap   none
 * Exact     TFLite BUILTIN_REF
 */
#include "asc_kernels.h"

#define ONE 1024
#define HALF (1 << 19)
#define SQUARE (1 << 20)

void asc_resize_bilinear_s8(const asc_resize_bilinear_t *p, const int8_t *input, int8_t *output) {
    for (int32_t r = 0; r < p->out_h; ++r) {
        const int32_t *const row = p->rows + 3 * r;
        const int8_t *const above = input + row[0] * p->in_w * p->channels;
        const int8_t *const below = input + row[1] * p->in_w * p->channels;
        for (int32_t c = 0; c < p->out_w; ++c) {
            const int32_t *const column = p->columns + 3 * c;
            const int32_t left = column[0] * p->channels;
            const int32_t right = column[1] * p->channels;
            for (int32_t k = 0; k < p->channels; ++k) {
                const int32_t first = above[left + k] * (ONE - row[2]) + below[left + k] * row[2];
                const int32_t second = above[right + k] * (ONE - row[2]) + below[right + k] * row[2];
                const int32_t sum = first * (ONE - column[2]) + second * column[2];
                *output++ = (int8_t)((sum + (sum > 0 ? HALF : -HALF)) / SQUARE);
            }
        }
    }
}
