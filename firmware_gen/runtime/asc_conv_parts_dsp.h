/* clang-format off */ /* assembler, which it does not know */
/*
 * What asc_conv_row_dsp.S is made of: its variables on the stack, the names of its registers, and its macros: products,
 * where unrolled loops are entered, and how it walks over segments, outputs and channels.
 */
#ifndef ASC_CONV_PARTS_DSP_H
#define ASC_CONV_PARTS_DSP_H

#include "asc_assembly_dsp.h"

/* Variables on the stack, byte offsets from sp. Those that LDRD loads together are neighbours. */
.equ P, 0             /* parameters */
.equ OUTPUT, 4        /* first output of the chunk */
.equ COLUMN, 8        /* bytes from the rows' beginning to the chunk's first window */
.equ LEFT, 12         /* outputs of the row still to do */
.equ COUNT, 16        /* outputs of the chunk */
.equ SEGMENTS, 20     /* table of segments */
.equ SEGMENTS_END, 24
.equ PACKED, 28       /* packed inputs */
.equ GROUPS_END, 32   /* end of the groups of four */
.equ GROUP_BYTES, 36  /* of a group of four */
.equ INPUTS, 40       /* the group */
.equ INPUTS_END, 44
.equ STREAM, 48       /* wide form of the pair of channels: starts, weights, constants; or of all, in flash */
.equ STREAM_END, 52   /* end of the pairs to compute */
.equ ENTRY_4, 56      /* where the unrolled products begin */
.equ ENTRY_2, 60
.equ ENTRY_1, 64
.equ FORM_4, 68       /* where their sums are requantized */
.equ FORM_2, 72
.equ FORM_1, 76
.equ TAIL_4, 80       /* where to go on with their outputs stored */
.equ TAIL_2, 84
.equ TAIL_1, 88
.equ STEP, 92         /* out_pixel_step */
.equ STEP_3, 96       /* three of them */
.equ CHANNEL, 100     /* out_channel_step */
.equ STORE, 104       /* next output */
.equ FIRST_END, 108   /* wide: end of the first pair if channels are odd, else of the last */
.equ LAST_END, 112    /* wide: end of the last pair */
.equ NEXT, 108        /* narrow: the next pair of channels in flash */
.equ PAIR_OUTPUT, 112 /* narrow: first output of the pair */
.equ PAIRS, 116       /* narrow: pairs still to do */
.equ PAIR_STEP, 120   /* narrow: bytes to the outputs of the next pair */
.equ SUMS, 124        /* accumulators of ASC_FORM_GENERAL, up to 8 */
.equ FRAME, 156

.equ UNROLLED_4, 8 /* pairs of inputs */
.equ UNROLLED_2, 4  /* words */
.equ UNROLLED_1, 4

/* Packing: source, destination, and the words left of a segment. */
src .req r0
dst .req r1
step .req r10
step_3 .req r11
left .req r12
segment .req lr

/* Product: x are inputs, w are weights. */
x0 .req r8
x1 .req r9
w0 .req r10
w1 .req r11
xp .req r12
wp .req lr

/* 16 products: a pair of inputs of four outputs, of two channels. 11 instructions of 4 bytes.
 * r0 to r3 are the sums of the first channel, r4 to r7 of the second. */
.equ PRODUCT_4_BYTES, 44
.macro product_4 a1=r0, b1=r1, c1=r2, d1=r3, a2=r4, b2=r5, c2=r6, d2=r7
    ldrd x0, x1, [xp], #8
    ldrd w0, w1, [wp], #8
    smlad r0, x0, w0, \a1
    smlad r1, x1, w0, \b1
    smlad r4, x0, w1, \a2
    smlad r5, x1, w1, \b2
    ldrd x0, x1, [xp], #8
    smlad r2, x0, w0, \c1
    smlad r3, x1, w0, \d1
    smlad r6, x0, w1, \c2
    smlad r7, x1, w1, \d2
.endm

