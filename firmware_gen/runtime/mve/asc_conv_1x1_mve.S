/*
 * CONV_2D, one row of the output, where the inputs of an output lie together: a kernel of one row, any column stride, one
 * group, no dilation. Helium.
 *
 *     void asc_conv_1x1_mve(const asc_matrix_mve_t *p, const int8_t *const *rows, int8_t *output);
 *
 * Formula   y[x][c] = requantize_c(bias[c] + sum_k rows[0][x * input_step + k] * w[c][k])
 * Shapes    the row in layout "pixels"; output in any layout
 * Overflow  see asc_matrix_mve.S, which does it all
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_matrix_mve.h"

function asc_conv_1x1_mve
    ldr r1, [r1]
    ldr r3, [r0, #ASC_MATRIX_MVE_COLUMNS]
    b asc_matrix_mve
    .size asc_conv_1x1_mve, . - asc_conv_1x1_mve
