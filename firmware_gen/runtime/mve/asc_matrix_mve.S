/*
 * What convolutions with more than one input per output come to: products of vectors.
 *
 *     void asc_matrix_mve(const asc_matrix_mve_t *p, const int8_t *inputs, int8_t *output, int32_t columns);
 *
 * Formula   y[x][c] = requantize_c(bias[c] + sum_k inputs[x * input_step + k] * w[c][k]), k from 0 to 16 * vectors - 1
 * Shapes    two columns at a time, for each all blocks of 4 channels: weights and constants are read as they lie. A last
 *           column by itself
 * Overflow  none: |accumulator| < 2^31 by equation (11); what is read beyond the inputs has weight 0
 * Overlap   outputs of two columns are written before the inputs of the next are read
 * Exact     TFLite BUILTIN_REF. With zero point -128 all negative results become -128: ties of negative numbers need no
 *           care
 * Source    docs/quantization.md, equations (10) and (13) to (15)
 */
#include "asc_matrix_mve.h"

/* The stack. */
.equ ENTRY, 0     /* where the unrolled loop is entered */
.equ P, 4         /* the parameters */
.equ IN_STEP, 8   /* two columns of the input */
.equ OUT_STEP, 12 /* two columns of the output */
.equ COLUMN, 16   /* output of the current two columns */
.equ PAIRS, 20    /* twice the pairs of columns still to do, and 1 if a column is left then */
.equ ROUNDS, 24   /* of the unrolled loop, in the long form */
.equ INPUTS, 28   /* bytes of a column's inputs, in the long form */
.equ BACK, 32     /* from the block after the last to the one that overlaps; 0: there is none */
.equ FRAME, 36

.equ VECTOR_CODE, 56 /* bytes of code for a vector in the unrolled loops */

x0     .req r1  /* inputs of the first column; in the long form its last vector */
x1     .req r9  /* inputs of the second column, likewise */
w      .req r3  /* weights and constants, read on and on */
out    .req r5  /* outputs of the block */
blocks .req r7  /* blocks still to do */
step   .req r11 /* from block to block */

/* 16 inputs of two columns with the weights of 4 channels. */
.macro accumulate
    vldrw.u32 q2, [w], #16
    vmladava.s8 r0, q0, q2
    vmladava.s8 r8, q1, q2
    vldrw.u32 q3, [w], #16
    vmladava.s8 r2, q0, q3
    vmladava.s8 r10, q1, q3
    vldrw.u32 q2, [w], #16
    vmladava.s8 r4, q0, q2
    vmladava.s8 r12, q1, q2
    vldrw.u32 q3, [w], #16
    vmladava.s8 r6, q0, q3
    vmladava.s8 lr, q1, q3
.endm

/* The same for inputs that stay in registers. */
.macro accumulate_held first, second
    vldrw.u32 q4, [w], #16
    vmladava.s8 r0, \first, q4
    vmladava.s8 r8, \second, q4
    vldrw.u32 q5, [w], #16
    vmladava.s8 r2, \first, q5
    vmladava.s8 r10, \second, q5
    vldrw.u32 q4, [w], #16
    vmladava.s8 r4, \first, q4
    vmladava.s8 r12, \second, q4
    vldrw.u32 q5, [w], #16
    vmladava.s8 r6, \first, q5
    vmladava.s8 lr, \second, q5
.endm

