/*
 * DEPTHWISE_CONV_2D with a 3x3 kernel and multiplier 1; any stride, dilation and padding.
 *
 * Formula   as asc_depthwise_conv_2d_s8
 * Shapes    input [in_h][in_w][channels], output [out_h][out_w][channels]
 *           scratch [PADDING_PIXELS][channels]: padding
 * Overlap   when a row of the output is written, no input row above its window is read any more
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_kernels.h"

#include <stddef.h>
#include <string.h>

/* as wide as what `two` reads of a row */
#define PADDING_PIXELS 4

/* Parameters that the loops over channels need, out of reach of stores to the output. */
typedef struct {
    const int8_t *weights;
    asc_requantize_t requantize;
    int32_t channels;
} columns_t;

/* One output pixel: its three rows of three pixels exist; those of row u are step[u] apart. */
static void one(const columns_t p, const int8_t *const line[3], const int32_t step[3], int8_t *y) {
    const int8_t *x0 = line[0], *x1 = line[1], *x2 = line[2];
    const int32_t s0 = step[0], s1 = step[1], s2 = step[2];
    const int8_t *w = p.weights;
    const asc_requantize_t r = p.requantize;
    for (int32_t c = 0; c < p.channels; ++c) {
        int32_t acc = r.bias[c];
        acc += x0[0] * w[0] + x0[s0] * w[1] + x0[2 * s0] * w[2];
        acc += x1[0] * w[3] + x1[s1] * w[4] + x1[2 * s1] * w[5];
        acc += x2[0] * w[6] + x2[s2] * w[7] + x2[2 * s2] * w[8];
        y[c] = (int8_t)asc_requantize_narrow(acc, r.multiplier[c], r.shift[c], r.offset);
        ++x0;
        ++x1;
        ++x2;
        w += 9;
    }
}

/* One row of a channel's kernel for two neighbouring pixels at stride 1: 4 inputs and 3 weights for 6 products. */
#define PAIR_ROW(x, w)                                                                                                 \
    do {                                                                                                               \
        const int32_t w0 = (w)[0];                                                                                     \
        const int32_t w1 = (w)[1];                                                                                     \
        const int32_t w2 = (w)[2];                                                                                     \
        int32_t v = (x)[0];                                                                                            \
        a += v * w0;                                                                                                   \
        v = (x)[c1];                                                                                                   \
        a += v * w1;                                                                                                   \
        b += v * w0;                                                                                                   \
        v = (x)[c2];                                                                                                   \
        a += v * w2;                                                                                                   \
        b += v * w1;                                                                                                   \
        v = (x)[c3];                                                                                                   \
        b += v * w2;                                                                                                   \
    } while (0)

static void two(const columns_t p, const int8_t *x0, const int8_t *x1, const int8_t *x2, int8_t *y) {
    const int32_t c1 = p.channels;
    const int32_t c2 = 2 * c1;
    const int32_t c3 = 3 * c1;
    const int8_t *w = p.weights;
    const asc_requantize_t r = p.requantize;
    for (int32_t c = 0; c < c1; ++c) {
        int32_t a = r.bias[c];
        int32_t b = a;
        PAIR_ROW(x0, w);
        PAIR_ROW(x1, w + 3);
        PAIR_ROW(x2, w + 6);
        const int32_t m = r.multiplier[c];
        const int32_t s = r.shift[c];
        y[0] = (int8_t)asc_requantize_narrow(a, m, s, r.offset);
        y[c1] = (int8_t)asc_requantize_narrow(b, m, s, r.offset);
        ++x0;
        ++x1;
        ++x2;
        ++y;
        w += 9;
    }
}

/* One output pixel from nine pointers, for windows that reach into the padding on the left or on the right. */
static void border(const columns_t p, const int8_t *const tap[9], int8_t *y) {
    const asc_requantize_t r = p.requantize;
    const int8_t *w = p.weights;
    for (int32_t c = 0; c < p.channels; ++c) {
        int32_t acc = r.bias[c];
        acc += tap[0][c] * w[0] + tap[1][c] * w[1] + tap[2][c] * w[2];
        acc += tap[3][c] * w[3] + tap[4][c] * w[4] + tap[5][c] * w[5];
        acc += tap[6][c] * w[6] + tap[7][c] * w[7] + tap[8][c] * w[8];
        w += 9;
        y[c] = asc_requantize(&r, c, acc);
    }
}

void asc_depthwise_conv_3x3_s8(const asc_depthwise_conv_2d_t *p, const int8_t *input, int8_t *output, int8_t *scratch) {
    const int32_t channels = p->in_channels;
    const columns_t columns = {p->weights, p->requantize, channels};
    memset(scratch, p->input_zero_point, (size_t)(PADDING_PIXELS * channels));
    const int32_t dilation = p->dilation_w;
    for (int32_t i = 0; i < p->out_h; ++i) {
        const int8_t *line[3];
        int32_t step[3]; /* from one column of a row to the next; a row of padding is PADDING_PIXELS long */
        for (int32_t u = 0; u < 3; ++u) {
            const int32_t row = i * p->stride_h - p->pad_top + u * p->dilation_h;
            const int32_t inside = row >= 0 && row < p->in_h;
            line[u] = inside ? input + row * p->in_w * channels : scratch;
            step[u] = inside ? channels : 0;
        }
        for (int32_t j = 0; j < p->out_w; ++j, output += channels) {
            const int32_t v = j * p->stride_w - p->pad_left;
            if (p->requantize.wide != 0 || v < 0 || v + 2 * dilation >= p->in_w) {
                const int8_t *tap[9];
                for (int32_t t = 0; t < 9; ++t) {
                    const int32_t column = v + t % 3 * dilation;
                    const int32_t inside = column >= 0 && column < p->in_w;
                    tap[t] = inside ? line[t / 3] + column * step[t / 3] : scratch;
                }
                border(columns, tap, output);
                continue;
            }
            const int8_t *const x[3] = {line[0] + v * step[0], line[1] + v * step[1], line[2] + v * step[2]};
            if (dilation == 1 && p->stride_w == 1 && v + PADDING_PIXELS <= p->in_w && j + 1 < p->out_w) {
                two(columns, x[0], x[1], x[2], output);
                output += channels;
                ++j;
            } else {
                const int32_t apart[3] = {dilation * step[0], dilation * step[1], dilation * step[2]};
                one(columns, x, apart, output);
            }
        }
    }
}
