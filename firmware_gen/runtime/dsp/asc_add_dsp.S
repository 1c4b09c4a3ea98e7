/*
 * ADD and SUB of two tensors of one shape, where one multiplication for each input is exact.
 *
 * Formula   y = clamp((constant + floor(factor_1 * x1 / 256) + floor(factor_2 * x2 / 256)) >> 20); the generator has
 *           compared it with (17) and (18) of docs/quantization.md for all 65,536 pairs of inputs.
 * Shapes    n elements of each.
 * Method    SMLAWB and SMLAWT multiply 32 bits by either half of a register and drop 16 bits; the inputs are in the
 *           high bytes of the halves.
 * Overflow  sums stay below 2^31, checked for all pairs.
 * Overlap   four elements are read before they are written: the output may lie over an input.
 * Exact     bit for bit TFLite's BUILTIN_REF.
 * Source    SMLAWB: Armv7-M Architecture Reference Manual, A7.7.
 */
#include "asc_kernels_dsp.h"
#include "asc_assembly_dsp.h"

x1 .req r1
x2 .req r2
y .req r3
constant .req r0
factor_1 .req r4
factor_2 .req r5
mask .req r6
n .req r7
even_1 .req r8 /* elements 0 and 2 */
odd_1 .req r9  /* elements 1 and 3 */
even_2 .req r10
odd_2 .req r11
sum_0 .req r12
sum_1 .req lr

asc_function asc_add_dsp
    push {r4-r11, lr}
    ldr n, [r0, #ASC_ADD_N]
    ldr factor_1, [r0, #ASC_ADD_FACTOR_1]
    ldr factor_2, [r0, #ASC_ADD_FACTOR_2]
    ldr constant, [r0, #ASC_ADD_CONSTANT]
    mov mask, #0xff00ff00
    subs n, n, #4
    blt .Lrest
.Lfour:
    ldr odd_1, [x1], #4
    ldr odd_2, [x2], #4
    and even_1, mask, odd_1, lsl #8
    and odd_1, odd_1, mask
    and even_2, mask, odd_2, lsl #8
    and odd_2, odd_2, mask
    smlawb sum_0, factor_1, even_1, constant
    smlawb sum_1, factor_1, odd_1, constant
    smlawt even_1, factor_1, even_1, constant
    smlawt odd_1, factor_1, odd_1, constant
    smlawb sum_0, factor_2, even_2, sum_0
    smlawb sum_1, factor_2, odd_2, sum_1
    smlawt even_1, factor_2, even_2, even_1
    smlawt odd_1, factor_2, odd_2, odd_1
    ssat sum_0, #8, sum_0, asr #20
    ssat sum_1, #8, sum_1, asr #20
    ssat even_1, #8, even_1, asr #20
    ssat odd_1, #8, odd_1, asr #20
    strb sum_0, [y], #4
    strb sum_1, [y, #-3]
    strb even_1, [y, #-2]
    strb odd_1, [y, #-1]
    subs n, n, #4
    bge .Lfour
.Lrest:
    adds n, n, #4
    beq .Lend
.Lone:
    ldrsb even_1, [x1], #1
    ldrsb even_2, [x2], #1
    lsl even_1, even_1, #8
    lsl even_2, even_2, #8
    smlawb sum_0, factor_1, even_1, constant
    smlawb sum_0, factor_2, even_2, sum_0
    ssat sum_0, #8, sum_0, asr #20
    strb sum_0, [y], #1
    subs n, n, #1
    bne .Lone
.Lend:
    pop {r4-r11, pc}
asc_end asc_add_dsp
