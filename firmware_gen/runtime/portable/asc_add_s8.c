/*
 * ADD or SUB of two tensors, broadcast to one shape.
 *
 * Formula   t_i = scale((x_i - zero_point_i) * 2^20, multiplier_i, shift_i)
 *           y = clamp(scale(t_1 + t_2, multiplier, shift) + zero_point); scale as in asc_requantize.h
 *           SUB has a negative multiplier_2
 * Shapes    output [shape], row by row; the strides of an input are 0 along the axes that it repeats
 * Overflow  |x_i - zero_point_i| < 2^8 and |multiplier_i| * 2^(shift_i - 31) <= 1/2, so |t_1 + t_2| < 2^28
 * Overlap   each element is read before it is written: the output may lie over an input that is not repeated
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (17) and (18)
 */
#include "asc_kernels.h"
#include "asc_loops.h"

void asc_add_s8(const asc_add_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output) {
    const asc_add_t q = *p; /* out of reach of stores to the output */
    const int32_t runs = asc_runs(q.shape);
    for (int32_t run = 0; run < runs; ++run) {
        const int8_t *x1 = input_1 + asc_run_start(q.shape, q.stride_1, run);
        const int8_t *x2 = input_2 + asc_run_start(q.shape, q.stride_2, run);
        const int8_t *const end = output + q.shape[3];
        for (; output != end; x1 += q.stride_1[3], x2 += q.stride_2[3]) {
            const int32_t t1 = asc_scale_wide((*x1 - q.zero_point_1) * (1 << 20), q.multiplier_1, q.shift_1);
            const int32_t t2 = asc_scale_wide((*x2 - q.zero_point_2) * (1 << 20), q.multiplier_2, q.shift_2);
            *output++ = asc_clamp(asc_scale_wide(t1 + t2, q.multiplier, q.shift) + q.zero_point, q.min, q.max);
        }
    }
}
