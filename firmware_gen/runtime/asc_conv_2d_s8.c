/*
 * CONV_2D with any kernel, stride, dilation, padding and number of groups.
 *
 * Formula   y[i][j][c] = requantize_c(bias[c] + sum_{u,v,k} x[i*stride_h + u*dilation_h - pad_top]
 *                                                            [j*stride_w + v*dilation_w - pad_left][k] * w[c][u][v][k])
 *           the padding holds the input's zero point, so that the input offset can be folded into the bias
 * Shapes    input [in_h][in_w][in_channels], output [out_h][out_w][out_channels], groups of consecutive channels
 *           scratch [2][kernel_h * kernel_w * in_channels / groups]: the inputs under two neighbouring outputs
 * Overlap   when a row of the output is written, no input row above its window is read any more
 * Exact     TFLite BUILTIN_REF
 */
#include "asc_kernels.h"

#include <stddef.h>
#include <string.h>

#include "asc_block_s8.h"

/* Copies the inputs under one output, group by group: [kernel_h][kernel_w][n]. */
static void gather(const asc_conv_2d_t *p, const int8_t *input, int32_t n, int32_t row, int32_t column, int8_t *patch) {
    const int32_t step = p->dilation_w * p->in_channels;
    for (int32_t u = 0; u < p->kernel_h; ++u, row += p->dilation_h) {
        if (row < 0 || row >= p->in_h) {
            memset(patch, p->input_zero_point, (size_t)(p->kernel_w * n));
            patch += p->kernel_w * n;
            continue;
        }
        const int8_t *const source = input + row * p->in_w * p->in_channels;
        int32_t at = column * p->in_channels;
        const int32_t end = p->in_w * p->in_channels;
        if (n == step && at >= 0 && at + p->kernel_w * n <= end) {
            memcpy(patch, source + at, (size_t)(p->kernel_w * n));
            patch += p->kernel_w * n;
            continue;
        }
        for (int32_t v = 0; v < p->kernel_w; ++v, at += step, patch += n) {
            if (at < 0 || at >= end) {
                memset(patch, p->input_zero_point, (size_t)n);
            } else {
                memcpy(patch, source + at, (size_t)n);
            }
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
                gather(p, input + group * n, n, row, column + pair * p->stride_w, scratch + patch);
                for (int32_t channel = 0; channel < channels; channel += 4) {
                    asc_block_s8(scratch, scratch + patch, w, patch, &r, channel, channels, y,
                                 y + pair * p->out_channels);
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
