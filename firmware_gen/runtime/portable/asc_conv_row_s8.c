/*
 * CONV_2D with any kernel, stride, dilation and number of groups: one row of the output.
 *
 * Formula   y[j][c] = requantize_c(bias[c] + sum_{u,v,k} rows[u][j*stride_w + v*dilation_w][k] * w[c][u][v][k])
 * Shapes    rows [kernel_h][columns][in_channels] with padding, output [out_w][out_channels], groups of consecutive
 *           channels; scratch: the inputs under two neighbouring outputs, as asc_block_s8.h takes them
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_kernels.h"

#include "asc_block_s8.h"

/* Copies the inputs under one output, [kernel_h][kernel_w][n], to one of the two vectors. */
static void gather(const asc_conv_row_t *p, const int8_t *const *rows, int32_t n, int32_t at, int8_t *vector,
                   int32_t flip) {
    /* neighbouring columns of all channels are one segment */
    const int32_t whole = p->dilation_w == 1 && p->groups == 1 ? 1 : 0;
    const int32_t segments = whole != 0 ? 1 : p->kernel_w;
    const int32_t size = whole != 0 ? n * p->kernel_w : n;
    const int32_t step = p->dilation_w * p->in_channels;
    for (int32_t u = 0; u < p->kernel_h; ++u) {
        const int8_t *line = rows[u] + at;
        for (int32_t v = 0; v < segments; ++v, line += step) {
            for (int32_t k = 0; k < size; ++k) {
                vector = asc_block_put(vector, line[k], flip);
            }
        }
    }
}

void asc_conv_row_s8(const asc_conv_row_t *p, const int8_t *const *rows, int8_t *output, int8_t *scratch) {
    const int32_t n = p->in_channels / p->groups;
    const int32_t taps = p->kernel_h * p->kernel_w * n;
    const int32_t channels = p->out_channels / p->groups;
    const int32_t stride = p->stride_w * p->in_channels;
    for (int32_t j = 0; j < p->out_w; j += 2) {
        /* the last of an odd number of columns is computed twice, into the same place */
        const int32_t pair = j + 1 < p->out_w ? 1 : 0;
        const int32_t *w = p->weights;
        asc_requantize_t r = p->requantize;
        int8_t *y = output;
        for (int32_t group = 0; group < p->groups; ++group) {
            gather(p, rows, n, j * stride + group * n, scratch, ASC_BLOCK_FLIP);
            gather(p, rows, n, (j + pair) * stride + group * n, scratch + ASC_BLOCK_OTHER, ASC_BLOCK_FLIP_OTHER);
            for (int32_t channel = 0; channel < channels; channel += 4) {
                asc_block_s8(scratch, w, taps, &r, channel, channels, y, y + pair * p->out_channels);
                w += asc_block_taps(taps);
            }
            /* the arrays of each group are padded to a multiple of 4, as the weights are */
            const int32_t padded = (channels + 3) & ~3;
            r.bias += padded;
            r.multiplier += padded;
            r.shift += padded;
            y += channels;
        }
        output += (1 + pair) * p->out_channels;
    }
}
