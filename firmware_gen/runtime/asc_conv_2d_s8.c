/*
 * CONV_2D with any kernel, stride, dilation, padding and number of groups.
 *
 * Formula   y[i][j][c] = requantize_c(bias[c] + sum_{u,v,k} x[i*stride_h + u*dilation_h - pad_top]
 *                                                            [j*stride_w + v*dilation_w - pad_left][k] * w[c][u][v][k])
 *           the padding holds the input's zero point, so that the input offset can be folded into the bias
 * Shapes    input [in_h][in_w][in_channels], output [out_h][out_w][out_channels], groups of consecutive channels
 *           scratch [kernel_h * kernel_w * in_channels / groups][2]: the inputs under two neighbouring outputs,
 *           interleaved
 * Overlap   when a row of the output is written, no input row above its window is read any more
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_kernels.h"

#include "asc_block_s8.h"

/* Copies to every second place; what lies outside of 0 to `length` is padding. Returns the next place. */
static int8_t *copy_segment(const int8_t *line, int32_t at, int32_t n, int32_t length, int32_t padding, int8_t *patch) {
    const int32_t end = at + n;
    const int32_t inside = end < length ? end : length;
    for (; at < end && at < 0; ++at, patch += 2) {
        *patch = (int8_t)padding;
    }
    for (; at < inside; ++at, patch += 2) {
        *patch = line[at];
    }
    for (; at < end; ++at, patch += 2) {
        *patch = (int8_t)padding;
    }
    return patch;
}

/* Copies the inputs under one output to every second place: [kernel_h][kernel_w][n], interleaved with another. */
static void gather(const asc_conv_2d_t *p, const int8_t *input, int32_t n, int32_t row, int32_t column, int8_t *patch) {
    const int32_t stride = p->in_w * p->in_channels;
    /* neighbouring columns of all channels are one segment */
    const int32_t whole = p->dilation_w == 1 && p->groups == 1 ? 1 : 0;
    const int32_t segments = whole != 0 ? 1 : p->kernel_w;
    const int32_t size = whole != 0 ? n * p->kernel_w : n;
    for (int32_t u = 0; u < p->kernel_h; ++u, row += p->dilation_h) {
        const int32_t length = row >= 0 && row < p->in_h ? stride : 0;
        const int8_t *const line = length != 0 ? input + row * stride : input;
        int32_t at = column * p->in_channels;
        for (int32_t v = 0; v < segments; ++v, at += p->dilation_w * p->in_channels) {
            patch = copy_segment(line, at, size, length, p->input_zero_point, patch);
        }
    }
}

void asc_conv_2d_s8(const asc_conv_2d_t *p, const int8_t *input, int8_t *output, int8_t *scratch) {
    const int32_t n = p->in_channels / p->groups;
    const int32_t patch = p->kernel_h * p->kernel_w * n;
    const int32_t channels = p->out_channels / p->groups;
    for (int32_t i = 0; i < p->out_h; ++i) {
        const int32_t row = i * p->stride_h - p->pad_top;
        for (int32_t j = 0; j < p->out_w; j += 2) {
            /* the last of an odd number of columns is computed twice, into the same place */
            const int32_t pair = j + 1 < p->out_w ? 1 : 0;
            const int32_t column = j * p->stride_w - p->pad_left;
            const int8_t *w = p->weights;
            asc_requantize_t r = p->requantize;
            int8_t *y = output;
            for (int32_t group = 0; group < p->groups; ++group) {
                gather(p, input + group * n, n, row, column, scratch);
                gather(p, input + group * n, n, row, column + pair * p->stride_w, scratch + 1);
                for (int32_t channel = 0; channel < channels; channel += 4) {
                    asc_block_s8(scratch, w, patch, &r, channel, channels, y, y + pair * p->out_channels);
                    w += 4 * patch;
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
}
