/*
 * A walk over a tensor, stored in order: SPLIT, SLICE, STRIDED_SLICE, TRANSPOSE.
 *
 * Formula   y[a][b][c][d] = x[start + a * stride[0] + b * stride[1] + c * stride[2] + d * stride[3]]
 * Shapes    output [shape]
 * Overlap   none
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (22)
 */
#include "asc_kernels.h"
#include "asc_loops.h"

#include <stddef.h>
#include <string.h>

void asc_strided_copy_s8(const asc_strided_copy_t *p, const int8_t *input, int8_t *output) {
    const int32_t runs = asc_runs(p->shape);
    const int32_t length = p->shape[3], stride = p->stride[3];
    for (int32_t run = 0; run < runs; ++run, output += length) {
        const int8_t *const x = input + p->start + asc_run_start(p->shape, p->stride, run);
        if (stride == 1) {
            memcpy(output, x, (size_t)length);
            continue;
        }
        for (int32_t i = 0; i < length; ++i) {
            output[i] = x[i * stride];
        }
    }
}
