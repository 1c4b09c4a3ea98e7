/*
 * The kernels for Helium (Armv8.1-M with MVE): each computes one row of its output. Parameters are constant data made
 * by the generator; docs/quantization.md derives the arithmetic.
 *
 * `rows` are pointers to the rows of the inputs' windows, at the first column of padding. Rows of a tensor in layout
 * "pixels" are [column][channel]; in layout "quads" a tensor is [channel][column][4 rows], row r at r % 4. The output's
 * element (column, channel) is at column * pixel_step + channel * channel_step. Up to 16 bytes behind a row are read.
 *
 * A block is 4 output channels. When their number is not a multiple of 4 the last block begins before the one before it
 * ends, and computes some channels again; with fewer than 4 it has some of them twice.
 */
#ifndef ASC_KERNELS_MVE_H
#define ASC_KERNELS_MVE_H

#if !(defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 1))
#error "these kernels need Helium: name the core, as with -mcpu=cortex-m55, or take --kernels portable"
#endif

#include <stddef.h>
#include <stdint.h>

#include "asc_kernels.h"
#include "asc_offsets_core.h"
#include "asc_offsets_mve.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Products of the inputs of a row's columns with the weights of all channels, and requantization. */
typedef struct {
    const int32_t *weights; /* [blocks], each: bias [4], weights [vectors, the last first][4][16 x int8], multiplier
                               [4], minus the right shift [4 x int8] */
    int32_t blocks;         /* of channels that begin 4 channels behind the one before */
    int32_t block_step;     /* bytes of the output from a block to the next */
    int32_t back_step;      /* from the block after the last back to the one that overlaps; 0: there is none */
    int32_t vectors;        /* 16 bytes each: inputs of an output */
    int32_t form;           /* which loop: see asc_matrix_mve.h */
    int32_t zero_point;     /* of the output */
    int32_t input_step;     /* bytes from the inputs of a column to those of the next */
    int32_t pixel_step;     /* bytes from a column of the output to the next */
    uint16_t offsets[8];    /* places in the output: channel 0, channel 0 of the next column, channel 1, ... */
    int32_t columns;        /* of the output */
    /* of kernels that gather the inputs */
    int32_t chunk;       /* columns gathered at once */
    int32_t kernel_h;    /* rows of the window */
    int32_t pieces;      /* pieces in a row of the window */
    int32_t piece_bytes; /* bytes of a piece */
    int32_t piece_step;  /* bytes of the input from a piece to the next */
    int32_t column_step; /* bytes of the input from the window of a column to that of the next */
    int32_t columns_in;  /* columns of the input, padding included */
} asc_matrix_mve_t;

/* Depthwise convolution over quads. */
typedef struct {
    const int32_t *weights;   /* [blocks], each: weights [4 channels][4 columns][4 rows of int8], multiplier [4], minus
                                 the   right shift [4 x int8], bias [4] */
    int32_t blocks;           /* of channels that begin 4 channels behind the one before */
    int32_t block_step;       /* bytes of the output from a block to the next */
    int32_t back_step;        /* from the block after the last back to the one that overlaps; 0: there is none */
    int32_t zero_point;       /* of the output */
    int32_t ties;             /* 1: right shifts are 1 at least; 0: the zero point is -128 */
    int32_t columns;          /* of the output */
    int32_t pixel_step;       /* bytes from a column of the output to the next */
    int32_t stride;           /* columns of the input from an output to the next: 1 or 2 */
    int32_t channel_steps[3]; /* bytes of the input from the first channel of a block to the others */
    int32_t back_channels;    /* as back_step, in the input */
    uint16_t offsets[8];      /* places in the output: channel 0, channel 0 of the next column, channel 1, ... */
} asc_depthwise_mve_t;

