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

/* Loads a channel's weights, constants (the negative one into odd), and dst; r10 is where the loop's outputs end. */
.macro load_channel
    ldr r12, [sp, #STREAM]
    ldm r12!, {r3-r11}
    str r12, [sp, #STREAM]
    mov start, r10
    ldr dst, [sp, #OUTPUT]
    ldr r10, [sp, #SPAN]
    str r6, [sp, #MULTIPLIER]
    str r7, [sp, #ROUNDING]
    add r10, r10, dst
    str r10, [sp, #END]
.endm

.macro depthwise_pairs name
depthwise_begin \name, 1
.Lchannel:
    load_channel
    cmp r10, dst
    beq .Lrest
.Lpair:
    pair_sums
    ldr even, [sp, #MULTIPLIER]
    ldr odd, [sp, #ROUNDING]
    depthwise_positive sum_a, even, odd
    depthwise_positive sum_b, even, odd
    ldr even, [sp, #STEP]
    ldr odd, [sp, #END]
    strb sum_a, [dst]
    strb sum_b, [dst, even]
    add dst, dst, even, lsl #1
    cmp dst, odd
    bne .Lpair
.Lrest:
    ldr sum_a, [sp, #REST]
    cbz sum_a, .Lnext
    single_sum
    ldr even, [sp, #MULTIPLIER]
    ldr odd, [sp, #ROUNDING]
    depthwise_positive sum_a, even, odd
    strb sum_a, [dst]
.Lnext:
    depthwise_next .Lchannel
    b .Lend

.Lgeneral_channel:
    load_channel
    str odd, [sp, #NEGATIVE]
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
    ldr sum_a, [sp, #REST]
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
