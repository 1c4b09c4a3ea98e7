/*
 * ADD or SUB of two tensors of one shape, where one sum of 32 bits replaces TFLite's three requantizations. Helium.
 *
 *     void asc_add_linear_mve(const asc_add_linear_mve_t *p, const int8_t *input_1, const int8_t *input_2,
 *                             int8_t *output);
 *
 * Formula   y = clamp((factor_1 * x1 + factor_2 * x2 + constant) >> (16 + shift))
 * Shapes    n elements each; up to 7 more are read
 * Overflow  |sum| < 2^31: the generator checks it. VQRSHRNB rounds the upper half of the sum, for which `constant` is half
 *           a unit less (GNU as 2.40 encodes VQSHRNB, which does not round, wrongly)
 * Overlap   8 elements are read before they are written: the output may lie over either input
 * Exact     TFLite BUILTIN_REF: the generator checks the constants on all 65,536 pairs of inputs
 * Source    docs/quantization.md, equations (17) and (18), all of it in one sum
 */
#include "asc_mve_asm.h"

n        .req r4
factor_1 .req r5
factor_2 .req r6
constant .req r7
shift    .req r8 /* to the left: negative */

/* 8 sums, of elements 0, 4, 1, 5, 2, 6, 3, 7. */
.macro sums
    vldrb.s32 q0, [r1], #4
    vldrb.s32 q1, [r1], #4
    vldrb.s32 q2, [r2], #4
    vldrb.s32 q3, [r2], #4
    vmlas.s32 q0, q6, constant
    vmlas.s32 q1, q6, constant
    vmla.s32 q0, q2, factor_2
    vmla.s32 q1, q3, factor_2
    vqrshrnb.s32 q0, q0, #16
    vqrshrnt.s32 q0, q1, #16
    vshl.s16 q0, shift
    vqmovnb.s16 q0, q0
.endm

function asc_add_linear_mve
    push {r4-r8, lr}
    vpush {d12-d15}
    ldrd n, factor_1, [r0]
    ldrd factor_2, constant, [r0, #8]
    ldr shift, [r0, #16]
    interleaved q7, r12
    vdup.32 q6, factor_1
    lsrs r12, n, #3
    wls lr, r12, 2f
1:  sums
    vstrb.16 q0, [r3, q7]
    adds r3, #8
    le lr, 1b
2:  ands n, n, #7
    beq 3f
    sums
    vpt.s16 lt, q7, n
    vstrbt.16 q0, [r3, q7]
3:  vpop {d12-d15}
    pop {r4-r8, pc}
    .size asc_add_linear_mve, . - asc_add_linear_mve
