/*
 * DEPTHWISE_CONV_2D with multiplier 1, one row of the output: any kernel, stride and dilation. Helium.
 *
 *     void asc_depthwise_pixels_mve(const asc_depthwise_pixels_mve_t *p, const int8_t *const *rows, int8_t *output);
 *
 * Formula   y[x][c] = requantize_c(bias[c] + sum_uv rows[u][x * stride + v * dilation][c] * w[u][v][c])
 * Shapes    rows and output in layout "pixels"; two columns and 8 channels at a time, the even channels in one vector of
 *           sums, the odd ones in another. A last column by itself is computed twice. Channels beyond the last have weight
 *           0, and are not stored
 * Overflow  none: |accumulator| < 2^31 by equation (11)
 * Overlap   none allowed
 * Exact     TFLite BUILTIN_REF; see asc_matrix_mve.S for ties
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_mve_asm.h"
#include "asc_offsets_mve.h"

/* The stack. */
.equ FIRST, 0  /* pointer to the first row's pointer */
.equ END, 4    /* behind the last row's pointer */
.equ SECOND, 8 /* from the first column's window to the second one's */
.equ FRAME, 12

x_0    .req r0  /* the current elements of the two windows */
x_1    .req r2
w      .req r1  /* weights and constants, read on and on */
out_1  .req r3  /* the second column */
p      .req r4
out_0  .req r5
x_step .req r6  /* from an element of the window to the next */
rest   .req r7  /* channels still to do */
column .req r8  /* the window's first column, in bytes */
offset .req r9  /* its first element */
taps   .req r10 /* in a row */
left   .req r11 /* columns of the output still to do */
row    .req r12 /* pointer to the row's pointer */

function asc_depthwise_pixels_mve
    enter FRAME
    mov p, r0
    mov out_0, r2
    ldr r0, [p, #ASC_DEPTHWISE_PIXELS_MVE_KERNEL_H]
    add r0, r1, r0, lsl #2
    strd r1, r0, [sp, #FIRST]
    ldr x_step, [p, #ASC_DEPTHWISE_PIXELS_MVE_TAP_STEP]
    ldr taps, [p, #ASC_DEPTHWISE_PIXELS_MVE_KERNEL_W]
    ldr left, [p, #ASC_DEPTHWISE_PIXELS_MVE_COLUMNS]
    mov column, #0
1:  ldr w, [p, #ASC_DEPTHWISE_PIXELS_MVE_WEIGHTS]
    ldr rest, [p, #ASC_DEPTHWISE_PIXELS_MVE_CHANNELS]
    ldr r0, [p, #ASC_DEPTHWISE_PIXELS_MVE_COLUMN_STEP]
    add out_1, out_0, rest
    cmp left, #1
    itt eq
    moveq r0, #0
    moveq out_1, out_0
    str r0, [sp, #SECOND]
    mov offset, column
2:  vldrw.u32 q4, [w], #16
    vldrw.u32 q5, [w], #16
    ldr row, [sp, #FIRST]
    vmov q6, q4
    vmov q7, q5
3:  ldr x_0, [row], #4
    ldr lr, [sp, #SECOND]
    add x_0, x_0, offset
    add x_1, x_0, lr
    dls lr, taps
4:  vldrb.s16 q0, [x_0]
    vldrb.s16 q1, [w], #8
    vldrb.s16 q2, [x_1]
    add x_0, x_0, x_step
    add x_1, x_1, x_step
    vmullb.s16 q3, q0, q1
    vadd.i32 q4, q4, q3
    vmullt.s16 q3, q0, q1
    vadd.i32 q5, q5, q3
    vmullb.s16 q3, q2, q1
    vadd.i32 q6, q6, q3
    vmullt.s16 q3, q2, q1
    vadd.i32 q7, q7, q3
    le lr, 4b
    ldr lr, [sp, #END]
    cmp row, lr
    bne 3b
    vldrw.u32 q0, [w], #16
    vldrw.u32 q1, [w], #16
    ldr r0, [p, #ASC_DEPTHWISE_PIXELS_MVE_TIES]
    vldrb.s32 q2, [w], #4
    vldrb.s32 q3, [w], #4
    .irp even, q4, q6
    vqrdmulh.s32 \even, \even, q0
    ties \even, r0
    vrshl.s32 \even, \even, q2
    vqmovnb.s32 \even, \even
    .endr
    .irp odd, q5, q7
    vqrdmulh.s32 \odd, \odd, q1
    ties \odd, r0
    vrshl.s32 \odd, \odd, q3
    .endr
    vqmovnt.s32 q4, q5
    vqmovnt.s32 q6, q7
    ldr r0, [p, #ASC_DEPTHWISE_PIXELS_MVE_ZERO_POINT]
    ldrd r2, lr, [p, #ASC_DEPTHWISE_PIXELS_MVE_LOW] /* and high */
    vdup.16 q0, r2
    vdup.16 q1, lr
    .irp sums, q4, q6
    vqadd.s16 \sums, \sums, r0
    vmax.s16 \sums, \sums, q0
    vmin.s16 \sums, \sums, q1
    .endr
    vctp.16 rest
    vpstt
    vstrbt.16 q4, [out_0], #8
    vstrbt.16 q6, [out_1], #8
    add offset, offset, #8
    subs rest, rest, #8
    bgt 2b
    add out_0, out_1, rest
    ldr r0, [p, #ASC_DEPTHWISE_PIXELS_MVE_COLUMN_STEP]
    add column, column, r0, lsl #1
    subs left, left, #2
    bgt 1b
    leave FRAME
    .size asc_depthwise_pixels_mve, . - asc_depthwise_pixels_mve
