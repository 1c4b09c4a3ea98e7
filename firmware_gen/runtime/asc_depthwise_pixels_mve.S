/*
 * DEPTHWISE_CONV_2D with multiplier 1, one row of the output: any kernel, stride and dilation. Helium.
 *
 *     void asc_depthwise_pixels_mve(const asc_depthwise_pixels_mve_t *p, const int8_t *const *rows, int8_t *output);
 *
 * Formula   y[x][c] = requantize_c(bias[c] + sum_uv rows[u][x * stride + v * dilation][c] * w[u][v][c])
 * Shapes    rows and output in layout "pixels"; 8 channels at a time, the even ones in one vector of sums, the odd ones in
 *           another. Channels beyond the last have weight 0, and are not stored
 * Overflow  none: |accumulator| < 2^31 by equation (11)
 * Overlap   none allowed
 * Exact     TFLite BUILTIN_REF; see asc_matrix_mve.S for ties
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_mve_asm.h"
#include "asc_offsets_mve.h"

x       .req r0  /* the current element of the window */
w       .req r1  /* weights and constants, read on and on */
row     .req r2  /* pointer to the row's pointer */
end     .req r3  /* behind the last row's pointer */
p       .req r4
out     .req r5
x_step  .req r6  /* from an element of the window to the next */
rest    .req r7  /* channels still to do */
column  .req r8  /* the window's first column, in bytes */
offset  .req r9  /* its first element */
taps    .req r10 /* in a row */
left    .req r11 /* columns of the output still to do */
first   .req r12 /* pointer to the first row's pointer */

function asc_depthwise_pixels_mve
    push {r4-r11, lr}
    vpush {d8-d15}
    mov p, r0
    mov first, r1
    mov out, r2
    ldr r0, [p, #ASC_DEPTHWISE_PIXELS_MVE_KERNEL_H]
    add end, first, r0, lsl #2
    ldr x_step, [p, #ASC_DEPTHWISE_PIXELS_MVE_TAP_STEP]
    ldr taps, [p, #ASC_DEPTHWISE_PIXELS_MVE_KERNEL_W]
    ldr left, [p, #ASC_DEPTHWISE_PIXELS_MVE_COLUMNS]
    ldrsh r0, [p, #ASC_DEPTHWISE_PIXELS_MVE_LOW]
    vdup.16 q6, r0
    ldrsh r0, [p, #ASC_DEPTHWISE_PIXELS_MVE_HIGH]
    vdup.16 q7, r0
    mov column, #0
1:  ldr w, [p, #ASC_DEPTHWISE_PIXELS_MVE_WEIGHTS]
    ldr rest, [p, #ASC_DEPTHWISE_PIXELS_MVE_CHANNELS]
    mov offset, column
2:  vldrw.u32 q4, [w], #16
    vldrw.u32 q5, [w], #16
    mov row, first
3:  ldr x, [row], #4
    add x, x, offset
    dls lr, taps
4:  vldrb.s16 q0, [x]
    vldrb.s16 q1, [w], #8
    add x, x, x_step
    vmullb.s16 q2, q0, q1
    vmullt.s16 q3, q0, q1
    vadd.i32 q4, q4, q2
    vadd.i32 q5, q5, q3
    le lr, 4b
    cmp row, end
    bne 3b
    vldrw.u32 q0, [w], #16
    vldrw.u32 q1, [w], #16
    ldr r0, [p, #ASC_DEPTHWISE_PIXELS_MVE_TIES]
    vqrdmulh.s32 q4, q4, q0
    vqrdmulh.s32 q5, q5, q1
    ties q4, r0
    ties q5, r0
    vldrb.s32 q0, [w], #4
    vldrb.s32 q1, [w], #4
    ldr r0, [p, #ASC_DEPTHWISE_PIXELS_MVE_ZERO_POINT]
    vrshl.s32 q4, q4, q0
    vrshl.s32 q5, q5, q1
    vqmovnb.s32 q4, q4
    vqmovnt.s32 q4, q5
    vqadd.s16 q4, q4, r0
    vmax.s16 q4, q4, q6
    vmin.s16 q4, q4, q7
    vctp.16 rest
    vpst
    vstrbt.16 q4, [out], #8
    add offset, offset, #8
    subs rest, rest, #8
    bgt 2b
    add out, out, rest
    ldr r0, [p, #ASC_DEPTHWISE_PIXELS_MVE_COLUMN_STEP]
    add column, column, r0
    subs left, left, #1
    bne 1b
    vpop {d8-d15}
    pop {r4-r11, pc}
    .size asc_depthwise_pixels_mve, . - asc_depthwise_pixels_mve
