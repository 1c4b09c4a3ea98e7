/*
 * A function of each element, by table.
 *
 * Formula   y = table[x + 128]
 * Overlap   each element is read before it is written: the output may lie over the input
 * Exact     TFLite BUILTIN_REF: the generator fills the table
 * Source    docs/quantization.md, equation (23)
 */
#include "asc_kernels.h"

void asc_lookup_s8(const asc_lookup_t *p, const int8_t *input, int8_t *output) {
    for (int32_t i = 0; i < p->n; ++i) {
        output[i] = p->table[input[i] + 128];
    }
}
