/*
 * DEPTHWISE_CONV_2D with multiplier 1, one row of the output: up to 4 rows without dilation, windows of up to 4 columns,
 * column stride 1 or 2. Helium.
 *
 *     void asc_depthwise_quads_mve(const asc_depthwise_mve_t *p, const int8_t *const *rows, int8_t *output);
 *
 * Formula   y[x][c] = requantize_c(bias[c] + sum_uv rows[u][x * stride + v][c] * w[c][v][u])
 * Shapes    input in layout "quads", [channel][column][4 rows]: the window of an output is 16 bytes. The rows are used in
 *           turn, so the first row of the window is in any of the 4 places, and the others follow; the weights, in their
 *           order from the first row on, are turned as far when they are loaded. 4 channels at a time, and two columns
 * Overflow  none: |accumulator| < 2^31 by equation (11); rows and columns beyond the window have weight 0
 * Overlap   none allowed
 * Exact     TFLite BUILTIN_REF; see asc_matrix_mve.S for ties
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_mve_asm.h"
#include "asc_offsets_mve.h"

/* The stack. */
.equ ZERO_POINT, 0
.equ OUT_STEP, 4     /* two columns of the output */
.equ END, 8          /* of the block's pairs of columns, in the output */
.equ BLOCKS, 12      /* blocks still to do */
.equ ONE, 16         /* for `ties` */
.equ ODD, 20         /* whether a column is left behind the pairs */
.equ IN_NEXT, 24     /* from the end of a block's input to the next block's */
.equ OUT_NEXT, 28    /* likewise for the output, from the end of its pairs */
.equ BLOCK_STEP, 32  /* from a block's output to the next block's */
.equ TURN, 36        /* places of the weights, turned */
.equ LOOP, 40        /* over the pairs of columns */
.equ P, 44           /* the parameters */
.equ OFFSETS, 48     /* of the outputs of a block */
.equ FRAME, 68

x0   .req r1 /* windows of the 4 channels */
x1   .req r3
x2   .req r9
x3   .req r11
out  .req r5
bias .req r7 /* of the block, in the stream of constants */

/* A channel's windows at two columns. */
.macro accumulate_pair x, weights, first, second, stride
    vldrb.u8 q0, [\x], #4 * \stride
    vmladava.s8 \first, q0, \weights
    vldrb.u8 q1, [\x], #4 * \stride
    vmladava.s8 \second, q1, \weights
.endm

