/*
 * MEAN and SUM over one or two groups of neighbouring axes.
 *
 * Formula   y[o][m][i] = clamp(scale(sum_{r,s} (x[o][r][m][s][i] - input_zero_point), multiplier, shift) + zero_point),
 *           scale as in asc_requantize.h; the multiplier of MEAN holds the division by the number of elements
 * Shapes    input [over], output [over[0]][over[2]][over[4]]
 * Overflow  over[1] * over[3] * 255 * 2^max(shift, 0) < 2^31
 * Overlap   none
 * Exact     MEAN: TFLite BUILTIN_REF. SUM: TFLite Micro, which takes int8 for what it is; BUILTIN_REF does not
 * Source    docs/quantization.md, equation (21)
 */
#include "asc_kernels.h"

void asc_mean_s8(const asc_mean_t *p, const int8_t *input, int8_t *output) {
    const int32_t reduced_1 = p->over[1], middle = p->over[2], reduced_2 = p->over[3], inner = p->over[4];
    const int32_t plane = reduced_2 * inner; /* from one m to the next */
    const int32_t offset = reduced_1 * reduced_2 * p->input_zero_point;
    for (int32_t o = 0; o < p->over[0]; ++o, input += reduced_1 * middle * plane) {
        for (int32_t m = 0; m < middle; ++m) {
            for (int32_t i = 0; i < inner; ++i) {
                int32_t sum = -offset;
                for (int32_t r = 0; r < reduced_1; ++r) {
                    const int8_t *x = input + (r * middle + m) * plane + i;
                    for (int32_t s = 0; s < reduced_2; ++s, x += inner) {
                        sum += *x;
                    }
                }
                const int32_t mean = asc_scale_wide(sum, p->multiplier, p->shift) + p->zero_point;
                *output++ = asc_clamp(mean, -128, 127);
            }
        }
    }
}
