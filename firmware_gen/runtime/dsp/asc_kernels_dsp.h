/*
 * Parameters of the kernels for Armv7E-M and Armv8-M with the DSP extension, for C and for assembly.
 */
#ifndef ASC_KERNELS_DSP_H
#define ASC_KERNELS_DSP_H

#if !(defined(__ARM_FEATURE_DSP) && __ARM_FEATURE_DSP)
#error "these kernels need DSP instructions: name the core, as with -mcpu=cortex-m4, or take --kernels portable"
#endif

#include "asc_offsets_core.h"

/* How an accumulator becomes an output: formula (15''), with these shifts at the end. */
#define ASC_FORM_POSITIVE 0 /* shift 12, of depthwise convolutions 10; the sign of the sum does not matter */
#define ASC_FORM_SIGNED 1   /* shift 13 */
#define ASC_FORM_GENERAL 2  /* any shift and range */

/* Offsets of asc_conv_row_dsp_t. */
#define ASC_CONV_STREAM 0
#define ASC_CONV_PAIRS 4
#define ASC_CONV_ODD 8
#define ASC_CONV_KERNEL_H 12
#define ASC_CONV_ROW_SEGMENTS 16
#define ASC_CONV_SEGMENT_STEP 20
#define ASC_CONV_SEGMENT_WORDS 24
#define ASC_CONV_WORDS 28
#define ASC_CONV_CHUNK 32
#define ASC_CONV_OUT_W 36
#define ASC_CONV_WIDE 40
#define ASC_CONV_RAISED 44
#define ASC_CONV_FORM 48
#define ASC_CONV_SHIFT 52
#define ASC_CONV_MIN 56
#define ASC_CONV_MAX 60
#define ASC_CONV_SECOND_ROW 64
#define ASC_CONV_IN_THIRD 68
#define ASC_CONV_IN_SECOND 72
#define ASC_CONV_IN_ADVANCE 76
#define ASC_CONV_IN_REST 80
#define ASC_CONV_OUT_SECOND 84
#define ASC_CONV_OUT_THIRD 88
#define ASC_CONV_OUT_NEXT 92
#define ASC_CONV_OUT_ADVANCE 96
#define ASC_CONV_OUT_REST 100
#define ASC_CONV_OUT_CHANNEL_STEP 104

/* Offsets of asc_depthwise_row_dsp_t. */
#define ASC_DEPTHWISE_STREAM 0
#define ASC_DEPTHWISE_CHANNELS 4
#define ASC_DEPTHWISE_OUT_W 8
#define ASC_DEPTHWISE_ADVANCE 12
#define ASC_DEPTHWISE_OUT_PIXEL_STEP 16
#define ASC_DEPTHWISE_OUT_CHANNEL_STEP 20
#define ASC_DEPTHWISE_FORM 24
#define ASC_DEPTHWISE_SHIFT 28
#define ASC_DEPTHWISE_MIN 32
#define ASC_DEPTHWISE_MAX 36

/* Offsets of asc_depthwise_taps_dsp_t. */
#define ASC_TAPS_STREAM 0
#define ASC_TAPS_CHANNELS 4
#define ASC_TAPS_OUT_W 8
#define ASC_TAPS_KERNEL_H 12
#define ASC_TAPS_TAP_STEP 16
#define ASC_TAPS_ROW_STEP 20
#define ASC_TAPS_COLUMN_STEP 24
#define ASC_TAPS_SHIFT 28
#define ASC_TAPS_MIN 32
#define ASC_TAPS_MAX 36

/* Offsets of asc_add_dsp_t. */
#define ASC_ADD_N 0
#define ASC_ADD_FACTOR_1 4
#define ASC_ADD_FACTOR_2 8
#define ASC_ADD_CONSTANT 12

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

#include "asc_kernels.h"

/* Fails to compile where a field is not where assembly looks for it. */
#if defined(__arm__)
#define ASC_AT(type, field, offset) typedef char asc_at_##type##_##field[offsetof(type, field) == (offset) ? 1 : -1]
#else
#define ASC_AT(type, field, offset) typedef char asc_at_##type##_##field[1]
#endif

