/*
 * MUL, one row of the output. Helium.
 *
 *     void asc_mul_mve(const asc_mul_mve_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
 *
 * Formula   y = clamp(S((x1 + offset_1) * (x2 + offset_2); multiplier, shift) + zero_point), offsets are zero points negated,
 *           S(a; m, n) = round(round(a * m / 2^31) / 2^n), ties up, then away from zero
 * Shapes    input_1 and output [columns][channels]; input_2 has the same elements, or one for each channel, or one for each
 *           column; up to 7 more are read
 * Overflow  |product| <= 255^2; n from 1 to 31
 * Overlap   8 elements are read before they are written: the output may lie over input_1, and over input_2 if that has the
 *           same elements
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (19)
 */
#include "asc_mve_asm.h"

y           .req r0 /* current element of the second input */
x           .req r1
second      .req r2 /* its first element for the column */
out         .req r3
offset_1    .req r4
offset_2    .req r5
multiplier  .req r6
shift       .req r7 /* to the left: negative */
zero_point  .req r8
one         .req r9
columns     .req r10
channels    .req r11
second_step .req r12 /* from column to column */

/* 8 results, of elements 0, 4, 1, 5, 2, 6, 3, 7; those of the second input are loaded, or in q2 and q3. */
.macro products with_load
    vldrb.s32 q0, [x], #4
    vldrb.s32 q1, [x], #4
    .if \with_load
    vldrb.s32 q2, [y], #4
    vldrb.s32 q3, [y], #4
    vadd.i32 q2, q2, offset_2
    vadd.i32 q3, q3, offset_2
    .endif
    vadd.i32 q0, q0, offset_1
    vadd.i32 q1, q1, offset_1
    vmul.i32 q0, q0, q2
    vmul.i32 q1, q1, q3
    vqrdmulh.s32 q0, q0, multiplier
    vqrdmulh.s32 q1, q1, multiplier
    ties q0, one
    ties q1, one
    vrshl.s32 q0, shift
    vrshl.s32 q1, shift
    vqmovnb.s32 q0, q0
    vqmovnt.s32 q0, q1
    vqadd.s16 q0, q0, zero_point
    vqmovnb.s16 q0, q0
.endm

/* All channels of a column. */
.macro column with_load
    lsrs lr, channels, #3
    wls lr, lr, 2f
1:  products \with_load
    vstrb.16 q0, [out, q7]
    add out, out, #8
    le lr, 1b
2:  ands lr, channels, #7
    beq 3f
    products \with_load
    vpt.s16 lt, q7, lr
    vstrbt.16 q0, [out, q7]
    add out, out, lr
    sub x, x, #8
    add x, x, lr
3:  add second, second, second_step
    subs columns, columns, #1
.endm

function asc_mul_mve
    push {r4-r11, lr}
    vpush {d14-d15}
    interleaved q7, r12
    mov one, #1
    add lr, r0, #16
    ldm lr, {r4-r8}
    ldr lr, [r0, #12]
    ldr second_step, [r0, #8]
    ldrd columns, channels, [r0]
    cmp lr, #0
    beq 5f
4:  mov y, second
    column 1
    bne 4b
    b 6f
5:  ldrsb r0, [second]
    add r0, r0, offset_2
    vdup.32 q2, r0
    vmov q3, q2
    column 0
    bne 5b
6:  vpop {d14-d15}
    pop {r4-r11, pc}
    .size asc_mul_mve, . - asc_mul_mve
