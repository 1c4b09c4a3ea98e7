/*
 * ADD of two tensors of one shape.
 *
 * Formula   t_i = scale((x_i - zero_point_i) * 2^20, multiplier_i, shift_i)
 *           y = clamp(scale(t_1 + t_2, multiplier, shift) + zero_point); scale as in asc_requantize.h
 * Overflow  |x_i - zero_point_i| < 2^8 and multiplier_i * 2^(shift_i - 31) <= 1/2, so |t_1 + t_2| < 2^28
 * Overlap   each element is read before it is written: the output may lie over either input
 * Exact     TFLite BUILTIN_REF
 */
#include "asc_kernels.h"

void asc_add_s8(const asc_add_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output) {
    for (int32_t i = 0; i < p->n; ++i) {
        const int32_t t1 = asc_scale_wide((input_1[i] - p->zero_point_1) * (1 << 20), p->multiplier_1, p->shift_1);
        const int32_t t2 = asc_scale_wide((input_2[i] - p->zero_point_2) * (1 << 20), p->multiplier_2, p->shift_2);
        output[i] = asc_clamp(asc_scale_wide(t1 + t2, p->multiplier, p->shift) + p->zero_point, p->min, p->max);
    }
}
