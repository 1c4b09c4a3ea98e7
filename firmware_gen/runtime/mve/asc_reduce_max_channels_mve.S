/*
 * REDUCE_MAX over the channels of each column, one row of the output. Helium.
 *
 *     void asc_reduce_max_channels_mve(const asc_reduce_channels_mve_t *p, const int8_t *input, int8_t *output);
 *
 * Formula   y[x] = max over c of input[x][c]
 * Overlap   a column is read before its output is written: the output may lie over the input
 * Exact     TFLite BUILTIN_REF
 * Source    docs/quantization.md, equation (22)
 */
#include "asc_mve_asm.h"

function asc_reduce_max_channels_mve
    push {r4, lr}
    ldrd r3, r12, [r0] /* columns and channels */
    /* from the end of the whole vectors back to the column's end */
    add r0, r12, #15
    bic r0, r0, #15
    sub r0, r0, r12
1:  mvn r4, #127
    dlstp.8 lr, r12
2:  vldrb.u8 q0, [r1], #16
    vmaxv.s8 r4, q0
    letp lr, 2b
    sub r1, r1, r0
    strb r4, [r2], #1
    subs r3, r3, #1
    bne 1b
    pop {r4, pc}
    .size asc_reduce_max_channels_mve, . - asc_reduce_max_channels_mve
