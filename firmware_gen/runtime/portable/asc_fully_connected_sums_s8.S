/* clang-format off */ /* assembler, which it does not know */
/*
 * The sums of two outputs: see asc_fully_connected_sums_s8.h.
 *
 * Method    four inputs in four registers, then a word of weights for each output.
 * Cycles    50 for 8 products on a Cortex-M0+ whose multiplication takes one
 * Overlap   none
 * Source    Armv6-M Architecture Reference Manual, A6.7
 */
#include "asc_fully_connected_sums_s8.h"

#ifdef ASC_SHORT_THUMB

    .syntax unified
    .thumb

x0 .req r0
x1 .req r1
x2 .req r2
x3 .req r3
v .req r4
t .req r5
w .req r6
x .req r7
sum_0 .req r8
sum_1 .req r9
end .req r12
sums .req lr
next .req r10

/* weights of four inputs in v */
.macro output sum
    sxtb t, v
    muls t, x0, t
    add \sum, \sum, t
    lsls t, v, #16
    asrs t, t, #24
    muls t, x1, t
    add \sum, \sum, t
    lsls t, v, #8
    asrs t, t, #24
    muls t, x2, t
    add \sum, \sum, t
    asrs v, v, #24
    muls v, x3, v
    add \sum, \sum, v
.endm

    .section .text.asc_fully_connected_sums_s8, "ax", %progbits
    .balign 4
    .global asc_fully_connected_sums_s8
    .type asc_fully_connected_sums_s8, %function
    .thumb_func
asc_fully_connected_sums_s8:
    push {r4-r7, lr}
    mov r4, r8
    mov r5, r9
    mov r6, r10
    push {r4-r6}
    movs x, r0
    movs w, r1
    mov next, r2
    adds r3, r3, r0
    mov end, r3
    ldr r2, [sp, #32] /* above 8 saved registers */
    mov sums, r2
    ldmia r2!, {r0, r1}
    mov sum_0, r0
    mov sum_1, r1
    b .Lnext
.Lfour_inputs:
    movs t, #0
    ldrsb x0, [x, t]
    movs t, #1
    ldrsb x1, [x, t]
    movs t, #2
    ldrsb x2, [x, t]
    movs t, #3
    ldrsb x3, [x, t]
    adds x, x, #4
    ldr v, [w]
    output sum_0
    mov t, next
    ldr v, [w, t]
    output sum_1
    adds w, w, #4
.Lnext:
    cmp x, end
    bne .Lfour_inputs
    mov r0, sum_0
    mov r1, sum_1
    mov r4, sums
    stmia r4!, {r0, r1}
    pop {r4-r6}
    mov r8, r4
    mov r9, r5
    mov r10, r6
    pop {r4-r7, pc}
    .size asc_fully_connected_sums_s8, . - asc_fully_connected_sums_s8

#endif

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
