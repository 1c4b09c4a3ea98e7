/*
 * The kernels: int8 neural network operators in portable C99. docs/quantization.md derives their arithmetic; a kernel
 * names its equations.
 *
 * Activations are NHWC with batch 1; quantization is TFLite's: real = scale * (q - zero_point). Every kernel gives the
 * bytes of TFLite's reference kernels (BUILTIN_REF). Parameters are constant data made by the generator, which also
 * proves what a kernel needs of them. "Overlap" says how an output may lie over the input it consumes.
 */
#ifndef ASC_KERNELS_H
#define ASC_KERNELS_H

#include <stdint.h>

#include "asc_requantize.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const int32_t *weights;      /* [groups][ceil(out_channels / groups / 4)][kernel_h * kernel_w * in / groups] */
    asc_requantize_t requantize; /* input offset folded into the bias */
    int32_t in_channels, out_w, out_channels;
    int32_t kernel_h, kernel_w;
    int32_t stride_w, dilation_w;
    int32_t groups;
} asc_conv_row_t;

typedef struct {
    const int32_t *weights;      /* [ceil(out_channels / 4)][in_channels], of 4 channels each: see asc_block_s8.h */
    asc_requantize_t requantize; /* input offset folded into the bias */
    int32_t pixels;              /* height * width */
    int32_t in_channels, out_channels;
} asc_conv_1x1_t;

typedef struct {
    const int8_t *weights;       /* [in_channels] */
    asc_requantize_t requantize; /* input offset folded into the bias */
    int32_t pixels;              /* height * width */
    int32_t in_channels, out_channels;
} asc_conv_1x1_groups_t;

typedef struct {
    const int8_t *weights;       /* [out_channels][kernel_h * kernel_w] */
    asc_requantize_t requantize; /* input offset folded into the bias */
    int32_t in_channels, out_w;
    int32_t multiplier; /* outputs per input channel */
    int32_t kernel_h, kernel_w;
    int32_t stride_w, dilation_w;
} asc_depthwise_conv_row_t;

typedef struct {
    const int32_t *weights;    /* bytes [outputs][inputs, rounded up to a multiple of 4] in words, 0 beyond */
    const int32_t *bias;       /* [outputs] input offset folded in */
    const int32_t *multiplier; /* [outputs], or [1] for all */
    const int8_t *shift;       /* [outputs], or [1] for all: exponent, from -31 to 30 */
    int32_t per_channel;       /* 0: one multiplier and shift for all outputs */
    int32_t rows;              /* vectors of inputs, one after the other */
    int32_t inputs, outputs;
    int32_t zero_point, min, max;
} asc_fully_connected_t;

/* FULLY_CONNECTED on a core with vector instructions, four outputs at once; those beyond the last have weights of 0. */
typedef struct {
    /* [outputs / 4, rounded up] of: start of each sum; weights [blocks][4 outputs][bytes of a block], 0 beyond the
     * inputs; multiplier, rounding and right shift of each */
    const int32_t *stream;
    int32_t rows, inputs, outputs;
    int32_t blocks; /* of 4 inputs, a multiple of 4 (dsp) or of 2 (dsp, wide), or of 16 inputs (mve) */
    int32_t left;   /* left shift of the sums */
    int32_t min, max;
} asc_fully_connected_core_t;

typedef struct {
    int32_t n; /* elements */
    int32_t factor_1, factor_2, shift;
    int64_t constant;
} asc_add_linear_t;

/* Loops over the output of ADD, SUB, MUL and PRELU, the innermost last: turns, and steps of the inputs in elements;
 * asc_add_t serves SQUARED_DIFFERENCE too. */
typedef struct {
    int32_t shape[4], stride_1[4], stride_2[4];
    int32_t zero_point_1, multiplier_1, shift_1;
    int32_t zero_point_2, multiplier_2, shift_2;
    int32_t zero_point, multiplier, shift;
    int32_t min, max;
} asc_add_t;

typedef struct {
    int32_t shape[4], stride_1[4], stride_2[4];
    int32_t zero_point_1, zero_point_2;
    int32_t multiplier, shift;
    int32_t zero_point, min, max;
} asc_mul_t;

typedef struct {
    int32_t shape[4], stride_1[4], stride_2[4];
    int32_t zero_point_1, multiplier_1, shift_1; /* of the input, and its scale from 0 up */
    int32_t zero_point_2, multiplier_2, shift_2; /* of alpha, and the scale of its products with the input */
    int32_t zero_point;
} asc_prelu_t;

typedef struct {
    int32_t in_h, in_w, channels;
    int32_t out_w;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    int32_t min, max;
} asc_pool_row_t;

typedef struct {
    int32_t columns, channels;
    int32_t in_pixel_step, in_channel_step;
    int32_t out_pixel_step, out_channel_step;
} asc_copy_row_t;

typedef struct {
    int32_t shape[4], stride_1[4], stride_2[4];
    int32_t zero_point_1, zero_point_2;
    int32_t multiplier, right_shift_less_1;
    int32_t offset; /* 2 * zero point of the output + 1 */
} asc_mul_narrow_t;

typedef struct {
    int32_t over[5]; /* shape of the input: kept and reduced axes in turn */
} asc_reduce_t;

