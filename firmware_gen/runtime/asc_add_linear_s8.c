/*
 * ADD of two tensors of one shape, where one shift replaces TFLite's three requantizations.
 *
 * Formula   y = clamp((factor_1 * x1 + factor_2 * x2 + constant) >> shift)
 * Overflow  |factor_1| * 128 + |factor_2| * 128 + |constant| < 2^31
 * Overlap   each element is read before it is written: the output may lie over either input
 * Exact     TFLite BUILTIN_REF: the generator checks the constants on all 65,536 pairs of inputs
 */
#include "asc_kernels.h"

void asc_add_linear_s8(const asc_add_linear_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output) {
    const int32_t factor_1 = p->factor_1;
    const int32_t factor_2 = p->factor_2;
    const int32_t constant = p->constant;
    const int32_t shift = p->shift;
    const int8_t *const end = output + p->n;
    while (output != end) {
        const int32_t sum = constant + factor_1 * *input_1++ + factor_2 * *input_2++;
        *output++ = asc_clamp(sum >> shift, -128, 127);
    }
}
