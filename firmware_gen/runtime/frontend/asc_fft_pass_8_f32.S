/* clang-format off */ /* assembler, which it does not know */
/*
 * Pass of radix 8 on cores with single-precision registers: see asc_fft_registers_f32.h.
 *
 * Method    the transforms that a pass joins lie side by side and need the same factors: those of j are loaded into 14
 *           registers, then used for each of them. The inner loop has 98 operations, 16 loads and 8 stores of a pair;
 *           what is added or multiplied is never the result of the instruction before.
 * Exact     the operations of asc_butterfly_8_f32, each rounded once: the same bits as in C. A factor of
 *           -ASC_ROOT_HALF_F32 and an addition is here one of ASC_ROOT_HALF_F32 and a subtraction
 */
#include "asc_fft_registers_f32.h"

#ifdef ASC_FFT_REGISTERS_F32

    .syntax unified
    .thumb

x .req r0
end .req r1
between .req r2 /* bytes from one input to the next */
w .req r3
at_0 .req r4
at_1 .req r5
at_2 .req r6
at_3 .req r7
at_4 .req r8
at_5 .req r9
at_6 .req r10
at_7 .req r11
step .req r12 /* bytes from one transform of 8 to the next with the same factors */
root_half .req lr

/* (re, im) times (w_re, w_im), into (to_re, to_im); to_im may be im or free */
.macro turn re, im, w_re, w_im, to_re, to_im, free
    vmul.f32 \to_re, \re, \w_re
    vmul.f32 \free, \im, \w_im
    vmul.f32 \re, \re, \w_im
    vmul.f32 \im, \im, \w_re
    vsub.f32 \to_re, \to_re, \free
    vadd.f32 \to_im, \re, \im
.endm

/* transform of (a, b), (e, f), (c, d), (g, h) into (h, d), (e, f), (free, c), (a, b); g loses what it holds */
.macro four a, b, e, f, c, d, g, h, free
    vadd.f32 \free, \a, \c
    vsub.f32 \a, \a, \c
    vadd.f32 \c, \b, \d
    vsub.f32 \b, \b, \d
    vadd.f32 \d, \e, \g
    vsub.f32 \g, \g, \e
    vadd.f32 \e, \f, \h
    vsub.f32 \f, \f, \h
    vadd.f32 \h, \free, \d
    vsub.f32 \free, \free, \d
    vadd.f32 \d, \c, \e
    vsub.f32 \c, \c, \e
    vadd.f32 \e, \a, \f
    vsub.f32 \a, \a, \f
    vadd.f32 \f, \b, \g
    vsub.f32 \b, \b, \g
.endm

.macro store pointer, pair
    vstr \pair, [\pointer]
    add \pointer, \pointer, step
.endm

    .section .text.asc_fft_pass_8_f32, "ax", %progbits
    .balign 4
    .global asc_fft_pass_8_f32
    .type asc_fft_pass_8_f32, %function
    .thumb_func
asc_fft_pass_8_f32:
    push {r4-r11, lr}
    vpush {s16-s31}
    lsl between, between, #3
    lsl step, between, #3
    movw root_half, #0x04f3
    movt root_half, #0x3f35
    add r4, x, between
    push {r4, r5} /* where x stops */
.Lfactors:
    vldmia w!, {s18-s31}
    mov at_0, x
    add at_1, x, between
    add at_2, x, between, lsl #1
    add at_3, at_1, between, lsl #1
    add at_4, x, between, lsl #2
    add at_5, at_1, between, lsl #2
    add at_6, at_2, between, lsl #2
    add at_7, at_3, between, lsl #2
.Lnext:
    vldr d0, [at_0]
    vldr d1, [at_4]
    vldr d2, [at_2]
    vldr d3, [at_6]
    turn s2, s3, s24, s25, s9, s3, s17
    turn s4, s5, s20, s21, s10, s11, s17
    turn s6, s7, s28, s29, s4, s2, s17
    four s0, s1, s10, s11, s9, s3, s4, s2, s8
    /* of the even inputs: s2 s3, s10 s11, s8 s9, s0 s1 */
    vldr d2, [at_1]
    vldr d3, [at_5]
    vldr d6, [at_3]
    vldr d7, [at_7]
    turn s4, s5, s18, s19, s16, s5, s17
    turn s6, s7, s26, s27, s4, s7, s17
    turn s12, s13, s22, s23, s6, s17, s17
    turn s14, s15, s30, s31, s12, s15, s13
    four s16, s5, s6, s17, s4, s7, s12, s15, s14
    /* of the odd ones: s15 s7, s6 s17, s14 s4, s16 s5 */
    vadd.f32 s12, s2, s15
    vadd.f32 s13, s3, s7
    vsub.f32 s2, s2, s15
    vsub.f32 s3, s3, s7
    vadd.f32 s15, s6, s17
    vsub.f32 s7, s17, s6
    store at_0, d6
    vmov s6, root_half
    store at_4, d1
    vmul.f32 s15, s15, s6
    vmul.f32 s7, s7, s6
    vadd.f32 s12, s8, s4
    vsub.f32 s13, s9, s14
    vsub.f32 s8, s8, s4
    vadd.f32 s9, s9, s14
    vsub.f32 s14, s5, s16
    vadd.f32 s4, s16, s5
    store at_2, d6
    vadd.f32 s12, s10, s15
    vadd.f32 s13, s11, s7
    vsub.f32 s10, s10, s15
    vsub.f32 s11, s11, s7
    store at_6, d4
    vmul.f32 s14, s14, s6
    vmul.f32 s4, s4, s6
    store at_1, d6
    vadd.f32 s12, s0, s14
    vsub.f32 s13, s1, s4
    vsub.f32 s0, s0, s14
    vadd.f32 s1, s1, s4
    store at_5, d5
    store at_3, d6
    store at_7, d0
    cmp at_0, end
    blo .Lnext
    ldr r4, [sp]
    add x, x, #8
    cmp x, r4
    bne .Lfactors
    pop {r4, r5}
    vpop {s16-s31}
    pop {r4-r11, pc}
    .size asc_fft_pass_8_f32, . - asc_fft_pass_8_f32

#endif

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
