/* clang-format off */ /* assembler, which it does not know */
/*
 * What asc_conv_row_dsp.S is made of: its variables, the names of its registers, and its macros: products, where
 * unrolled loops are entered, how sums become outputs, and how it walks over segments.
 */
#ifndef ASC_CONV_PARTS_DSP_H
#define ASC_CONV_PARTS_DSP_H

#include "asc_assembly_dsp.h"

/* Variables on the stack, byte offsets from sp. */
.equ P, 0            /* parameters */
.equ OUTPUT, 4       /* first output of the chunk */
.equ COLUMN, 8       /* bytes from the rows' beginning to the chunk's first window */
.equ LEFT, 12        /* outputs of the row still to do */
.equ COUNT, 16       /* outputs of the chunk */
.equ SEGMENTS, 20    /* table of segments */
.equ SEGMENTS_END, 24
.equ PACKED, 28      /* packed inputs */
.equ SCRATCH, 32     /* place for the widened weights of a pair of channels */
.equ PAIR_BYTES, 36  /* of such weights */
.equ WEIGHTS, 40     /* the pair's */
.equ ENTRY_2, 44     /* where the unrolled products of two outputs begin */
.equ ENTRY_1, 48
.equ FORM_2, 52      /* where their sums are requantized */
.equ FORM_1, 56
.equ CHANNEL, 60     /* out_channel_step */
.equ NEXT, 64        /* the next pair of channels in flash */
.equ PAIR_OUTPUT, 68 /* first output of the pair */
.equ PAIRS, 72       /* pairs still to do */
.equ PAIR_STEP, 76   /* bytes to the outputs of the next pair */
.equ NEGATIVE, 80    /* constants of negative sums, of either channel */
.equ GROUPS, 88      /* groups of four still to pack */
.equ SUMS, 88        /* accumulators of ASC_FORM_GENERAL, up to 8 */
.equ WIDEN, 120      /* how a pair's weights become wide */
/* Distances, as the parameters of these names. */
.equ IN_SECOND, 124
.equ IN_ADVANCE, 128
.equ IN_REST, 132
.equ OUT_THIRD, 136
.equ OUT_NEXT, 140
.equ OUT_ADVANCE, 144
.equ OUT_REST, 148
.equ KEPT, 152
#if defined(__ARM_FP) && !defined(ASC_STACK_VARIABLES)
.equ FRAME, KEPT
#else
.equ FRAME, KEPT + 64
#endif

/* Variables that every group of outputs wants. */
kept store, 0, KEPT + 0   /* next output */
kept step, 1, KEPT + 4    /* out_second */
kept weights, 2, KEPT + 8 /* the pair's, from the second on, less what the loop leaves out, less a word */
kept end, 3, KEPT + 12     /* their end, less a word */
kept skip, 4, KEPT + 16    /* bytes of inputs that the loop leaves out the first time, less those of the first pair */
kept entry, 5, KEPT + 20   /* where it is entered */
kept finish, 6, KEPT + 24  /* where the sums of four outputs are requantized and stored */
kept groups, 7, KEPT + 28  /* end of the groups of four, less a word */
kept start_0, 8, KEPT + 32 /* what the sums of either channel start from */
kept start_1, 9, KEPT + 36
kept first_0, 10, KEPT + 40 /* first weights of either channel */
kept first_1, 11, KEPT + 44
kept multiplier_0, 12, KEPT + 48
kept rounding_0, 13, KEPT + 52
kept multiplier_1, 14, KEPT + 56
kept rounding_1, 15, KEPT + 60

.equ UNROLLED_4, 8 /* pairs of inputs: as far as the offset of a short load reaches */
.equ UNROLLED_2, 2 /* words */
.equ UNROLLED_1, 2

/* Packing: source, distances of the second and of the third output's, destination, and the words left of a segment. */
src .req r0
dst .req r1
second .req r10
third .req r11
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
to_third .req r1
channel .req r2
store .req r3

