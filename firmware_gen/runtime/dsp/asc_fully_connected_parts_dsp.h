/* clang-format off */ /* assembler, which it does not know */
/*
 * FULLY_CONNECTED, four outputs at once: what its kernels have in common.
 *
 *     void NAME(const asc_fully_connected_core_t *p, const int8_t *input, int8_t *output, int8_t *scratch);
 *
 * Formula   y[r][c] = clamp(((acc << left) * multiplier[c] / 2^32 + rounding[c]) >> shift[c]), divisions round down:
 *           equation (16) of docs/quantization.md with one shift by 32 or more, and the zero point in the rounding
 * Shapes    input [rows][inputs], output [rows][outputs]
 * Method    the inputs of a row are widened to pairs of 16 bits once, for each 4 inputs two words. Outputs beyond the
 *           last have weights of 0 and are not stored.
 * Scratch   the widened inputs: 2 words for each of `blocks`
 * Reads     up to 15 bytes beyond a row of the input; their weights are 0
 * Overflow  the generator proves |acc << left| < 2^31, and that the rounding can be added
 * Overlap   none
 * Exact     bit for bit TFLite's BUILTIN_REF
 * Source    SMLAD, SXTB16, SMMUL: Armv7-M Architecture Reference Manual, A7.7
 *
 * A kernel defines these macros, and then has asc_fully_connected NAME, BLOCKS_IN_A_TURN:
 *   asc_widen_inputs    widens inputs at r1 to where xp points
 *   asc_products        adds products of the block of inputs at xp and the weights at wp to r4 to r7
 *   asc_load_ends       loads what the ends need, from r0 on, into r1, r8 and r9
 *   asc_raise acc       shifts a sum by `left`
 *   asc_confine acc     confines an output to its range
 */
#ifndef ASC_FULLY_CONNECTED_PARTS_DSP_H
#define ASC_FULLY_CONNECTED_PARTS_DSP_H

#include "asc_kernels_dsp.h"
#include "asc_assembly_dsp.h"

#define P 0
#define INPUT 4
#define OUTPUT 8
#define SCRATCH 12
#define ROWS 16
#define REMAINING 20
#define END 24
#define FRAME 28

.macro asc_requantize_output acc
    ldm wp!, {r10, r11, lr} /* multiplier, rounding, shift */
    asc_raise \acc
    smmul \acc, \acc, r10
    add \acc, \acc, r11
    asr \acc, \acc, lr
    asc_confine \acc
    strb \acc, [out], #1
    subs remaining, remaining, #1
    beq .Lrow_done
.endm

x_even .req r0 /* what asc_products leaves of these does not matter */
x_odd .req r1
xp .req r3
wp .req r12
end .req lr

out .req r2
remaining .req r3
.macro asc_fully_connected name, unrolled
asc_function \name
    push {r4-r11, lr}
    sub sp, sp, #FRAME
    stm sp, {r0-r3}
    ldr r4, [r0, #ASC_FULLY_CONNECTED_ROWS]
    str r4, [sp, #ROWS]
.Lrow:
    ldr r0, [sp, #P]
    ldrd r1, r2, [sp, #INPUT] /* and OUTPUT */
    ldr xp, [sp, #SCRATCH]
    ldr r4, [r0, #ASC_FULLY_CONNECTED_BLOCKS]
    add end, xp, r4, lsl #3
    str end, [sp, #END]
    ldr r4, [r0, #ASC_FULLY_CONNECTED_INPUTS]
    add r4, r4, r1
    str r4, [sp, #INPUT]
.Lwiden:
    asc_widen_inputs
    cmp xp, end
    bne .Lwiden
    ldr wp, [r0, #ASC_FULLY_CONNECTED_STREAM]
    ldr r4, [r0, #ASC_FULLY_CONNECTED_OUTPUTS]
    str r4, [sp, #REMAINING]
.Lfour:
    ldm wp!, {r4-r7}
    ldr xp, [sp, #SCRATCH]
    ldr end, [sp, #END]
    .balign 4
.Lproduct:
    .rept \unrolled
    asc_products
    .endr
    cmp xp, end
    bne .Lproduct
    ldr r0, [sp, #P]
    asc_load_ends
    ldr out, [sp, #OUTPUT]
    ldr remaining, [sp, #REMAINING]
    asc_requantize_output r4
    asc_requantize_output r5
    asc_requantize_output r6
    asc_requantize_output r7
    str out, [sp, #OUTPUT]
    str remaining, [sp, #REMAINING]
    b .Lfour
.Lrow_done:
    str out, [sp, #OUTPUT]
    ldr r4, [sp, #ROWS]
    subs r4, r4, #1
    str r4, [sp, #ROWS]
    bne .Lrow
    add sp, sp, #FRAME
    pop {r4-r11, pc}
asc_end \name
.endm

#endif
