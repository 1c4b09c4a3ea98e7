/*
 * DEPTHWISE_CONV_2D with any kernel, stride, dilation, padding and multiplier.
 *
 * Formula   y[i][j][k*multiplier + m] = requantize_c(bias[c] + sum_{u,v} x[i*stride_h + u*dilation_h - pad_top]
 *                                       [j*stride_w + v*dilation_w - pad_left][k] * w[c][u][v]), c = k*multiplier + m
 *           the padding holds the input's zero point, so that the input offset can be folded into the bias
 * Shapes    input [in_h][in_w][in_channels], output [out_h][out_w][in_channels * multiplier]
 * Overlap   when a row of the output is written, no input row above its window is read any more
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_kernels.h"

static int32_t window(const asc_depthwise_conv_2d_t *p, const int8_t *input, const int8_t *w, int32_t row,
                      int32_t column) {
    int32_t acc = 0;
    for (int32_t u = 0; u < p->kernel_h; ++u, row += p->dilation_h) {
        const int32_t inside = row >= 0 && row < p->in_h;
        int32_t at = column;
        for (int32_t v = 0; v < p->kernel_w; ++v, at += p->dilation_w) {
            int32_t x = p->input_zero_point;
            if (inside && at >= 0 && at < p->in_w) {
                x = input[(row * p->in_w + at) * p->in_channels];
            }
            acc += x * *w++;
        }
    }
    return acc;
}

void asc_depthwise_conv_2d_s8(const asc_depthwise_conv_2d_t *p, const int8_t *input, int8_t *output) {
    const int32_t taps = p->kernel_h * p->kernel_w;
    for (int32_t i = 0; i < p->out_h; ++i) {
        const int32_t row = i * p->stride_h - p->pad_top;
        for (int32_t j = 0; j < p->out_w; ++j) {
            const int32_t column = j * p->stride_w - p->pad_left;
            const int8_t *w = p->weights;
            int32_t c = 0;
            for (int32_t k = 0; k < p->in_channels; ++k) {
                for (int32_t m = 0; m < p->multiplier; ++m, ++c, w += taps) {
                    const int32_t acc = p->requantize.bias[c] + window(p, input + k, w, row, column);
                    *output++ = asc_requantize(&p->requantize, c, acc);
                }
            }
        }
    }
}
