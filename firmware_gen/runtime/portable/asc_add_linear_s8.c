/*
 * ADD or SUB of two tensors of one shape, where one sum replaces TFLite's three requantizations.
 *
 * Formula   y = clamp((factor_1 * (x1 * 2^shift) + factor_2 * (x2 * 2^shift) + constant) >> 32)
 * Overflow  |factor_i| < 2^31, |x_i * 2^shift| < 2^31, so |sum| < 2^63
 * Overlap   each element is read before it is written: the output may lie over either input
 * Exact     TFLite BUILTIN_REF: the generator checks the constants on all 65,536 pairs of inputs
 * Source    docs/quantization.md, equation (18), all of it in one sum
 */
#include "asc_kernels.h"

void asc_add_linear_s8(const asc_add_linear_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output) {
    const int32_t factor_1 = p->factor_1;
    const int32_t factor_2 = p->factor_2;
    const int64_t constant = p->constant;
    const int32_t unit = 1 << p->shift;
    const int8_t *const end = output + p->n;
    while (output != end) {
        int64_t sum = constant;
        sum += (int64_t)factor_1 * (*input_1++ * unit);
        sum += (int64_t)factor_2 * (*input_2++ * unit);
        *output++ = (int8_t)asc_saturate_s8((int32_t)(sum >> 32));
    }
}
