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
.equ SKIP_4, 80       /* pairs of four inputs that the loop leaves out the first time */
.equ TAIL_2, 84       /* where to go on with their outputs stored */
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
.equ WEIGHTS_END, 124 /* narrow: end of the widened weights */
.equ NARROW_4, 128    /* narrow: where the sums of four outputs are requantized */
.equ SUMS, 132        /* accumulators of ASC_FORM_GENERAL, up to 8 */
.equ FRAME, 164

.equ UNROLLED_4, 8 /* pairs of inputs: as far as the offset of a short load reaches */
.equ UNROLLED_2, 4  /* words */
.equ UNROLLED_1, 2

/* Packing: source, destination, and the words left of a segment. */
src .req r0
dst .req r1
step .req r10
step_3 .req r11
left .req r12
segment .req lr

/* Product: x are inputs, w are weights: low registers, so that loads take two bytes. Sums of the first channel are in r6
 * to r9, of the second in r10 to r12 and lr; of two outputs in r6, r7 and r12, lr; of one in r6 and r12. */
x0 .req r0
x1 .req r1
w0 .req r2
w1 .req r3
xp .req r4
wp .req r5
/* After the products the same registers say where to store. */
step_1 .req r0
steps_3 .req r1
channel .req r2
store .req r3

/* 16 products: pair `k` of the inputs of four outputs, of two channels. 44 bytes. Loads in a row, because each hides the
 * second cycle of the one before; no LDRD, which takes three cycles and nothing beside it. */
.equ PRODUCT_4_BYTES, 44
.macro product_4 k
    ldr x0, [xp, #(16 * \k)]
    ldr x1, [xp, #(16 * \k + 4)]
    ldr w0, [wp, #(8 * \k)]
    ldr w1, [wp, #(8 * \k + 4)]
    smlad r6, x0, w0, r6
    smlad r7, x1, w0, r7
    smlad r10, x0, w1, r10
    smlad r11, x1, w1, r11
    ldr x0, [xp, #(16 * \k + 8)]
    ldr x1, [xp, #(16 * \k + 12)]
    smlad r8, x0, w0, r8
    smlad r9, x1, w0, r9
    smlad r12, x0, w1, r12
    smlad lr, x1, w1, lr
.endm

/* The sums of four outputs of two channels: starts from what is at wp, and leaves wp at the pair's constants. The loop
 * ends when `pointer` is what is at [sp, #end]. */
.macro sums_4 name, pointer, end
    ldr r6, [wp]
    ldr r10, [wp, #4]
    ldr r0, [sp, #SKIP_4]
    adds wp, #8
    mov r7, r6
    mov r8, r6
    mov r9, r6
    mov r11, r10
    mov r12, r10
    mov lr, r10
    cbz r0, .Lproduct_4_\name
    /* leave out r0 pairs: go back by them, and enter the loop behind them */
    sub xp, xp, r0, lsl #4
    sub wp, wp, r0, lsl #3
    ldr pc, [sp, #ENTRY_4]
    .balign 4
.Lproduct_4_\name:
    .irp k, 0, 1, 2, 3, 4, 5, 6, 7
    product_4 \k
    .endr
    adds xp, #(16 * UNROLLED_4)
    adds wp, #(8 * UNROLLED_4)
    ldr r0, [sp, #\end]
    cmp \pointer, r0
    bne.w .Lproduct_4_\name
.endm

/* Requantizes the eight sums; constants are at wp. */
.macro positive_4
    ldr r0, [wp]
    ldr r1, [wp, #4]
    ldr r2, [wp, #8]
    ldr r3, [wp, #12]
    .irp sum, r6, r7, r8, r9
    asc_requantize_positive \sum, r0, r1
    .endr
    .irp sum, r10, r11, r12, lr
    asc_requantize_positive \sum, r2, r3
    .endr
.endm

.macro signed_4
    ldr r0, [wp]
    ldr r1, [wp, #4]
    ldr r2, [wp, #16]
    .irp sum, r6, r7, r8, r9
    asc_requantize_signed \sum, r0, r1, r2, r3
    .endr
    ldr r0, [wp, #8]
    ldr r1, [wp, #12]
    ldr r2, [wp, #20]
    .irp sum, r10, r11, r12, lr
    asc_requantize_signed \sum, r0, r1, r2, r3
    .endr
.endm

.macro general_4
    adds wp, #24
    add r0, sp, #SUMS
    stm r0, {r6-r12, lr}
    movs r2, #4
    bl .Lgeneral
    subs wp, #24
    add r0, sp, #SUMS
    ldm r0, {r6-r12, lr}
.endm

/* Stores them; `store` is then at the second channel's. */
.macro store_4
    ldr step_1, [sp, #STEP]
    ldr steps_3, [sp, #STEP_3]
    ldr channel, [sp, #CHANNEL]
    ldr store, [sp, #STORE]
    strb.w r6, [store]
    strb.w r7, [store, step_1]
    strb.w r8, [store, step_1, lsl #1]
    strb.w r9, [store, steps_3]
    add store, store, channel
    strb.w r10, [store]
    strb.w r11, [store, step_1]
    strb.w r12, [store, step_1, lsl #1]
    strb.w lr, [store, steps_3]
.endm

/* Narrow weights: with four outputs stored, goes on to the next group of the row if there is one. */
.macro next_4 again
    subs store, store, channel
    add store, store, step_1, lsl #2
    str store, [sp, #STORE]
    ldr r0, [sp, #GROUPS_END]
    cmp xp, r0
    bne.w \again
.endm

/* 16 products: a word of inputs of two outputs, of two channels. */
.equ PRODUCT_2_BYTES, 40
.macro product_2
    ldm.w xp!, {r0-r3}
    ldm.w wp!, {r8-r11}
    smlad r6, r0, r8, r6
    smlad r7, r1, r8, r7
    smlad r12, r0, r9, r12
    smlad lr, r1, r9, lr
    smlad r6, r2, r10, r6
    smlad r7, r3, r10, r7
    smlad r12, r2, r11, r12
    smlad lr, r3, r11, lr
.endm

/* 8 products: a word of inputs of one output, of two channels. */
.equ PRODUCT_1_BYTES, 24
.macro product_1
    ldrd r0, r1, [xp], #8
    ldm.w wp!, {r8-r11}
    smlad r6, r0, r8, r6
    smlad r12, r0, r9, r12
    smlad r6, r1, r10, r6
    smlad r12, r1, r11, r12
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

/* Wide weights: all pairs for the inputs at xp and the outputs at `store`, of `bytes` for each word. */
.macro wide_group bytes
    ldr r1, [r0, #ASC_CONV_WORDS]
    mov r2, #\bytes
    mla r1, r1, r2, xp
    strd xp, r1, [sp, #INPUTS] /* and INPUTS_END */
    str store, [sp, #STORE]
    ldr wp, [sp, #STREAM]
    ldr r1, [sp, #FIRST_END]
    str r1, [sp, #STREAM_END]
.endm

/* Wide weights: with the outputs of a pair stored, goes on to the next pair, or to `done` after the last. Of an odd
 * number of channels the second pair begins with the second channel. */
.macro wide_next begin, done
    add store, store, channel
    ldr r0, [sp, #STREAM_END]
    str store, [sp, #STORE]
    cmp wp, r0
    bne \begin
    ldr r1, [sp, #LAST_END]
    cmp wp, r1
    beq \done
    str r1, [sp, #STREAM_END]
    sub store, store, channel
    str store, [sp, #STORE]
.endm

#endif
