/* clang-format off */ /* assembler, which it does not know */
/*
 * Mel bands on cores with single-precision registers: see asc_frontend_f32.h.
 *
 * Method    bins are loaded eight in a row: each load but the last then takes one cycle. The sum of bins alternates
 *           between two registers, so that no addition waits for the one before.
 * Exact     the operations of the C code, in the same order
 */
#include "asc_fft_registers_f32.h"
#include "asc_frontend_f32.h"

#ifdef ASC_FFT_REGISTERS_F32

    .syntax unified
    .thumb

bin .req r0
band .req r1
end .req r2
left .req r3
n .req r4
share .req r5
scale .req r6
count .req r7

bins .req s0
partly .req s1
next .req s2
rising .req s3
zero .req s4
offset .req s5
falling .req s6
energy .req s7

/* two bins */
.macro add_two first, second
    vadd.f32 next, bins, \first
    vadd.f32 partly, partly, bins
    vadd.f32 bins, next, \second
    vadd.f32 partly, partly, next
.endm

.macro add_one
    vadd.f32 partly, partly, bins
    vadd.f32 bins, bins, s8
.endm

    .section .text.asc_frontend_bands_f32, "ax", %progbits
    .balign 4
    .global asc_frontend_bands_f32
    .type asc_frontend_bands_f32, %function
    .thumb_func
asc_frontend_bands_f32:
    push {r4-r7}
    vldr offset, [r0, #ASC_FRONTEND_OFFSET]
    ldr count, [r0, #ASC_FRONTEND_COUNTS]
    ldr share, [r0, #ASC_FRONTEND_SHARES]
    ldr scale, [r0, #ASC_FRONTEND_SCALES]
    ldr r3, [r0, #ASC_FRONTEND_FIRST_BIN]
    add bin, r2, r3, lsl #3
    add r12, r2, r1, lsl #3
    add band, r2, #4
    add end, r12, #4
    movs r3, #0
    vmov zero, r3
    vmov.f32 bins, zero
    vmov.f32 partly, zero
    ldrh n, [count]
    add bin, bin, n, lsl #3
    movs left, n
    beq .Lfirst_done
    mov r12, bin
.Lfirst:
    sub r12, r12, #8
    vldr s8, [r12]
    add_one
    subs left, left, #1
    bne .Lfirst
.Lfirst_done:
    vldmia share!, {s8, s9}
    vmul.f32 s10, partly, s8
    vmul.f32 s11, bins, s9
    vadd.f32 rising, s10, s11
    .balign 4
.Lband:
    ldrh n, [count, #2]!
    vmov.f32 bins, zero
    vmov.f32 partly, zero
    lsrs left, n, #3
    beq .Lfour
.Leight:
    vldr s8, [bin]
    vldr s9, [bin, #8]
    vldr s10, [bin, #16]
    vldr s11, [bin, #24]
    vldr s12, [bin, #32]
    vldr s13, [bin, #40]
    vldr s14, [bin, #48]
    vldr s15, [bin, #56]
    add_two s8, s9
    add_two s10, s11
    add_two s12, s13
    add_two s14, s15
    adds bin, bin, #64
    subs left, left, #1
    bne .Leight
.Lfour:
    lsls left, n, #30 /* carry: 4 more bins; negative: 2 more */
    bcc .Ltwo
    vldr s8, [bin]
    vldr s9, [bin, #8]
    vldr s10, [bin, #16]
    vldr s11, [bin, #24]
    add_two s8, s9
    add_two s10, s11
    add bin, bin, #32
.Ltwo:
    bpl .Lone
    vldr s8, [bin]
    vldr s9, [bin, #8]
    add bin, bin, #16
    add_two s8, s9
.Lone:
    lsls left, n, #31
    beq .Lshares
    vldr s8, [bin]
    adds bin, bin, #8
    add_one
.Lshares:
    vldmia share!, {s8, s9}
    vldmia scale!, {s10}
    vmul.f32 falling, partly, s8
    vmul.f32 s11, bins, s9
    adds band, band, #8
    vadd.f32 falling, falling, s11
    cmp band, end
    vadd.f32 energy, rising, falling
    vsub.f32 rising, bins, falling
    vmul.f32 energy, energy, s10
    vabs.f32 rising, rising
    vadd.f32 energy, energy, offset
    vstr energy, [band, #-8]
    bne .Lband
    pop {r4-r7}
    bx lr
    .size asc_frontend_bands_f32, . - asc_frontend_bands_f32

#endif

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
