/*
 * CONCATENATION along any axis.
 *
 * Formula   in each of `turns` turns, lengths[k] bytes of each input k
 * Shapes    input k [turns][lengths[k]], output [turns][sum of lengths]
 * Overlap   none
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (22)
 */
#include "asc_kernels.h"

#include <stddef.h>
#include <string.h>

void asc_concatenation_s8(const asc_concatenation_t *p, const int8_t *const *inputs, int8_t *output) {
    for (int32_t turn = 0; turn < p->turns; ++turn) {
        for (int32_t k = 0; k < p->n_inputs; ++k) {
            const int32_t length = p->lengths[k];
            memcpy(output, inputs[k] + turn * length, (size_t)length);
            output += length;
        }
    }
}
