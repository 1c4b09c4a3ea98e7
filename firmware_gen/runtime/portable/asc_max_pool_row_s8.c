/*
 * MAX_POOL_2D: one row of the output.
 *
 * Formula   y[j][c] = clamp(maximum over the rows and columns of the window that exist)
 * Shapes    rows [kernel_h][in_w][channels]; rows of the window outside of the input are not read; output [out_w]
 *           [channels]; `row` is the number of the output's row
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (22)
 */
#include "asc_kernels.h"

void asc_max_pool_row_s8(const asc_pool_row_t *p, const int8_t *const *rows, int32_t row, int8_t *output) {
    const int32_t first = row * p->stride_h - p->pad_top;
    const int32_t top = first < 0 ? -first : 0;
    const int32_t bottom = first + p->kernel_h > p->in_h ? p->in_h - first : p->kernel_h;
    for (int32_t j = 0; j < p->out_w; ++j) {
        const int32_t column = j * p->stride_w - p->pad_left;
        const int32_t left = column < 0 ? 0 : column;
        const int32_t right = column + p->kernel_w > p->in_w ? p->in_w : column + p->kernel_w;
        const int32_t start = left * p->channels;
        const int32_t end = right * p->channels;
        for (int32_t c = 0; c < p->channels; ++c) {
            int32_t largest = -128;
            for (int32_t u = top; u < bottom; ++u) {
                for (int32_t at = start; at < end; at += p->channels) {
                    largest = rows[u][at + c] > largest ? rows[u][at + c] : largest;
                }
            }
            *output++ = asc_clamp(largest, p->min, p->max);
        }
    }
}
