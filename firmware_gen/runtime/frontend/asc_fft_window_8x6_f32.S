/* clang-format off */ /* assembler, which it does not know */
/*
 * First pass of radix 8 with six inputs on cores with single-precision registers: see asc_fft_window_f32.h.
 *
 * Method    one instruction loads the window's values of a transform, and one stores its 8 outputs, which lie side by
 *           side. Samples are loaded four in a row: each load but the last then takes one cycle.
 * Exact     the operations of asc_four_of_3_f32 and asc_butterfly_8_f32, each rounded once: the same bits as in C. A
 *           factor of -ASC_ROOT_HALF_F32 and an addition is here one of ASC_ROOT_HALF_F32 and a subtraction
 */
#include "asc_fft_registers_f32.h"
#include "asc_fft_window_f32.h"

#ifdef ASC_FFT_REGISTERS_F32

    .syntax unified
    .thumb

low .req r0 /* first sample of inputs 0 to 2 */
samples .req r1
x .req r2
high .req r3 /* first sample of inputs 3 to 5 */
one .req r8 /* bytes from one input's sample to the next one's */
one_im .req r9 /* to its second sample */
two .req r10
two_im .req r11
order .req r12
window .req lr

/* two inputs, from samples at base with the offsets re and im, times w of the window */
.macro load_two base_0, re_0, im_0, base_1, re_1, im_1, w_0, w_1, w_2, w_3, to_0, to_1, to_2, to_3, pair_0, pair_1
    ldrsh r4, [\base_0, \re_0]
    ldrsh r5, [\base_0, \im_0]
    ldrsh r6, [\base_1, \re_1]
    ldrsh r7, [\base_1, \im_1]
    vmov \pair_0, r4, r5
    vmov \pair_1, r6, r7
    vcvt.f32.s32 \to_0, \to_0
    vcvt.f32.s32 \to_1, \to_1
    vcvt.f32.s32 \to_2, \to_2
    vcvt.f32.s32 \to_3, \to_3
    vmul.f32 \to_0, \to_0, \w_0
    vmul.f32 \to_1, \to_1, \w_1
    vmul.f32 \to_2, \to_2, \w_2
    vmul.f32 \to_3, \to_3, \w_3
.endm

/* transform of (a, b), (c, d), (e, f) and 0 into o0 to o7; a, b and s8, s9 lose what they hold */
.macro four_of_3 a, b, c, d, e, f, o0, o1, o2, o3, o4, o5, o6, o7
    vadd.f32 s8, \a, \e
    vadd.f32 s9, \b, \f
    vsub.f32 \a, \a, \e
    vsub.f32 \b, \b, \f
    vadd.f32 \o0, s8, \c
    vadd.f32 \o1, s9, \d
    vadd.f32 \o2, \a, \d
    vsub.f32 \o3, \b, \c
    vsub.f32 \o4, s8, \c
    vsub.f32 \o5, s9, \d
    vsub.f32 \o6, \a, \d
    vadd.f32 \o7, \b, \c
.endm

    .section .text.asc_fft_window_8x6_f32, "ax", %progbits
    .balign 4
    .global asc_fft_window_8x6_f32
    .type asc_fft_window_8x6_f32, %function
    .thumb_func
asc_fft_window_8x6_f32:
    push {r4-r11, lr}
    vpush {s16-s31}
    ldr r4, [r0, #ASC_FFT_WINDOW_N_FFT]
    ldr window, [r0, #ASC_FFT_WINDOW_WINDOW]
    ldr order, [r0, #ASC_FFT_WINDOW_ORDER]
    lsr one, r4, #2
    add one_im, one, #2
    lsr two, r4, #1
    add two_im, two, #2
    add r4, x, r4, lsl #2 /* where x ends */
    movw r5, #0x04f3 /* ASC_ROOT_HALF_F32 */
    movt r5, #0x3f35
    push {r4, r5}
    .balign 4
.Ltransform:
    ldrh r4, [order], #2
    add low, samples, r4, lsl #1
    add high, low, one
    add high, high, two
    vldmia window!, {s20-s31}
    load_two low, #0, #2, low, two, two_im, s20, s21, s24, s25, s0, s1, s2, s3, d0, d1
    load_two high, one, one_im, low, one, one_im, s28, s29, s22, s23, s4, s5, s6, s7, d2, d3
    four_of_3 s0, s1, s2, s3, s4, s5, s16, s17, s18, s19, s20, s21, s22, s23
    load_two high, #0, #2, high, two, two_im, s26, s27, s30, s31, s0, s1, s2, s3, d0, d1
    four_of_3 s6, s7, s0, s1, s2, s3, s24, s25, s26, s27, s28, s29, s30, s31
    vadd.f32 s0, s16, s24
    vadd.f32 s1, s17, s25
    vsub.f32 s8, s16, s24
    vsub.f32 s9, s17, s25
    vldr s24, [sp, #4]
    vadd.f32 s16, s26, s27
    vsub.f32 s17, s27, s26
    vsub.f32 s25, s31, s30
    vadd.f32 s30, s30, s31
    vmul.f32 s16, s16, s24
    vmul.f32 s17, s17, s24
    vmul.f32 s25, s25, s24
    vmul.f32 s30, s30, s24
    vadd.f32 s4, s20, s29
    vsub.f32 s5, s21, s28
    vsub.f32 s12, s20, s29
    vadd.f32 s13, s21, s28
    vadd.f32 s2, s18, s16
    vadd.f32 s3, s19, s17
    vsub.f32 s10, s18, s16
    vsub.f32 s11, s19, s17
    vadd.f32 s6, s22, s25
    vsub.f32 s7, s23, s30
    vsub.f32 s14, s22, s25
    vadd.f32 s15, s23, s30
    ldr r4, [sp]
    vstmia x!, {s0-s15}
    cmp x, r4
    bne .Ltransform
    pop {r4, r5}
    vpop {s16-s31}
    pop {r4-r11, pc}
    .size asc_fft_window_8x6_f32, . - asc_fft_window_8x6_f32

#endif

#if defined(__linux__) && defined(__ELF__)
    .section .note.GNU-stack, "", %progbits
#endif