/* A convolution as a product of matrices, two output channels at once. The last pair is (last - 1, last); where
 * channels are odd the second one begins at channel 1, and a single channel is computed twice. */
typedef struct {
    /* [pairs] of: start of either channel's sums; weights [words][2 channels][4], or when wide as int16, [words][2]
     * [2 channels][2] in the order of SXTB16; multiplier and rounding of either channel; negative of either */
    const int32_t *stream;
    int32_t pairs;
    int32_t odd;             /* whether the second pair begins at channel 1 */
    int32_t kernel_h;        /* rows of the window */
    int32_t row_segments;    /* pieces of contiguous inputs in a row of the window */
    int32_t segment_step;    /* bytes from one to the next */
    int32_t segment_words;   /* their length in words of 4 inputs; weights beyond the inputs are 0 */
    int32_t words;           /* kernel_h * row_segments * segment_words */
    int32_t chunk;           /* outputs computed at once: a multiple of 4, or all */
    int32_t out_w;           /* outputs of a row, or of all rows that are computed together */
    int32_t wide;            /* whether weights are wide already */
    int32_t raised;          /* whether weights are widened to 256 times their value */
    int32_t form;            /* ASC_FORM_* */
    int32_t shift, min, max; /* of ASC_FORM_GENERAL */
    /* Two rows of outputs: how many rows the second one's window is below the first one's. 0: one, or their distance is
     * that of all windows. */
    int32_t second_row;
    /* Bytes between the windows of four outputs: from the first to the third, where second_row is 0; from the first to
     * the second and, as far, from the third to the fourth; to the next four. Where two are left the second is so much
     * nearer to the first than a third. */
    int32_t in_third, in_second, in_advance, in_rest;
    /* Bytes between four outputs: from the first to the second; from the second to the third; from the fourth to the
     * next four; from four to four. Where two are left, from the first to the second. */
    int32_t out_second, out_third, out_next, out_advance, out_rest;
    int32_t out_channel_step; /* bytes to the next channel; 0 where there is one */
} asc_conv_row_dsp_t;

ASC_AT(asc_conv_row_dsp_t, stream, ASC_CONV_STREAM);
ASC_AT(asc_conv_row_dsp_t, pairs, ASC_CONV_PAIRS);
ASC_AT(asc_conv_row_dsp_t, odd, ASC_CONV_ODD);
ASC_AT(asc_conv_row_dsp_t, kernel_h, ASC_CONV_KERNEL_H);
ASC_AT(asc_conv_row_dsp_t, row_segments, ASC_CONV_ROW_SEGMENTS);
ASC_AT(asc_conv_row_dsp_t, segment_step, ASC_CONV_SEGMENT_STEP);
ASC_AT(asc_conv_row_dsp_t, segment_words, ASC_CONV_SEGMENT_WORDS);
ASC_AT(asc_conv_row_dsp_t, words, ASC_CONV_WORDS);
ASC_AT(asc_conv_row_dsp_t, chunk, ASC_CONV_CHUNK);
ASC_AT(asc_conv_row_dsp_t, out_w, ASC_CONV_OUT_W);
ASC_AT(asc_conv_row_dsp_t, wide, ASC_CONV_WIDE);
ASC_AT(asc_conv_row_dsp_t, raised, ASC_CONV_RAISED);
ASC_AT(asc_conv_row_dsp_t, form, ASC_CONV_FORM);
ASC_AT(asc_conv_row_dsp_t, shift, ASC_CONV_SHIFT);
ASC_AT(asc_conv_row_dsp_t, min, ASC_CONV_MIN);
ASC_AT(asc_conv_row_dsp_t, max, ASC_CONV_MAX);
ASC_AT(asc_conv_row_dsp_t, second_row, ASC_CONV_SECOND_ROW);
ASC_AT(asc_conv_row_dsp_t, in_third, ASC_CONV_IN_THIRD);
ASC_AT(asc_conv_row_dsp_t, in_second, ASC_CONV_IN_SECOND);
ASC_AT(asc_conv_row_dsp_t, in_advance, ASC_CONV_IN_ADVANCE);
ASC_AT(asc_conv_row_dsp_t, in_rest, ASC_CONV_IN_REST);
ASC_AT(asc_conv_row_dsp_t, out_second, ASC_CONV_OUT_SECOND);
ASC_AT(asc_conv_row_dsp_t, out_third, ASC_CONV_OUT_THIRD);
ASC_AT(asc_conv_row_dsp_t, out_next, ASC_CONV_OUT_NEXT);
ASC_AT(asc_conv_row_dsp_t, out_advance, ASC_CONV_OUT_ADVANCE);
ASC_AT(asc_conv_row_dsp_t, out_rest, ASC_CONV_OUT_REST);
ASC_AT(asc_conv_row_dsp_t, out_channel_step, ASC_CONV_OUT_CHANNEL_STEP);