/* Depthwise convolution over pixels. */
typedef struct {
    const int32_t *weights; /* [ceil(channels / 8)], each: bias of the even channels [4] and of the odd ones [4],
                               weights [kernel_h][kernel_w][8 x int8], multipliers [4] and [4], minus the right shifts
                               [4 x int8] and [4 x int8] */
    int32_t channels;
    int32_t columns; /* of the output */
    int32_t kernel_h, kernel_w;
    int32_t tap_step;    /* bytes of the input from an element of the window to the next in its row */
    int32_t column_step; /* bytes of the input from the window of a column to that of the next */
    int32_t zero_point;  /* of the output */
    int32_t ties;        /* 1: right shifts are 1 at least; 0: all negative results become -128 */
    int32_t low, high;   /* least and largest output */
} asc_depthwise_pixels_mve_t;

typedef struct {
    int32_t n; /* elements */
    int32_t factor_1, factor_2;
    int32_t constant; /* less 2^15 */
    int32_t shift;    /* from 0 to -8: to the right, beyond 16 */
} asc_add_linear_mve_t;

typedef struct {
    int32_t n; /* elements */
    int32_t offset_1, multiplier_1, shift_1;
    int32_t offset_2, multiplier_2, shift_2;
    int32_t multiplier, shift; /* shifts are from -1 to -31: to the right */
    int32_t zero_point;
} asc_add_mve_t;

typedef struct {
    int32_t in_h, in_w, channels;
    int32_t out_w;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    const int16_t *divisions; /* by the number of elements: what is added to the sum, multiplier, minus the shift, and 1
                                 if the number is even; [] for the maximum */
} asc_pool_mve_t;

typedef struct {
    int32_t columns, channels;
    int32_t second_pixel;   /* elements of the second input from a column to the next */
    int32_t second_channel; /* 1; 0: it has one element for all channels */
    int32_t offset_1, offset_2;
    int32_t multiplier, shift; /* the shift is from -1 to -31: to the right */
    int32_t zero_point;
} asc_mul_mve_t;

typedef struct {
    int32_t columns, channels;
    /* of the mean */
    int32_t offset;            /* the input's zero point times the channels, negated */
    int32_t multiplier, shift; /* the shift is from -1 to -31: to the right */
    int32_t zero_point;
} asc_reduce_channels_mve_t;

#if defined(__ARM_FEATURE_MVE)
/* The assembly finds the parameters where they are. */
#define ASC_CHECK_MVE(type, field, place)                                                                              \
    typedef char asc_check_##type##_##field[offsetof(type, field) == (place) ? 1 : -1]
