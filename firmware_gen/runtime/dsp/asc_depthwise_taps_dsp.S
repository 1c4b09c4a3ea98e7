/* clang-format off */ /* assembler, which it does not know */
/*
 * DEPTHWISE_CONV_2D with any kernel, stride and dilation, one output for each input channel: one row of the output.
 *
 *     void asc_depthwise_taps_dsp(const asc_depthwise_taps_dsp_t *p, const int8_t *const *rows, int8_t *output);
 *
 * Formula   equations (9) to (15) of docs/quantization.md, the last three in the form of (15''), whose constants are
 *           proved when they are generated
 * Shapes    rows [kernel_h][columns][channels] with padding, output [out_w][channels]; at least 4 channels
 * Method    four channels of a pixel at once: 1 LDR, 1 LDRD, 2 SXTB16 and 4 SMLAxy for the four products of a tap. Where
 *           channels are no multiple of 4, the last four are computed together, some for the second time.
 * Overflow  sums wrap; the final one has 32 bits: (11), and (15'') where weights are raised
 * Overlap   the output may not share memory with the rows
 * Exact     bit for bit TFLite's BUILTIN_REF
 * Source    SXTB16, SMLABB, SMLATT, SMMLA: Armv7-M Architecture Reference Manual, A7.7
 */
#include "asc_kernels_dsp.h"
#include "asc_assembly_dsp.h"

#define P 0
#define ROWS 4
#define OUTPUT 8 /* of the column */
#define COLUMNS 12
#define COLUMN 16 /* bytes from the rows' beginnings to the column's window */
#define CHANNEL 20
#define ROWS_END 24
#define ROW_STEP 28
#define PLACE 32 /* of the four channels in the output */
#define FRAME 36

x .req r0
x_end .req r1
even .req r2
odd .req r3
w_even .req r8
w_odd .req r9
step .req r10
row .req r11
wp .req r12
offset .req lr

shift .req r0
least .req r1
most .req r2
out .req r3

.macro requantize acc
    ldm wp!, {r8-r10} /* multiplier, rounding, negative */
    asr r11, \acc, #31
    smmla \acc, \acc, r8, r9
    mla \acc, r11, r10, \acc
    asr \acc, \acc, shift
    asc_clamp \acc, least, most
    strb \acc, [out], #1
.endm

asc_function asc_depthwise_taps_dsp
    push {r4-r11, lr}
    sub sp, sp, #FRAME
    stm sp, {r0-r2}
    ldr r4, [r0, #ASC_TAPS_OUT_W]
    movs r5, #0
    strd r4, r5, [sp, #COLUMNS] /* and COLUMN */
    ldr r4, [r0, #ASC_TAPS_KERNEL_H]
    add r4, r1, r4, lsl #2
    ldr r5, [r0, #ASC_TAPS_ROW_STEP]
    strd r4, r5, [sp, #ROWS_END] /* and ROW_STEP */
.Lcolumn:
    ldr r0, [sp, #P]
    ldr wp, [r0, #ASC_TAPS_STREAM]
    movs r4, #0
.Lfour:
    /* r0 is p, r4 the next channel */
    ldr r5, [r0, #ASC_TAPS_CHANNELS]
    subs r5, r5, #4
    adds r6, r4, #4
    str r6, [sp, #CHANNEL]
    cmp r4, r5
    it gt
    movgt r4, r5
    ldr offset, [sp, #COLUMN]
    ldr r5, [sp, #OUTPUT]
    add offset, offset, r4
    add r5, r5, r4
    str r5, [sp, #PLACE]
    ldr step, [r0, #ASC_TAPS_TAP_STEP]
    ldr row, [sp, #ROWS]
    ldm wp!, {r4-r7}
.Lrow:
    ldr x, [row], #4
    ldr x_end, [sp, #ROW_STEP]
    add x, x, offset
    add x_end, x_end, x
.Ltap:
    ldr odd, [x]
    ldrd w_even, w_odd, [wp], #8
    add x, x, step
    asc_widen even, odd, odd
    smlabb r4, even, w_even, r4
    smlabb r5, odd, w_odd, r5
    smlatt r6, even, w_even, r6
    smlatt r7, odd, w_odd, r7
    cmp x, x_end
    bne .Ltap
    ldr x, [sp, #ROWS_END]
    cmp row, x
    bne .Lrow
    ldr r0, [sp, #P]
    ldr out, [sp, #PLACE]
    ldrd least, most, [r0, #ASC_TAPS_MIN] /* and MAX */
    ldr shift, [r0, #ASC_TAPS_SHIFT]
    requantize r4
    requantize r5
    requantize r6
    requantize r7
    ldr r0, [sp, #P]
    ldr r4, [sp, #CHANNEL]
    ldr r5, [r0, #ASC_TAPS_CHANNELS]
    cmp r4, r5
    blt .Lfour
    ldr r4, [sp, #OUTPUT]
    add r4, r4, r5
    str r4, [sp, #OUTPUT]
    ldrd r4, r5, [sp, #COLUMNS] /* and COLUMN */
    ldr r6, [r0, #ASC_TAPS_COLUMN_STEP]
    add r5, r5, r6
    subs r4, r4, #1
    strd r4, r5, [sp, #COLUMNS]
    bne .Lcolumn
    add sp, sp, #FRAME
    pop {r4-r11, pc}
asc_end asc_depthwise_taps_dsp
