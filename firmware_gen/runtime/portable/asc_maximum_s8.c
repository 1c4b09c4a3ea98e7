/*
 * MAXIMUM of two tensors, broadcast to one shape.
 *
 * Formula   y = max(x1, x2); all three share scale and zero point
 * Shapes    output [shape], row by row; the strides of an input are 0 along the axes that it repeats
 * Overlap   each element is read before it is written: the output may lie over an input that is not repeated
 * Exact     TFLite BUILTIN_REF
 */
#include "asc_kernels.h"
#include "asc_loops.h"

void asc_maximum_s8(const asc_extremum_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output) {
    const asc_extremum_t q = *p; /* out of reach of stores to the output */
    const int32_t runs = asc_runs(q.shape);
    for (int32_t run = 0; run < runs; ++run) {
        const int8_t *x1 = input_1 + asc_run_start(q.shape, q.stride_1, run);
        const int8_t *x2 = input_2 + asc_run_start(q.shape, q.stride_2, run);
        const int8_t *const end = output + q.shape[3];
        for (; output != end; x1 += q.stride_1[3], x2 += q.stride_2[3]) {
            *output++ = *x1 > *x2 ? *x1 : *x2;
        }
    }
}
