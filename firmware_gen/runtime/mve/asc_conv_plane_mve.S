/*
 * CONV_2D of one channel, one row of the output: up to 4 rows of the kernel, any columns, strides and dilations. Helium.
 *
 *     void asc_conv_plane_mve(const asc_matrix_mve_t *p, const int8_t *const *rows, int8_t *output, int8_t *scratch);
 *
 * Formula   y[x][c] = requantize_c(bias[c] + sum_uv rows[u][x * stride + v] * w[c][v][u])
 * Shapes    scratch [columns][4 rows], so that the window of an output is one piece of memory; their number is rounded up
 *           to a multiple of 16, and 16 * vectors bytes follow
 * Overflow  see asc_matrix_mve.S
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_matrix_mve.h"

function asc_conv_plane_mve
    push {r4-r8, lr}
    ldr r12, [r0, #ASC_MATRIX_MVE_KERNEL_H]
    ldr r4, [r1]
    /* rows that the kernel has not have weight 0 */
    mov r5, r4
    mov r6, r4
    mov r7, r4
    cmp r12, #2
    it ge
    ldrge r5, [r1, #4]
    cmp r12, #3
    it ge
    ldrge r6, [r1, #8]
    cmp r12, #4
    it ge
    ldrge r7, [r1, #12]
    ldr r12, [r0, #ASC_MATRIX_MVE_COLUMNS_IN]
    add r12, r12, #15
    lsr r12, r12, #4
    mov r8, r3
    dls lr, r12
1:  vldrb.u8 q0, [r4], #16
    vldrb.u8 q1, [r5], #16
    vldrb.u8 q2, [r6], #16
    vldrb.u8 q3, [r7], #16
    vst40.8 {q0, q1, q2, q3}, [r8]
    vst41.8 {q0, q1, q2, q3}, [r8]
    vst42.8 {q0, q1, q2, q3}, [r8]
    vst43.8 {q0, q1, q2, q3}, [r8]!
    le lr, 1b
    mov r1, r3
    ldr r3, [r0, #ASC_MATRIX_MVE_COLUMNS]
    pop {r4-r8, lr}
    b asc_matrix_mve
    .size asc_conv_plane_mve, . - asc_conv_plane_mve