typedef struct {
    int32_t over[5]; /* shape of the input: kept and reduced axes in turn */
    int32_t input_zero_point;
    int32_t multiplier, shift; /* of the sum; the division by the number of elements is in the multiplier */
    int32_t zero_point;
} asc_mean_t;

typedef struct {
    const int32_t *lengths; /* [n_inputs] bytes of each input in one turn */
    int32_t n_inputs, turns;
} asc_concatenation_t;

typedef struct {
    int32_t shape[4], stride_1[4], stride_2[4];
} asc_extremum_t;

typedef struct {
    const int32_t *rows;    /* [out_h] row of the input for each of the output */
    const int32_t *columns; /* [out_w] */
    int32_t in_w, out_h, out_w, channels;
} asc_resize_nearest_t;

typedef struct {
    const int32_t *rows;    /* [out_h][3] two rows of the input, and the second's weight in 1/1024 */
    const int32_t *columns; /* [out_w][3] */
    int32_t in_w, out_h, out_w, channels;
} asc_resize_bilinear_t;

typedef struct {
    int32_t start; /* element of the input that comes first */
    int32_t shape[4], stride[4];
} asc_strided_copy_t;

typedef struct {
    int32_t in_shape[4];
    int32_t before[4], after[4];
    int32_t value;
} asc_pad_t;

typedef struct {
    const int8_t *table; /* [256] output by input + 128 */
    int32_t n;           /* elements */
} asc_lookup_t;

typedef struct {
    const int32_t *exponentials; /* [256] by the distance from the row's maximum */
    int32_t rows, columns;
} asc_softmax_t;

typedef struct {
    const int8_t *weights;         /* [4][cells][inputs], of the gates input, forget, cell, output */
    const int8_t *recurrent;       /* [4][cells][cells] */
    const int32_t *bias;           /* [4][cells], the input's offset folded in */
    const int32_t *recurrent_bias; /* [4][cells], the hidden state's offset */
    int32_t multiplier[4], shift[4];
    int32_t recurrent_multiplier[4], recurrent_shift[4];
    int32_t hidden_multiplier, hidden_shift, zero_point;
    int32_t steps, inputs, cells;
    int32_t coupled;   /* 1: the input gate is 1 less the forget gate */
    int32_t cell_bits; /* integer bits of the cell */
    int32_t clip;      /* largest magnitude of the cell; 0: any */
} asc_lstm_t;

void asc_conv_1x1_s8(const asc_conv_1x1_t *p, const int8_t *input, int8_t *output, int8_t *scratch);
void asc_conv_1x1_groups_s8(const asc_conv_1x1_groups_t *p, const int8_t *input, int8_t *output);
void asc_fully_connected_s8(const asc_fully_connected_t *p, const int8_t *input, int8_t *output);
void asc_add_linear_s8(const asc_add_linear_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
void asc_add_s8(const asc_add_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
void asc_squared_difference_s8(const asc_add_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
void asc_mean_s8(const asc_mean_t *p, const int8_t *input, int8_t *output);
void asc_reduce_max_s8(const asc_reduce_t *p, const int8_t *input, int8_t *output);
void asc_mul_narrow_s8(const asc_mul_narrow_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
void asc_mul_s8(const asc_mul_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
void asc_prelu_s8(const asc_prelu_t *p, const int8_t *input, const int8_t *alpha, int8_t *output);
void asc_maximum_s8(const asc_extremum_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
void asc_minimum_s8(const asc_extremum_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
void asc_resize_nearest_s8(const asc_resize_nearest_t *p, const int8_t *input, int8_t *output);
void asc_resize_bilinear_s8(const asc_resize_bilinear_t *p, const int8_t *input, int8_t *output);
void asc_concatenation_s8(const asc_concatenation_t *p, const int8_t *const *inputs, int8_t *output);
void asc_strided_copy_s8(const asc_strided_copy_t *p, const int8_t *input, int8_t *output);
void asc_pad_s8(const asc_pad_t *p, const int8_t *input, int8_t *output);
void asc_lookup_s8(const asc_lookup_t *p, const int8_t *input, int8_t *output);
void asc_lstm_s8(const asc_lstm_t *p, const int8_t *input, int8_t *hidden, int8_t *cell, int8_t *output);
void asc_softmax_s8(const asc_softmax_t *p, const int8_t *input, int8_t *output);

/* Kernels of streams, which compute one row of their output; see asc_stream.h. `rows` are the rows of the windows of
 * all inputs, padding included: each points at the first column the window needs. */
void asc_conv_row_s8(const asc_conv_row_t *p, const int8_t *const *rows, int8_t *output, int8_t *scratch);
void asc_depthwise_conv_row_s8(const asc_depthwise_conv_row_t *p, const int8_t *const *rows, int8_t *output);
void asc_depthwise_conv_3x3_row_s8(const asc_depthwise_conv_row_t *p, const int8_t *const *rows, int8_t *output);
void asc_average_pool_row_s8(const asc_pool_row_t *p, const int8_t *const *rows, int32_t row, int8_t *output);
void asc_max_pool_row_s8(const asc_pool_row_t *p, const int8_t *const *rows, int32_t row, int8_t *output);
void asc_copy_row_s8(const asc_copy_row_t *p, const int8_t *const *rows, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
