/*
 * DEPTHWISE_CONV_2D with a 3x3 kernel, no dilation and multiplier 1; any stride and padding.
 *
 * Formula   as asc_depthwise_conv_2d_s8
 * Shapes    input [in_h][in_w][channels], output [out_h][out_w][channels]
 *           scratch [channels]: a pixel of padding
 * Overlap   when a row of the output is written, no input row above its window is read any more
 * Exact     TFLite BUILTIN_REF
 */
#include "asc_kernels.h"

#include <stddef.h>
#include <string.h>

/* One output pixel whose window lies inside the input: three rows of three neighbouring pixels. */
static void inside(const asc_depthwise_conv_2d_t *p, const int8_t *x0, int8_t *y) {
    const int32_t c1 = p->in_channels;
    const int32_t c2 = 2 * c1;
    const int8_t *x1 = x0 + p->in_w * c1;
    const int8_t *x2 = x1 + p->in_w * c1;
    const int8_t *w = p->weights;
    const int32_t *bias = p->requantize.bias;
    const int8_t *const end = y + c1;
    int32_t c = 0;
    while (y != end) {
        int32_t acc = *bias++;
        acc += x0[0] * w[0] + x0[c1] * w[1] + x0[c2] * w[2];
        acc += x1[0] * w[3] + x1[c1] * w[4] + x1[c2] * w[5];
        acc += x2[0] * w[6] + x2[c1] * w[7] + x2[c2] * w[8];
        *y++ = asc_requantize(&p->requantize, c, acc);
        ++c;
        ++x0;
        ++x1;
        ++x2;
        w += 9;
    }
}

/* One output pixel whose window reaches into the padding. */
static void border(const asc_depthwise_conv_2d_t *p, const int8_t *const tap[9], int8_t *y) {
    const int8_t *w = p->weights;
    for (int32_t c = 0; c < p->in_channels; ++c) {
        int32_t acc = p->requantize.bias[c];
        for (int32_t t = 0; t < 9; ++t) {
            acc += tap[t][c] * *w++;
        }
        y[c] = asc_requantize(&p->requantize, c, acc);
    }
}

void asc_depthwise_conv_3x3_s8(const asc_depthwise_conv_2d_t *p, const int8_t *input, int8_t *output, int8_t *scratch) {
    const int32_t channels = p->in_channels;
    memset(scratch, p->input_zero_point, (size_t)channels);
    for (int32_t i = 0; i < p->out_h; ++i) {
        const int32_t row = i * p->stride_h - p->pad_top;
        const int32_t rows_inside = row >= 0 && row + 3 <= p->in_h;
        for (int32_t j = 0; j < p->out_w; ++j) {
            const int32_t column = j * p->stride_w - p->pad_left;
            if (rows_inside && column >= 0 && column + 3 <= p->in_w) {
                inside(p, input + (row * p->in_w + column) * channels, output);
            } else {
                const int8_t *tap[9];
                for (int32_t t = 0; t < 9; ++t) {
                    const int32_t u = row + t / 3;
                    const int32_t v = column + t % 3;
                    const int32_t valid = u >= 0 && u < p->in_h && v >= 0 && v < p->in_w;
                    tap[t] = valid ? input + (u * p->in_w + v) * channels : scratch;
                }
                border(p, tap, output);
            }
            output += channels;
        }
    }
}
