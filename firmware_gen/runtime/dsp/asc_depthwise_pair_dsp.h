/* clang-format off */ /* assembler, which it does not know */
/*
 * The body of the 3x3 depthwise kernels that compute two outputs in one turn, with weights in registers.
 *
 * A kernel defines `pair_sums`, which leaves two sums in sum_a and sum_b, and `single_sum`, which leaves one in sum_a.
 */
#ifndef ASC_DEPTHWISE_PAIR_DSP_H
#define ASC_DEPTHWISE_PAIR_DSP_H

/* Weights w_r: (first, third) of row r; m_01: the middle ones of rows 0 and 1; m_2: of row 2. */
w_0 .req r3
w_1 .req r4
w_2 .req r5
sum_a .req r6
sum_b .req r7
m_01 .req r8
m_2 .req r9
even .req r10
odd .req r11
start .req r12

/* What the loop wants in each turn, of ASC_FORM_POSITIVE. */
kept multiplier, 0, MULTIPLIER
kept rounding, 1, ROUNDING
kept step, 2, STEP
kept end, 3, END

/* Loads a channel's weights, constants (the negative one into odd), and dst; r10 is where the loop's outputs end. */
.macro load_channel
    fetch r12, stream
    ldm r12!, {r3-r11}
    keep stream, r12
    mov start, r10
    fetch dst, output
    fetch r10, span
    add r10, r10, dst
.endm

.macro depthwise_pairs name
depthwise_begin \name, 1
    ldr r3, [sp, #STEP]
    keep step, r3
.Lchannel:
    load_channel
    keep_2 multiplier, rounding, r6, r7
    keep end, r10
    cmp r10, dst
    beq .Lrest
    .balign 4
.Lpair:
    pair_sums
    fetch_2 even, odd, multiplier, rounding
    depthwise_positive sum_a, even, odd
    depthwise_positive sum_b, even, odd
    fetch even, step
    fetch odd, end
    strb sum_a, [dst]
    strb sum_b, [dst, even]
    add dst, dst, even, lsl #1
    cmp dst, odd
    bne .Lpair
.Lrest:
    fetch sum_a, rest
    cbz sum_a, .Lnext
    single_sum
    fetch_2 even, odd, multiplier, rounding
    depthwise_positive sum_a, even, odd
    strb sum_a, [dst]
.Lnext:
    depthwise_next .Lchannel
    b .Lend

.Lgeneral_channel:
    load_channel
    strd r6, r7, [sp, #MULTIPLIER] /* and ROUNDING */
    str odd, [sp, #NEGATIVE]
    str r10, [sp, #END]
    cmp r10, dst
    beq .Lgeneral_rest
.Lgeneral_pair:
    pair_sums
    depthwise_general even, sum_a, sum_b
    ldr even, [sp, #STEP]
    ldr odd, [sp, #END]
    strb sum_a, [dst]
    strb sum_b, [dst, even]
    add dst, dst, even, lsl #1
    cmp dst, odd
    bne .Lgeneral_pair
.Lgeneral_rest:
    fetch sum_a, rest
    cmp sum_a, #0
    beq .Lgeneral_next
    single_sum
    depthwise_general even, sum_a
    strb sum_a, [dst]
.Lgeneral_next:
    depthwise_next .Lgeneral_channel
.Lend:
depthwise_end \name
.endm

#endif
