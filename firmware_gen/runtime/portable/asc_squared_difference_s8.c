/*
 * SQUARED_DIFFERENCE of two tensors, broadcast to one shape.
 *
 * Formula   d = s(128 (x1 - zero_point_1), 1) - s(128 (x2 - zero_point_2), 2),
 *           y = clamp(s(d * d) + zero_point), s the scaling of asc_requantize.h, each with its multiplier and shift
 * Shapes    output [shape], row by row; the strides of an input are 0 along the axes that it repeats
 * Overflow  the inputs' scales are at most 1/2: |d| <= 255 * 128, and its square is below 2^31
 * Overlap   each element is read before it is written: the output may lie over an input that is not repeated
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (18')
 */
#include "asc_kernels.h"
#include "asc_loops.h"

#define LEFT_SHIFT 128

void asc_squared_difference_s8(const asc_add_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output) {
    const asc_add_t q = *p; /* out of reach of stores to the output */
    const int32_t runs = asc_runs(q.shape);
    for (int32_t run = 0; run < runs; ++run) {
        const int8_t *x1 = input_1 + asc_run_start(q.shape, q.stride_1, run);
        const int8_t *x2 = input_2 + asc_run_start(q.shape, q.stride_2, run);
        const int8_t *const end = output + q.shape[3];
        for (; output != end; x1 += q.stride_1[3], x2 += q.stride_2[3]) {
            const int32_t first = asc_scale_wide((*x1 - q.zero_point_1) * LEFT_SHIFT, q.multiplier_1, q.shift_1);
            const int32_t second = asc_scale_wide((*x2 - q.zero_point_2) * LEFT_SHIFT, q.multiplier_2, q.shift_2);
            const int32_t difference = first - second;
            const int32_t scaled = asc_scale_wide(difference * difference, q.multiplier, q.shift);
            *output++ = asc_clamp(scaled + q.zero_point, q.min, q.max);
        }
    }
}
