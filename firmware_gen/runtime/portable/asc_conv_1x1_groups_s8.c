/*
 * CONV_2D with a 1x1 kernel, stride 1, no padding, and groups of one output channel each.
 *
 * Formula   y[i][c] = requantize_c(bias[c] + sum_k x[i][c * depth + k] * w[c][k]), depth = in_channels / out_channels
 * Shapes    input [pixels][in_channels], output [pixels][out_channels]
 * Overlap   an output is written when its inputs have been read, and lies before all others: in place
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_kernels.h"

void asc_conv_1x1_groups_s8(const asc_conv_1x1_groups_t *p, const int8_t *input, int8_t *output) {
    const asc_conv_1x1_groups_t q = *p; /* out of reach of stores to the output */
    const int32_t depth = q.in_channels / q.out_channels;
    for (int32_t i = 0; i < q.pixels; ++i) {
        const int8_t *w = q.weights;
        for (int32_t c = 0; c < q.out_channels; ++c) {
            int32_t acc = q.requantize.bias[c];
            for (int32_t k = 0; k < depth; ++k) {
                acc += *input++ * *w++;
            }
            *output++ = asc_requantize(&q.requantize, c, acc);
        }
    }
}
