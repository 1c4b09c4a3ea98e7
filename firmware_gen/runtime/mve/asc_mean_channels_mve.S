/*
 * MEAN over the channels of each column, one row of the output. Helium.
 *
 *     void asc_mean_channels_mve(const asc_reduce_channels_mve_t *p, const int8_t *input, int8_t *output);
 *
 * Formula   y[x] = clamp(S(offset + sum over c of input[x][c]; multiplier, shift) + zero_point), offset is the input's zero
 *           point times the channels, negated; S(a; m, n) = round(round(a * m / 2^31) / 2^n), ties up, then away from zero
 * Overflow  255 * channels < 2^31; n from 1 to 31
 * Overlap   a column is read before its output is written: the output may lie over the input
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (21)
 */
#include "asc_mve_asm.h"

function asc_mean_channels_mve
    push {r4-r11, lr}
    ldrd r3, r12, [r0] /* columns and channels */
    ldrd r5, r6, [r0, #8] /* offset and multiplier */
    ldrd r7, r8, [r0, #16] /* shift, to the left: negative; zero point */
    mov r9, #1
    /* from the end of the whole vectors back to the column's end */
    add r10, r12, #15
    bic r10, r10, #15
    sub r10, r10, r12
1:  mov r4, r5
    dlstp.8 lr, r12
2:  vldrb.u8 q0, [r1], #16
    vaddva.s8 r4, q0
    letp lr, 2b
    sub r1, r1, r10
    vdup.32 q0, r4
    vqrdmulh.s32 q0, q0, r6
    ties q0, r9
    vrshl.s32 q0, r7
    vqmovnb.s32 q0, q0
    vqadd.s16 q0, q0, r8
    vqmovnb.s16 q0, q0
    vmov.s8 r4, q0[0]
    strb r4, [r2], #1
    subs r3, r3, #1
    bne 1b
    pop {r4-r11, pc}
    .size asc_mean_channels_mve, . - asc_mean_channels_mve