ASC_CHECK_MVE(asc_matrix_mve_t, weights, ASC_MATRIX_MVE_WEIGHTS);
ASC_CHECK_MVE(asc_matrix_mve_t, blocks, ASC_MATRIX_MVE_BLOCKS);
ASC_CHECK_MVE(asc_matrix_mve_t, block_step, ASC_MATRIX_MVE_BLOCK_STEP);
ASC_CHECK_MVE(asc_matrix_mve_t, back_step, ASC_MATRIX_MVE_BACK_STEP);
ASC_CHECK_MVE(asc_matrix_mve_t, vectors, ASC_MATRIX_MVE_VECTORS);
ASC_CHECK_MVE(asc_matrix_mve_t, form, ASC_MATRIX_MVE_FORM);
ASC_CHECK_MVE(asc_matrix_mve_t, zero_point, ASC_MATRIX_MVE_ZERO_POINT);
ASC_CHECK_MVE(asc_matrix_mve_t, input_step, ASC_MATRIX_MVE_INPUT_STEP);
ASC_CHECK_MVE(asc_matrix_mve_t, pixel_step, ASC_MATRIX_MVE_PIXEL_STEP);
ASC_CHECK_MVE(asc_matrix_mve_t, offsets, ASC_MATRIX_MVE_OFFSETS);
ASC_CHECK_MVE(asc_matrix_mve_t, columns, ASC_MATRIX_MVE_COLUMNS);
ASC_CHECK_MVE(asc_matrix_mve_t, chunk, ASC_MATRIX_MVE_CHUNK);
ASC_CHECK_MVE(asc_matrix_mve_t, kernel_h, ASC_MATRIX_MVE_KERNEL_H);
ASC_CHECK_MVE(asc_matrix_mve_t, pieces, ASC_MATRIX_MVE_PIECES);
ASC_CHECK_MVE(asc_matrix_mve_t, piece_bytes, ASC_MATRIX_MVE_PIECE_BYTES);
ASC_CHECK_MVE(asc_matrix_mve_t, piece_step, ASC_MATRIX_MVE_PIECE_STEP);
ASC_CHECK_MVE(asc_matrix_mve_t, column_step, ASC_MATRIX_MVE_COLUMN_STEP);
ASC_CHECK_MVE(asc_matrix_mve_t, columns_in, ASC_MATRIX_MVE_COLUMNS_IN);
ASC_CHECK_MVE(asc_depthwise_mve_t, weights, ASC_DEPTHWISE_MVE_WEIGHTS);
ASC_CHECK_MVE(asc_depthwise_mve_t, blocks, ASC_DEPTHWISE_MVE_BLOCKS);
ASC_CHECK_MVE(asc_depthwise_mve_t, block_step, ASC_DEPTHWISE_MVE_BLOCK_STEP);
ASC_CHECK_MVE(asc_depthwise_mve_t, back_step, ASC_DEPTHWISE_MVE_BACK_STEP);
ASC_CHECK_MVE(asc_depthwise_mve_t, zero_point, ASC_DEPTHWISE_MVE_ZERO_POINT);
ASC_CHECK_MVE(asc_depthwise_mve_t, ties, ASC_DEPTHWISE_MVE_TIES);
ASC_CHECK_MVE(asc_depthwise_mve_t, columns, ASC_DEPTHWISE_MVE_COLUMNS);
ASC_CHECK_MVE(asc_depthwise_mve_t, pixel_step, ASC_DEPTHWISE_MVE_PIXEL_STEP);
ASC_CHECK_MVE(asc_depthwise_mve_t, stride, ASC_DEPTHWISE_MVE_STRIDE);
ASC_CHECK_MVE(asc_depthwise_mve_t, channel_steps, ASC_DEPTHWISE_MVE_CHANNEL_STEPS);
ASC_CHECK_MVE(asc_depthwise_mve_t, back_channels, ASC_DEPTHWISE_MVE_BACK_CHANNELS);
ASC_CHECK_MVE(asc_depthwise_mve_t, offsets, ASC_DEPTHWISE_MVE_OFFSETS);
ASC_CHECK_MVE(asc_depthwise_pixels_mve_t, weights, ASC_DEPTHWISE_PIXELS_MVE_WEIGHTS);
ASC_CHECK_MVE(asc_depthwise_pixels_mve_t, channels, ASC_DEPTHWISE_PIXELS_MVE_CHANNELS);
ASC_CHECK_MVE(asc_depthwise_pixels_mve_t, columns, ASC_DEPTHWISE_PIXELS_MVE_COLUMNS);
ASC_CHECK_MVE(asc_depthwise_pixels_mve_t, kernel_h, ASC_DEPTHWISE_PIXELS_MVE_KERNEL_H);
ASC_CHECK_MVE(asc_depthwise_pixels_mve_t, kernel_w, ASC_DEPTHWISE_PIXELS_MVE_KERNEL_W);
ASC_CHECK_MVE(asc_depthwise_pixels_mve_t, tap_step, ASC_DEPTHWISE_PIXELS_MVE_TAP_STEP);
ASC_CHECK_MVE(asc_depthwise_pixels_mve_t, column_step, ASC_DEPTHWISE_PIXELS_MVE_COLUMN_STEP);
ASC_CHECK_MVE(asc_depthwise_pixels_mve_t, zero_point, ASC_DEPTHWISE_PIXELS_MVE_ZERO_POINT);
ASC_CHECK_MVE(asc_depthwise_pixels_mve_t, ties, ASC_DEPTHWISE_PIXELS_MVE_TIES);
ASC_CHECK_MVE(asc_depthwise_pixels_mve_t, low, ASC_DEPTHWISE_PIXELS_MVE_LOW);
ASC_CHECK_MVE(asc_depthwise_pixels_mve_t, high, ASC_DEPTHWISE_PIXELS_MVE_HIGH);
ASC_CHECK_MVE(asc_pool_mve_t, in_h, ASC_POOL_MVE_IN_H);
ASC_CHECK_MVE(asc_pool_mve_t, in_w, ASC_POOL_MVE_IN_W);
ASC_CHECK_MVE(asc_pool_mve_t, channels, ASC_POOL_MVE_CHANNELS);
ASC_CHECK_MVE(asc_pool_mve_t, out_w, ASC_POOL_MVE_OUT_W);
ASC_CHECK_MVE(asc_pool_mve_t, kernel_h, ASC_POOL_MVE_KERNEL_H);
ASC_CHECK_MVE(asc_pool_mve_t, kernel_w, ASC_POOL_MVE_KERNEL_W);
ASC_CHECK_MVE(asc_pool_mve_t, stride_h, ASC_POOL_MVE_STRIDE_H);
ASC_CHECK_MVE(asc_pool_mve_t, stride_w, ASC_POOL_MVE_STRIDE_W);
ASC_CHECK_MVE(asc_pool_mve_t, pad_top, ASC_POOL_MVE_PAD_TOP);
ASC_CHECK_MVE(asc_pool_mve_t, pad_left, ASC_POOL_MVE_PAD_LEFT);
ASC_CHECK_MVE(asc_pool_mve_t, divisions, ASC_POOL_MVE_DIVISIONS);
ASC_CHECK_MVE(asc_fully_connected_core_t, stream, ASC_FULLY_CONNECTED_STREAM);
ASC_CHECK_MVE(asc_fully_connected_core_t, rows, ASC_FULLY_CONNECTED_ROWS);
ASC_CHECK_MVE(asc_fully_connected_core_t, inputs, ASC_FULLY_CONNECTED_INPUTS);
ASC_CHECK_MVE(asc_fully_connected_core_t, outputs, ASC_FULLY_CONNECTED_OUTPUTS);
ASC_CHECK_MVE(asc_fully_connected_core_t, blocks, ASC_FULLY_CONNECTED_BLOCKS);
ASC_CHECK_MVE(asc_fully_connected_core_t, left, ASC_FULLY_CONNECTED_LEFT);
ASC_CHECK_MVE(asc_fully_connected_core_t, min, ASC_FULLY_CONNECTED_MIN);
ASC_CHECK_MVE(asc_fully_connected_core_t, max, ASC_FULLY_CONNECTED_MAX);
#undef ASC_CHECK_MVE
#endif

