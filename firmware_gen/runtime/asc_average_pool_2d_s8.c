/*
 * AVERAGE_POOL_2D.
 *
 * Formula   y = clamp(round(sum of the valid inputs / their number)), ties away from zero
 * Shapes    input [in_h][in_w][channels], output [out_h][out_w][channels]
 * Overlap   when a row of the output is written, no input row above its window is read any more
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (20)
 */
#include "asc_kernels.h"

void asc_average_pool_2d_s8(const asc_pool_2d_t *p, const int8_t *input, int8_t *output) {
    const int32_t stride = p->in_w * p->channels;
    for (int32_t i = 0; i < p->out_h; ++i) {
        const int32_t row = i * p->stride_h - p->pad_top;
        const int32_t top = row < 0 ? 0 : row;
        const int32_t bottom = row + p->kernel_h > p->in_h ? p->in_h : row + p->kernel_h;
        for (int32_t j = 0; j < p->out_w; ++j) {
            const int32_t column = j * p->stride_w - p->pad_left;
            const int32_t left = column < 0 ? 0 : column;
            const int32_t right = column + p->kernel_w > p->in_w ? p->in_w : column + p->kernel_w;
            const int32_t width = (right - left) * p->channels;
            const int32_t count = (bottom - top) * (right - left);
            const int32_t half = count / 2;
            const int8_t *window = input + top * stride + left * p->channels;
            for (int32_t c = 0; c < p->channels; ++c, ++window) {
                int32_t sum = 0;
                const int8_t *line = window;
                for (int32_t u = top; u < bottom; ++u, line += stride) {
                    for (int32_t v = 0; v < width; v += p->channels) {
                        sum += line[v];
                    }
                }
                const int32_t mean = sum > 0 ? (sum + half) / count : (sum - half) / count;
                *output++ = asc_clamp(mean, p->min, p->max);
            }
        }
    }
}
