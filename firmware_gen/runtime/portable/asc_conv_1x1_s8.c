/*
 * CONV_2D with a 1x1 kernel, stride 1 and one group: a matrix product over the pixels.
 *
 * Formula   y[p][c] = requantize_c(bias[c] + sum_k x[p][k] * w[c][k])
 * Shapes    input [pixels][in_channels], output [pixels][out_channels]
 *           scratch: two neighbouring pixels, as asc_block_s8.h takes them
 * Overlap   two pixels are read before their outputs are written
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_kernels.h"

#include "asc_block_s8.h"

void asc_conv_1x1_s8(const asc_conv_1x1_t *p, const int8_t *input, int8_t *output, int8_t *scratch) {
    const int32_t n = p->in_channels;
    const int32_t channels = p->out_channels;
    for (int32_t pixel = 0; pixel < p->pixels; pixel += 2) {
        /* the last of an odd number of pixels is computed twice, into the same place */
        const int32_t pair = pixel + 1 < p->pixels ? 1 : 0;
        const int8_t *const other = input + pair * n;
        int8_t *x = scratch;
        for (int32_t k = 0; k < n; ++k) {
            asc_block_put(x + ASC_BLOCK_OTHER, other[k], ASC_BLOCK_FLIP_OTHER);
            x = asc_block_put(x, input[k], ASC_BLOCK_FLIP);
        }
        const int32_t *w = p->weights;
        for (int32_t channel = 0; channel < channels; channel += 4) {
            asc_block_s8(scratch, w, n, &p->requantize, channel, channels, output, output + pair * channels);
            w += asc_block_taps(n);
        }
        input += 2 * n;
        output += 2 * channels;
    }
}
