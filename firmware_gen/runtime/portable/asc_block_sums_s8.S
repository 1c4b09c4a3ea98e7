/* clang-format off */ /* assembler, which it does not know */
/*
 * The sums of two vectors of inputs and four channels of weights: see asc_block_sums_s8.h.
 *
 * Method    one multiplication serves both vectors: with X = a - 2^16 b, v X = v a - 2^16 v b. Of two taps,
 *               s = v0 X0 + v1 X1 = (v0 a0 + v1 a1) - 2^16 (v0 b0 + v1 b1) = p - 2^16 q,  -32512 <= p, q <= 32768,
 *           so that s + 32767 fits 32 bits, whatever s does, and (s + 32767) >> 16 is -q: hence the minus. With all
 *           sums S of s and B of -q, that of p is S - 2^16 B, modulo 2^32 and so exactly, as it has 32 bits. Two
 *           channels at a time: a word has their weights of two taps.
 *           Inputs come as bytes without sign, a + 128 and 127 - b: after one AND, bytes 0 and 2 of a word are
 *           X0 + 128 + 127 * 2^16, and bytes 1 and 3 X1 likewise.
 * Cycles    65 for 16 products on a Cortex-M0+ whose multiplication takes one
 * Overlap   none
 * Source    Armv6-M Architecture Reference Manual, A6.7
 */
#include "asc_block_sums_s8.h"

#ifdef ASC_SHORT_THUMB

    .syntax unified
    .thumb

#define END 0
#define X 4
#define HALVES 8
#define W 12
#define BIAS 16
#define FRAME 20
#define SUMS (FRAME + 36) /* above 9 saved registers */

x .req r0
w .req r1
x0 .req r2
x1 .req r3
v .req r4
s .req r5
t .req r6
mask .req r7 /* bytes 0 and 2 */
all_0 .req r8
all_1 .req r9
of_b_0 .req r10
of_b_1 .req r11
half .req r12 /* 32767 */
offset .req lr /* -(128 + 127 * 2^16) */

/* both sums begin with the bias at t */
.macro begin at, all, of_b
    ldr s, [t, #\at]
    rsbs v, s, #0
    mov \of_b, v
    lsls v, v, #16
    adds s, s, v
    mov \all, s
.endm

.macro add_up all, of_b
    add \all, \all, s
    add s, s, half
    asrs s, s, #16
    add \of_b, \of_b, s
.endm

/* two taps of two channels */
.macro taps number
    ldr v, [w, #8 * \number]
    ldr x0, [x, #4 * \number]
    lsrs x1, x0, #8
    ands x0, x0, mask
    ands x1, x1, mask
    add x0, x0, offset
    add x1, x1, offset
    sxtb s, v
    muls s, x0, s
    lsls t, v, #16
    asrs t, t, #24
    muls t, x1, t
    adds s, s, t
    add_up all_0, of_b_0
    lsls s, v, #8
    asrs s, s, #24
    muls s, x0, s
    asrs v, v, #24
    muls v, x1, v
    adds s, s, v
    add_up all_1, of_b_1
.endm

.macro finish all, of_b, at
    mov t, \of_b
    lsls v, t, #16
    mov s, \all
    subs s, s, v
    str s, [x0, #\at]
    rsbs t, t, #0
    str t, [x0, #16 + \at]
.endm

    .section .text.asc_block_sums_s8, "ax", %progbits
    .balign 4
    .global asc_block_sums_s8
    .type asc_block_sums_s8, %function
    .thumb_func
asc_block_sums_s8:
    push {r4-r7, lr}
    mov r4, r8
    mov r5, r9
    mov r6, r10
    mov r7, r11
    push {r4-r7}
    sub sp, sp, #FRAME
    lsls r2, r2, #1
    adds r2, r2, x
    str r2, [sp, #END]
    str x, [sp, #X]
    str w, [sp, #W]
    str r3, [sp, #BIAS]
    movs t, #2
    str t, [sp, #HALVES]
    ldr t, =32767
    mov half, t
    ldr t, =-0x007f0080
    mov offset, t
    ldr mask, =0x00ff00ff
.Ltwo:
    ldr t, [sp, #BIAS]
    begin 0, all_0, of_b_0
    begin 4, all_1, of_b_1
    adds t, t, #8
    str t, [sp, #BIAS]
.Lfour_taps:
    taps 0
    taps 1
    adds x, x, #8
    adds w, w, #16
    ldr t, [sp, #END]
    cmp x, t
    bne .Lfour_taps
    ldr x0, [sp, #SUMS]
    finish all_0, of_b_0, 0
    finish all_1, of_b_1, 4
    adds x0, x0, #8
    str x0, [sp, #SUMS]
    ldr x, [sp, #X]
    ldr w, [sp, #W]
    adds w, w, #4
    ldr t, [sp, #HALVES]
    subs t, t, #1
    str t, [sp, #HALVES]
    bne .Ltwo
    add sp, sp, #FRAME
    pop {r4-r7}
    mov r8, r4
    mov r9, r5
    mov r10, r6
    mov r11, r7
    pop {r4-r7, pc}
    .pool
    .size asc_block_sums_s8, . - asc_block_sums_s8

#endif

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