/* 16 products: a word of inputs of two outputs, of two channels. r0, r1 are the sums of the first channel. */
.equ PRODUCT_2_BYTES, 40
.macro product_2
    ldm.w xp!, {r4-r7}
    ldm.w wp!, {r8-r11}
    smlad r0, r4, r8, r0
    smlad r1, r5, r8, r1
    smlad r2, r4, r9, r2
    smlad r3, r5, r9, r3
    smlad r0, r6, r10, r0
    smlad r1, r7, r10, r1
    smlad r2, r6, r11, r2
    smlad r3, r7, r11, r3
.endm

/* 8 products: a word of inputs of one output, of two channels. */
.equ PRODUCT_1_BYTES, 24
.macro product_1
    ldrd r2, r3, [xp], #8
    ldm.w wp!, {r4-r7}
    smlad r0, r2, r4, r0
    smlad r1, r2, r5, r1
    smlad r0, r3, r6, r0
    smlad r1, r3, r7, r1
.endm

/* Stores at [sp, #slot] where an unrolled loop is entered so that it ends with its last product; n: how many. */
.macro entry slot, label, n, unrolled, bytes
    rsb r6, \n, #0
    and r6, r6, #(\unrolled - 1)
    mov r7, #\bytes
    adr.w r8, \label
    mla r8, r6, r7, r8
    orr r8, r8, #1 /* Thumb */
    str r8, [sp, #\slot]
.endm

/* Stores at [sp, #slot] where sums are requantized; the form less ASC_FORM_SIGNED has set the flags. */
.macro form slot, positive, signed, general
    adr.w r5, \positive
    it eq
    adreq.w r5, \signed
    it gt
    adrgt.w r5, \general
    orr r5, r5, #1 /* Thumb */
    str r5, [sp, #\slot]
.endm

/* Stores at [sp, #slot] where to go on after storing; whether weights are wide has set the flags. */
.macro tail slot, wide, narrow
    adr.w r5, \narrow
    it ne
    adrne.w r5, \wide
    orr r5, r5, #1 /* Thumb */
    str r5, [sp, #\slot]
.endm

/* Walks over the segments of a group of outputs: src at the next segment, its words in left. */
.macro begin_segments
    ldr segment, [sp, #SEGMENTS]
1:  ldr src, [segment], #4
    ldr left, [sp, #COLUMN]
    add src, src, left
    ldr left, [sp, #P]
    ldr left, [left, #ASC_CONV_SEGMENT_WORDS]
2:
.endm

.macro end_segments
    subs left, left, #1
    bne 2b
    ldr left, [sp, #SEGMENTS_END]
    cmp segment, left
    bne 1b
.endm

/* Goes on by n outputs: COLUMN is moved while a chunk is packed. */
.macro next_column n
    ldr left, [sp, #COLUMN]
    .if \n == 1
    add left, left, step
    .else
    add left, left, step, lsl #(\n / 2)
    .endif
    str left, [sp, #COLUMN]
.endm

/* Wide weights: all pairs for `inputs` and `output`, of `bytes` for each word. */
.macro wide_group bytes
    ldr r1, [r0, #ASC_CONV_WORDS]
    mov r2, #\bytes
    mla r1, r1, r2, xp
    strd xp, r1, [sp, #INPUTS] /* and INPUTS_END */
    str r11, [sp, #STORE]
    ldr wp, [sp, #STREAM]
    ldr r1, [sp, #FIRST_END]
    str r1, [sp, #STREAM_END]
.endm

/* Wide weights: with the outputs of a pair stored, goes on to the next pair, or to `done` after the last. Of an odd
 * number of channels the second pair begins with the second channel. */
.macro wide_next begin, done
    add r11, r11, r10
    ldr r8, [sp, #STREAM_END]
    str r11, [sp, #STORE]
    cmp wp, r8
    bne \begin
    ldr r9, [sp, #LAST_END]
    cmp wp, r9
    beq \done
    str r9, [sp, #STREAM_END]
    sub r11, r11, r10
    str r11, [sp, #STORE]
.endm

#endif