/* A 3x3 depthwise convolution. */
typedef struct {
    /* [channels] of: three words of weights, as each kernel has them; multiplier, rounding; the other words of
     * weights; start of the sums; negative */
    const int32_t *stream;
    int32_t channels;
    int32_t out_w;            /* outputs of a row */
    int32_t advance;          /* bytes from the columns a kernel leaves unread to the next channel */
    int32_t out_pixel_step;   /* bytes to the next output of the row */
    int32_t out_channel_step; /* bytes to the next channel */
    int32_t form;             /* ASC_FORM_POSITIVE or ASC_FORM_GENERAL */
    int32_t shift, min, max;  /* of ASC_FORM_GENERAL */
} asc_depthwise_row_dsp_t;

ASC_AT(asc_depthwise_row_dsp_t, stream, ASC_DEPTHWISE_STREAM);
ASC_AT(asc_depthwise_row_dsp_t, channels, ASC_DEPTHWISE_CHANNELS);
ASC_AT(asc_depthwise_row_dsp_t, out_w, ASC_DEPTHWISE_OUT_W);
ASC_AT(asc_depthwise_row_dsp_t, advance, ASC_DEPTHWISE_ADVANCE);
ASC_AT(asc_depthwise_row_dsp_t, out_pixel_step, ASC_DEPTHWISE_OUT_PIXEL_STEP);
ASC_AT(asc_depthwise_row_dsp_t, out_channel_step, ASC_DEPTHWISE_OUT_CHANNEL_STEP);
ASC_AT(asc_depthwise_row_dsp_t, form, ASC_DEPTHWISE_FORM);
ASC_AT(asc_depthwise_row_dsp_t, shift, ASC_DEPTHWISE_SHIFT);
ASC_AT(asc_depthwise_row_dsp_t, min, ASC_DEPTHWISE_MIN);
ASC_AT(asc_depthwise_row_dsp_t, max, ASC_DEPTHWISE_MAX);

/* A depthwise convolution with any window: four channels of a pixel at once. */
typedef struct {
    /* [channels / 4, rounded up] of: start of each sum; weights int16 [taps][4] in the order of SXTB16; multiplier,
     * rounding and negative of each */
    const int32_t *stream;
    int32_t channels; /* at least 4 */
    int32_t out_w;
    int32_t kernel_h;
    int32_t tap_step;    /* bytes to the next tap of a row */
    int32_t row_step;    /* bytes of all taps of a row */
    int32_t column_step; /* bytes between the windows of neighbouring outputs */
    int32_t shift, min, max;
} asc_depthwise_taps_dsp_t;

ASC_AT(asc_depthwise_taps_dsp_t, stream, ASC_TAPS_STREAM);
ASC_AT(asc_depthwise_taps_dsp_t, channels, ASC_TAPS_CHANNELS);
ASC_AT(asc_depthwise_taps_dsp_t, out_w, ASC_TAPS_OUT_W);
ASC_AT(asc_depthwise_taps_dsp_t, kernel_h, ASC_TAPS_KERNEL_H);
ASC_AT(asc_depthwise_taps_dsp_t, tap_step, ASC_TAPS_TAP_STEP);
ASC_AT(asc_depthwise_taps_dsp_t, row_step, ASC_TAPS_ROW_STEP);
ASC_AT(asc_depthwise_taps_dsp_t, column_step, ASC_TAPS_COLUMN_STEP);
ASC_AT(asc_depthwise_taps_dsp_t, shift, ASC_TAPS_SHIFT);
ASC_AT(asc_depthwise_taps_dsp_t, min, ASC_TAPS_MIN);
ASC_AT(asc_depthwise_taps_dsp_t, max, ASC_TAPS_MAX);

