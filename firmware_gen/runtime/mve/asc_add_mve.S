/*
 * ADD or SUB of two tensors of one shape. Helium.
 *
 *     void asc_add_mve(const asc_add_mve_t *p, const int8_t *input_1, const int8_t *input_2, int8_t *output);
 *
 * Formula   t_i = S((x_i << 20) + offset_i; multiplier_i, shift_i), y = clamp(S(t_1 + t_2; multiplier, shift) + zero_point)
 *           with S(a; m, n) = round(round(a * m / 2^31) / 2^n), ties up, then away from zero
 * Shapes    n elements each; up to 7 more are read
 * Overflow  |(x - zero point) << 20| < 2^28, |t_i| <= 2^28; n from 1 to 31
 * Overlap   8 elements are read before they are written: the output may lie over either input
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equations (13), (14), (17) and (18)
 */
#include "asc_mve_asm.h"

offset_1     .req r4
multiplier_1 .req r5
shift_1      .req r6 /* shifts are to the left: negative */
offset_2     .req r7
multiplier_2 .req r8
shift_2      .req r9
multiplier   .req r10
shift        .req r11
zero_point   .req r12
one          .req r0

/* t of 4 elements. */
.macro scaled vector, from, offset, multiplier, shift
    vldrb.s32 \vector, [\from], #4
    vmlas.s32 \vector, q6, \offset
    vqrdmulh.s32 \vector, \vector, \multiplier
    ties \vector, one
    vrshl.s32 \vector, \shift
.endm

/* 4 results. */
.macro sum vector, other
    scaled \vector, r1, offset_1, multiplier_1, shift_1
    scaled \other, r2, offset_2, multiplier_2, shift_2
    vadd.i32 \vector, \vector, \other
    vqrdmulh.s32 \vector, \vector, multiplier
    ties \vector, one
    vrshl.s32 \vector, shift
.endm

/* 8 results, of elements 0, 4, 1, 5, 2, 6, 3, 7. */
.macro sums
    sum q0, q1
    sum q1, q2
    vqmovnb.s32 q0, q0
    vqmovnt.s32 q0, q1
    vqadd.s16 q0, q0, zero_point
    vqmovnb.s16 q0, q0
.endm

function asc_add_mve
    push {r4-r11, lr}
    vpush {d12-d15}
    add lr, r0, #4
    ldr r0, [r0]
    ldm lr, {r4-r12}
    interleaved q7, lr
    push {r0}
    lsrs lr, r0, #3
    mov r0, #1 << 20
    vdup.32 q6, r0
    mov one, #1
    wls lr, lr, 2f
1:  sums
    vstrb.16 q0, [r3, q7]
    adds r3, #8
    le lr, 1b
2:  pop {lr}
    ands lr, lr, #7
    beq 3f
    sums
    vpt.s16 lt, q7, lr
    vstrbt.16 q0, [r3, q7]
3:  vpop {d12-d15}
    pop {r4-r11, pc}
    .size asc_add_mve, . - asc_add_mve
