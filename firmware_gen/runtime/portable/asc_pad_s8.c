/*
 * PAD of a tensor of up to four dimensions.
 *
 * Formula   y[i + before] = x[i]; value elsewhere
 * Shapes    input [in_shape], output [before + in_shape + after], four dimensions, leading ones 1
 * Overlap   none
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (22)
 */
#include "asc_kernels.h"

#include <stddef.h>
#include <string.h>

void asc_pad_s8(const asc_pad_t *p, const int8_t *input, int8_t *output) {
    int32_t size[4];
    int32_t total = 1;
    for (int32_t d = 0; d < 4; ++d) {
        size[d] = p->before[d] + p->in_shape[d] + p->after[d];
        total *= size[d];
    }
    memset(output, p->value, (size_t)total);
    const int32_t line = p->in_shape[3];
    for (int32_t a = 0; a < p->in_shape[0]; ++a) {
        for (int32_t b = 0; b < p->in_shape[1]; ++b) {
            for (int32_t c = 0; c < p->in_shape[2]; ++c) {
                const int32_t plane = (a + p->before[0]) * size[1] + b + p->before[1];
                const int32_t at = (plane * size[2] + c + p->before[2]) * size[3] + p->before[3];
                memcpy(output + at, input, (size_t)line);
                input += line;
            }
        }
    }
}