ASC_AT(asc_fully_connected_core_t, stream, ASC_FULLY_CONNECTED_STREAM);
ASC_AT(asc_fully_connected_core_t, rows, ASC_FULLY_CONNECTED_ROWS);
ASC_AT(asc_fully_connected_core_t, inputs, ASC_FULLY_CONNECTED_INPUTS);
ASC_AT(asc_fully_connected_core_t, outputs, ASC_FULLY_CONNECTED_OUTPUTS);
ASC_AT(asc_fully_connected_core_t, blocks, ASC_FULLY_CONNECTED_BLOCKS);
ASC_AT(asc_fully_connected_core_t, left, ASC_FULLY_CONNECTED_LEFT);
ASC_AT(asc_fully_connected_core_t, min, ASC_FULLY_CONNECTED_MIN);
ASC_AT(asc_fully_connected_core_t, max, ASC_FULLY_CONNECTED_MAX);

/* ADD and SUB. */
typedef struct {
    int32_t n; /* elements */
    int32_t factor_1, factor_2, constant;
} asc_add_dsp_t;

ASC_AT(asc_add_dsp_t, n, ASC_ADD_N);
ASC_AT(asc_add_dsp_t, factor_1, ASC_ADD_FACTOR_1);
ASC_AT(asc_add_dsp_t, factor_2, ASC_ADD_FACTOR_2);
ASC_AT(asc_add_dsp_t, constant, ASC_ADD_CONSTANT);

/* AVERAGE_POOL_2D and MAX_POOL_2D. */
typedef struct {
    int32_t in_h, in_w, channels;
    int32_t out_w;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_left;
    const uint32_t *reciprocals; /* of averages: [elements of a whole window + 1] */
} asc_pool_row_dsp_t;

/* MUL of a row and of factors that its channels or its columns have. */
typedef struct {
    int32_t second_is_row; /* whether the second input is the row, the first one the factors */
    int32_t runs, length;  /* runs with a factor each, elements of a run */
    int32_t run_step;      /* bytes from a run to the next */
    int32_t element_step;  /* bytes from an element of a run to the next */
    int32_t zero_point_row, zero_point_factor;
    int32_t addend, multiplier, rounding, negative; /* of (15'') */
} asc_mul_row_dsp_t;

void asc_conv_row_dsp(const asc_conv_row_dsp_t *p, const int8_t *const *rows, int8_t *output, int8_t *scratch);
void asc_fully_connected_dsp(const asc_fully_connected_core_t *p, const int8_t *input, int8_t *output, int8_t *scratch);
void asc_fully_connected_wide_dsp(const asc_fully_connected_core_t *p, const int8_t *input, int8_t *output,
                                  int8_t *scratch);
void asc_add_dsp(const asc_add_dsp_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
void asc_depthwise_3x3_dsp(const asc_depthwise_row_dsp_t *p, const int8_t *const *rows, int8_t *output);
void asc_depthwise_3x3_stride_2_dsp(const asc_depthwise_row_dsp_t *p, const int8_t *const *rows, int8_t *output);
void asc_depthwise_taps_dsp(const asc_depthwise_taps_dsp_t *p, const int8_t *const *rows, int8_t *output);
void asc_depthwise_3x3_dilated_dsp(const asc_depthwise_row_dsp_t *p, const int8_t *const *rows, int8_t *output);
void asc_average_pool_row_dsp(const asc_pool_row_dsp_t *p, const int8_t *const *rows, int32_t row, int8_t *output);
void asc_max_pool_row_dsp(const asc_pool_row_dsp_t *p, const int8_t *const *rows, int32_t row, int8_t *output);
void asc_mul_row_dsp(const asc_mul_row_dsp_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
void asc_copy_row_dsp(const asc_copy_row_t *p, const int8_t *const *rows, int8_t *output);

#endif

#endif
