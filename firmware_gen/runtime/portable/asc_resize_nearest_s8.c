/*
 * RESIZE_NEAREST_NEIGHBOR: pixels of the input, repeated or left out.
 *
 * Formula   y[r][c][k] = x[rows[r]][columns[c]][k]
 * Shapes    input [*][in_w][channels], output [out_h][out_w][channels]
 * Overlap   none
 * Exact     TFLite BUILTIN_REF
 */
#include "asc_kernels.h"

#include <stddef.h>
#include <string.h>

void asc_resize_nearest_s8(const asc_resize_nearest_t *p, const int8_t *input, int8_t *output) {
    for (int32_t r = 0; r < p->out_h; ++r) {
        const int8_t *const x = input + p->rows[r] * p->in_w * p->channels;
        for (int32_t c = 0; c < p->out_w; ++c, output += p->channels) {
            memcpy(output, x + p->columns[c] * p->channels, (size_t)p->channels);
        }
    }
}
