/* clang-format off */ /* assembler, which it does not know */
/*
 * Last pass of radix 4 on cores with single-precision registers: see asc_fft_power_f32.h.
 *
 * Method    both transforms of 4 stay in registers until their 8 powers are stored; what is added or multiplied is never
 *           the result of the instruction before. A turn has 152 operations, 9 loads and 8 stores in 718 bytes.
 * Exact     the operations of the C code, each rounded once: the same bits
 */
#include "asc_fft_registers_f32.h"

#ifdef ASC_FFT_REGISTERS_F32

    .syntax unified
    .thumb

x .req r0
n_fft .req r1
a_0 .req r0
a_1 .req r3
a_2 .req r4
a_3 .req r5
b_0 .req r6
b_1 .req r7
b_2 .req r8
b_3 .req r9
table .req r2
root_half .req r12

/* (re, im) times w, into (to, im): of three with w in s22 to s27 */
.macro turn re_1, im_1, to_1, re_2, im_2, to_2, re_3, im_3, to_3, free_1, free_2, free_3
    vmul.f32 \to_1, \re_1, s22
    vmul.f32 \to_2, \re_2, s24
    vmul.f32 \to_3, \re_3, s26
    vmul.f32 \free_1, \im_1, s23
    vmul.f32 \free_2, \im_2, s25
    vmul.f32 \free_3, \im_3, s27
    vmul.f32 \re_1, \re_1, s23
    vmul.f32 \re_2, \re_2, s25
    vmul.f32 \re_3, \re_3, s27
    vmul.f32 \im_1, \im_1, s22
    vmul.f32 \im_2, \im_2, s24
    vmul.f32 \im_3, \im_3, s26
    vsub.f32 \to_1, \to_1, \free_1
    vsub.f32 \to_2, \to_2, \free_2
    vsub.f32 \to_3, \to_3, \free_3
    vadd.f32 \im_1, \re_1, \im_1
    vadd.f32 \im_2, \re_2, \im_2
    vadd.f32 \im_3, \re_3, \im_3
.endm

/* the same times the conjugates of w */
.macro turn_back re_1, im_1, to_1, re_2, im_2, to_2, re_3, im_3, to_3, free_1, free_2, free_3
    vmul.f32 \to_1, \re_1, s22
    vmul.f32 \to_2, \re_2, s24
    vmul.f32 \to_3, \re_3, s26
    vmul.f32 \free_1, \im_1, s23
    vmul.f32 \free_2, \im_2, s25
    vmul.f32 \free_3, \im_3, s27
    vmul.f32 \re_1, \re_1, s23
    vmul.f32 \re_2, \re_2, s25
    vmul.f32 \re_3, \re_3, s27
    vmul.f32 \im_1, \im_1, s22
    vmul.f32 \im_2, \im_2, s24
    vmul.f32 \im_3, \im_3, s26
    vadd.f32 \to_1, \to_1, \free_1
    vadd.f32 \to_2, \to_2, \free_2
    vadd.f32 \to_3, \to_3, \free_3
    vsub.f32 \im_1, \im_1, \re_1
    vsub.f32 \im_2, \im_2, \re_2
    vsub.f32 \im_3, \im_3, \re_3
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

/*
 * Equation (4) with (s28, s29) of (re, im) and (re_2, im_2), powers to k and n_k, and with -i (s28, s29) of those that
 * begin with t, powers to t_k and t_n_k; in turns, since some cores wait for a result longer than an
 * instruction; pointers are moved on in between, which costs such cores nothing
 */
