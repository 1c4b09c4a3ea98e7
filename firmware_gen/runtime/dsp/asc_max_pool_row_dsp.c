/*
 * MAX_POOL_2D: one row of the output, four channels at once.
 *
 * Formula   y[j][c] = maximum over the rows and columns of the window that exist
 * Shapes    rows [kernel_h][in_w][channels]; rows of the window outside of the input are not read; output [out_w]
 *           [channels]; `row` is the number of the output's row
 * Method    SSUB8 compares four bytes at once, SEL takes the larger ones.
 * Reads     up to 3 bytes beyond a row
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (22)
 */
#include "asc_intrinsics_dsp.h"
#include "asc_kernels_dsp.h"

void asc_max_pool_row_dsp(const asc_pool_row_dsp_t *p, const int8_t *const *rows, int32_t row, int8_t *output) {
    const int32_t channels = p->channels;
    const int32_t first = row * p->stride_h - p->pad_top;
    const int32_t top = first < 0 ? -first : 0;
    const int32_t bottom = first + p->kernel_h > p->in_h ? p->in_h - first : p->kernel_h;
    for (int32_t j = 0; j < p->out_w; ++j) {
        const int32_t column = j * p->stride_w - p->pad_left;
        const int32_t left = column < 0 ? 0 : column;
        const int32_t right = column + p->kernel_w > p->in_w ? p->in_w : column + p->kernel_w;
        for (int32_t c = 0; c < channels; c += 4) {
            uint32_t largest = 0x80808080u;
            for (int32_t u = top; u < bottom; ++u) {
                const int8_t *at = rows[u] + left * channels + c;
                for (int32_t v = left; v < right; ++v, at += channels) {
                    largest = asc_larger_bytes(largest, asc_load(at));
                }
            }
            if (channels - c >= 4) {
                asc_store(output, largest);
                output += 4;
            } else {
                for (; c < channels; ++c, largest >>= 8) {
                    *output++ = (int8_t)(uint8_t)largest;
                }
            }
        }
    }
}
