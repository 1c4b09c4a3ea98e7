/*
 * DEPTHWISE_CONV_2D with any kernel, stride, dilation and multiplier: one row of the output.
 *
 * Formula   y[j][k*multiplier + m] = requantize(bias + sum_{u,v} rows[u][j*stride_w + v*dilation_w][k] * w[u][v])
 *           with the bias and the weights of channel k*multiplier + m
 * Shapes    rows [kernel_h][columns][in_channels] with padding, output [out_w][in_channels * multiplier]
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_kernels.h"

void asc_depthwise_conv_row_s8(const asc_depthwise_conv_row_t *p, const int8_t *const *rows, int8_t *output) {
    const int32_t taps = p->kernel_h * p->kernel_w;
    const int32_t step = p->dilation_w * p->in_channels;
    for (int32_t j = 0; j < p->out_w; ++j) {
        const int32_t at = j * p->stride_w * p->in_channels;
        const int8_t *w = p->weights;
        int32_t c = 0;
        for (int32_t k = 0; k < p->in_channels; ++k) {
            for (int32_t m = 0; m < p->multiplier; ++m, ++c, w += taps) {
                int32_t acc = p->requantize.bias[c];
                const int8_t *tap = w;
                for (int32_t u = 0; u < p->kernel_h; ++u) {
                    const int8_t *x = rows[u] + at + k;
                    for (int32_t v = 0; v < p->kernel_w; ++v, x += step) {
                        acc += *x * *tap++;
                    }
                }
                *output++ = asc_requantize(&p->requantize, c, acc);
            }
        }
    }
}
