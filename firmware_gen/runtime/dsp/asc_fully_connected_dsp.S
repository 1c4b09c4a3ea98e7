/* clang-format off */ /* assembler, which it does not know */
/*
 * FULLY_CONNECTED, four outputs at once.
 *
 *     void asc_fully_connected_dsp(const asc_fully_connected_core_t *p, const int8_t *input, int8_t *output,
 *                                  int8_t *scratch);
 *
 * Formula   y[r][c] = clamp(((acc << left) * multiplier[c] / 2^32 + rounding[c]) >> shift[c]), divisions round down:
 *           equation (16) of docs/quantization.md with one shift by 32 or more, and the zero point in the rounding
 * Shapes    input [rows][inputs], output [rows][outputs]
 * Method    the inputs of a row are widened to pairs of 16 bits once; then 1 LDRD, 1 LDM, 8 SXTB16 and 8 SMLAD for 16
 *           products. Outputs beyond the last have weights of 0 and are not stored.
 * Scratch   the widened inputs: 2 words for each of `blocks`
 * Reads     up to 7 bytes beyond a row of the input; their weights are 0
 * Overflow  the generator proves |acc << left| < 2^31, and that the rounding can be added
 * Overlap   none
 * Exact     bit for bit TFLite's BUILTIN_REF
 * Source    SMLAD, SXTB16, SMMUL: Armv7-M Architecture Reference Manual, A7.7
 */
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

/* one word of 4 weights of an output; x_even and x_odd are the inputs under them */
.macro product acc, word
    sxtb16 t, \word
    smlad \acc, t, x_even, \acc
    sxtb16 \word, \word, ror #8
    smlad \acc, \word, x_odd, \acc
.endm

.macro requantize acc
    ldm wp!, {r10, r11, lr} /* multiplier, rounding, shift */
    lsl \acc, \acc, left
    smmul \acc, \acc, r10
    add \acc, \acc, r11
    asr \acc, \acc, lr
    asc_clamp \acc, least, most
    strb \acc, [out], #1
    subs remaining, remaining, #1
    beq .Lrow_done
.endm

x_even .req r0
x_odd .req r1
t .req r2
xp .req r3
wp .req r12
end .req lr

left .req r1
out .req r2
remaining .req r3
least .req r8
most .req r9

asc_function asc_fully_connected_dsp
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
    ldr r6, [r1], #4
    ldr r8, [r1], #4
    asc_widen r5, r6, r6
    asc_widen r7, r8, r8
    stm xp!, {r5-r8}
    cmp xp, end
    bne .Lwiden
    ldr wp, [r0, #ASC_FULLY_CONNECTED_STREAM]
    ldr r4, [r0, #ASC_FULLY_CONNECTED_OUTPUTS]
    str r4, [sp, #REMAINING]
.Lfour:
    ldm wp!, {r4-r7}
    ldr xp, [sp, #SCRATCH]
    ldr end, [sp, #END]
.Lproduct:
    .rept 2
    ldrd x_even, x_odd, [xp], #8
    ldm wp!, {r8-r11}
    product r4, r8
    product r5, r9
    product r6, r10
    product r7, r11
    .endr
    cmp xp, end
    bne .Lproduct
    ldr r0, [sp, #P]
    ldr left, [r0, #ASC_FULLY_CONNECTED_LEFT]
    ldrd least, most, [r0, #ASC_FULLY_CONNECTED_MIN] /* and MAX */
    ldr out, [sp, #OUTPUT]
    ldr remaining, [sp, #REMAINING]
    requantize r4
    requantize r5
    requantize r6
    requantize r7
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
asc_end asc_fully_connected_dsp
