/*
 * One row of a convolution, as a product of matrices.
 *
 * Formula   equations (9) to (15) of docs/quantization.md, the last three in the form of (15''), whose constants are
 *           proved when they are generated.
 * Shapes    rows: kernel_h rows of pixels [column][in_channels], each from its first column of padding;
 *           output: [out_w][out_channels] in steps of out_pixel_step and out_channel_step.
 * Method    1. Pack: the inputs under the windows of up to `chunk` outputs are widened to 16 bits, for four outputs at
 *              once, so that two loads find the same pair of inputs for two of them: [group][pair of inputs][4]; what
 *              remains of a row as [pair][2] and [pair][1].
 *           2. For two output channels at once: 6 loads and 8 SMLAD for 16 products with a group of four outputs, then
 *              requantize and store. Loops are unrolled; they are entered in the middle, so that any number of words
 *              will do. They are short: with all that a group of four takes they have less than 1 kB, the smallest
 *              cache in front of a flash.
 *           Weights that are wide in flash are read from there, all channels for one group, then the next group.
 *           Others are widened into scratch memory, two channels for all groups of a chunk, then the next channels.
 * Scratch   table of segments: kernel_h * row_segments words; constants and widened weights of two channels unless
 *           they are wide: 8 words and 4 for each of `words`; packed inputs: 2 words for each of `words` and each
 *           output of a chunk.
 * Reads     up to 3 bytes beyond the last segment; their weights are 0.
 * Overflow  sums wrap; the final one has 32 bits: (11), and (15'') where weights are raised.
 * Overlap   the output may not share memory with the rows.
 * Exact     bit for bit TFLite's BUILTIN_REF.
 * Source    SMLAD, SXTB16, SMMLA, SSAT: Armv7-M Architecture Reference Manual, A7.7.
 */
#include "asc_kernels_dsp.h"
#include "asc_conv_parts_dsp.h"

