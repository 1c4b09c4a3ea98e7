/*
 * REDUCE_MAX over one or two groups of neighbouring axes.
 *
 * Formula   y[o][m][i] = max_{r,s} x[o][r][m][s][i]
 * Shapes    input [over], output [over[0]][over[2]][over[4]]
 * Overlap   none
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (22)
 */
#include "asc_kernels.h"

void asc_reduce_max_s8(const asc_reduce_t *p, const int8_t *input, int8_t *output) {
    const int32_t reduced_1 = p->over[1], middle = p->over[2], reduced_2 = p->over[3], inner = p->over[4];
    const int32_t plane = reduced_2 * inner; /* from one m to the next */
    for (int32_t o = 0; o < p->over[0]; ++o, input += reduced_1 * middle * plane) {
        for (int32_t m = 0; m < middle; ++m) {
            for (int32_t i = 0; i < inner; ++i) {
                int32_t largest = -128;
                for (int32_t r = 0; r < reduced_1; ++r) {
                    const int8_t *x = input + (r * middle + m) * plane + i;
                    for (int32_t s = 0; s < reduced_2; ++s, x += inner) {
                        largest = *x > largest ? *x : largest;
                    }
                }
                *output++ = (int8_t)largest;
            }
        }
    }
}
