/*
 * A row of a convolution, or several, as a product of matrices.
 *
 * Formula   equations (9) to (15) of docs/quantization.md, the last three in the form of (15''), whose constants are
 *           proved when they are generated.
 * Shapes    rows: kernel_h rows of pixels [column][in_channels], each from its first column of padding;
 *           output: [out_w][out_channels]. Where columns and channels lie is told in distances, so that the outputs of
 *           several rows: four neighbours, two columns of two rows, or a column of four rows are computed together. The
 *           rows under a second row of outputs are second_row behind those under the first in `rows`.
 * Method    1. Pack: the inputs under the windows of up to `chunk` outputs are widened to 16 bits, for four outputs at
 *              once, so that two loads find the same pair of inputs for two of them: [group][pair of inputs][4]; what
 *              remains of a row as [pair][2] and [pair][1].
 *           2. For two output channels at once: weights that are not wide in flash are widened into scratch memory.
 *              Then, group by group, 6 loads and 8 SMLAD for 16 products with four outputs; requantize, store. What
 *              every group wants is kept in floating-point registers where there are any.
 *           Loops are unrolled; they are entered in the middle, so that any number of words will do. They are short:
 *           with all that a group of four takes they have less than 1 kB, the smallest cache in front of a flash.
 * Scratch   table of segments: kernel_h * row_segments times 2 words; widened weights of two channels unless they are wide:
 *           4 words for each of `words`; packed inputs: 2 words for each of `words` and each output of a chunk.
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
    /* the table of segments: where each of them begins for the row's first output, and how far from it the third's */
    str r3, [sp, #SEGMENTS]
    ldr r4, [r0, #ASC_CONV_KERNEL_H]
    ldr r5, [r0, #ASC_CONV_ROW_SEGMENTS]
    ldr r6, [r0, #ASC_CONV_SEGMENT_STEP]
    ldr r9, [r0, #ASC_CONV_IN_THIRD]
    ldr r10, [r0, #ASC_CONV_SECOND_ROW]
.Lrow:
    ldr r7, [r1]
    cmp r10, #0
    beq .Lone_row
    ldr r9, [r1, r10, lsl #2]
    sub r9, r9, r7
.Lone_row:
    adds r1, #4
    mov r8, r5
.Lsegment:
    str r7, [r3], #4
    str r9, [r3], #4
    add r7, r7, r6
    subs r8, r8, #1
    bne .Lsegment
    subs r4, r4, #1
    bne .Lrow
    str r3, [sp, #SEGMENTS_END]
    str r3, [sp, #SCRATCH]
    ldr r5, [r0, #ASC_CONV_WORDS]
    ldr r4, [r0, #ASC_CONV_WIDE]
    lsls r6, r5, #4
    str r6, [sp, #PAIR_BYTES]
    cbnz r4, .Lplaced
    add r3, r3, r6
.Lplaced:
    str r3, [sp, #PACKED]
    entry ENTRY_2, .Lproduct_2, r5, UNROLLED_2, PRODUCT_2_BYTES
    entry ENTRY_1, .Lproduct_1, r5, UNROLLED_1, PRODUCT_1_BYTES
    /* all pairs of inputs but the first */
    lsls r2, r5, #1
    rsb r2, r2, #1
    and r2, r2, #(UNROLLED_4 - 1)
    mov r7, #PRODUCT_4_BYTES
    adr.w r8, .Lproduct_4
    mla r8, r2, r7, r8
    orr r8, r8, #1 /* Thumb */
    keep entry, r8
    lsls r2, r2, #4
    subs r2, r2, #16
    keep skip, r2
    add r1, r0, #ASC_CONV_IN_SECOND
    ldm r1!, {r2, r4, r6}
    add r7, sp, #IN_SECOND
    stm r7!, {r2, r4, r6}
    ldm r1!, {r2, r3, r4, r6, r8}
    stm r7!, {r3, r4, r6, r8}
    keep step, r2
    ldr r1, [r1] /* out_channel_step */
    str r1, [sp, #CHANNEL]
    /* how weights become wide */
    adr.w r6, .Lraise
    tst r5, #1
    it ne
    adrne.w r6, .Lraise_odd
    ldr r4, [r0, #ASC_CONV_RAISED]
    cmp r4, #0
    it eq
    adreq.w r6, .Lwiden
    ldr r4, [r0, #ASC_CONV_WIDE]
    cmp r4, #0
    it ne
    adrne.w r6, .Lwide
    orr r6, r6, #1 /* Thumb */
    str r6, [sp, #WIDEN]
    ldr r4, [r0, #ASC_CONV_FORM]
    cmp r4, #ASC_FORM_SIGNED
    form FORM_2, .Lpositive_2, .Lsigned_2, .Lgeneral_2
    form FORM_1, .Lpositive_1, .Lsigned_1, .Lgeneral_1
    /* requantization and store of four outputs */
    adr.w r5, .Lgeneral_any
    bgt .Lchosen
    beq .Lsigned
    adr.w r5, .Lpositive_any
    adr.w r6, .Lpositive_pixels
    adr.w r7, .Lpositive_planes
    cmp r2, r3
    itt ne
    adrne.w r6, .Lpositive_pixels_rows
    adrne.w r7, .Lpositive_planes_rows
    b .Lrows_chosen
.Lsigned:
    adr.w r5, .Lsigned_any
    adr.w r6, .Lsigned_pixels
    cmp r2, r3
    it ne
    adrne.w r6, .Lsigned_pixels_rows
    mov r7, r5
.Lrows_chosen:
    cmp r2, #1
    it eq
    moveq r5, r7
    cmp r1, #1
    it eq
    moveq r5, r6
.Lchosen:
    orr r5, r5, #1 /* Thumb */
    keep finish, r5
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
    ldr second, [sp, #IN_SECOND]
    ldr dst, [sp, #PACKED]
    lsrs r2, r2, #2
    beq .Lpacked_4
.Lpack_4:
    str r2, [sp, #GROUPS]
    begin_segments
    add third, third, src
    /* two words in a turn: of an odd number the first turn has one */
    adds left, left, #1
    lsrs left, left, #1
    bcc 3f
2:  pack_4
3:  pack_4
    end_segments
    ldr left, [sp, #COLUMN]
    ldr r2, [sp, #IN_ADVANCE]
    add left, left, r2
    str left, [sp, #COLUMN]
    ldr r2, [sp, #GROUPS]
    subs r2, r2, #1
    bne .Lpack_4
.Lpacked_4:
    subs r2, dst, #4
    keep groups, r2
    ldr r2, [sp, #COUNT]
    lsls r2, r2, #31
    bcc .Lpacked_2
    ldr second, [sp, #IN_REST]
    begin_segments
    sub third, third, second
2:  ldr r5, [src, third]
    ldr r4, [src], #4
    sxtb16 r2, r4
    sxtb16 r3, r5
    sxtb16 r4, r4, ror #8
    sxtb16 r5, r5, ror #8
    stm dst!, {r2-r5}
    end_segments
    ldr left, [sp, #COLUMN]
    ldr second, [sp, #IN_SECOND]
    add left, left, second, lsl #1
    str left, [sp, #COLUMN]
.Lpacked_2:
    ldr r2, [sp, #COUNT]
    lsls r2, r2, #31
    beq .Lpacked
    begin_segments
2:  ldr r3, [src], #4
    asc_widen r2, r3, r3
    stm dst!, {r2, r3}
    end_segments
.Lpacked:
    ldr r0, [sp, #P]
    ldr r1, [r0, #ASC_CONV_PAIRS]
    str r1, [sp, #PAIRS]
    /* of an odd number of channels the second pair begins with the second channel */
    ldr r1, [sp, #CHANNEL]
    ldr r2, [r0, #ASC_CONV_ODD]
    cbnz r2, .Lfirst_step
    lsls r1, r1, #1
.Lfirst_step:
    str r1, [sp, #PAIR_STEP]
    ldr lr, [r0, #ASC_CONV_STREAM]
    ldr r1, [sp, #OUTPUT]
    str r1, [sp, #PAIR_OUTPUT]

    b .Lpair
    /* From here to .Lrest_1 is what every pair takes, together with one of the ways to requantize four outputs: less
     * than 1 kB, from a line of caches on. */
    .balign 32
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
    beq.w .Lchunk_done

    /* two channels: r1 is where their outputs are, lr where their constants are in flash */
.Lpair:
    keep store, r1
    ldm lr!, {r2, r3}
    keep_2 start_0, start_1, r2, r3
    ldr r1, [sp, #SCRATCH]
    ldr r2, [sp, #PAIR_BYTES]
    mov r12, #0xff00ff00
    adds r0, r1, r2
    ldr pc, [sp, #WIDEN]
    .balign 4
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
.Lwidened:
    ldr r5, [sp, #SCRATCH]
    /* weights are from r5 to r0; lr is at their constants */
.Lconstants:
    str r5, [sp, #WEIGHTS]
    subs r0, r0, #4
    keep end, r0
    ldm lr!, {r1-r4, r6, r7}
    keep_2 multiplier_0, rounding_0, r1, r2
    keep_2 multiplier_1, rounding_1, r3, r4
    str r6, [sp, #NEGATIVE]
    str r7, [sp, #(NEGATIVE + 4)]
    str lr, [sp, #NEXT]
    ldrd r2, r3, [r5], #-4
    keep_2 first_0, first_1, r2, r3
    fetch r1, skip
    fetch r0, groups
    ldr xp, [sp, #PACKED]
    sub r5, r5, r1, asr #1
    keep weights, r5
    subs xp, xp, #4
    cmp xp, r0
    beq.w .Lrest

    /* groups of four outputs */
    .balign 4
.Lgroup_4:
    first_product_4
    fetch r0, skip
    fetch wp, weights
    fetch r1, entry
    subs xp, xp, r0
    bx r1
    .balign 4
.Lproduct_4:
    .irp k, 0, 1, 2, 3, 4, 5, 6, 7
    product_4 \k
    .endr
    fetch r0, end
    cmp wp, r0
    bne.w .Lproduct_4
    fetch r1, finish
    bx r1
.Lrest:
    ldr r0, [sp, #COUNT]
    adds xp, xp, #4
    lsls r0, r0, #31
    bcc .Lrest_1
    /* two outputs of two channels */
    ldr wp, [sp, #WEIGHTS]
    fetch_2 r6, r12, start_0, start_1
    mov r7, r6
    mov lr, r12
    ldr pc, [sp, #ENTRY_2]
    .balign 4
.Lproduct_2:
    .rept UNROLLED_2
    product_2
    .endr
    fetch r0, end
    subs r0, wp, r0
    cmp r0, #4
    bne .Lproduct_2
    constants
    ldr pc, [sp, #FORM_2]
    .balign 4
.Lpositive_2:
    asc_requantize_positive r6, r0, r1
    asc_requantize_positive r7, r0, r1
    asc_requantize_positive r12, r2, r3
    asc_requantize_positive lr, r2, r3
.Lstore_2:
    fetch store, store
    ldr step_1, [sp, #OUT_REST]
    ldr channel, [sp, #CHANNEL]
    strb.w r6, [store]
    strb.w r12, [store, channel]
    add store, store, step_1
    strb.w r7, [store]
    strb.w lr, [store, channel]
    add store, store, step_1
    keep store, store
    ldr r0, [sp, #COUNT]
    lsls r0, r0, #31
.Lrest_1:
    beq.w .Lnext_pair
    ldr wp, [sp, #WEIGHTS]
    fetch_2 r6, r12, start_0, start_1
    fetch r7, end
    adds r7, r7, #4
    ldr pc, [sp, #ENTRY_1]
    .balign 4
.Lproduct_1:
    .rept UNROLLED_1
    product_1
    .endr
    cmp wp, r7
    bne .Lproduct_1
    constants
    ldr pc, [sp, #FORM_1]
    .balign 4
.Lsigned_1:
    ldr r8, [sp, #NEGATIVE]
    ldr r9, [sp, #(NEGATIVE + 4)]
    asc_requantize_signed r6, r0, r1, r8, r10
    asc_requantize_signed r12, r2, r3, r9, r10
    b .Lstore_1
    .balign 4
.Lpositive_1:
    asc_requantize_positive r6, r0, r1
    asc_requantize_positive r12, r2, r3
.Lstore_1:
    fetch store, store
    ldr channel, [sp, #CHANNEL]
    strb.w r6, [store]
    strb.w r12, [store, channel]
    b .Lnext_pair

    .balign 4
.Lsigned_pixels:
    signed_4
    store_pixels_4
    next_4
    b .Lrest
    .balign 4
.Lpositive_planes:
    positive_4
    store_planes_4
    next_4
    b .Lrest
    .balign 4
.Lpositive_pixels:
    positive_4
    store_pixels_4
    next_4
    b .Lrest

.Lchunk_done:
    /* what remains of fours is in the last chunk */
    ldr r0, [sp, #COUNT]
    ldr r1, [sp, #OUT_ADVANCE]
    ldr r2, [sp, #OUTPUT]
    lsrs r3, r0, #2
    mla r2, r3, r1, r2
    str r2, [sp, #OUTPUT]
    ldr r2, [sp, #LEFT]
    subs r2, r2, r0
    str r2, [sp, #LEFT]
    bne.w .Lchunk
    add sp, sp, #FRAME
    pop {r4-r11, pc}

    .balign 4
.Lwide:
    mov r5, lr
    add lr, lr, r2
    mov r0, lr
    b .Lconstants
.Lraise_odd:
    ldm lr!, {r6, r7}
    and r2, r12, r6, lsl #8
    and r3, r12, r7, lsl #8
    and r4, r6, r12
    and r5, r7, r12
    stm r1!, {r2-r5}
    cmp r1, r0
    bne.w .Lraise
    b .Lwidened
    .balign 4
    .balign 4
.Lwiden:
    ldm lr!, {r6, r7}
    sxtb16 r2, r6
    sxtb16 r3, r7
    sxtb16 r4, r6, ror #8
    sxtb16 r5, r7, ror #8
    stm r1!, {r2-r5}
    cmp r1, r0
    bne .Lwiden
    b .Lwidened

    .balign 4
.Lpositive_pixels_rows:
    positive_4
    store_pixels_rows
    next_4
    b .Lrest
    .balign 4
.Lpositive_planes_rows:
    positive_4
    store_planes_rows
    next_4
    b .Lrest
    .balign 4
.Lsigned_pixels_rows:
    signed_4
    store_pixels_rows
    next_4
    b .Lrest
    .balign 4
.Lgeneral_any:
    general_4
    b .Lstore_any
    .balign 4
.Lpositive_any:
    positive_4
    b .Lstore_any
    .balign 4
.Lsigned_any:
    signed_4
.Lstore_any:
    store_any_4
    next_4
    b .Lrest

    /* The other forms of requantization; of fewer than four outputs the constants are in r0 to r3. */
    .balign 4
.Lsigned_2:
    ldr r8, [sp, #NEGATIVE]
    ldr r9, [sp, #(NEGATIVE + 4)]
    asc_requantize_signed r6, r0, r1, r8, r10
    asc_requantize_signed r7, r0, r1, r8, r10
    asc_requantize_signed r12, r2, r3, r9, r10
    asc_requantize_signed lr, r2, r3, r9, r10
    b .Lstore_2
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

    /* Requantizes SUMS in place: r2 sums of the first channel, then as many of the second. Keeps xp. */
.Lgeneral:
    ldr r3, [sp, #P]
    ldr r6, [r3, #ASC_CONV_SHIFT]
    ldr r7, [r3, #ASC_CONV_MIN]
    ldr r8, [r3, #ASC_CONV_MAX]
    add r1, sp, #SUMS
    add r11, r1, r2, lsl #3
    add r0, r1, r2, lsl #2
    fetch r9, multiplier_0
    fetch r10, rounding_0
    ldr r12, [sp, #NEGATIVE]
.Lgeneral_sum:
    ldr r2, [r1]
    asr r3, r2, #31
    smmla r2, r2, r9, r10
    mla r2, r3, r12, r2
    asr r2, r2, r6
    asc_clamp r2, r7, r8
    str r2, [r1], #4
    cmp r1, r0
    bne .Lgeneral_again
    fetch r9, multiplier_1
    fetch r10, rounding_1
    ldr r12, [sp, #(NEGATIVE + 4)]
.Lgeneral_again:
    cmp r1, r11
    bne .Lgeneral_sum
    bx lr
asc_end asc_conv_row_dsp