void asc_conv_1x1_mve(const asc_matrix_mve_t *p, const int8_t *const *rows, int8_t *output);
void asc_conv_2d_mve(const asc_matrix_mve_t *p, const int8_t *const *rows, int8_t *output, int8_t *scratch);
void asc_conv_plane_mve(const asc_matrix_mve_t *p, const int8_t *const *rows, int8_t *output, int8_t *scratch);
void asc_depthwise_quads_mve(const asc_depthwise_mve_t *p, const int8_t *const *rows, int8_t *output);
void asc_depthwise_pixels_mve(const asc_depthwise_pixels_mve_t *p, const int8_t *const *rows, int8_t *output);
void asc_fully_connected_mve(const asc_fully_connected_core_t *p, const int8_t *input, int8_t *output);
void asc_add_linear_mve(const asc_add_linear_mve_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
void asc_add_mve(const asc_add_mve_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
void asc_average_pool_mve(const asc_pool_mve_t *p, const int8_t *const *rows, int32_t row, int8_t *output);
void asc_mean_channels_mve(const asc_reduce_channels_mve_t *p, const int8_t *input, int8_t *output);
void asc_reduce_max_channels_mve(const asc_reduce_channels_mve_t *p, const int8_t *input, int8_t *output);
void asc_mul_mve(const asc_mul_mve_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
void asc_copy_row_mve(const asc_copy_row_t *p, const int8_t *const *rows, int8_t *output);
void asc_max_pool_mve(const asc_pool_mve_t *p, const int8_t *const *rows, int32_t row, int8_t *output);

#ifdef __cplusplus
}
#endif

#endif
