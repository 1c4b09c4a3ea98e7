/*
 * Copies a row from one place or layout to another: into lines with padding, or into the layout a kernel reads.
 *
 * Formula   output[x * out_pixel_step + c * out_channel_step] = row[x * in_pixel_step + c * in_channel_step]
 * Exact     by construction
 */
#include "asc_kernels.h"

#include <string.h>

void asc_copy_row_s8(const asc_copy_row_t *p, const int8_t *const *rows, int8_t *output) {
    const int8_t *input = rows[0];
    if (p->in_channel_step == 1 && p->out_channel_step == 1 && p->in_pixel_step == p->channels &&
        p->out_pixel_step == p->channels) {
        memcpy(output, input, (size_t)(p->columns * p->channels));
        return;
    }
    for (int32_t c = 0; c < p->channels; ++c, input += p->in_channel_step, output += p->out_channel_step) {
        const int8_t *from = input;
        int8_t *to = output;
        for (int32_t x = 0; x < p->columns; ++x, from += p->in_pixel_step, to += p->out_pixel_step) {
            *to = *from;
        }
    }
}
