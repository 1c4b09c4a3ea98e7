/* clang-format off */ /* assembler, which it does not know */
/*
 * What asc_average_pool_mve and asc_max_pool_mve share: the walk over windows, 16 channels at a time, without the rows and
 * columns that lie outside of the input. For assembly.
 */
#ifndef ASC_POOL_MVE_H
#define ASC_POOL_MVE_H

#include "asc_mve_asm.h"
#include "asc_offsets_mve.h"

/* The stack. */
.equ P, 0      /* the parameters */
.equ FIRST, 4  /* pointer to the first row's pointer */
.equ COLUMN, 8 /* of the window: negative in the padding */
.equ LEFT, 12  /* columns of the output still to do */
.equ FRAME, 20

at       .req r4  /* the window's current element */
row      .req r5  /* pointer to the row's pointer */
channels .req r6
out      .req r7
columns  .req r8  /* of the window */
rest     .req r9  /* channels still to do */
offset   .req r10 /* of the window's first element in its row */
end      .req r11 /* behind the last row's pointer */

/*
 * A kernel (const asc_pool_mve_t *p, const int8_t *const *rows, int32_t row, int8_t *output) of four macros:
 * prepare: for a window of some columns, with p in r0 and the first row's pointer at [r1]; r0 to r3 keep what it finds.
 * start: clear the result. tap: take in 16 elements at [at]. finish: store the first `rest` of 16 results at [out].
 */
.macro pool name, prepare, start, tap, finish
function \name
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, #FRAME
    mov out, r3
    ldr channels, [r0, #ASC_POOL_MVE_CHANNELS]
    ldr r3, [r0, #ASC_POOL_MVE_STRIDE_H]
    ldr r4, [r0, #ASC_POOL_MVE_PAD_TOP]
    mul r2, r2, r3
    sub r2, r2, r4 /* first row of the window */
    ldr r5, [r0, #ASC_POOL_MVE_IN_H]
    ldr r4, [r0, #ASC_POOL_MVE_KERNEL_H]
    sub r5, r5, r2
    cmp r4, r5
    it gt
    movgt r4, r5
    add end, r1, r4, lsl #2
    cmp r2, #0
    it lt
    sublt r1, r1, r2, lsl #2
    ldr r3, [r0, #ASC_POOL_MVE_PAD_LEFT]
    rsb r3, r3, #0
    ldr r4, [r0, #ASC_POOL_MVE_OUT_W]
    stm sp, {r0, r1, r3, r4}
1:  /* a column of the output */
    ldm sp, {r0, r1, r3}
    ldr columns, [r0, #ASC_POOL_MVE_KERNEL_W]
    ldr r2, [r0, #ASC_POOL_MVE_IN_W]
    sub r2, r2, r3
    cmp columns, r2
    it gt
    movgt columns, r2
    cmp r3, #0
    itt lt
    addlt columns, columns, r3
    movlt r3, #0
    mul offset, r3, channels
    \prepare
    mov rest, channels
2:  /* 16 channels */
    \start
    ldr row, [sp, #FIRST]
3:  /* a row of the window */
    ldr at, [row], #4
    add at, at, offset
    dls lr, columns
4:  \tap
    add at, at, channels
    le lr, 4b
    cmp row, end
    bne 3b
    \finish
    add offset, offset, #16
    add out, out, #16
    subs rest, rest, #16
    bgt 2b
    add out, out, rest
    ldrd r3, r12, [sp, #COLUMN]
    ldr r0, [sp, #P]
    ldr r2, [r0, #ASC_POOL_MVE_STRIDE_W]
    add r3, r3, r2
    subs r12, r12, #1
    strd r3, r12, [sp, #COLUMN]
    bne 1b
    add sp, #FRAME
    vpop {d8-d15}
    pop {r4-r11, pc}
    .size \name, . - \name
.endm

#endif
