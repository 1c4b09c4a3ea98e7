/* clang-format off */ /* assembler, which it does not know */
/*
 * What the assembly of the Helium kernels shares: how a function begins and ends, and requantization.
 *
 * Accumulators   VMLADAV adds 16 products into a core register, which must be an even one: r0, r2, r4, r6, r8, r10, r12
 *                and lr. So a block is 4 channels of 2 columns: the first column in r0 to r6, the second in r8 to lr.
 *                What stays from block to block is in odd registers and on the stack.
 * Lanes          requantized are vectors of 4 channels. The 16-bit lanes of the result are channel 0 of the first column,
 *                channel 0 of the second one, channel 1 of the first, and so on: their places in the output are a vector
 *                of offsets.
 * Formula        equations (13) to (15) of docs/quantization.md: VQRDMULH is (13), VRSHL rounds as (14) but for ties of
 *                negative numbers, which `ties` puts right, and narrowing saturates as (15) says.
 */
#ifndef ASC_MVE_ASM_H
#define ASC_MVE_ASM_H

    .syntax unified
    .thumb

/* Begins a function. */
.macro function name
    .section .text.\name, "ax", %progbits
    .balign 4
    .global \name
    .thumb_func
    .type \name, %function
\name:
.endm

/* Saves the registers that belong to the caller, and takes `bytes` of stack: 4 more than a multiple of 8. */
.macro enter bytes
    push {r4-r11, lr}
    vpush {d8-d15}
    sub sp, #\bytes
.endm

/* Undoes `enter` and returns. */
.macro leave bytes
    add sp, #\bytes
    vpop {d8-d15}
    pop {r4-r11, pc}
.endm

/* Accumulators of the first column, or of the second, to the lanes of a vector. */
.macro collect_first vector
    vmov \vector[2], \vector[0], r0, r4
    vmov \vector[3], \vector[1], r2, r6
.endm
.macro collect_second vector
    vmov \vector[2], \vector[0], r8, r12
    vmov \vector[3], \vector[1], r10, lr
.endm

/*
 * Takes 1 off where a number is negative, so that rounding ties up becomes rounding ties away from zero: adds the high
 * half of 2 * number * one. `one` holds 1.
 */
.macro ties vector, one
    vqdmlah.s32 \vector, \vector, \one
.endm

/* Places of 16-bit lanes that were narrowed from two vectors of 4: 0, 4, 1, 5, 2, 6, 3, 7. `free` is even. */
.macro interleaved vector, free
    mov \free, #0
    vidup.u32 \vector, \free, #1
    mov \free, #0x00010001
    vmul.i32 \vector, \vector, \free
    mov \free, #0x00040000
    vadd.i32 \vector, \vector, \free
.endm

#endif
