/*
 * DEPTHWISE_CONV_2D with a 3x3 kernel, multiplier 1 and narrow requantization; any stride and dilation: one row of the
 * output.
 *
 * Formula   as asc_depthwise_conv_row_s8
 * Shapes    rows [3][columns][channels] with padding, output [out_w][channels]
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_kernels.h"

/* One row of a channel's kernel for one output. */
#define ONE_ROW(x, w) acc += (x)[0] * (w)[0] + (x)[step] * (w)[1] + (x)[2 * step] * (w)[2]

/* One row of a channel's kernel for two neighbouring outputs at stride 1: 4 inputs and 3 weights for 6 products. */
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

static void one(const asc_depthwise_conv_row_t *p, const int8_t *x0, const int8_t *x1, const int8_t *x2, int8_t *y) {
    const int32_t channels = p->in_channels;
    const int32_t step = p->dilation_w * channels;
    const int8_t *w = p->weights;
    const asc_requantize_t r = p->requantize; /* out of reach of stores to the output */
    for (int32_t c = 0; c < channels; ++c) {
        int32_t acc = r.bias[c];
        ONE_ROW(x0, w);
        ONE_ROW(x1, w + 3);
        ONE_ROW(x2, w + 6);
        y[c] = (int8_t)asc_requantize_narrow(acc, r.multiplier[c], r.shift[c], r.offset);
        ++x0;
        ++x1;
        ++x2;
        w += 9;
    }
}

static void two(const asc_depthwise_conv_row_t *p, const int8_t *x0, const int8_t *x1, const int8_t *x2, int8_t *y) {
    const int32_t c1 = p->in_channels;
    const int32_t c2 = 2 * c1;
    const int32_t c3 = 3 * c1;
    const int8_t *w = p->weights;
    const asc_requantize_t r = p->requantize;
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

void asc_depthwise_conv_3x3_row_s8(const asc_depthwise_conv_row_t *p, const int8_t *const *rows, int8_t *output) {
    const int32_t pairs = p->stride_w == 1 && p->dilation_w == 1 ? 1 : 0;
    int32_t at = 0;
    for (int32_t j = 0; j < p->out_w;) {
        if (pairs != 0 && j + 1 < p->out_w) {
            two(p, rows[0] + at, rows[1] + at, rows[2] + at, output);
            at += 2 * p->in_channels;
            output += 2 * p->in_channels;
            j += 2;
        } else {
            one(p, rows[0] + at, rows[1] + at, rows[2] + at, output);
            at += p->stride_w * p->in_channels;
            output += p->in_channels;
            ++j;
        }
    }
}
