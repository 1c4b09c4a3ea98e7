/* Products of the inputs of a row's columns with the weights of all channels: for asc_matrix_mve.S and its callers. */
#ifndef ASC_MATRIX_MVE_H
#define ASC_MATRIX_MVE_H

/* Forms of the loop. */
#define ASC_MATRIX_1 0    /* 1 vector, zero point -128 */
#define ASC_MATRIX_2 1    /* 2 vectors, zero point -128 */
#define ASC_MATRIX_8 2    /* 1 to 8 vectors, zero point -128 */
#define ASC_MATRIX_TIES 3 /* 1 to 8 vectors, right shifts of 1 at least */
#define ASC_MATRIX_LONG 4 /* any number of vectors, right shifts of 1 at least */

/* Places of the parameters, in bytes. */
#define ASC_MATRIX_MVE_WEIGHTS 0
#define ASC_MATRIX_MVE_BLOCKS 4
#define ASC_MATRIX_MVE_BLOCK_STEP 8
#define ASC_MATRIX_MVE_BACK_STEP 12
#define ASC_MATRIX_MVE_VECTORS 16
#define ASC_MATRIX_MVE_FORM 20
#define ASC_MATRIX_MVE_ZERO_POINT 24
#define ASC_MATRIX_MVE_INPUT_STEP 28
#define ASC_MATRIX_MVE_PIXEL_STEP 32
#define ASC_MATRIX_MVE_OFFSETS 36
#define ASC_MATRIX_MVE_COLUMNS 52
#define ASC_MATRIX_MVE_CHUNK 56
#define ASC_MATRIX_MVE_KERNEL_H 60
#define ASC_MATRIX_MVE_PIECES 64
#define ASC_MATRIX_MVE_PIECE_BYTES 68
#define ASC_MATRIX_MVE_PIECE_STEP 72
#define ASC_MATRIX_MVE_COLUMN_STEP 76
#define ASC_MATRIX_MVE_COLUMNS_IN 80

#ifndef __ASSEMBLER__
#include "asc_kernels_mve.h"

/* x: first inputs of the first column; output: its first channel. */
void asc_matrix_mve(const asc_matrix_mve_t *p, const int8_t *inputs, int8_t *output, int32_t columns);
#endif

#endif