/* 16 products: pair `k` of the inputs of four outputs, of two channels. Loads in a row, because each hides the second
 * cycle of the one before; no LDRD, which takes three cycles and nothing beside it. Pointers are a word behind, so that
 * the last pair's loads move them on: all have 44 bytes but that one. */
.equ PRODUCT_4_BYTES, 44
.macro product_4 k
    ldr x0, [xp, #(16 * \k + 4)]
    ldr x1, [xp, #(16 * \k + 8)]
    ldr w0, [wp, #(8 * \k + 4)]
    .if \k == UNROLLED_4 - 1
    ldr w1, [wp, #(8 * \k + 8)]!
    .else
    ldr w1, [wp, #(8 * \k + 8)]
    .endif
    smlad r6, x0, w0, r6
    smlad r7, x1, w0, r7
    smlad r10, x0, w1, r10
    smlad r11, x1, w1, r11
    ldr x0, [xp, #(16 * \k + 12)]
    .if \k == UNROLLED_4 - 1
    ldr x1, [xp, #(16 * \k + 16)]!
    .else
    ldr x1, [xp, #(16 * \k + 16)]
    .endif
    smlad r8, x0, w0, r8
    smlad r9, x1, w0, r9
    smlad r12, x0, w1, r12
    smlad lr, x1, w1, lr
.endm

/* The same for the first pair of the inputs, which begins the sums. */
.macro first_product_4
    fetch_2 r6, r10, start_0, start_1
    ldr x0, [xp, #4]
    ldr x1, [xp, #8]
    ldr r8, [xp, #12]
    ldr r9, [xp, #16]
    fetch_2 w0, w1, first_0, first_1
    smlad r7, x1, w0, r6
    smlad r11, x1, w1, r10
    smlad r12, r8, w1, r10
    smlad r8, r8, w0, r6
    smlad lr, r9, w1, r10
    smlad r9, r9, w0, r6
    smlad r6, x0, w0, r6
    smlad r10, x0, w1, r10
.endm

/* Requantizes the eight sums. */
.macro positive_4
    fetch_2 r0, r1, multiplier_0, rounding_0
    .irp sum, r6, r7, r8, r9
    asc_requantize_positive \sum, r0, r1
    .endr
    fetch_2 r0, r1, multiplier_1, rounding_1
    .irp sum, r10, r11, r12, lr
    asc_requantize_positive \sum, r0, r1
    .endr
.endm

.macro signed_4
    fetch_2 r0, r1, multiplier_0, rounding_0
    ldr r2, [sp, #NEGATIVE]
    .irp sum, r6, r7, r8, r9
    asc_requantize_signed \sum, r0, r1, r2, r3
    .endr
    fetch_2 r0, r1, multiplier_1, rounding_1
    ldr r2, [sp, #(NEGATIVE + 4)]
    .irp sum, r10, r11, r12, lr
    asc_requantize_signed \sum, r0, r1, r2, r3
    .endr
.endm

.macro general_4
    add r0, sp, #SUMS
    stm r0, {r6-r12, lr}
    movs r2, #4
    bl .Lgeneral
    add r0, sp, #SUMS
    ldm r0, {r6-r12, lr}
.endm

/* Stores them, wherever columns and channels lie. */
.macro store_any_4
    fetch store, store
    fetch step_1, step
    ldr channel, [sp, #CHANNEL]
    ldr to_third, [sp, #OUT_THIRD]
    strb.w r6, [store]
    strb.w r10, [store, channel]
    add store, store, step_1
    strb.w r7, [store]
    strb.w r11, [store, channel]
    ldr r6, [sp, #OUT_NEXT]
    add store, store, to_third
    strb.w r8, [store]
    strb.w r12, [store, channel]
    add store, store, step_1
    strb.w r9, [store]
    strb.w lr, [store, channel]
    add store, store, r6
.endm

/* Stores them where the second channel is the byte behind the first. */
.macro store_pixels_4
    fetch store, store
    fetch step_1, step
    bfi r6, r10, #8, #8
    bfi r7, r11, #8, #8
    bfi r8, r12, #8, #8
    bfi r9, lr, #8, #8
    strh.w r6, [store]
    add store, store, step_1
    strh.w r7, [store]
    add store, store, step_1
    strh.w r8, [store]
    add store, store, step_1
    strh.w r9, [store]
    add store, store, step_1
.endm

/* The same of several rows. */
.macro store_pixels_rows
    fetch store, store
    fetch step_1, step
    ldr to_third, [sp, #OUT_THIRD]
    ldr r2, [sp, #OUT_NEXT]
    bfi r6, r10, #8, #8
    bfi r7, r11, #8, #8
    bfi r8, r12, #8, #8
    bfi r9, lr, #8, #8
    strh.w r6, [store]
    add store, store, step_1
    strh.w r7, [store]
    add store, store, to_third
    strh.w r8, [store]
    add store, store, step_1
    strh.w r9, [store]
    add store, store, r2
.endm

/* Stores them where the next column is the byte behind the one before. */
.macro store_planes_4
    fetch store, store
    ldr channel, [sp, #CHANNEL]
    bfi r6, r7, #8, #8
    bfi r8, r9, #8, #8
    bfi r10, r11, #8, #8
    bfi r12, lr, #8, #8
    pkhbt r6, r6, r8, lsl #16
    pkhbt r10, r10, r12, lsl #16
    str.w r6, [store]
    str.w r10, [store, channel]
    adds store, #4
.endm

/* The same of two rows. */
.macro store_planes_rows
    fetch store, store
    ldr channel, [sp, #CHANNEL]
    ldr to_third, [sp, #OUT_THIRD]
    bfi r6, r7, #8, #8
    bfi r8, r9, #8, #8
    bfi r10, r11, #8, #8
    bfi r12, lr, #8, #8
    adds to_third, #1 /* to the second row */
    strh.w r6, [store]
    strh.w r10, [store, channel]
    add channel, channel, to_third
    strh.w r8, [store, to_third]
    strh.w r12, [store, channel]
    adds store, #2
.endm

/* With four outputs stored, goes on to the next group of the chunk if there is one. */
.macro next_4
    keep store, store
    fetch r0, groups
    cmp xp, r0
    bne.w .Lgroup_4
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

/* The constants of both channels, for fewer than four outputs. */
.macro constants
    fetch_2 r0, r1, multiplier_0, rounding_0
    fetch_2 r2, r3, multiplier_1, rounding_1
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

/* Widens a word of inputs of four outputs: src is the first one's, `third` the third one's. */
.macro pack_4
    ldr r7, [src, second]
    ldr r9, [third, second]
    ldr r6, [src], #4
    ldr r8, [third], #4
    sxtb16 r2, r6
    sxtb16 r3, r7
    sxtb16 r4, r8
    sxtb16 r5, r9
    sxtb16 r6, r6, ror #8
    sxtb16 r7, r7, ror #8
    sxtb16 r8, r8, ror #8
    sxtb16 r9, r9, ror #8
    stm dst!, {r2-r9}
.endm

/* Walks over the segments of a group of outputs: src at the next segment, its words in left. Label 2 is where the next
 * words are. */
.macro begin_segments
    ldr segment, [sp, #SEGMENTS]
1:  ldm segment!, {src, third}
    ldr left, [sp, #COLUMN]
    add src, src, left
    ldr left, [sp, #P]
    ldr left, [left, #ASC_CONV_SEGMENT_WORDS]
.endm

.macro end_segments
    subs left, left, #1
    bne 2b
    ldr left, [sp, #SEGMENTS_END]
    cmp segment, left
    bne 1b
.endm


#endif
