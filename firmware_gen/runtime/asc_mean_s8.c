/*
 * MEAN over neighbouring axes.
 *
 * Formula   y[o][i] = clamp(scale(sum_r (x[o][r][i] - input_zero_point), multiplier, shift) + zero_point),
 *           scale as in asc_requantize.h; the multiplier holds the division by the number of elements
 * Shapes    input [outer][reduced][inner], output [outer][inner]
 * Overflow  reduced * 255 < 2^31
 * Overlap   none
 * Exact     TFLite BUILTIN_REF
 */
#include "asc_kernels.h"

void asc_mean_s8(const asc_mean_t *p, const int8_t *input, int8_t *output) {
    const int32_t offset = p->reduced * p->input_zero_point;
    for (int32_t o = 0; o < p->outer; ++o) {
        for (int32_t i = 0; i < p->inner; ++i) {
            int32_t sum = -offset;
            const int8_t *x = input + i;
            for (int32_t r = 0; r < p->reduced; ++r, x += p->inner) {
                sum += *x;
            }
            const int32_t mean = asc_scale_wide(sum, p->multiplier, p->shift) + p->zero_point;
            *output++ = asc_clamp(mean, -128, 127);
        }
        input += p->reduced * p->inner;
    }
}