.macro pairs k, n_k, re, im, re_2, im_2, t_k, t_n_k, t_re, t_im, t_re_2, t_im_2, forward, forward_2, back, back_2
    vadd.f32 s22, \re, \re_2
    vadd.f32 s4, \t_re, \t_re_2
    vsub.f32 s23, \im, \im_2
    vsub.f32 s6, \t_im, \t_im_2
    vadd.f32 \im, \im, \im_2
    vadd.f32 \t_im, \t_im, \t_im_2
    vsub.f32 \re_2, \re_2, \re
    vsub.f32 \t_re_2, \t_re_2, \t_re
    .ifnb \forward
    add \forward, \forward, #8
    .endif
    vmul.f32 s24, \im, s28
    vmul.f32 s14, \t_im, s28
    vmul.f32 s25, \re_2, s29
    vmul.f32 s16, \t_re_2, s29
    .ifnb \forward
    add \forward_2, \forward_2, #8
    .endif
    vmul.f32 \im, \im, s29
    vmul.f32 \t_im, \t_im, s29
    vmul.f32 \re_2, \re_2, s28
    vmul.f32 \t_re_2, \t_re_2, s28
    .ifnb \forward
    sub \back, \back, #8
    .endif
    vsub.f32 s24, s24, s25
    vsub.f32 s14, s14, s16
    vadd.f32 \im, \im, \re_2
    vadd.f32 \t_im, \t_im, \t_re_2
    .ifnb \forward
    sub \back_2, \back_2, #8
    .endif
    vadd.f32 s25, s22, s24
    vsub.f32 s20, s6, s14
    vsub.f32 s22, s22, s24
    vadd.f32 s6, s6, s14
    vadd.f32 s26, s23, \im
    vadd.f32 s16, s4, \t_im
    vsub.f32 s23, s23, \im
    vsub.f32 s4, s4, \t_im
    vmul.f32 s25, s25, s25
    vmul.f32 s20, s20, s20
    vmul.f32 s22, s22, s22
    vmul.f32 s6, s6, s6
    vmul.f32 s26, s26, s26
    vmul.f32 s16, s16, s16
    vmul.f32 s23, s23, s23
    vmul.f32 s4, s4, s4
    vadd.f32 s25, s25, s26
    vadd.f32 s16, s16, s20
    vadd.f32 s22, s22, s23
    vstr s25, [\k]
    vadd.f32 s4, s4, s6
    vstr s16, [\t_k]
    vstr s22, [\n_k]
    vstr s4, [\t_n_k]
.endm

    .section .text.asc_fft_power_pairs_f32, "ax", %progbits
    .balign 4
    .global asc_fft_power_pairs_f32
    .type asc_fft_power_pairs_f32, %function
    .thumb_func
asc_fft_power_pairs_f32:
    push {r4-r9}
    vpush {s16-s31}
    add b_0, x, n_fft
    sub b_0, b_0, #8
    add b_1, b_0, n_fft
    add b_2, b_1, n_fft
    add b_3, b_2, n_fft
    add a_0, x, #8
    add a_1, a_0, n_fft
    add a_2, a_1, n_fft
    add a_3, a_2, n_fft
    movw root_half, #0x04f3
    movt root_half, #0x3f35
    b .Lnext
    .balign 4
.Lpairs:
    vldmia table!, {s22-s29}
    vldr d0, [a_0]
    vldr d1, [a_1]
    vldr d2, [a_2]
    vldr d3, [a_3]
    turn s2, s3, s8, s4, s5, s9, s6, s7, s10, s19, s20, s21
    four s0, s1, s8, s3, s9, s5, s10, s7, s2
    /* of j: s7 s5, s8 s3, s2 s9, s0 s1 */
    vldr d5, [b_0]
    vldr d6, [b_1]
    vldr d7, [b_2]
    vldr d8, [b_3]
    turn_back s12, s13, s18, s14, s15, s19, s16, s17, s20, s4, s6, s21
    four s10, s11, s18, s13, s19, s15, s20, s17, s12
    /* of m - j: s17 s15, s18 s13, s12 s19, s10 s11 */
    pairs a_0, b_3, s7, s5, s17, s15, a_2, b_1, s2, s9, s12, s19
    vmov s30, root_half
    vadd.f32 s31, s28, s29
    vsub.f32 s29, s29, s28
    vmul.f32 s28, s31, s30
    vmul.f32 s29, s29, s30
    pairs a_1, b_2, s8, s3, s10, s11, a_3, b_0, s0, s1, s18, s13, a_0, a_2, b_1, b_3
    add a_1, a_1, #8
    add a_3, a_3, #8
    sub b_0, b_0, #8
    sub b_2, b_2, #8
.Lnext:
    cmp a_0, b_0
    bls .Lpairs
    vpop {s16-s31}
    pop {r4-r9}
    bx lr
    .size asc_fft_power_pairs_f32, . - asc_fft_power_pairs_f32

#endif

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
