/*
 * One row of a 3x3 depthwise convolution with column stride 1 and column dilation 2.
 *
 * Formula   equations (9) to (15) of docs/quantization.md, the last three in the form of (15''), whose constants are
 *           proved when they are generated; ASC_FORM_POSITIVE has shift 10 here.
 * Shapes    rows: three of [channel][column], a channel's in_channel_step apart; output: [out_w][channels] in steps
 *           of out_pixel_step and out_channel_step.
 * Method    Four neighbouring outputs from two unaligned LDR of each row: of the bytes b0 to b7 the first output takes
 *           (b0, b2) and b4, the second (b1, b3) and b5, the third b2 and (b4, b6), the fourth b3 and (b5, b7): one
 *           SMLAD and one SMLABT or SMLATB each.
 * Reads     up to 3 bytes beyond the last column of a channel.
 * Overflow  sums wrap; the final one has 32 bits: (15'').
 * Overlap   the output may not share memory with the rows.
 * Exact     bit for bit TFLite's BUILTIN_REF.
 * Source    SXTB16, SMLAD, SMLABT: Armv7-M Architecture Reference Manual, A7.7.
 */
#include "asc_depthwise_dsp.h"

/* Weights of a row: (first, second) and (second, third). */
w_01 .req r3
w_12 .req r4
even .req r5 /* (b0, b2) */
sum_a .req r6
sum_b .req r7
sum_c .req r8
sum_d .req r9
odd .req r10    /* (b1, b3) */
even_2 .req r11 /* (b4, b6) */
odd_2 .req r12  /* (b5, b7) */

.macro row_four row, u, a_in, b_in, c_in, d_in
    ldrd w_01, w_12, [sp, #(WEIGHTS + 8 * \u)]
    ldr even, [\row], #4
    ldr even_2, [\row]
    sxtb16 odd, even, ror #8
    sxtb16 even, even
    sxtb16 odd_2, even_2, ror #8
    sxtb16 even_2, even_2
    smlad sum_a, even, w_01, \a_in
    smlad sum_b, odd, w_01, \b_in
    smlatb sum_c, even, w_01, \c_in
    smlatb sum_d, odd, w_01, \d_in
    smlabt sum_a, even_2, w_12, sum_a
    smlabt sum_b, odd_2, w_12, sum_b
    smlad sum_c, even_2, w_12, sum_c
    smlad sum_d, odd_2, w_12, sum_d
.endm

.macro four_sums
    ldr sum_d, [sp, #START]
    row_four row_0, 0, sum_d, sum_d, sum_d, sum_d
    row_four row_1, 1, sum_a, sum_b, sum_c, sum_d
    row_four row_2, 2, sum_a, sum_b, sum_c, sum_d
.endm

.macro row_single row, u
    ldrd w_01, w_12, [sp, #(WEIGHTS + 8 * \u)]
    ldr even, [\row], #1
    ldrsb odd, [\row, #3]
    sxtb16 even, even
    smlad sum_a, even, w_01, sum_a
    smlabt sum_a, odd, w_12, sum_a
.endm

.macro single_sum
    ldr sum_a, [sp, #START]
    row_single row_0, 0
    row_single row_1, 1
    row_single row_2, 2
.endm

/* Loads a channel's constants, weights, and dst. */
.macro load_channel
    fetch r12, stream
    ldm r12!, {r3-r11}
    strd r3, r4, [sp, #WEIGHTS]
    str r5, [sp, #(WEIGHTS + 8)]
    strd r6, r7, [sp, #MULTIPLIER]
    str r8, [sp, #(WEIGHTS + 12)]
    strd r9, r10, [sp, #(WEIGHTS + 16)]
    str r11, [sp, #START]
    ldr r3, [r12], #4
    str r3, [sp, #NEGATIVE]
    keep stream, r12
    fetch dst, output
    fetch r4, span
    add r4, r4, dst
    str r4, [sp, #END]
    cmp r4, dst
.endm

.macro store_four
    ldrd even, odd, [sp, #STEP] /* and END */
    strb sum_a, [dst]
    strb sum_b, [dst, even]
    strb sum_c, [dst, even, lsl #1]
    add dst, dst, even, lsl #1
    strb sum_d, [dst, even]
    add dst, dst, even, lsl #1
    cmp dst, odd
.endm

.macro store_single
    ldr even, [sp, #STEP]
    strb sum_a, [dst]
    add dst, dst, even
    ldr even, [sp, #LEFT]
    subs even, even, #1
    str even, [sp, #LEFT]
.endm

depthwise_begin asc_depthwise_3x3_dilated_dsp, 2
.Lchannel:
    load_channel
    beq .Lrest
.Lfour:
    four_sums
    ldrd even, odd, [sp, #MULTIPLIER]
    depthwise_positive sum_a, even, odd
    depthwise_positive sum_b, even, odd
    depthwise_positive sum_c, even, odd
    depthwise_positive sum_d, even, odd
    store_four
    bne .Lfour
.Lrest:
    fetch even, rest
    cbz even, .Lnext
    str even, [sp, #LEFT]
.Lsingle:
    single_sum
    ldrd even, odd, [sp, #MULTIPLIER]
    depthwise_positive sum_a, even, odd
    store_single
    bne .Lsingle
.Lnext:
    depthwise_next .Lchannel
    b .Lend

.Lgeneral_channel:
    load_channel
    beq .Lgeneral_rest
.Lgeneral_four:
    four_sums
    depthwise_general odd, sum_a, sum_b, sum_c, sum_d
    store_four
    bne .Lgeneral_four
.Lgeneral_rest:
    fetch even, rest
    cmp even, #0
    beq .Lgeneral_next
    str even, [sp, #LEFT]
.Lgeneral_single:
    single_sum
    depthwise_general odd, sum_a
    store_single
    bne .Lgeneral_single
.Lgeneral_next:
    depthwise_next .Lgeneral_channel
.Lend:
depthwise_end asc_depthwise_3x3_dilated_dsp
