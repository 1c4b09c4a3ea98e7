/*
 * ADD or SUB of two tensors, broadcast to one shape, where one sum replaces TFLite's three requantizations.
 *
 * Formula   y = clamp((factor_1 * (x1 * 2^shift) + factor_2 * (x2 * 2^shift) + constant) >> 32)
 * Shapes    output [shape], row by row; the strides of an input are 0 along the axes that it repeats
 * Overflow  |factor_i| < 2^31, |x_i * 2^shift| < 2^31, so |sum| < 2^63
 * Overlap   each element is read before it is written: the output may lie over an input that is not repeated
 * Exact     TFLite BUILTIN_REF: the generator checks the constants on all 65,536 pairs of inputs
 */
#include "asc_kernels.h"
#include "asc_loops.h"

/* One innermost loop; called with constant strides where that is worth a loop of its own. */
static inline void add_run(const asc_add_linear_t *p, const int8_t *x1, const int8_t *x2, int32_t stride_1,
                           int32_t stride_2, int8_t *output) {
    const int32_t factor_1 = p->factor_1;
    const int32_t factor_2 = p->factor_2;
    const int64_t constant = p->constant;
    const int32_t unit = 1 << p->shift;
    const int8_t *const end = output + p->shape[3];
    for (; output != end; x1 += stride_1, x2 += stride_2) {
        int64_t sum = constant;
        sum += (int64_t)factor_1 * (*x1 * unit);
        sum += (int64_t)factor_2 * (*x2 * unit);
        *output++ = (int8_t)asc_saturate_s8((int32_t)(sum >> 32));
    }
}

void asc_add_linear_s8(const asc_add_linear_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output) {
    const int32_t runs = asc_runs(p->shape);
    for (int32_t run = 0; run < runs; ++run, output += p->shape[3]) {
        const int8_t *const x1 = input_1 + asc_run_start(p->shape, p->stride_1, run);
        const int8_t *const x2 = input_2 + asc_run_start(p->shape, p->stride_2, run);
        if (p->stride_1[3] == 1 && p->stride_2[3] == 1) {
            add_run(p, x1, x2, 1, 1, output);
        } else {
            add_run(p, x1, x2, p->stride_1[3], p->stride_2[3], output);
        }
    }
}