asc_function asc_conv_row_dsp
    push {r4-r11, lr}
    sub sp, sp, #FRAME
    str r0, [sp, #P]
    str r2, [sp, #OUTPUT]
    /* the table of segments: where each of them begins for the row's first output */
    str r3, [sp, #SEGMENTS]
    ldr r4, [r0, #ASC_CONV_KERNEL_H]
    ldr r5, [r0, #ASC_CONV_ROW_SEGMENTS]
    ldr r6, [r0, #ASC_CONV_SEGMENT_STEP]
.Lrow:
    ldr r7, [r1], #4
    mov r8, r5
.Lsegment:
    str r7, [r3], #4
    add r7, r7, r6
    subs r8, r8, #1
    bne .Lsegment
    subs r4, r4, #1
    bne .Lrow
    str r3, [sp, #SEGMENTS_END]
    ldr r5, [r0, #ASC_CONV_WORDS]
    lsls r6, r5, #5
    str r6, [sp, #GROUP_BYTES]
    lsls r6, r5, #4
    adds r6, r6, #32 /* a pair */
    ldr r4, [r0, #ASC_CONV_WIDE]
    cbz r4, .Lin_scratch
    ldr r1, [r0, #ASC_CONV_STREAM]
    ldr r2, [r0, #ASC_CONV_PAIRS]
    str r1, [sp, #STREAM]
    mla r2, r2, r6, r1
    add r1, r1, r6
    ldr r4, [r0, #ASC_CONV_ODD]
    cmp r4, #0
    it eq
    moveq r1, r2
    strd r1, r2, [sp, #FIRST_END] /* and LAST_END */
    b .Lplaced
.Lin_scratch:
    str r3, [sp, #STREAM]
    add r3, r3, r6
.Lplaced:
    str r3, [sp, #PACKED]
    entry ENTRY_2, .Lproduct_2, r5, UNROLLED_2, PRODUCT_2_BYTES
    entry ENTRY_1, .Lproduct_1, r5, UNROLLED_1, PRODUCT_1_BYTES
    lsls r2, r5, #1 /* pairs */
    ldr r4, [r0, #ASC_CONV_FORM]
    cmp r4, #ASC_FORM_SIGNED
    form NARROW_4, .Lpositive_narrow_4, .Lsigned_narrow_4, .Lgeneral_narrow_4
    form FORM_4, .Lpositive_4, .Lsigned_4, .Lgeneral_4
    form FORM_2, .Lpositive_2, .Lsigned_2, .Lgeneral_2
    form FORM_1, .Lpositive_1, .Lsigned_1, .Lgeneral_1
    ldr r6, [r0, #ASC_CONV_WIDE]
    adr.w r8, .Lproduct_4_narrow
    cmp r6, #0
    it ne
    adrne.w r8, .Lproduct_4_wide
    rsb r4, r2, #0
    and r4, r4, #(UNROLLED_4 - 1)
    str r4, [sp, #SKIP_4]
    mov r7, #PRODUCT_4_BYTES
    mla r8, r4, r7, r8
    orr r8, r8, #1 /* Thumb */
    str r8, [sp, #ENTRY_4]
    ldr r4, [sp, #STREAM]
    add r4, r4, r2, lsl #3
    adds r4, r4, #8
    str r4, [sp, #WEIGHTS_END]
    cmp r6, #0
    tail TAIL_2, .Lwide_2, .Lnarrow_2
    tail TAIL_1, .Lwide_1, .Lnext_pair
    ldr r4, [r0, #ASC_CONV_OUT_PIXEL_STEP]
    add r5, r4, r4, lsl #1
    strd r4, r5, [sp, #STEP]
    ldr r4, [r0, #ASC_CONV_OUT_CHANNEL_STEP]
    str r4, [sp, #CHANNEL]
    ldr r4, [r0, #ASC_CONV_OUT_W]
    str r4, [sp, #LEFT]
    movs r4, #0
    str r4, [sp, #COLUMN]

.Lchunk:
    ldr r0, [sp, #P]
    ldr r2, [sp, #LEFT]
    ldr r3, [r0, #ASC_CONV_CHUNK]
    cmp r2, r3
    it gt
    movgt r2, r3
    str r2, [sp, #COUNT]
    /* pack */
    ldr step, [r0, #ASC_CONV_IN_PIXEL_STEP]
    add step_3, step, step, lsl #1
    ldr dst, [sp, #PACKED]
    /* GROUPS_END counts the groups of four while they are packed */
    lsrs r2, r2, #2
    beq .Lpacked_4
.Lpack_4:
    str r2, [sp, #GROUPS_END]
    begin_segments
    ldr r7, [src, step]
    ldr r8, [src, step, lsl #1]
    ldr r9, [src, step_3]
    ldr r6, [src], #4
    sxtb16 r2, r6
    sxtb16 r3, r7
    sxtb16 r4, r8
    sxtb16 r5, r9
    sxtb16 r6, r6, ror #8
    sxtb16 r7, r7, ror #8
    sxtb16 r8, r8, ror #8
    sxtb16 r9, r9, ror #8
    stm dst!, {r2-r9}
    end_segments
    next_column 4
    ldr r2, [sp, #GROUPS_END]
    subs r2, r2, #1
    bne .Lpack_4
.Lpacked_4:
    str dst, [sp, #GROUPS_END]
    ldr r2, [sp, #COUNT]
    lsls r2, r2, #31
    bcc .Lpacked_2
    begin_segments
    ldr r5, [src, step]
    ldr r4, [src], #4
    sxtb16 r2, r4
    sxtb16 r3, r5
    sxtb16 r4, r4, ror #8
    sxtb16 r5, r5, ror #8
    stm dst!, {r2-r5}
    end_segments
    next_column 2
.Lpacked_2:
    ldr r2, [sp, #COUNT]
    lsls r2, r2, #31
    beq .Lpacked
    begin_segments
    ldr r3, [src], #4
    asc_widen r2, r3, r3
    stm dst!, {r2, r3}
    end_segments
    next_column 1
.Lpacked:
    ldr r0, [sp, #P]
    ldr r2, [r0, #ASC_CONV_WIDE]
    cbz r2, .Lnarrow
    ldr xp, [sp, #PACKED]
    ldr store, [sp, #OUTPUT]
    ldr r2, [sp, #COUNT]
    lsls r2, r2, #30
    bcs .Lwide_group_4
    bmi .Lwide_group_2
    b .Lwide_group_1

.Lnarrow:
    ldr r1, [r0, #ASC_CONV_PAIRS]
    str r1, [sp, #PAIRS]
    ldr r1, [r0, #ASC_CONV_OUT_CHANNEL_STEP]
    ldr r2, [r0, #ASC_CONV_ODD]
    cbnz r2, .Lfirst_step
    lsls r1, r1, #1
.Lfirst_step:
    str r1, [sp, #PAIR_STEP]
    ldr lr, [r0, #ASC_CONV_STREAM]
    ldr r1, [sp, #OUTPUT]
    str r1, [sp, #PAIR_OUTPUT]

    /* narrow weights, two channels: r1 is where their outputs are, lr where they are in flash */
.Lpair:
    str r1, [sp, #STORE]
    ldr r0, [sp, #P]
    ldr r1, [sp, #STREAM]
    ldm lr!, {r2, r3}
    stm r1!, {r2, r3}
    ldr r2, [r0, #ASC_CONV_RAISED]
    ldr r3, [r0, #ASC_CONV_WORDS]
    add r0, r1, r3, lsl #4
    cmp r2, #0
    beq.w .Lwiden
    mov r12, #0xff00ff00
    lsrs r3, r3, #1
    bcc .Lraise
    ldm lr!, {r6, r7}
    and r2, r12, r6, lsl #8
    and r3, r12, r7, lsl #8
    and r4, r6, r12
    and r5, r7, r12
    stm r1!, {r2-r5}
    cmp r1, r0
    beq .Lconstants
.Lraise:
    ldm lr!, {r8-r11}
    and r2, r12, r8, lsl #8
    and r3, r12, r9, lsl #8
    and r4, r8, r12
    and r5, r9, r12
    and r6, r12, r10, lsl #8
    and r7, r12, r11, lsl #8
    and r8, r10, r12
    and r9, r11, r12
    stm r1!, {r2-r9}
    cmp r1, r0
    bne .Lraise
.Lconstants:
    ldm lr!, {r2-r7}
    stm r1, {r2-r7}
    str lr, [sp, #NEXT]
    ldr xp, [sp, #PACKED]
    ldr r0, [sp, #GROUPS_END]
    cmp xp, r0
    beq .Lrest

    /* groups of four outputs of two channels */
.Lgroup_4:
    ldr wp, [sp, #STREAM]
    sums_4 narrow, wp, WEIGHTS_END
    ldr pc, [sp, #NARROW_4]
    .balign 4
.Lpositive_narrow_4:
    positive_4
.Lstore_narrow_4:
    store_4
    next_4 .Lgroup_4
.Lrest:
    ldr r0, [sp, #COUNT]
    lsls r0, r0, #31
    bcs .Lrest_2
.Lrest_1:
    beq .Lnext_pair
    ldr r0, [sp, #GROUP_BYTES]
    ldr wp, [sp, #STREAM]
    add r0, xp, r0, lsr #2
    str r0, [sp, #INPUTS_END]

    /* one output of two channels */
.Lstart_1:
    ldr r6, [wp]
    ldr r12, [wp, #4]
    ldr r7, [sp, #INPUTS_END]
    adds wp, #8
    ldr pc, [sp, #ENTRY_1]
    .balign 4
.Lproduct_1:
    .rept UNROLLED_1
    product_1
    .endr
    cmp xp, r7
    bne .Lproduct_1
    ldm wp!, {r0-r3, r8, r9}
    ldr pc, [sp, #FORM_1]
    .balign 4
.Lpositive_1:
    asc_requantize_positive r6, r0, r1
    asc_requantize_positive r12, r2, r3
.Lstore_1:
    ldr channel, [sp, #CHANNEL]
    ldr store, [sp, #STORE]
    strb.w r6, [store]
    add store, store, channel
    strb.w r12, [store]
    ldr pc, [sp, #TAIL_1]
    .balign 4
.Lnext_pair:
    ldr r1, [sp, #PAIR_OUTPUT]
    ldr r2, [sp, #PAIR_STEP]
    ldr r3, [sp, #PAIRS]
    ldr r4, [sp, #CHANNEL]
    ldr lr, [sp, #NEXT]
    add r1, r1, r2
    str r1, [sp, #PAIR_OUTPUT]
    lsls r4, r4, #1
    str r4, [sp, #PAIR_STEP]
    subs r3, r3, #1
    str r3, [sp, #PAIRS]
    bne.w .Lpair

.Lnext_chunk:
    ldr r0, [sp, #COUNT]
    ldr r1, [sp, #STEP]
    ldr r2, [sp, #OUTPUT]
    mla r2, r0, r1, r2
    str r2, [sp, #OUTPUT]
    ldr r2, [sp, #LEFT]
    subs r2, r2, r0
    str r2, [sp, #LEFT]
    bne .Lchunk
    add sp, sp, #FRAME
    pop {r4-r11, pc}

    /* two outputs of two channels */
.Lrest_2:
    ldr r0, [sp, #GROUP_BYTES]
    ldr wp, [sp, #STREAM]
    add r0, xp, r0, lsr #1
    str r0, [sp, #INPUTS_END]
.Lstart_2:
    ldr r6, [wp]
    ldr r12, [wp, #4]
    adds wp, #8
    mov r7, r6
    mov lr, r12
    ldr pc, [sp, #ENTRY_2]
    .balign 4
.Lproduct_2:
    .rept UNROLLED_2
    product_2
    .endr
    ldr r0, [sp, #INPUTS_END]
    cmp xp, r0
    bne .Lproduct_2
    ldm wp!, {r0-r3, r8, r9} /* multiplier and rounding of both channels, negatives */
    ldr pc, [sp, #FORM_2]
    .balign 4
.Lpositive_2:
    asc_requantize_positive r6, r0, r1
    asc_requantize_positive r7, r0, r1
    asc_requantize_positive r12, r2, r3
    asc_requantize_positive lr, r2, r3
.Lstore_2:
    ldr step_1, [sp, #STEP]
    ldr channel, [sp, #CHANNEL]
    ldr store, [sp, #STORE]
    strb.w r6, [store]
    strb.w r7, [store, step_1]
    add store, store, channel
    strb.w r12, [store]
    strb.w lr, [store, step_1]
    ldr pc, [sp, #TAIL_2]
    .balign 4
.Lnarrow_2:
    subs store, store, channel
    add store, store, step_1, lsl #1
    str store, [sp, #STORE]
    ldr r0, [sp, #COUNT]
    lsls r0, r0, #31
    b .Lrest_1

.Lwiden:
    ldm lr!, {r6, r7}
    sxtb16 r2, r6
    sxtb16 r3, r7
    sxtb16 r4, r6, ror #8
    sxtb16 r5, r7, ror #8
    stm r1!, {r2-r5}
    cmp r1, r0
    bne .Lwiden
    b .Lconstants


    .balign 4
.Lsigned_narrow_4:
    signed_4
    b .Lstore_narrow_4
    .balign 4
.Lgeneral_narrow_4:
    general_4
    b .Lstore_narrow_4

    /* Wide weights: a group, all pairs of channels for it, then what is left. */
.Lwide_group_4:
    wide_group 32
    b .Lwide_begin_4
    .balign 4
.Lwide_4:
    wide_next .Lwide_begin_4, .Lnext_chunk
.Lwide_begin_4:
    ldr xp, [sp, #INPUTS]
    sums_4 wide, xp, INPUTS_END
    ldr pc, [sp, #FORM_4]
    .balign 4
.Lpositive_4:
    positive_4
.Lstore_4:
    store_4
    adds wp, #24
    b .Lwide_4
    .balign 4
.Lsigned_4:
    signed_4
    b .Lstore_4
    .balign 4
.Lgeneral_4:
    general_4
    b .Lstore_4
.Lwide_group_2:
    wide_group 16
    b .Lwide_begin_2
    .balign 4
.Lwide_2:
    wide_next .Lwide_begin_2, .Lwide_rest_1
.Lwide_begin_2:
    ldr xp, [sp, #INPUTS]
    b .Lstart_2
.Lwide_rest_1:
    ldr r0, [sp, #COUNT]
    lsls r0, r0, #31
    beq .Lnext_chunk
    ldr r0, [sp, #P]
    ldr r1, [sp, #STEP]
    ldr store, [sp, #OUTPUT]
    add store, store, r1, lsl #1
.Lwide_group_1:
    wide_group 8
    b .Lwide_begin_1
    .balign 4
.Lwide_1:
    wide_next .Lwide_begin_1, .Lnext_chunk
.Lwide_begin_1:
    ldr xp, [sp, #INPUTS]
    b .Lstart_1

    /* The other forms of requantization. Of four outputs the constants are at wp, of fewer in r0 to r3, r8 and r9, and wp
     * is beyond them. */
    .balign 4
.Lsigned_2:
    asc_requantize_signed r6, r0, r1, r8, r10
    asc_requantize_signed r7, r0, r1, r8, r10
    asc_requantize_signed r12, r2, r3, r9, r10
    asc_requantize_signed lr, r2, r3, r9, r10
    b .Lstore_2
    .balign 4
.Lsigned_1:
    asc_requantize_signed r6, r0, r1, r8, r10
    asc_requantize_signed r12, r2, r3, r9, r10
    b .Lstore_1

    .balign 4
.Lgeneral_2:
    strd r6, r7, [sp, #SUMS]
    strd r12, lr, [sp, #(SUMS + 8)]
    movs r2, #2
    bl .Lgeneral
    ldrd r6, r7, [sp, #SUMS]
    ldrd r12, lr, [sp, #(SUMS + 8)]
    b .Lstore_2
    .balign 4
.Lgeneral_1:
    strd r6, r12, [sp, #SUMS]
    movs r2, #1
    bl .Lgeneral
    ldrd r6, r12, [sp, #SUMS]
    b .Lstore_1

    /* Requantizes SUMS in place: r2 sums of the first channel, then as many of the second. Constants end at wp; keeps wp
     * and xp. */
.Lgeneral:
    ldr r3, [sp, #P]
    ldr r6, [r3, #ASC_CONV_SHIFT]
    ldr r7, [r3, #ASC_CONV_MIN]
    ldr r8, [r3, #ASC_CONV_MAX]
    add r1, sp, #SUMS
    add r11, r1, r2, lsl #3
    add r0, r1, r2, lsl #2
    ldrd r9, r10, [wp, #-24]
    ldr r12, [wp, #-8]
.Lgeneral_sum:
    cmp r1, r0
    itt eq
    ldrdeq r9, r10, [wp, #-16]
    ldreq r12, [wp, #-4]
    ldr r2, [r1]
    asr r3, r2, #31
    smmla r2, r2, r9, r10
    mla r2, r3, r12, r2
    asr r2, r2, r6
    asc_clamp r2, r7, r8
    str r2, [r1], #4
    cmp r1, r11
    bne .Lgeneral_sum
    bx lr
asc_end asc_conv_row_dsp
