/*
 * PRELU: x from 0 up, alpha x below, alpha broadcast to the input's shape.
 *
 * Formula   u = x - zero_point_1; y = clamp(scale(u, multiplier_1, shift_1) + zero_point) where u >= 0, else
 *           clamp(scale(u * (alpha - zero_point_2), multiplier_2, shift_2) + zero_point), scale as in asc_requantize.h
 * Shapes    output [shape], row by row; the strides of an input are 0 along the axes that it repeats
 * Overflow  |u| < 2^8 and |product| < 2^16, and the generator refuses shifts above 22 and 15
 * Overlap   each element is read before it is written: the output may lie over an input that is not repeated
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (19)
 */
#include "asc_kernels.h"
#include "asc_loops.h"

void asc_prelu_s8(const asc_prelu_t *p, const int8_t *input, const int8_t *alpha, int8_t *output) {
    const asc_prelu_t q = *p; /* out of reach of stores to the output */
    const int32_t runs = asc_runs(q.shape);
    for (int32_t run = 0; run < runs; ++run) {
        const int8_t *x = input + asc_run_start(q.shape, q.stride_1, run);
        const int8_t *a = alpha + asc_run_start(q.shape, q.stride_2, run);
        const int8_t *const end = output + q.shape[3];
        for (; output != end; x += q.stride_1[3], a += q.stride_2[3]) {
            const int32_t u = *x - q.zero_point_1;
            const int32_t y = u >= 0 ? asc_scale_wide(u, q.multiplier_1, q.shift_1)
                                     : asc_scale_wide(u * (*a - q.zero_point_2), q.multiplier_2, q.shift_2);
            *output++ = asc_clamp(y + q.zero_point, -128, 127);
        }
    }
}