/* All pairs of columns of a block. */
.macro pairs stride, with_ties
1:  ldm bias, {r0, r2, r4, r6}
    ldm bias, {r8, r10, r12, lr}
    accumulate_pair x0, q4, r0, r8, \stride
    accumulate_pair x1, q5, r2, r10, \stride
    accumulate_pair x2, q6, r4, r12, \stride
    accumulate_pair x3, q7, r6, lr, \stride
    collect_first q0
    collect_second q1
    ldm sp, {r0, r2, r4}
    vqrdmulh.s32 q0, q0, q2
    vqrdmulh.s32 q1, q1, q2
    .if \with_ties
    movs r6, #1
    ties q0, r6
    ties q1, r6
    .endif
    vrshl.s32 q0, q0, q3
    vrshl.s32 q1, q1, q3
    vqmovnb.s32 q0, q0
    vqmovnt.s32 q0, q1
    vldrw.u32 q1, [sp, #OFFSETS]
    vqadd.s16 q0, q0, r0
    vqmovnb.s16 q0, q0
    vstrb.16 q0, [out, q1]
    add out, out, r2
    cmp out, r4
    bne 1b
    b last
.endm

function asc_depthwise_quads_mve
    enter FRAME
    mov r10, r0
    ldr r1, [r1]
    and r4, r1, #3
    sub x0, r1, r4
    adr.w r6, turns
    add r6, r6, r4, lsl #4
    str r6, [sp, #TURN]
    str r10, [sp, #P]
    ldrd r0, r6, [r10, #ASC_DEPTHWISE_MVE_ZERO_POINT] /* and ties */
    str r0, [sp, #ZERO_POINT]
    ldrd lr, r4, [r10, #ASC_DEPTHWISE_MVE_COLUMNS] /* and pixel_step */
    and r12, lr, #1
    strd r6, r12, [sp, #ONE]
    ldr r8, [r10, #ASC_DEPTHWISE_MVE_STRIDE]
    /* the loop for this stride, with or without ties */
    adr.w r0, loop_1
    adr.w r12, loop_2
    cmp r6, #0
    itt ne
    adrne.w r0, loop_1_ties
    adrne.w r12, loop_2_ties
    cmp r8, #2
    it eq
    moveq r0, r12
    cmp lr, #1
    it eq
    adreq.w r0, last
    orr r0, r0, #1
    str r0, [sp, #LOOP]
    /* places of outputs and inputs */
    bic lr, lr, #1
    mul r0, lr, r4
    mul r8, lr, r8
    mov out, r2
    add r2, r2, r0
    lsl r4, r4, #1
    strd r4, r2, [sp, #OUT_STEP]
    ldr r4, [r10, #ASC_DEPTHWISE_MVE_BLOCK_STEP]
    sub r0, r4, r0
    ldrd r2, r6, [r10, #ASC_DEPTHWISE_MVE_CHANNEL_STEPS]
    add x1, x0, r2
    add x2, x0, r6
    lsls r2, r2, #2
    sub r2, r2, r8, lsl #2
    strd r2, r0, [sp, #IN_NEXT]
    str r4, [sp, #BLOCK_STEP]
    ldr r4, [r10, #ASC_DEPTHWISE_MVE_CHANNEL_STEPS + 8]
    add x3, x0, r4
    ldrd bias, r4, [r10, #ASC_DEPTHWISE_MVE_WEIGHTS] /* and blocks */
    str r4, [sp, #BLOCKS]
    add r10, r10, #ASC_DEPTHWISE_MVE_OFFSETS
    vldrh.u16 q0, [r10]
    vstrw.32 q0, [sp, #OFFSETS]

block:
    ldr r0, [sp, #TURN]
    vldrb.u8 q0, [r0]
    vldrb.u8 q4, [bias, q0]
    add bias, bias, #16
    vldrb.u8 q5, [bias, q0]
    add bias, bias, #16
    vldrb.u8 q6, [bias, q0]
    add bias, bias, #16
    vldrb.u8 q7, [bias, q0]
    add bias, bias, #16
    vldrw.u32 q2, [bias], #16
    vldrb.s32 q3, [bias], #4
    ldr pc, [sp, #LOOP]
loop_1:
    pairs 1, 0
loop_2:
    pairs 2, 0
loop_1_ties:
    pairs 1, 1
loop_2_ties:
    pairs 2, 1

last:
    ldr r0, [sp, #ODD]
    cmp r0, #0
    beq next
    ldm bias, {r0, r2, r4, r6}
    vldrb.u8 q0, [x0]
    vmladava.s8 r0, q0, q4
    vldrb.u8 q1, [x1]
    vmladava.s8 r2, q1, q5
    vldrb.u8 q0, [x2]
    vmladava.s8 r4, q0, q6
    vldrb.u8 q1, [x3]
    vmladava.s8 r6, q1, q7
    collect_first q0
    ldr r0, [sp, #ZERO_POINT]
    ldr r2, [sp, #ONE]
    vqrdmulh.s32 q0, q0, q2
    ties q0, r2
    vldrw.u32 q1, [sp, #OFFSETS]
    vrshl.s32 q0, q0, q3
    vmovlb.u16 q1, q1
    vqmovnb.s32 q0, q0
    vqadd.s16 q0, q0, r0
    vqmovnb.s16 q0, q0
    vstrb.32 q0, [out, q1]
next:
    ldrd r0, r2, [sp, #IN_NEXT] /* and OUT_NEXT */
    ldrd r4, r6, [sp, #END]     /* and BLOCKS */
    ldr r8, [sp, #BLOCK_STEP]
    add x0, x0, r0
    add x1, x1, r0
    add x2, x2, r0
    add x3, x3, r0
    add out, out, r2
    add r4, r4, r8
    add bias, bias, #16
    subs r6, r6, #1
    strd r4, r6, [sp, #END]
    bgt block
    bmi done
    /* the block that overlaps with the one before */
    ldr r10, [sp, #P]
    ldr r2, [r10, #ASC_DEPTHWISE_MVE_BACK_STEP]
    ldr r0, [r10, #ASC_DEPTHWISE_MVE_BACK_CHANNELS]
    cbz r0, done
    sub x0, x0, r0
    sub x1, x1, r0
    sub x2, x2, r0
    sub x3, x3, r0
    sub out, out, r2
    sub r4, r4, r2
    str r4, [sp, #END]
    b block
done:
    leave FRAME

    .balign 4
/* Place of each byte's weight in [4 columns][4 rows] when the first row is in place 0, 1, 2, 3. */
turns:
    .byte 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    .byte 3, 0, 1, 2, 7, 4, 5, 6, 11, 8, 9, 10, 15, 12, 13, 14
    .byte 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13
    .byte 1, 2, 3, 0, 5, 6, 7, 4, 9, 10, 11, 8, 13, 14, 15, 12
    .size asc_depthwise_quads_mve, . - asc_depthwise_quads_mve