/* Begins two columns: at the first block. Uses r8. */
.macro begin_pair
    ldr r8, [sp, #P]
    ldrd w, blocks, [r8, #ASC_MATRIX_MVE_WEIGHTS]
    ldr out, [sp, #COLUMN]
.endm

/* Begins a block: its biases. */
.macro begin_block
    ldm w, {r0, r2, r4, r6}
    ldm w!, {r8, r10, r12, lr}
.endm

/* Ends a block: requantizes and stores. Vectors `first`, `second` and `constant` are used, `zero` is the zero point. */
.macro end_block first, second, constant, zero, with_ties
    collect_first \first
    collect_second \second
    vldrw.u32 \constant, [w], #16
    vqrdmulh.s32 \first, \first, \constant
    vqrdmulh.s32 \second, \second, \constant
    .if \with_ties
    movs r0, #1
    ties \first, r0
    ties \second, r0
    .endif
    vldrb.s32 \constant, [w], #4
    vrshl.s32 \first, \first, \constant
    vrshl.s32 \second, \second, \constant
    vqmovnb.s32 \first, \first
    vqmovnt.s32 \first, \second
    vqadd.s16 \first, \first, \zero
    vqmovnb.s16 \first, \first
    vstrb.16 \first, [out, q7]
    add out, out, step
.endm

/* Goes to the next block, at last to the one that overlaps. */
.macro next_block label, free=r0
    subs blocks, #1
    bgt \label
    bmi 1f
    ldr \free, [sp, #BACK]
    subs out, out, \free
    cmp \free, #0
    bne \label
1:
.endm

/* Goes to the next two columns. */
.macro next_pair label, both=1
    ldrd r0, r2, [sp, #IN_STEP]
    ldrd r4, r6, [sp, #COLUMN]
    add x0, x0, r0
    .if \both
    add x1, x1, r0
    .endif
    add r4, r4, r2
    subs r6, #2
    strd r4, r6, [sp, #COLUMN]
    cmp r6, #2
    bge \label
.endm

/* Sets the entry of an unrolled loop of 8 vectors that ends at a label, for 1 to 8 vectors in r4. Uses r6. */
.macro set_entry label
    movs r6, #VECTOR_CODE
    mul r6, r6, r4
    adr.w lr, \label
    sub r6, lr, r6
    orr r6, r6, #1
    str r6, [sp, #ENTRY]
.endm

function asc_matrix_mve
    enter FRAME
    mov r10, r0
    ldrd r4, r6, [r10, #ASC_MATRIX_MVE_VECTORS]
    ldrd r0, r8, [r10, #ASC_MATRIX_MVE_ZERO_POINT]
    ldr r12, [r10, #ASC_MATRIX_MVE_PIXEL_STEP]
    ldrd step, lr, [r10, #ASC_MATRIX_MVE_BLOCK_STEP] /* and back_step */
    str lr, [sp, #BACK]
    str r10, [sp, #P]
    add r10, r10, #ASC_MATRIX_MVE_OFFSETS
    vldrh.u16 q7, [r10]
    vdup.16 q6, r0
    add x1, x0, r8
    lsls r8, r8, #1
    lsl r12, r12, #1
    strd r8, r12, [sp, #IN_STEP]
    strd r2, r3, [sp, #COLUMN]
    cmp r6, #ASC_MATRIX_LONG
    beq prepare_long
    cmp r3, #1
    beq one_short
    cmp r6, #ASC_MATRIX_2
    blt pairs_1
    beq pairs_2
    cmp r6, #ASC_MATRIX_TIES
    beq prepare_ties
    set_entry end_8
    b pair_8
prepare_ties:
    set_entry end_ties
    b pair_ties
prepare_long:
    lsl r8, r4, #4
    str r8, [sp, #INPUTS]
    sub r8, r8, #16
    add x0, x0, r8
    add x1, x1, r8
    cmp r3, #1
    beq last_column
    add r6, r4, #7
    lsr r6, r6, #3
    str r6, [sp, #ROUNDS]
    sub r4, r4, #1
    and r4, r4, #7
    add r4, r4, #1
    set_entry end_long
    b pair_long

/* One vector: x1 is the zero point, since the inputs stay in registers. */
pairs_1:
    mov x1, r0
pair_1:
    begin_pair
    ldr r0, [sp, #IN_STEP]
    add r0, x0, r0, lsr #1
    vldrb.u8 q0, [x0]
    vldrb.u8 q1, [r0]
block_1:
    begin_block
    accumulate_held q0, q1
    end_block q4, q5, q6, x1, 0
    next_block block_1
    next_pair pair_1, 0
    b end_short

/* Two vectors, likewise. */
pairs_2:
    mov x1, r0
pair_2:
    begin_pair
    ldr r0, [sp, #IN_STEP]
    add r0, x0, r0, lsr #1
    vldrb.u8 q0, [x0]
    vldrb.u8 q1, [r0]
    vldrb.u8 q2, [x0, #16]
    vldrb.u8 q3, [r0, #16]
block_2:
    begin_block
    accumulate_held q2, q3
    accumulate_held q0, q1
    end_block q4, q5, q6, x1, 0
    next_block block_2
    next_pair pair_2, 0
    b end_short

/* Up to 8 vectors. */
pair_8:
    begin_pair
block_8:
    begin_block
    ldr pc, [sp, #ENTRY]
    .irp vector, 7, 6, 5, 4, 3, 2, 1, 0
    vldrb.u8 q0, [x0, #16 * \vector]
    vldrb.u8 q1, [x1, #16 * \vector]
    accumulate
    .endr
end_8:
    end_block q0, q1, q2, q6, 0
    next_block block_8
    next_pair pair_8
    b end_short

pair_ties:
    begin_pair
block_ties:
    begin_block
    ldr pc, [sp, #ENTRY]
    .irp vector, 7, 6, 5, 4, 3, 2, 1, 0
    vldrb.u8 q0, [x0, #16 * \vector]
    vldrb.u8 q1, [x1, #16 * \vector]
    accumulate
    .endr
end_ties:
    end_block q0, q1, q2, q6, 1
    next_block block_ties
    next_pair pair_ties
    b end_short

/* Any number of vectors, in rounds of 8; the first is entered in the middle. x0 and x1 walk backwards. */
pair_long:
    begin_pair
block_long:
    begin_block
    ldr step, [sp, #ROUNDS]
    ldr pc, [sp, #ENTRY]
round_long:
    .rept 8
    vldrb.u8 q0, [x0], #-16
    vldrb.u8 q1, [x1], #-16
    accumulate
    .endr
end_long:
    subs step, step, #1
    bne round_long
    /* the even registers hold sums */
    ldr step, [sp, #INPUTS]
    add x0, x0, step
    add x1, x1, step
    ldr step, [sp, #P]
    ldr step, [step, #ASC_MATRIX_MVE_BLOCK_STEP]
    end_block q0, q1, q2, q6, 1
    next_block block_long
    next_pair pair_long
    b last_column

/* The last column, if there is one: x0 moves to its last vector. */
end_short:
    ldr r10, [sp, #P]
    ldr r4, [r10, #ASC_MATRIX_MVE_VECTORS]
one_short:
    sub r4, r4, #1
    add x0, x0, r4, lsl #4
last_column:
    ldr r10, [sp, #P]
    ldrd out, r0, [sp, #COLUMN]
    cmp r0, #0
    beq done
    ldrd w, blocks, [r10, #ASC_MATRIX_MVE_WEIGHTS]
    ldr r8, [r10, #ASC_MATRIX_MVE_ZERO_POINT]
    ldr r12, [r10, #ASC_MATRIX_MVE_FORM]
    cmp r12, #ASC_MATRIX_TIES
    ite ge
    movge r12, #1
    movlt r12, #0
    ldr r10, [r10, #ASC_MATRIX_MVE_VECTORS]
    ldr step, [sp, #P]
    ldr step, [step, #ASC_MATRIX_MVE_BLOCK_STEP]
    vmovlb.u16 q7, q7 /* the places of this column alone */
block_last:
    ldm w!, {r0, r2, r4, r6}
    mov r9, x0
    dls lr, r10
2:  vldrb.u8 q0, [r9], #-16
    vldrw.u32 q2, [w], #16
    vmladava.s8 r0, q0, q2
    vldrw.u32 q3, [w], #16
    vmladava.s8 r2, q0, q3
    vldrw.u32 q2, [w], #16
    vmladava.s8 r4, q0, q2
    vldrw.u32 q3, [w], #16
    vmladava.s8 r6, q0, q3
    le lr, 2b
    collect_first q0
    vldrw.u32 q2, [w], #16
    vqrdmulh.s32 q0, q0, q2
    ties q0, r12
    vldrb.s32 q2, [w], #4
    vrshl.s32 q0, q0, q2
    vqmovnb.s32 q0, q0
    vqadd.s16 q0, q0, r8
    vqmovnb.s16 q0, q0
    vstrb.32 q0, [out, q7]
    add out, out, step
    next_block block_last
done:
    leave FRAME
    .size asc_matrix_mve, . - asc_matrix_mve
